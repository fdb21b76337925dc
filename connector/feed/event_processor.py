"""The events of a frame become records: decode ▸ encode ▸ order ▸ publish. No I/O."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from connector.binance.envelope import cut_again
from connector.binance.products import product_of
from connector.codec import framing
from connector.codec.native.loader import NativeReader, TranscodedEvent
from connector.continuity.arbiter import Decision
from connector.continuity.gap import EventTimes
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.marker import GapReason
from connector.continuity.series import Series
from connector.continuity.tracker import GAP, NEW, REPEATED, IdGap
from connector.errors import BadMessage
from connector.feed.arbitration import Arbitration, Clock
from connector.feed.dead_letters import DeadLetterHandler
from connector.feed.publisher import Publisher
from connector.feed.route import PendingEvent, Route, event_in, payload_of
from connector.telemetry.ledger import Ledger

REPEATS_BEFORE_ID_RESET_CHECK = 50  # in a row: then REST is asked whether the ids began anew


class EventProcessor:
    """Publishes events, each once and in the order of its series, and marks what is missing."""

    def __init__(
        self,
        publisher: Publisher,
        ledger: Ledger,
        gap_tracker: GapTracker,
        clock: Clock,
        native: NativeReader | None = None,
    ) -> None:
        self._publisher = publisher
        self._ledger = ledger
        self._frames = ledger.frames
        self._records = ledger.records
        self._gap_tracker = gap_tracker
        self._native = native
        self.room = 0  # records that may be published before the publisher is asked again
        self.max_ahead_ms = framing.MAX_AHEAD_MS  # of record times, before our clock
        self.withheld_topics: Collection[str] = ()  # which do not exist: nothing is published there
        self.feed = 0  # id of the connection whose events are processed now
        self.overlap_until_us = 0  # what was read before may be stored by the previous writer
        self.arbitration = Arbitration(clock)
        self.dead_letters = DeadLetterHandler(publisher, ledger, gap_tracker)

    def process(self, route: Route, payload: bytes, receipt: bytes, received_us: int) -> bool:
        """Publish the events of one frame. Never raises.

        False: there is no room for all events of the frame, and nothing was done.
        """
        if self._native is not None:
            events = self._native.transcode(route, payload, receipt)
            if events is not None and self.publish_transcoded(route, events, payload, received_us):
                return True
        return self.process_in_python(route, payload, receipt, received_us)

    def process_in_python(
        self, route: Route, payload: bytes, receipt: bytes, received_us: int
    ) -> bool:
        """Publish the events of a frame that no compiled code has taken. As `process`."""
        is_done = self._process_payload(route, payload, receipt, received_us)
        if self._native is not None and is_done:
            self._frames.left_to_python += 1
        return is_done

    def _process_payload(
        self, route: Route, payload: bytes, receipt: bytes, received_us: int
    ) -> bool:
        if payload[:1] == b"[":
            return self._process_array(route, payload, receipt, received_us)
        try:
            self._process_event(route, payload, receipt, received_us)
        except Exception as error:  # noqa: BLE001 - whatever a frame does, the next one is read
            if (whole := cut_again(payload)) is not None:
                return self._process_payload(route, whole, receipt, received_us)
            self.dead_letters.event(route, payload, error, received_us)
            self._frames.undecodable += 1
            return True
        self._frames.decoded += 1
        return True

    def _process_array(self, route: Route, raw: bytes, receipt: bytes, received_us: int) -> bool:
        """Publish a frame that holds several events, each a record of its own."""
        try:
            elements = msgspec.json.decode(raw, type=list[msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if (whole := cut_again(raw)) is not None:
                return self._process_array(route, whole, receipt, received_us)
            self.dead_letters.event(route, raw, BadMessage("json", str(error)), received_us)
            self._frames.undecodable += 1
            return True
        if len(elements) > self.room:
            return False
        good = True
        for element in elements:
            try:
                self._process_event(route, bytes(element), receipt, received_us)
            except Exception as error:  # noqa: BLE001 - as above
                good = False
                self.dead_letters.event(route, bytes(element), error, received_us)
        self._frames.decoded += good
        self._frames.undecodable += not good
        return True

    def _process_event(self, route: Route, raw: bytes, receipt: bytes, received_us: int) -> None:
        """Decode one event and find its series. Raises BadMessage if it cannot be a record."""
        codec = route.codec
        try:
            message = codec.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            message = codec.decode_slowly(raw)
        symbol = codec.symbol(message) or route.symbol
        if (
            route.carries_other_product
            and product_of(codec.symbol_type(message), symbol or "") != route.product
        ):
            if route.other_product is None:
                self._ledger.filtered += 1
                return
            route = route.other_product
        series = route.series.get(symbol)  # type: ignore[arg-type]
        if series is None:
            series = route.open_series(symbol, self._gap_tracker)
        self._order(route, series, message, receipt, received_us)

    def _order(
        self, route: Route, series: Series, message: Any, receipt: bytes, received_us: int
    ) -> None:
        """Publish an event in its turn, a repeat never. Raises BadMessage: it cannot be encoded."""
        if self.withheld_topics and series.topic in self.withheld_topics:
            self._records.produced += 1
            self._records.withheld += 1
            return
        codec = route.codec
        try:
            value = codec.encode(message, series.record_prefix, receipt)
        except Exception as error:
            raise self.dead_letters.rejected(codec, series, message, error) from error
        received_ms = received_us // 1000
        record_ms = framing.timestamp_ms(codec.record_time(message), received_ms, self.max_ahead_ms)
        self._records.produced += 1
        if series.arbiter is not None:
            event = PendingEvent(route, series, message, value, record_ms, received_us, self.feed)
            self.publish_decided(self.arbitration.offer(series.arbiter, event))
            return
        verdict = codec.observe(series.tracker, message)
        if verdict is not NEW or series.needs_check:
            if verdict is REPEATED or self._is_stored(series, record_ms, received_us):
                self._count_repeat(series, received_us)
                return
            event = PendingEvent(route, series, message, value, record_ms, received_us, self.feed)
            value = self._with_gap_id(event, series.tracker.gap if verdict is GAP else None)
        self._publish(route, series, value, record_ms, received_us)

    def publish_transcoded(
        self, route: Route, events: list[TranscodedEvent], raw: bytes, received_us: int
    ) -> bool:
        """Publish what compiled code has made of a frame: `raw`, or its payload. Never raises.

        False: nothing was done, since room or something about a series wants another path.
        """
        if len(events) > self.room or self.withheld_topics:
            return False
        for event in events:
            if event[0].needs_check or event[0].arbiter is not None:
                return False
        good = True
        for position, event in enumerate(events):
            try:
                self._publish_new(route, event, raw, position, received_us)
            except Exception as error:  # noqa: BLE001 - compiled code took what Python refuses
                good = False
                self.dead_letters.event(route, payload_of(raw), error, received_us)
        self._frames.decoded += good
        self._frames.undecodable += not good
        return True

    def _publish_new(
        self, route: Route, event: TranscodedEvent, raw: bytes, position: int, received_us: int
    ) -> None:
        """Publish a transcoded event, a repeat never. `position`: of the event in its frame."""
        series, value, event_ms, first, last, previous, is_final, unknown = event
        if unknown is not None:
            route.codec.unknown.update(unknown)
        verdict = series.tracker.observe(first, last, previous, is_final)
        if verdict is REPEATED:
            self._records.produced += 1
            self._count_repeat(series, received_us)
            return
        record_ms = framing.timestamp_ms(event_ms, received_us // 1000, self.max_ahead_ms)
        if verdict is not NEW or series.needs_check:
            message = event_in(route, raw, position)
            checked = PendingEvent(route, series, message, value, record_ms, received_us, self.feed)
            value = self._with_gap_id(checked, series.tracker.gap if verdict is GAP else None)
        self._records.produced += 1
        self._publish(route, series, value, record_ms, received_us)

    def _is_stored(self, series: Series, record_ms: int, received_us: int) -> bool:
        """Say whether the previous writer has stored an event, where no id says so."""
        stored = series.stored
        if stored is None:
            return False
        if received_us < self.overlap_until_us and stored.covers(record_ms, series.last_id):
            return True
        series.stored = None
        if stored.is_doubtful:
            self._gap_tracker.open_after(series, "restart", series.last_id)
        return False

    def _count_repeat(self, series: Series, received_us: int) -> None:
        """Count a repeat. If they do not end, the ids may have begun anew."""
        self._records.repeated += 1
        if received_us < self.overlap_until_us:
            return
        in_a_row = series.tracker.repeats_in_a_row  # 0: a decision behind this one was none
        if in_a_row and in_a_row % REPEATS_BEFORE_ID_RESET_CHECK == 0:
            self._gap_tracker.check_id_reset(series)

    def _publish(
        self, route: Route, series: Series, value: bytes, record_ms: int, received_us: int
    ) -> None:
        """Publish a record and note how far its series has come."""
        self._publisher.publish(route.topic, value, series.key, record_ms, received_us)
        self.room -= 1
        series.last_ms, series.last_received_ms = record_ms, received_us // 1000
        if not series.dirty:
            self._gap_tracker.outbox.note_advanced(series)
        route.messages += 1
        route.last_event_ms = record_ms

    def publish_decided(self, decisions: Iterable[Decision[PendingEvent]]) -> None:
        """Publish what the arbitration has decided, in its order."""
        for verdict, event, gap in decisions:
            checked = gap is not None or event.series.needs_check
            if verdict is REPEATED or (
                checked and self._is_stored(event.series, event.record_ms, event.received_us)
            ):
                self._count_repeat(event.series, event.received_us)
                continue
            value = self._with_gap_id(event, gap) if checked else event.value
            self._publish(event.route, event.series, value, event.record_ms, event.received_us)

    def _with_gap_id(self, event: PendingEvent, gap: IdGap | None) -> bytes:
        """Return the record of an observed event, with the gap's id if it follows a gap."""
        codec, series = event.route.codec, event.series
        _, last = codec.span(event.message)
        reason = self._gap_reason(event, gap)
        exchange_ms = codec.record_time(event.message) or event.record_ms
        times = EventTimes(event.record_ms, exchange_ms, event.received_us // 1000)
        gap_id = self._gap_tracker.on_event(series, gap, times, last, reason)
        if gap_id is None:
            return event.value
        receipt = framing.receipt(event.received_us, "live", gap_id)
        return codec.encode(event.message, series.record_prefix, receipt)

    def _gap_reason(self, event: PendingEvent, gap: IdGap | None) -> GapReason:
        """Return the reason of a gap before an event, should there be one."""
        route, series = event.route, event.series
        damaged, route.damaged = route.damaged, False
        suspects, series.suspects = series.suspects, ()
        if not suspects or event.feed in suspects:
            # Ids that do not reveal gaps have one only where a feed fell silent beside another.
            silent = gap is not None and not series.ids_reveal_gaps
            return "dead_letter" if damaged else "stale" if silent else "sequence"
        if not series.ids_reveal_gaps:
            self._gap_tracker.open_after(series, "stale", series.suspected_after)
        return "stale"
