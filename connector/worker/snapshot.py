"""What the metrics page and /status read of a worker."""

from collections.abc import Callable
from typing import Protocol

from connector.backfill.gap_filler import GapFiller
from connector.continuity.gap_tracker import GapTracker
from connector.feed.pipeline import Pipeline
from connector.feed.shard import Shard
from connector.kafka.producer import Producer
from connector.planning.model import Plan
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.transport.rest import RestClient
from connector.worker.replanner import Replanner


class Snapshot(Protocol):
    """A market worker as its metrics page and /status see it.

    Attributes:
        hold_bytes: Bound of the frame queue.
        readiness: Name of each part of readiness -> whether it is met.
    """

    hold_bytes: int
    ledger: Ledger
    lag: Lag
    rest: RestClient
    gap_tracker: GapTracker
    pipeline: Pipeline
    shard: Shard
    gap_filler: GapFiller
    replanner: Replanner
    readiness: dict[str, Callable[[], bool]]

    @property
    def producer(self) -> Producer:
        """The producer in use."""
        ...

    @property
    def plan(self) -> Plan:
        """The plan that runs."""
        ...
