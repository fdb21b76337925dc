"""Frames through the real pipeline, into a list instead of Kafka: what would be written."""

from dataclasses import dataclass, field

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.continuity.gap_tracker import GapTracker
from connector.errors import BadMessage
from connector.feed.pipeline import Codecs, Pipeline, Routes, route_to
from connector.telemetry.ledger import Ledger

NO_ROOM = 1 << 40  # bytes the queue may hold: it never fills here


@dataclass(frozen=True, slots=True)
class Result:
    """What one event became: a record for a topic, or (reason set) a dead letter."""

    topic: str
    key: bytes
    timestamp: int
    value: bytes
    reason: str = ""
    kind: str = ""


@dataclass(slots=True)
class Replay:
    """A pipeline of one product that keeps what it publishes.

    Attributes:
        results: In order; the caller may clear it.
    """

    product: Product
    prefix: str = "binance"
    results: list[Result] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    leg: int = 0
    _codecs: Codecs = field(default_factory=dict)
    _routes: Routes = field(default_factory=dict)
    _kind: str = ""
    _pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        untracked = GapTracker(self.prefix, tracking=False)
        self._pipeline = Pipeline(self, self.ledger, NO_ROOM, untracked)

    def feed(self, stream: Stream, payload: bytes, received_us: int) -> None:
        """Send one payload of a stream through the pipeline."""
        name = stream.name.encode()
        self._kind = stream.row.kind
        if name not in self._routes:
            topic = f"{self.prefix}.{stream.product}.{stream.row.kind}"
            self._routes[name] = route_to(topic, 0, stream, self._codecs)
        frame = b'{"stream":"' + name + b'","data":' + payload + b"}"
        self._pipeline.receive(self._routes, [frame], received_us, self)

    # The pipeline's publisher and source.

    def room(self) -> int:
        """Say that there is room for any number."""
        return NO_ROOM

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Keep a record."""
        del received
        self.ledger.records.acknowledged += 1
        self.results.append(Result(topic, key, timestamp, value, kind=self._kind))

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        """Keep a dead letter."""
        topic = f"{self.prefix}.dead-letter"
        timestamp = received // 1000
        self.results.append(Result(topic, source.encode(), timestamp, raw, reason=str(error)))

    def control(self, frame: bytes) -> bool:
        """Nothing here is control."""
        del frame
        return False
