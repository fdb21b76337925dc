"""What a market worker lacks to be ready, and what it is to its shard."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Literal

from connector.feed.shard import Shard
from connector.kafka.producer import Producer
from connector.telemetry.start_steps import StartSteps
from connector.worker.process import RETIRED
from connector.worker.succession import Succession

Role = Literal["starting", "standby", "writer", "retired"]


class MarketReadiness:
    """The parts of readiness of a market worker.

    Args:
        steps: Of its start.
        writer_steps: Those of them that only a writer takes.
        producer, shard: Where its records go, and what reads its streams.
        standby: Whether it is set to stand by.

    Attributes:
        succession: How it waits beside the writer; None: it does not, or not yet.
    """

    def __init__(
        self,
        steps: StartSteps,
        writer_steps: Collection[str],
        producer: Producer,
        shard: Shard,
        *,
        standby: bool,
    ) -> None:
        self._steps, self._writer_steps = steps, writer_steps
        self._producer, self._shard, self._standby = producer, shard, standby
        self.succession: Succession | None = None

    @property
    def role(self) -> Role:
        """What this process is to its shard."""
        if self._producer.fenced:
            return "retired"
        if self._standby and self._waits_beside is not None:
            return "standby"
        return "writer" if all(map(self._steps.is_over, self._steps.names)) else "starting"

    @property
    def _waits_beside(self) -> Succession | None:
        succession = self.succession
        return succession if succession is not None and succession.waiting else None

    def parts(self) -> dict[str, Callable[[], bool]]:
        """Return the name of each part -> whether it is met."""
        return {
            "writer": lambda: not self._producer.fenced,
            "kafka": lambda: self.kafka_trouble is None,
            **{name: partial(self._is_over, name) for name in self._steps.names},
            "data": self.data_flows,
        }

    def causes(self) -> dict[str, Callable[[], str | None]]:
        """Return the name of a part -> why it is not met, where that is known."""
        return {
            "kafka": lambda: self.kafka_trouble,
            "writer": lambda: RETIRED,
            **{name: partial(self._wait_of, name) for name in self._steps.names},
        }

    def _is_over(self, step: str) -> bool:
        """Say whether a step of the start is done; a standby has those of a writer before it."""
        if step in self._writer_steps and self.role == "standby":
            return self._may_follow()
        return self._steps.is_over(step)

    def _may_follow(self) -> bool:
        """Say whether this standby would miss nothing if the writer ended now.

        A writer of an older version does not show it: then it counts as such after a while.
        """
        beside = self._waits_beside
        if beside is None or beside.has_waited_long:
            return True
        since, refused = beside.unbroken_since, set[str]()
        for supervisor in self._shard.supervised:
            refused |= supervisor.refused.keys()
        return since is not None and all(
            route.is_confirmed_since(since)
            for route in self._shard.router.routes()
            if route.stream.name not in refused
        )

    def _wait_of(self, step: str) -> str | None:
        beside = self._waits_beside
        if beside is not None and step in self._writer_steps:
            return f"reads beside the writer: {beside.next_step.why}"
        return self._steps.wait_of(step)

    @property
    def kafka_trouble(self) -> str | None:
        """Why Kafka takes or shows nothing now; None: it does."""
        beside = self._waits_beside
        return self._producer.trouble if beside is None else beside.trouble

    def data_flows(self) -> bool:
        """Say whether every connection is open and, if it is expected to, has delivered."""
        if self._producer.fenced:
            return True  # nothing is read any more, and nothing is waited for
        supervised = self._shard.supervised
        return bool(supervised) and all(supervisor.flowing for supervisor in supervised)

    def all_flow(self) -> bool:
        """Say whether every stream is subscribed, too, but for those that the exchange refuses."""
        return self.data_flows() and all(
            name in supervisor.held or name in supervisor.refused
            for supervisor in self._shard.supervised
            for name in supervisor.wanted()
        )
