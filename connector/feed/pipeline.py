"""One message's life: look up ▸ decode ▸ order ▸ encode ▸ publish. No asyncio, no sockets.

The reader hands over frames and never waits: while the publisher is full they queue here, bounded
in bytes. Next along the way: codec/compile.py, continuity/gap_tracker.py,
kafka/idempotent_producer.py.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from connector.binance.exchange_info import product_of
from connector.codec.compile import Codec
from connector.codec.framing import receipt
from connector.codec.rest_rows import RestEvent
from connector.continuity.gap_tracker import GapTracker, Series
from connector.continuity.marker import GapReason
from connector.continuity.sequence_rules import GAP, NEW, REPEATED, IdGap
from connector.errors import BadMessage
from connector.feed.arbitration import Arbitration
from connector.feed.dead_letters import DeadLetterHandler, DeadLetterSink
from connector.feed.frame_queue import HEAD, START, FrameQueue, Ordered, Source
from connector.feed.route import Codecs, PendingEvent, Route, Routes, codec_of, route_to
from connector.telemetry.ledger import Ledger

__all__ = [
    "Codecs",
    "Pipeline",
    "Publisher",
    "Route",
    "Routes",
    "Source",
    "codec_of",
    "route_to",
]

MAX_AHEAD_MS = 300_000  # a stamp over 1 h ahead makes a broker refuse the whole batch
REPEATS_BEFORE_ID_RESET_CHECK = (
    50  # repeats in a row before REST is asked whether the ids began anew
)
ROOM_RESERVE = 1_024  # events of one series that may wait for another leg, and a margin
_BETWEEN = b'","data":'
_GAP = len(_BETWEEN)


class Publisher(DeadLetterSink, Protocol):
    """Where records go: kafka/idempotent_producer.py."""

    def room(self) -> int:
        """Return how many records will be taken now."""
        ...

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Take one record: there was room. Timestamp in ms, received in us."""
        ...


Control = Callable[[bytes], bool]


class Pipeline:
    """Turns frames into records; owns the queue between the readers and Kafka."""

    def __init__(
        self,
        publisher: Publisher,
        ledger: Ledger,
        hold_bytes: int,
        gap_tracker: GapTracker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publisher = publisher
        self._ledger = ledger
        self._frames = ledger.frames
        self._records = ledger.records
        self._frame_queue = FrameQueue(ledger, hold_bytes, self._after_dropped)
        self._queue = self._frame_queue.entries
        self._room = 0
        self._leg = 0  # the connection whose frames are being handled
        self.arbitration = Arbitration(self._publish_decided, self._repeated, clock)
        self.continuity = gap_tracker or GapTracker("binance")
        self.dead_letters = DeadLetterHandler(publisher, ledger, self.continuity)

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return self._frame_queue.waiting

    @property
    def queued(self) -> bool:
        """Whether there is anything to `drain`: frames, or notes among them."""
        return bool(self._queue)

    @property
    def queued_bytes(self) -> int:
        """Bytes in the queue, overhead included."""
        return self._frame_queue.bytes

    def receive(
        self, routes: Routes, frames: Sequence[bytes], received_us: int, source: Source
    ) -> None:
        """Take what one read delivered. Never waits and never raises."""
        self._frames.received += len(frames)
        self._frames.bytes += sum(map(len, frames))
        if self._queue:
            self._frame_queue.put(routes, frames, received_us, source)
            return
        stamp = receipt(received_us)
        control = source.control
        self._leg = source.leg
        self._room = self._publisher.room()
        for position, frame in enumerate(frames):
            if self._room <= 0 or not self._handle(routes, frame, stamp, received_us, control):
                self._frame_queue.put(routes, frames[position:], received_us, source)
                return

    def drain(self) -> None:
        """Publish what is queued, as far as there is room. Called whenever there may be some."""
        self._room = self._publisher.room()
        self._publish_queued()
        if self._frame_queue.end_overload():
            self._publish_queued()

    def _publish_queued(self) -> None:
        queue = self._queue
        while queue and self._room > 0:
            frame, received_us, routes, self._leg = queue[0]
            if frame is None:
                routes()
            elif not self._handle(routes, frame, receipt(received_us), received_us, _no_control):
                break
            self._frame_queue.pop()

    def _handle(
        self, routes: Routes, frame: bytes, stamp: bytes, received_us: int, control: Control
    ) -> bool:
        """Publish one frame; False when there is no room and nothing was done."""
        end = frame.find(b'"', START)
        route = routes.get(frame[START:end])
        if route is None or frame[end : end + _GAP] != _BETWEEN:
            return self._handle_odd(routes, frame, stamp, received_us, control)
        data = frame[end + _GAP : -1]
        if data[:1] == b"[":
            return self._handle_array(route, data, stamp, received_us)
        try:
            self._decode_event(route, data, stamp, received_us)
        except Exception as error:  # noqa: BLE001 - whatever a frame does, the next one is read
            self.dead_letters.event(route, data, error, received_us)
            self._frames.undecodable += 1
            return True
        self._frames.decoded += 1
        return True

    def _decode_event(self, route: Route, data: bytes, stamp: bytes, received_us: int) -> None:
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
        if (
            route.carries_other_product
            and product_of(codec.market(message), symbol or "") != route.product
        ):
            if route.other_product is None:
                self._ledger.filtered += 1
                return
            route = route.other_product
        series = route.series.get(symbol)  # type: ignore[arg-type]
        if series is None:
            series = route.open_series(symbol, self.continuity)
        self._order(route, series, message, stamp, received_us)

    def _order(
        self, route: Route, series: Series, message: Any, stamp: bytes, received_us: int
    ) -> None:
        """Publish an event in its turn, a repeat not at all."""
        codec = route.codec
        try:
            value = codec.encode(message, series.record_prefix, stamp)
        except Exception as error:
            raise self.dead_letters.rejected(codec, series, message, error) from error
        millis = codec.record_time(message)
        received_ms = received_us // 1000
        if millis is None or not 0 < millis <= received_ms + MAX_AHEAD_MS:
            millis = received_ms
        self._records.produced += 1
        if series.arbiter is not None:
            one = PendingEvent(route, series, message, value, millis, received_us, self._leg)
            self.arbitration.offer(series.arbiter, one, self._leg)
            return
        verdict = codec.observe(series.tracker, message)
        if verdict is not NEW or series.needs_check:
            if verdict is REPEATED:
                self._repeated(series)
                return
            one = PendingEvent(route, series, message, value, millis, received_us, self._leg)
            value = self._judged(one, series.tracker.gap if verdict is GAP else None)
        self._publish(route, series, value, millis, received_us)

    def _repeated(self, series: Series) -> None:
        """Count a repeat. If they do not end, the ids may have begun anew."""
        self._records.repeated += 1
        if series.tracker.repeats_in_a_row % REPEATS_BEFORE_ID_RESET_CHECK == 0:
            self.continuity.doubt(series)

    def _publish(
        self, route: Route, series: Series, value: bytes, millis: int, received_us: int
    ) -> None:
        """Publish a record and note how far its series has come."""
        self._publisher.publish(route.topic, value, series.key, millis, received_us)
        self._room -= 1
        series.last_ms = millis
        if not series.dirty:
            self.continuity.schedule_progress(series)
        route.messages += 1
        route.last_event_ms = millis

    def _publish_decided(self, one: PendingEvent, hole: IdGap | None) -> None:
        """Publish what two legs have decided."""
        value = self._judged(one, hole) if hole is not None or one.series.needs_check else one.value
        self._publish(one.route, one.series, value, one.millis, one.received_us)

    def _judged(self, one: PendingEvent, hole: IdGap | None) -> bytes:
        """Return the bytes of an event that may come after something missing: with its gap id."""
        route = one.route
        _, last = route.codec.span(one.message)
        reason = self._reason(one, hole)
        gap = self.continuity.on_event(one.series, hole, one.millis, last, reason)
        if gap is None:
            return one.value
        stamp = receipt(one.received_us, "live", gap)
        return route.codec.encode(one.message, one.series.record_prefix, stamp)

    def _reason(self, one: PendingEvent, hole: IdGap | None) -> GapReason:
        """Return why something is missing before an event, should something be."""
        route, series = one.route, one.series
        damaged, route.damaged = route.damaged, False
        suspects, series.suspects = series.suspects, ()
        if not suspects or one.feed in suspects:
            silent = hole is not None and not series.ids_reveal_gaps  # a leg that did not bring it
            return "dead_letter" if damaged else "stale" if silent else "sequence"
        if not series.ids_reveal_gaps:
            self.continuity.open_after(series, "stale")
        return "stale"

    def _handle_array(self, route: Route, data: bytes, stamp: bytes, received_us: int) -> bool:
        """Publish a frame that holds several events, each a record of its own."""
        try:
            elements = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.dead_letters.event(route, data, BadMessage("json", str(error)), received_us)
            self._frames.undecodable += 1
            return True
        if len(elements) > self._room:
            return False  # a frame is published whole or not at all
        good = True
        for element in elements:
            try:
                self._decode_event(route, bytes(element), stamp, received_us)
            except Exception as error:  # noqa: BLE001 - as above
                good = False
                self.dead_letters.event(route, bytes(element), error, received_us)
        self._frames.decoded += good
        self._frames.undecodable += not good
        return True

    def recover(
        self,
        codec: Codec,
        series: Series,
        one: RestEvent,
        gap: str | None,
        origin: str,
        received_us: int,
    ) -> bool:
        """Publish one event fetched through REST; False when there is no room now.

        Raises:
            BadMessage: it cannot become a record.
        """
        if self._queue or self._publisher.room() < ROOM_RESERVE:
            return False  # live records go first
        try:
            message = codec.decode(one.payload)
        except msgspec.DecodeError as error:
            raise BadMessage("field", str(error)) from error
        value = codec.encode(message, series.record_prefix, receipt(received_us, origin, gap))
        millis = one.time_ms or received_us // 1000
        self._publisher.publish(series.topic, value, series.key, millis, received_us)
        self._records.produced += 1
        return True

    def reset(self, series: Series) -> None:
        """Begin the ids of a series anew, everything read before being published."""

        def begin_anew() -> None:
            fell_to = series.tracker.lowest_repeat
            self.arbitration.release(series)
            self.continuity.reset(series, fell_to)

        self.run_in_order(begin_anew)

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
            self.dead_letters.frame(frame, BadMessage("json", str(error)), received_us)
            return True
        name = loose.stream.encode()
        if name not in routes:
            detail = f"no subscription of ours is called {loose.stream[:80]!r}"
            self.dead_letters.frame(frame, BadMessage("unknown_stream", detail), received_us)
            return True
        exact = HEAD + name + _BETWEEN + bytes(loose.data) + b"}"
        return self._handle(routes, exact, stamp, received_us, _no_control)

    # In its turn among the frames

    def run_in_order(self, note: Ordered) -> None:
        """Do something once everything read before has been published: now, or behind the queue."""
        if self._queue or self._publisher.room() < ROOM_RESERVE:
            self._frame_queue.run_in_order(note)
        else:
            note()

    def expire(self) -> None:
        """Publish what has waited long enough for another leg; call some times a second."""
        if self.arbitration.waiting and self._publisher.room() > ROOM_RESERVE:
            self.arbitration.expire()

    def _after_dropped(self, routes: Iterable[Route], now_ms: int) -> None:
        for route in routes:
            self.continuity.suspect(route.all_series(), "overload")
            self.continuity.confirm(route.all_series(), now_ms)


class _Loose(msgspec.Struct):
    stream: str
    data: msgspec.Raw


_LOOSE = msgspec.json.Decoder(_Loose)


def _no_control(_frame: bytes) -> bool:
    return False
