"""The rules by which a series follows, one class each. Pure; `see` is on the hot path of verify."""

from typing import ClassVar

from connector.binance.candles import index_of, open_of_index
from connector.binance.stream_name import Stream
from connector.continuity.audit.coverage import Marker
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL
from connector.continuity.audit.series import LIVE, AuditedSeries


class Contiguous(AuditedSeries):
    """Each id is the one before plus one."""

    fields: ClassVar[tuple[str, ...]] = ("last",)

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Take one record and its id."""
        (number,) = ids
        assert number is not None  # noqa: S101 - required in the schema
        chain = self._current
        if chain is None or gap is not None:
            chain = self._chain(time, origin, gap)
        ranges = chain.ranges
        if number == ranges.tip + 1:
            ranges.tip = number
            new: int | None = 1
        else:
            new = chain.add(number, number)
        if self.since <= time < self.until:
            self.records += 1
            if number > chain.high:  # noqa: PLR1730 - max() costs 60 ns on the hot path
                chain.high = number
            if number < chain.low:  # noqa: PLR1730 - as above
                chain.low = number
            if new == 0:
                self.repeats += 1


class Range(AuditedSeries):
    """Events of several ids, first to last; they may overlap. A snapshot is a state, not a span."""

    fields: ClassVar[tuple[str, ...]] = ("first", "last")

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Take one record and its span of ids."""
        first, last = ids[0], ids[1]
        inside = self.since <= time < self.until
        chain = self._current
        if chain is None or gap is not None:
            chain = self._chain(time, origin, gap)
        if first is None or last is None:
            self.snapshots += inside
            self.records += inside
            return
        if first == chain.ranges.tip + 1 and last >= first:
            chain.ranges.tip = last
            new: int | None = 1
        else:
            new = chain.add(min(first, last), last)
        if inside:
            self.records += 1
            chain.high = max(chain.high, last)
            chain.low = min(chain.low, first)
            self.repeats += new == 0


class Chained(Range):
    """Events that name the last id of the one before: they span what follows it."""

    fields: ClassVar[tuple[str, ...]] = ("first", "last", "previous")

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Take one record; one without a predecessor begins a chain of its own."""
        first, last, previous = ids
        if first is not None and previous is not None:
            first = previous + 1
        super().see(time, origin, gap, first, last)


class Increasing(AuditedSeries):
    """Ids that grow and whose holes mean nothing: only order and repeats show."""

    fields: ClassVar[tuple[str, ...]] = ("last",)

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Take one record and its id."""
        (number,) = ids
        assert number is not None  # noqa: S101 - required in the schema
        chain = self._current
        if chain is None or gap is not None:
            chain = self._chain(time, origin, gap)
        if number > chain.ranges.tip:
            chain.add(chain.ranges.tip + 1 if len(chain.ranges) else number, number)
            new = True
        else:
            new = origin != LIVE
        if self.since <= time < self.until:
            self.records += 1
            chain.high = max(chain.high, number)
            chain.low = min(chain.low, number)
            self.repeats += not new


class Candle(AuditedSeries):
    """Candles, each told many times while it is open; they follow by the interval.

    One that was never told closed is missing like one never told: its last word is.
    Ids here are candles counted by their interval: weeks, months and days at UTC+8 are no multiples
    of a length.
    """

    fields: ClassVar[tuple[str, ...]] = ("first",)

    def __init__(self, stream: Stream, symbol: str, window: tuple[int, int]) -> None:
        super().__init__(stream, symbol, window)
        self._interval = stream.parameters["interval"]
        self._zone = stream.row.zone_ms
        self._offset = 0
        self._known = BEFORE_ALL, 0
        self._newest = BEFORE_ALL, 0, BEFORE_ALL

    @classmethod
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        """The open time; the event time tells two states of one candle apart; the last of all."""
        return (*super().wanted(stream), "event_time", "is_closed")

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Take one record, its candle's open time, its own and whether the candle is closed."""
        opened, told, closed = ids
        assert opened is not None  # noqa: S101 - required in the schema
        if opened != self._known[0]:
            self._known = opened, self._index(opened)
            self._offset = opened - self._start(self._known[1])
        number = self._known[1]
        chain = self._current
        if chain is None or gap is not None:
            chain = self._chain(time, origin, gap)
        if closed and number != chain.ranges.tip:
            chain.add(number, number)
        # Its last word is none of the repeats, though another leg's clock is 1 ms behind.
        newest = number, closed or 0, told or 0
        repeated = origin == LIVE and newest <= self._newest
        if origin == LIVE and not repeated:
            self._newest = newest
        if self.since <= time < self.until:
            self.records += 1
            self.repeats += repeated
            if closed:
                chain.high = max(chain.high, number)
                chain.low = min(chain.low, number)

    def edges(self, marker: Marker) -> tuple[int, int]:
        """The candles just outside; by the times of the records, both of these may be missing."""
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

    def label(self, number: int) -> int:
        """The open time in milliseconds."""
        return self._start(number) + self._offset

    def _index(self, at: int) -> int:
        return index_of(self._interval, at, self._zone)

    def _start(self, number: int) -> int:
        return open_of_index(self._interval, number, self._zone)


_RULES: dict[str, type[AuditedSeries]] = {
    "contiguous": Contiguous,
    "range": Range,
    "chained": Chained,
    "increasing": Increasing,
    "candle": Candle,
    "identity": AuditedSeries,
}


def rule_of(stream: Stream) -> type[AuditedSeries]:
    """The class that judges a stream's series."""
    return _RULES[stream.row.sequence.rule]
