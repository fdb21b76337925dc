"""The events of a span that a topic lacks: what `bkc backfill` has to fetch. PURE.

Records are observed in the order of the topic, late ones too; ranges are kept, never records.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from typing_extensions import override

from connector.backfill.pages import Span, count_of
from connector.binance.candles import candles_between, nth_open
from connector.binance.stream_name import Stream
from connector.continuity.audit.coverage import Coverage, Marker, id_edges
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, Ranges
from connector.continuity.audit.series import LIVE, AuditedSeries


@dataclass(frozen=True, slots=True)
class MissingSpan:
    """Events in a row that are not in the topic."""

    span: Span
    size: int  # how many they are
    before_id: int  # the edges: ids, or open times of candles, just outside
    after_id: int
    before_ms: int | None  # record time of the edge; None: it was not read
    after_ms: int | None


class SpanIndex:
    """Numbers the events of a span from 0: ids one by one, candles by their interval."""

    def __init__(self, stream: Stream, span: Span) -> None:
        self.first = span.first
        self.count = max(0, count_of(stream, span))
        is_candle = stream.row.sequence.rule == "candle"
        self._interval = stream.parameters.get("interval") if is_candle else None
        self._zone = stream.row.zone_ms

    def of(self, number: int) -> int:
        """Return the index of an id or open time; below 0 before the span."""
        if self._interval is None:
            return number - self.first
        return candles_between(self._interval, self.first, number, self._zone) - 1

    def at(self, index: int) -> int:
        """Return the id or open time at an index."""
        if self._interval is None:
            return self.first + index
        return nth_open(self._interval, self.first, index, self._zone)


class PresentEvents(AuditedSeries):
    """The events of a span that a topic holds; a candle is one whose closing state is there.

    Args:
        stream, symbol, span: The series and its span.
        coverage: Markers of the series; they tell ids of one epoch from those of another.
        epoch: The id epoch that REST knows: the newest.
    """

    def __init__(
        self, stream: Stream, symbol: str, span: Span, coverage: Coverage, epoch: int
    ) -> None:
        super().__init__(stream, symbol, (BEFORE_ALL, AFTER_ALL))
        self.coverage = coverage
        self._index = SpanIndex(stream, span)
        self._wanted_epoch = epoch
        coverage.note_epoch(epoch)
        self._present = Ranges()  # of indices
        self._present.add(-1, -1)
        self._tip_ms: int | None = None
        self._newest_live: int | None = None  # highest index of a record of origin `live`
        self._before_ms: dict[int, int | None] = {}  # first index of a hole -> time before it
        self._after_ms: dict[int, int] = {}  # last index of a hole -> time after it
        rest = stream.row.backfill
        self._rest_omits_ids = rest is not None and rest.omits_ids and self._index.count > 1

    @classmethod
    @override
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        """Return the record fields that `observe` takes after origin and gap_id."""
        if stream.row.sequence.rule == "candle":
            return "open_time", "is_closed"
        return (str(stream.row.sequence.last),)

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        """Note one record: its time in milliseconds, its id, or open time and whether closed."""
        epoch = self._epoch
        if epoch is None or gap_id is not None:
            epoch = self._epoch_of(time, origin, gap_id)
        number, closed = ids[0], len(ids) == 1 or ids[1]
        if number is None or epoch != self._wanted_epoch or not closed:
            return
        index = self._index.of(number)
        if origin == LIVE and (self._newest_live is None or index > self._newest_live):
            self._newest_live = index
        if index < -1 or index > self._index.count:
            return
        self._note_time(index, time)
        if index == self._present.tip + 1:
            self._present.tip = index
        else:
            self._present.add(index, index)
        self.records += 0 <= index < self._index.count

    def _note_time(self, index: int, time: int) -> None:
        """Keep the times at the edges of holes."""
        tip = self._present.tip
        if index <= tip:
            began, ended = self._before_ms.pop(index, None), self._after_ms.pop(index, None)
            if began is not None or ended is None:
                self._before_ms[index + 1] = time
            if ended is not None or began is None:
                self._after_ms[index - 1] = time
            return
        if index > tip + 1:
            self._before_ms.setdefault(tip + 1, self._tip_ms)
            self._after_ms[index - 1] = time
        self._tip_ms = time

    def exclude(self, marker: Marker) -> int:
        """Exclude a marker's gap, which the worker fills; return how many events it lacked."""
        before, after = id_edges(marker)
        last = self._index.count - 1
        low = 0 if before < self._index.first else self._index.of(before) + 1
        high = last if after > self._index.at(last) else self._index.of(after - 1)
        return self._exclude(low, high)

    def exclude_newer(self) -> int:
        """Exclude what follows the newest live record: the worker writes it; return how many."""
        newest, last = self._newest_live, self._index.count - 1
        return 0 if newest is None else self._exclude(newest + 1, last)

    def _exclude(self, low: int, high: int) -> int:
        low, high = max(low, 0), min(high, self._index.count - 1)
        return self._present.add(low, high) or 0 if low <= high else 0

    def missing(self) -> Iterator[MissingSpan]:
        """Yield what is missing, in order; without what REST was asked for and never lists."""
        self._before_ms.setdefault(self._present.tip + 1, self._tip_ms)
        self._present.add(self._index.count, self._index.count)
        for first, last in self._present.holes():
            at = self._index.at
            if self._rest_omits_ids and self._was_asked_for(at(first), at(last)):
                continue
            span, edges = Span(at(first), at(last)), (at(first - 1), at(last + 1))
            times = self._before_ms.get(first), self._after_ms.get(last)
            yield MissingSpan(span, last - first + 1, *edges, *times)

    def _was_asked_for(self, first: int, last: int) -> bool:
        """Return whether a gap that REST has filled holds these ids."""
        return any(
            marker.state == "filled" and before < first and last < after
            for marker in self.coverage.gaps.values()
            if marker.id_epoch == self._wanted_epoch
            for before, after in (id_edges(marker),)
        )
