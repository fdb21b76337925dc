"""Creates topics and registers schemas of a plan, before any of its streams is subscribed."""

import asyncio
import time
from collections.abc import Mapping

from connector.config.model import KafkaSettings, RegistrySettings, TopicSettings
from connector.errors import Retry
from connector.kafka import client_config, topic_admin
from connector.kafka.schema_registry import ensure_schemas
from connector.planning.model import Plan
from connector.telemetry import events

KAFKA_TIMEOUT_S = 60.0  # for a cluster that does not answer
RETRY_DELAY_S = 1.0


class Provisioner:
    """Creates the topics of a plan and registers their schemas, each once in a run.

    Args:
        kafka, registry: Where.
        topics: Whether missing topics are created, and how.
        own: The worker's own topics with a schema (markers, progress) -> their kinds.
        dead_letter: The topic of rejected messages; it has no schema.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: TopicSettings,
        registry: RegistrySettings,
        own: Mapping[str, str],
        dead_letter: str,
    ) -> None:
        self._kafka, self._topics, self._registry = kafka, topics, registry
        self._own, self._dead_letter = own, dead_letter
        self._ids: dict[tuple[str, str], int] = {}  # (topic, kind) -> schema id

    async def provision(self, plan: Plan) -> dict[str, int]:
        """Create and register what is new in a plan; waits for as long as the registry is away.

        Returns:
            Topic -> schema id, for the plan's topics and the worker's own.

        Raises:
            Refused: a topic or schema is missing, and may not or cannot be created.
            Retry: the cluster did not answer within KAFKA_TIMEOUT_S.
        """
        wanted = {**plan.topics, **self._own}
        new = {topic: kind for topic, kind in wanted.items() if (topic, kind) not in self._ids}
        if new:
            await self._ensure_topics([*new, self._dead_letter])
            ids = await ensure_schemas(self._registry, new)
            self._ids |= {(topic, kind): ids[topic] for topic, kind in new.items()}
        return {topic: self._ids[topic, kind] for topic, kind in wanted.items()}

    async def _ensure_topics(self, names: list[str]) -> None:
        client = client_config.client(self._kafka)  # reads its password files anew
        deadline = time.monotonic() + KAFKA_TIMEOUT_S
        while True:
            try:
                return await topic_admin.ensure(client, self._topics, names)
            except Retry as error:
                if time.monotonic() >= deadline:
                    raise
                events.kafka_trouble(cause=str(error))
            await asyncio.sleep(RETRY_DELAY_S)
