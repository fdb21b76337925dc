"""One message's life: look up ▸ decode ▸ (order) ▸ encode ▸ publish. No asyncio, no sockets.

The reader hands over frames and never waits: while the publisher is full they queue here, bounded
in bytes. Next along the way: codec/compile.py, kafka/producer.py.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from connector.binance.names import Stream
from connector.binance.products import Product
from connector.binance.row import Row
from connector.binance.symbols import product_of
from connector.codec.compile import Codec
from connector.codec.framing import prefix, receipt
from connector.codec.schema import load
from connector.errors import BadMessage
from connector.ledger import Ledger
from connector.telemetry import events

FRAME_OVERHEAD = 160  # bytes a queued frame costs beside its payload (measured)
SYMBOL_KEY = "{symbol}"
AHEAD_LIMIT_MS = 300_000  # a stamp over 1 h ahead makes a broker refuse the whole batch
_HEAD = b'{"stream":"'
_BETWEEN = b'","data":'
_START, _GAP = len(_HEAD), len(_BETWEEN)


class Publisher(Protocol):
    """Where records go: kafka/producer.py."""

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> bool:
        """Take one record; False when there is no room now. Timestamp in ms, received in us."""
        ...

    def has_room(self, records: int) -> bool:
        """Say whether that many records would be taken now."""
        ...

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        """Put aside what cannot become a record: its raw bytes and why."""
        ...


class Source(Protocol):
    """Where frames come from: websocket.py."""

    def control(self, frame: bytes) -> bool:
        """Take a frame that is no stream data; False when it is none of ours."""
        ...


Control = Callable[[bytes], bool]


@dataclass(slots=True)
class Route:
    """A subscribed stream's way to its topic.

    Attributes:
        stream: The stream.
        topic: Topic name.
        schema_id: Id the registry gave the schema.
        codec: Decoder and encoder of its kind, shared by the streams of one catalogue row.
        product: Product its records name.
        symbol: Symbol when the wire names none.
        merged: Rows of the other futures product come on this stream too.
        foreign: Their way; None leaves them out.
        messages: Events published; the exporter sums them by kind.
        last_event_ms: Record time of the newest event published.
        key: Template of the record key: {symbol} {product} {kind} {stream}.
        series: Symbol -> what its records begin with, and their key.
    """

    stream: Stream
    topic: str
    schema_id: int
    codec: Codec
    product: Product
    symbol: str | None = None
    merged: bool = False
    foreign: "Route | None" = None
    messages: int = 0
    last_event_ms: int = 0
    key: str = SYMBOL_KEY
    series: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def begin(self, symbol: str | None) -> tuple[bytes, bytes]:
        """Open a series: its symbol has not been seen before.

        Raises:
            BadMessage: the message names no symbol.
        """
        if not symbol:
            raise BadMessage("field", "the message names no symbol")
        head = prefix(self.schema_id, symbol, self.product, self.stream.name)
        opening = head, self._key_of(symbol).encode()
        self.series[symbol] = opening
        return opening

    def _key_of(self, symbol: str) -> str:
        if self.key == SYMBOL_KEY:
            return symbol
        stream = self.stream
        return self.key.format(
            symbol=symbol, product=self.product, kind=stream.row.kind, stream=stream.name
        )


Codecs = dict[tuple[Row, str], Codec]  # by catalogue row and time unit of the connection


def route_to(topic: str, schema_id: int, stream: Stream, codecs: Codecs, unit: str = "ms") -> Route:
    """Return a stream's route; streams of one row and time unit share a codec, kept in `codecs`."""
    row = stream.row
    if (row, unit) not in codecs:
        codecs[row, unit] = Codec(load(row.kind), row.record_time, unit, symbol=row.symbol)
    return Route(stream, topic, schema_id, codecs[row, unit], row.product, stream.symbol)


Routes = dict[bytes, Route]  # one connection's streams, by wire name as it stands in a frame


class Pipeline:
    """Turns frames into records; owns the queue between the readers and Kafka."""

    def __init__(self, publisher: Publisher, ledger: Ledger, hold_bytes: int) -> None:
        self._publisher = publisher
        self._ledger = ledger
        self._frames = ledger.frames
        self._records = ledger.records
        self._hold_bytes = hold_bytes
        self._queue: deque[tuple[bytes, int, Routes]] = deque()
        self._queued_bytes = 0
        self._dropping = False

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return len(self._queue)

    @property
    def queued_bytes(self) -> int:
        """Bytes in the queue, overhead included."""
        return self._queued_bytes

    def receive(
        self, routes: Routes, frames: Sequence[bytes], received_us: int, source: Source
    ) -> None:
        """Take what one read delivered. Never waits and never raises."""
        self._frames.received += len(frames)
        self._frames.bytes += sum(map(len, frames))
        if self._queue:
            self._enqueue(routes, frames, received_us, source.control)
            return
        stamp = receipt(received_us)
        control = source.control
        for position, frame in enumerate(frames):
            if not self._handle(routes, frame, stamp, received_us, control):
                self._enqueue(routes, frames[position:], received_us, control)
                return

    def drain(self) -> None:
        """Publish what is queued, as far as there is room. Called whenever there may be some."""
        queue = self._queue
        while queue:
            frame, received_us, routes = queue[0]
            if not self._handle(routes, frame, receipt(received_us), received_us, _no_control):
                break
            queue.popleft()
            self._queued_bytes -= len(frame) + FRAME_OVERHEAD
        if self._dropping and self._queued_bytes <= self._hold_bytes // 2:
            self._dropping = False
            events.overload_ended(dropped=self._frames.dropped)

    def _enqueue(
        self, routes: Routes, frames: Sequence[bytes], received_us: int, control: Control
    ) -> None:
        """Queue frames while Kafka is full; drop everything from full until half empty."""
        for frame in frames:
            if not _is_data(frame) and control(frame):
                self._frames.control += 1
            elif self._dropping:
                self._frames.dropped += 1
            else:
                self._queue.append((frame, received_us, routes))
                self._queued_bytes += len(frame) + FRAME_OVERHEAD
                if self._queued_bytes >= self._hold_bytes:
                    self._dropping = True  # one episode: here one gap per series will open
                    self._ledger.overloads += 1
                    events.overload_began(queued_bytes=self._queued_bytes)

    def _handle(
        self, routes: Routes, frame: bytes, stamp: bytes, received_us: int, control: Control
    ) -> bool:
        """Publish one frame; False when there is no room and nothing was done."""
        end = frame.find(b'"', _START)
        route = routes.get(frame[_START:end])
        if route is None or frame[end : end + _GAP] != _BETWEEN:
            return self._handle_odd(routes, frame, stamp, received_us, control)
        data = frame[end + _GAP : -1]
        if data[:1] == b"[":
            return self._handle_array(route, data, stamp, received_us)
        try:
            room = self._publish(route, data, stamp, received_us)
        except Exception as error:  # noqa: BLE001 - whatever a frame does, the next one is read
            self._dead_letter(route.stream.name, data, _as_bad(error), received_us)
            self._frames.undecodable += 1
            return True
        if room:
            self._frames.decoded += 1
        return room

    def _publish(self, route: Route, data: bytes, stamp: bytes, received_us: int) -> bool:
        """Decode, encode and publish one event.

        Raises:
            BadMessage: it cannot become a record.
        """
        codec = route.codec
        try:
            message = codec.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            message = codec.decode_slowly(data)
        symbol = codec.symbol(message) or route.symbol
        if route.merged and product_of(codec.market(message), symbol or "") != route.product:
            if route.foreign is None:
                self._ledger.filtered += 1
                return True
            route = route.foreign
        # Here the series' tracker will judge the span: new, repeated, overlap or gap.
        opening, key = route.series.get(symbol) or route.begin(symbol)  # type: ignore[arg-type]
        value = codec.encode(message, opening, stamp)
        millis = codec.record_time(message)
        received_ms = received_us // 1000
        if millis is None or not 0 < millis <= received_ms + AHEAD_LIMIT_MS:
            millis = received_ms
        if not self._publisher.publish(route.topic, value, key, millis, received_us):
            return False
        self._records.produced += 1
        route.messages += 1
        route.last_event_ms = millis
        return True

    def _handle_array(self, route: Route, data: bytes, stamp: bytes, received_us: int) -> bool:
        """Publish a frame that holds several events, each a record of its own."""
        try:
            elements = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            bad = BadMessage("json", str(error))
            self._dead_letter(route.stream.name, data, bad, received_us)
            self._frames.undecodable += 1
            return True
        if not self._publisher.has_room(len(elements)):
            return False  # a frame is published whole or not at all
        good = True
        for element in elements:
            try:
                self._publish(route, bytes(element), stamp, received_us)
            except Exception as error:  # noqa: BLE001 - as above
                good = False
                self._dead_letter(route.stream.name, bytes(element), _as_bad(error), received_us)
        self._frames.decoded += good
        self._frames.undecodable += not good
        return True

    def _handle_odd(
        self, routes: Routes, frame: bytes, stamp: bytes, received_us: int, control: Control
    ) -> bool:
        """Sort out a frame that is not `{"stream":"<ours>","data":...}` to the letter."""
        if control(frame):
            self._frames.control += 1
            return True
        try:
            loose = _LOOSE.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._undecodable(frame, BadMessage("json", str(error)), received_us)
            return True
        name = loose.stream.encode()
        if name not in routes:
            detail = f"no subscription of ours is called {loose.stream[:80]!r}"
            self._undecodable(frame, BadMessage("unknown_stream", detail), received_us)
            return True
        exact = _HEAD + name + _BETWEEN + bytes(loose.data) + b"}"
        return self._handle(routes, exact, stamp, received_us, _no_control)

    def _undecodable(self, frame: bytes, error: BadMessage, received_us: int) -> None:
        self._frames.undecodable += 1
        self._dead_letter("", frame, error, received_us)

    def _dead_letter(self, name: str, raw: bytes, error: BadMessage, received_us: int) -> None:
        self._records.produced += 1
        self._records.dead_lettered += 1
        self._ledger.dead_letters[error.reason] += 1
        self._publisher.dead_letter(name, raw, error, received_us)


class _Loose(msgspec.Struct):
    stream: str
    data: msgspec.Raw


_LOOSE = msgspec.json.Decoder(_Loose)


def _as_bad(error: Exception) -> BadMessage:
    """Return what stopped a message; what nobody foresaw is a bug of ours, and is said to be."""
    return error if isinstance(error, BadMessage) else BadMessage("bug", repr(error))


def _is_data(frame: bytes) -> bool:
    """Say whether a frame is a stream's; a shutdown notice is worded like one, but is not."""
    return frame.startswith(_HEAD) and frame[_START : _START + 1] != b"!"


def _no_control(_frame: bytes) -> bool:
    return False
