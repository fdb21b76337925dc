"""Frames through the real pipeline, into a list instead of Kafka: what would be written."""

from dataclasses import dataclass, field

from connector.binance.envelope import wrap
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.schema import DEAD_LETTER
from connector.continuity.gap_tracker import GapTracker
from connector.errors import BadMessage
from connector.feed.pipeline import Pipeline
from connector.feed.route import Codecs, Routes, route_to
from connector.planning.model import TimeUnit
from connector.telemetry.ledger import Ledger

UNBOUNDED = 1 << 40  # records there is room for, and bytes the queue may hold
FEED = 0  # the id of a connection, where there is none


@dataclass(frozen=True, slots=True)
class Result:
    """One event's record or, with a reason, its dead letter."""

    topic: str
    key: bytes
    timestamp: int  # epoch milliseconds
    value: bytes
    reason: str = ""  # why it is a dead letter; empty for a record
    kind: str = ""  # of a record's stream; empty for a dead letter


@dataclass(slots=True)
class Replay:
    """A pipeline of one product that keeps what it publishes; callers may clear `results`."""

    product: Product
    time_unit: TimeUnit = "ms"  # of the times in the payloads
    prefix: str = "binance"
    results: list[Result] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    _codecs: Codecs = field(default_factory=dict)
    _routes: Routes = field(default_factory=dict)
    _kind: str = ""
    _pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        untracked = GapTracker(self.prefix, tracking=False)
        self._pipeline = Pipeline(self, self.ledger, UNBOUNDED, untracked)

    def feed(self, stream: Stream, payload: bytes, received_us: int) -> None:
        """Put one payload of a stream through the pipeline; received in us."""
        name = stream.name.encode()
        self._kind = stream.row.kind
        if name not in self._routes:
            topic = f"{self.prefix}.{stream.product}.{stream.row.kind}"
            self._routes[name] = route_to(topic, 0, stream, self._codecs, self.time_unit)
        self._pipeline.receive(self._routes, [wrap(name, payload)], received_us, FEED)

    # The pipeline's publisher

    def room(self) -> int:
        """Return that there is room for any number of records."""
        return UNBOUNDED

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Keep a record."""
        del received
        self.ledger.records.acknowledged += 1
        self.results.append(Result(topic, key, timestamp, value, kind=self._kind))

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> bool:
        """Keep a dead letter."""
        topic, key = f"{self.prefix}.{DEAD_LETTER}", source.encode() or error.reason.encode()
        self.results.append(Result(topic, key, received // 1000, raw, reason=str(error)))
        return False
