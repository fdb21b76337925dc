"""What of a span of a series is not in its topic: what `bkc backfill` has to fetch. Pure.

Told record after record in the order of the topic, late ones too; keeps ranges, never records.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from connector.backfill.pages import Span, count_of
from connector.binance.candles import candles_between, nth_open
from connector.binance.stream_name import Stream
from connector.continuity.audit.coverage import Coverage, Marker, id_edges
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, Ranges
from connector.continuity.audit.series import LIVE, AuditedSeries


@dataclass(frozen=True, slots=True)
class MissingSpan:
    """Events in a row that are not in the topic.

    Args:
        span: First and last of them: ids, or opening times of candles.
        before_id, after_id: Those just outside.
        before_ms, after_ms: Record times of those just outside; None where they were not seen.
    """

    span: Span
    before_id: int
    after_id: int
    before_ms: int | None
    after_ms: int | None


class SpanIndex:
    """The events of a span, counted from 0: ids one by one, candles by their interval."""

    def __init__(self, stream: Stream, span: Span) -> None:
        self.first = span.first
        self.count = max(0, count_of(stream, span))
        self._interval = stream.parameters.get("interval") if _is_candle(stream) else None
        self._zone = stream.row.zone_ms

    def of(self, number: int) -> int:
        """Return the place of an id or opening time; below 0 before the span."""
        if self._interval is None:
            return number - self.first
        return candles_between(self._interval, self.first, number, self._zone) - 1

    def at(self, place: int) -> int:
        """Return the id or opening time at a place."""
        if self._interval is None:
            return self.first + place
        return nth_open(self._interval, self.first, place, self._zone)


class PresentEvents(AuditedSeries):
    """The events of a span that a topic holds; a candle is there once it was told closed.

    Args:
        stream, symbol: The series.
        span: What is looked for.
        coverage: Its markers: they tell ids of one epoch from those of another.
        epoch: The epoch that REST knows: the newest.
    """

    def __init__(
        self,
        stream: Stream,
        symbol: str,
        span: Span,
        coverage: Coverage,
        epoch: int,
    ) -> None:
        super().__init__(stream, symbol, (BEFORE_ALL, AFTER_ALL))
        self.coverage = coverage
        self.places = SpanIndex(stream, span)
        self._wanted_epoch = epoch
        coverage.told(epoch)
        self._there = Ranges()
        self._there.add(-1, -1)
        self._tip_ms: int | None = None
        self._live: int | None = None  # the newest place that was written as it came
        self._before_ms: dict[int, int | None] = {}  # first place of a hole -> time before it
        self._after_ms: dict[int, int] = {}  # last place of a hole -> time after it
        self._singles = stream.row.sequence.may_skip_single and self.places.count > 1

    @classmethod
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        """The record fields that `see` takes after origin and gap_id."""
        if _is_candle(stream):
            return "open_time", "is_closed"
        return (str(stream.row.sequence.last),)

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Take one record: its time in milliseconds, its id, or opening time and if closed."""
        epoch = self._epoch
        if epoch is None or gap is not None:
            epoch = self._belongs(time, origin, gap)
        number, closed = ids[0], len(ids) == 1 or ids[1]
        if number is None or epoch != self._wanted_epoch or not closed:
            return
        place = self.places.of(number)
        if origin == LIVE and (self._live is None or place > self._live):
            self._live = place
        if place < -1 or place > self.places.count:
            return
        self._note_time(place, time)
        if place == self._there.tip + 1:
            self._there.tip = place
        else:
            self._there.add(place, place)
        self.records += 0 <= place < self.places.count

    def _note_time(self, place: int, time: int) -> None:
        tip = self._there.tip
        if place <= tip:
            began, ended = self._before_ms.pop(place, None), self._after_ms.pop(place, None)
            if began is not None or ended is None:
                self._before_ms[place + 1] = time
            if ended is not None or began is None:
                self._after_ms[place - 1] = time
            return
        if place > tip + 1:
            self._before_ms.setdefault(tip + 1, self._tip_ms)
            self._after_ms[place - 1] = time
        self._tip_ms = time

    def exclude(self, marker: Marker) -> int:
        """Leave what a marker speaks of to somebody else; return how many were not there."""
        before, after = id_edges(marker)
        last = self.places.count - 1
        low = 0 if before < self.places.first else self.places.of(before) + 1
        high = last if after > self.places.at(last) else self.places.of(after - 1)
        return self._leave(low, high)

    def exclude_newer(self) -> int:
        """Leave what comes after the newest live event to its writer; return how many those are."""
        return 0 if self._live is None else self._leave(self._live + 1, self.places.count - 1)

    def _leave(self, low: int, high: int) -> int:
        low, high = max(low, 0), min(high, self.places.count - 1)
        return self._there.add(low, high) or 0 if low <= high else 0

    def holes(self) -> Iterator[MissingSpan]:
        """Yield what is not there, in order; single ids that the rule leaves out are none."""
        self._before_ms.setdefault(self._there.tip + 1, self._tip_ms)
        self._there.add(self.places.count, self.places.count)
        for first, last in self._there.holes():
            if self._singles and first == last:
                continue
            at = self.places.at
            yield MissingSpan(
                Span(at(first), at(last)),
                at(first - 1),
                at(last + 1),
                self._before_ms.get(first),
                self._after_ms.get(last),
            )


def _is_candle(stream: Stream) -> bool:
    return stream.row.sequence.rule == "candle"
