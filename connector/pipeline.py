"""One message's life: look up ▸ decode ▸ order ▸ encode ▸ publish. No asyncio, no sockets.

The reader hands over frames and never waits: while the publisher is full they queue here, bounded
in bytes. Next along the way: codec/compile.py, kafka/producer.py.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from connector.binance.markers import Reason
from connector.binance.names import Stream
from connector.binance.products import Product
from connector.binance.row import Row
from connector.binance.sequence import GAP, NEW, REPEATED, span_fields
from connector.binance.sequence import Gap as Hole
from connector.binance.symbols import product_of
from connector.codec.compile import Codec
from connector.codec.framing import prefix, receipt
from connector.codec.schema import load
from connector.continuity import Continuity, Series
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

    def room(self) -> int:
        """Return how many records will be taken now."""
        ...

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Take one record: there was room. Timestamp in ms, received in us."""
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
        series: Symbol -> what is known of its series.
        damaged: An event of the stream went to the dead letter: its id may be missing.
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
    series: dict[str, Series] = field(default_factory=dict)
    damaged: bool = False

    def begin(self, symbol: str | None, continuity: Continuity) -> Series:
        """Open a series: its symbol has not been seen before.

        Raises:
            BadMessage: the message names no symbol.
        """
        if not symbol:
            raise BadMessage("field", "the message names no symbol")
        opening = prefix(self.schema_id, symbol, self.product, self.stream.name)
        series = continuity.open(
            self.stream, self.product, symbol, self.topic, opening, self._key_of(symbol).encode()
        )
        self.series[symbol] = series
        return series

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
        codecs[row, unit] = Codec(
            load(row.kind), row.record_time, unit, symbol=row.symbol, span=span_fields(row)
        )
    return Route(stream, topic, schema_id, codecs[row, unit], row.product, stream.symbol)


Routes = dict[bytes, Route]  # one connection's streams, by wire name as it stands in a frame


class Pipeline:
    """Turns frames into records; owns the queue between the readers and Kafka."""

    def __init__(
        self,
        publisher: Publisher,
        ledger: Ledger,
        hold_bytes: int,
        continuity: Continuity | None = None,
    ) -> None:
        self._publisher = publisher
        self._ledger = ledger
        self._frames = ledger.frames
        self._records = ledger.records
        self._hold_bytes = hold_bytes
        self._queue: deque[tuple[bytes | None, int, Routes]] = deque()  # None: see _flush_dropped
        self._queued_bytes = 0
        self._notes = 0  # entries of the queue that are no frames
        self._dropping = False
        self._dropped: Routes = {}  # streams of which something was dropped
        self._room = 0
        self.continuity = continuity or Continuity("binance")

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return len(self._queue) - self._notes

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
        self._room = self._publisher.room()
        for position, frame in enumerate(frames):
            if self._room <= 0 or not self._handle(routes, frame, stamp, received_us, control):
                self._enqueue(routes, frames[position:], received_us, control)
                return

    def drain(self) -> None:
        """Publish what is queued, as far as there is room. Called whenever there may be some."""
        newest_us = self._queue[-1][1] if self._queue else 0
        self._room = self._publisher.room()
        self._publish_queued()
        if self._dropping and self._queued_bytes <= self._hold_bytes // 2:
            self._dropping = False
            self._flush_dropped(newest_us)
            self._publish_queued()
            events.overload_ended(dropped=self._frames.dropped)

    def _publish_queued(self) -> None:
        queue = self._queue
        while queue and self._room > 0:
            frame, received_us, routes = queue[0]
            if frame is None:
                self._notes -= 1
                self._after_dropped(routes.values(), received_us // 1000)
            elif self._handle(routes, frame, receipt(received_us), received_us, _no_control):
                self._queued_bytes -= len(frame) + FRAME_OVERHEAD
            else:
                break
            queue.popleft()

    def _enqueue(
        self, routes: Routes, frames: Sequence[bytes], received_us: int, control: Control
    ) -> None:
        """Queue frames while Kafka is full; drop everything from full until half empty."""
        for frame in frames:
            if not _is_data(frame) and control(frame):
                self._frames.control += 1
            elif self._dropping:
                self._frames.dropped += 1
                self._note_dropped(routes, frame)
            else:
                self._flush_dropped(received_us)
                self._queue.append((frame, received_us, routes))
                self._queued_bytes += len(frame) + FRAME_OVERHEAD
                if self._queued_bytes >= self._hold_bytes:
                    self._dropping = True  # one episode: one gap per series
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
            self._publish(route, data, stamp, received_us)
        except Exception as error:  # noqa: BLE001 - whatever a frame does, the next one is read
            self._put_aside(route, data, error, received_us)
            self._frames.undecodable += 1
            return True
        self._frames.decoded += 1
        return True

    def _publish(self, route: Route, data: bytes, stamp: bytes, received_us: int) -> None:
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
                return
            route = route.foreign
        series = route.series.get(symbol)  # type: ignore[arg-type]
        if series is None:
            series = route.begin(symbol, self.continuity)
        self._send(route, series, message, stamp, received_us)

    def _send(
        self, route: Route, series: Series, message: Any, stamp: bytes, received_us: int
    ) -> None:
        """Publish an event in its turn, a repeat not at all."""
        codec = route.codec
        value = codec.encode(message, series.opening, stamp)
        millis = codec.record_time(message)
        received_ms = received_us // 1000
        if millis is None or not 0 < millis <= received_ms + AHEAD_LIMIT_MS:
            millis = received_ms
        # Told after encoding: what cannot be encoded is missing, and the next event will show it.
        tracker = series.tracker
        verdict = codec.observe(tracker, message)
        self._records.produced += 1
        if verdict is not NEW or series.alert:
            if verdict is REPEATED:
                self._records.repeated += 1
                return
            hole = tracker.gap if verdict is GAP else None
            gap = self._judge(route, series, hole, millis)
            if gap is not None:
                value = codec.encode(message, series.opening, receipt(received_us, "live", gap))
        self._publisher.publish(route.topic, value, series.key, millis, received_us)
        self._room -= 1
        series.last_ms = millis
        if not series.dirty:
            self.continuity.touch(series)
        route.messages += 1
        route.last_event_ms = millis

    def _judge(self, route: Route, series: Series, hole: Hole | None, millis: int) -> str | None:
        """Return the gap id of a record that comes after something missing."""
        damaged, route.damaged = route.damaged, False
        reason: Reason = "dead_letter" if damaged else "sequence"
        return self.continuity.judge(series, hole, millis, reason)

    def _handle_array(self, route: Route, data: bytes, stamp: bytes, received_us: int) -> bool:
        """Publish a frame that holds several events, each a record of its own."""
        try:
            elements = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._put_aside(route, data, BadMessage("json", str(error)), received_us)
            self._frames.undecodable += 1
            return True
        if len(elements) > self._room:
            return False  # a frame is published whole or not at all
        good = True
        for element in elements:
            try:
                self._publish(route, bytes(element), stamp, received_us)
            except Exception as error:  # noqa: BLE001 - as above
                good = False
                self._put_aside(route, bytes(element), error, received_us)
        self._frames.decoded += good
        self._frames.undecodable += not good
        return True

    def recover(
        self, route: Route, symbol: str, payload: bytes, gap: str, received_us: int
    ) -> bool:
        """Publish one event fetched through REST; False when there is no room now.

        Raises:
            BadMessage: it cannot become a record.
        """
        if self._queue or self._publisher.room() < 1:
            return False  # live records go first
        codec, series = route.codec, route.series[symbol]
        message = codec.decode(payload)
        value = codec.encode(message, series.opening, receipt(received_us, "backfill", gap))
        millis = codec.record_time(message) or received_us // 1000
        self._publisher.publish(route.topic, value, series.key, millis, received_us)
        self._records.produced += 1
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

    def _put_aside(self, route: Route, raw: bytes, error: Exception, received_us: int) -> None:
        """Send an event to the dead letter; what it was is missing in its series."""
        route.damaged = True
        if len(route.series) == 1:
            self.continuity.interrupted(route.series.values(), "dead_letter")
        self._dead_letter(route.stream.name, raw, _as_bad(error), received_us)

    def _dead_letter(self, name: str, raw: bytes, error: BadMessage, received_us: int) -> None:
        self._records.produced += 1
        self._records.dead_lettered += 1
        self._ledger.dead_letters[error.reason] += 1
        self._publisher.dead_letter(name, raw, error, received_us)

    # What was dropped while the queue was full

    def _note_dropped(self, routes: Routes, frame: bytes) -> None:
        name = frame[_START : frame.find(b'"', _START)]
        if name in routes:
            self._dropped[name] = routes[name]

    def _after_dropped(self, routes: Iterable[Route], now_ms: int) -> None:
        for route in routes:
            self.continuity.interrupted(route.series.values(), "overload")
            self.continuity.resumed(route.series.values(), now_ms)

    def _flush_dropped(self, received_us: int) -> None:
        """Put into the queue, where the dropped frames would have stood, that they are missing."""
        if self._dropped:
            self._queue.append((None, received_us, self._dropped))
            self._notes += 1
            self._dropped = {}


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
