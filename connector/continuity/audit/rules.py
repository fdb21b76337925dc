"""The sequence rules of a series in a topic, one class each. PURE; `observe` is on the hot path."""

from functools import partial
from typing import ClassVar

from typing_extensions import override

from connector.binance.candles import index_of, open_of_index
from connector.binance.stream_name import Stream
from connector.continuity.audit.coverage import Marker
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, IdRange
from connector.continuity.audit.series import LIVE, AuditedSeries
from connector.continuity.audit.unnumbered import UnnumberedSeries
from connector.continuity.sequence_rules import MAX_SEEN_TIMES


class ContiguousSeries(AuditedSeries):
    """Each id is the one before plus one."""

    fields: ClassVar[tuple[str, ...]] = ("last",)

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        (number,) = ids
        assert number is not None  # noqa: S101 - required in the schema
        epoch = self._current
        if epoch is None or gap_id is not None:
            epoch = self._epoch_ids(time, origin, gap_id)
        ranges = epoch.ranges
        if number == ranges.tip + 1:
            ranges.tip = number
            new: int | None = 1
        else:
            new = epoch.add(number, number)
        if self._has_epochs and self._is_of_earlier_epoch(epoch, number, number, time):
            new = 0
        if self.since <= time < self.until:
            self.records += 1
            if number > epoch.high:  # noqa: PLR1730 - max() costs 60 ns on the hot path
                epoch.high = number
            if number < epoch.low:  # noqa: PLR1730 - as above
                epoch.low = number
            if new == 0:
                self.repeats += 1


class RangeSeries(AuditedSeries):
    """Events of several ids, first to last; they may overlap. A snapshot, a state, has none."""

    fields: ClassVar[tuple[str, ...]] = ("first", "last")

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        first, last = ids[0], ids[1]
        inside = self.since <= time < self.until
        epoch = self._current
        if epoch is None or gap_id is not None:
            epoch = self._epoch_ids(time, origin, gap_id)
        if first is None or last is None:
            self.snapshots += inside
            self.records += inside
            return
        if first == epoch.ranges.tip + 1 and last >= first:
            epoch.ranges.tip = last
            new: int | None = 1
        else:
            new = epoch.add(min(first, last), last)
        if self._has_epochs and self._is_of_earlier_epoch(epoch, min(first, last), last, time):
            new = 0
        if inside:
            self.records += 1
            epoch.high = max(epoch.high, last)
            epoch.low = min(epoch.low, first)
            self.repeats += new == 0


class ChainedSeries(RangeSeries):
    """Events that name the last id of the one before: they span what follows it.

    One without a predecessor begins a chain of its own.
    """

    fields: ClassVar[tuple[str, ...]] = ("first", "last", "previous")

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        first, last, previous = ids
        if first is not None and previous is not None:
            first = previous + 1
        super().observe(time, origin, gap_id, first, last)


class IncreasingSeries(UnnumberedSeries):
    """Ids that grow and whose holes mean nothing: only order and repeats show."""

    fields: ClassVar[tuple[str, ...]] = ("last",)

    def __init__(self, stream: Stream, symbol: str, window: tuple[int, int]) -> None:
        super().__init__(stream, symbol, window)
        self._newest_id = BEFORE_ALL  # live, of the epoch and partition that is observed

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        (number,) = ids
        assert number is not None  # noqa: S101 - required in the schema
        epoch = self._current
        if epoch is None or gap_id is not None:
            before, epoch = epoch, self._epoch_ids(time, origin, gap_id)
            self._newest_id = self._newest_id if epoch is before else BEFORE_ALL
        repeated = origin == LIVE and number <= self._newest_id
        self._newest_id = max(self._newest_id, number)
        self._note_time(time, origin, gap_id)
        if self.since <= time < self.until:
            self.records += 1
            epoch.high = max(epoch.high, number)
            epoch.low = min(epoch.low, number)
            self.repeats += repeated


class UniqueTimeSeries(UnnumberedSeries):
    """Events without ids, each of which has a time of its own (`Row.has_unique_times`)."""

    def __init__(self, stream: Stream, symbol: str, window: tuple[int, int]) -> None:
        super().__init__(stream, symbol, window)
        self._seen: dict[int, None] = {}  # the newest times, in the order of the topic

    @classmethod
    @override
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        return stream.row.identity

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        (event_ms,) = ids
        self._note_time(time, origin, gap_id)
        super().observe(time, origin, gap_id)
        if event_ms is None:
            return
        if event_ms in self._seen:
            self.repeats += self.since <= time < self.until
            return
        self._seen[event_ms] = None
        if len(self._seen) > MAX_SEEN_TIMES:
            del self._seen[next(iter(self._seen))]


class IdentitySeries(UnnumberedSeries):
    """Events without ids that may share a time: they are only counted."""

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        self._note_time(time, origin, gap_id)
        super().observe(time, origin, gap_id)


class CandleSeries(AuditedSeries):
    """Candles, in many states while they are open; they follow by the interval.

    A candle without its closing state is missing. Ids here are candles counted by their interval:
    weeks, months and days at UTC+8 are no multiples of a length. `observe` takes the open time, the
    event time and whether the candle is closed.
    """

    fields: ClassVar[tuple[str, ...]] = ("first",)

    def __init__(self, stream: Stream, symbol: str, window: tuple[int, int]) -> None:
        super().__init__(stream, symbol, window)
        interval, zone = stream.parameters["interval"], stream.row.zone_ms
        self._index = partial(index_of, interval, zone_ms=zone)
        self._start = partial(open_of_index, interval, zone_ms=zone)
        self._offset = 0  # ms from the open time by the interval to the one in records
        self._known = BEFORE_ALL, 0  # open time of the newest record, its number
        self._newest = BEFORE_ALL, 0, BEFORE_ALL  # newest live state: number, closed, event time

    @classmethod
    @override
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        return (*super().wanted(stream), "event_time", "is_closed")

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        opened, event_ms, closed = ids
        assert opened is not None  # noqa: S101 - required in the schema
        if opened != self._known[0]:
            self._known = opened, self._index(opened)
            self._offset = opened - self._start(self._known[1])
        number = self._known[1]
        epoch = self._current
        if epoch is None or gap_id is not None:
            before, epoch = epoch, self._epoch_ids(time, origin, gap_id)
            if epoch is not before and origin == LIVE:
                self._newest = BEFORE_ALL, 0, BEFORE_ALL
        # The closing state is no repeat, though another connection stamps it 1 ms earlier.
        newest = number, closed or 0, event_ms or 0
        repeated = origin == LIVE and newest <= self._newest
        if origin == LIVE and not repeated:
            self._newest = newest
        if closed and epoch.add(number, number) == 0:
            repeated = True  # a candle closes once, whichever way its record came
        if self.since <= time < self.until:
            self.records += 1
            self.repeats += repeated
            if closed:
                epoch.high = max(epoch.high, number)
                epoch.low = min(epoch.low, number)

    @override
    def edges(self, marker: Marker) -> IdRange:
        """Return the candles just outside; found by record times, both may be missing too."""
        before, after = BEFORE_ALL, AFTER_ALL
        if marker.before_id is not None:
            before = self._index(marker.before_id)
        elif marker.before_time is not None:
            before = self._index(marker.before_time) - 1
        if marker.after_id is not None:
            after = self._index(marker.after_id)
        elif marker.after_time is not None:
            after = self._index(marker.after_time) + 1
        return before, after

    @override
    def label(self, number: int) -> int:
        """Return the open time of a candle, epoch milliseconds."""
        return self._start(number) + self._offset


_RULES: dict[str, type[AuditedSeries]] = {
    "contiguous": ContiguousSeries,
    "range": RangeSeries,
    "chained": ChainedSeries,
    "increasing": IncreasingSeries,
    "candle": CandleSeries,
    "identity": IdentitySeries,
}


def rule_of(stream: Stream) -> type[AuditedSeries]:
    """Return the class that judges the series of a stream."""
    row = stream.row
    return UniqueTimeSeries if row.has_unique_times else _RULES[row.sequence.rule]
