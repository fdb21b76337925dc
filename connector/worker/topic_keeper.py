"""Makes topics again that were deleted while the worker writes to them.

Kafka does not say so: what was sent to a deleted topic has no acknowledgement, and with
transactions no other topic has one either. So the topics are looked at while Kafka is in trouble.
"""

import asyncio
from collections.abc import Callable, Mapping

from connector.config.sections import KafkaSettings, TopicSettings
from connector.errors import Retry
from connector.kafka import topic_admin
from connector.kafka.producer import Producer
from connector.kafka.topic_admin import Roles
from connector.telemetry import events

LEFT_OUT = ("data", "dead_letter")  # roles of topics without which the others are written
CHECK_INTERVAL_S = 2.0  # between two looks at the topics, while Kafka is in trouble


class TopicKeeper:
    """Keeps the topics of a running worker.

    Args:
        kafka, topics: Where, and whether a missing topic may be created.
        roles: Returns the topics that the worker writes to, and their roles.
        producer: Leaves the records of a missing topic out.
        withhold: Takes the topics that are missing; None: nothing is left out, all waits.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: TopicSettings,
        roles: Callable[[], Roles],
        producer: Producer,
        withhold: Callable[[Mapping[str, str]], None] | None,
    ) -> None:
        self._kafka, self._topics = kafka, topics
        self._roles = roles
        self._producer, self._withhold = producer, withhold

    async def run(self) -> None:
        """Look at the topics while Kafka is in trouble, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            if self._producer.trouble is not None:
                await self.check()

    async def check(self) -> None:
        """Create topics that are missing; have the records of those that cannot be left out.

        Without the topics of markers and progress nothing can be written: then everything waits.
        """
        roles = self._roles()
        try:
            missing = await topic_admin.restore(self._kafka, self._topics, roles)
        except Retry:
            return  # Kafka is away: that is said already
        health = self._producer.health
        may_leave = LEFT_OUT if self._withhold is not None else ()
        left_out = {name: missing[name] for name in missing if roles[name] in may_leave}
        for name in missing.keys() - left_out.keys():
            health.report(f"topic {name}: {missing[name]}")
        if left_out.keys() != health.missing_topics.keys():
            events.topics_missing(left_out)
        health.set_missing(left_out)
        if self._withhold is not None:
            self._withhold(left_out)
