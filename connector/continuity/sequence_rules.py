"""The sequence trackers, one for each rule of the catalogue's `sequence` column.

A tracker never looks at a message and never waits: `Row.span_fields` names the fields of a record
that it is given; arbitration_rules.py puts the events of several connections in order.
Rules: binance.md 2.6 (pages of 2026-05-28 and 2026-07-21) and the `sequence` column of the rows.
"""

from typing_extensions import override

from connector.binance.catalogue.row import Row
from connector.continuity.tracker import GAP, NEW, OVERLAP, REPEATED, IdGap, Tracker, Verdict

MAX_LATE_IDS = 64  # skipped ids that may still arrive, behind one or two later ones


class ContiguousTracker(Tracker):
    """Rules contiguous and range: `first` is the previous `last` + 1; ranges may overlap.

    A single id that was skipped and tolerated is NEW when it arrives late.
    """

    __slots__ = ("_late", "_may_skip_single")

    def __init__(self, *, may_skip_single: bool = False) -> None:
        super().__init__()
        self._may_skip_single = may_skip_single
        self._late: dict[int, None] = {}

    @override
    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        if first - 1 == self.last:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        del previous, final
        if self.last is None or first - 1 == self.last:
            return NEW
        if last <= self.last:
            return NEW if last in self._late else REPEATED
        if first <= self.last:
            return OVERLAP
        return NEW if self.is_tolerated_skip(first) else GAP

    @override
    def reset(self, epoch: int) -> None:
        super().reset(epoch)
        self._late.clear()

    @override
    def is_tolerated_skip(self, first: int) -> bool:
        return self._may_skip_single and first - 2 == self.last

    @override
    def last_tolerated_skip(self) -> IdGap | None:
        newest = next(reversed(self._late), None)
        if newest is None or self.last is None or newest + 1 != self.last:
            return None
        del self._late[newest]
        return IdGap(newest - 1, self.last, 1)

    @override
    def _gap_before(self, first: int, last: int) -> IdGap:
        del last
        return IdGap(self.last, first, None if self.last is None else first - self.last - 1)

    @override
    def _advance(self, first: int, last: int, previous: int | None, final: bool) -> None:
        if last in self._late:
            del self._late[last]
            return
        if self.is_tolerated_skip(first):
            self._late[first - 1] = None
            if len(self._late) > MAX_LATE_IDS:
                del self._late[next(iter(self._late))]
        super()._advance(first, last, previous, final)


class ChainedTracker(Tracker):
    """Rule chained: `previous` is the previous `last`. Ids inside may be missing: never counted.

    An event with an earlier `previous` and a later `last` spans what was published and more:
    OVERLAP. One that names no `previous` proves nothing: GAP.
    """

    __slots__ = ()

    @override
    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        if previous == self.last and previous is not None and last > previous:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        del first, final
        if self.last is None:
            return NEW
        if last <= self.last:
            return REPEATED
        if previous is None or previous > self.last:
            return GAP
        return NEW if previous == self.last else OVERLAP


class IncreasingTracker(Tracker):
    """Rule increasing: ids grow, and what is missing between them means nothing."""

    __slots__ = ()

    @override
    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        if self.last is not None and last > self.last:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        del first, previous, final
        return NEW if self.last is None or last > self.last else REPEATED


class IdentityTracker(Tracker):
    """Rule identity: no ids, so that every event of one connection is new; `last` is a time."""

    __slots__ = ()
    has_ids = False

    @override
    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        del first, previous, final
        if self.last is None or last > self.last:
            self.last = last
        return NEW

    @override
    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        del first, last, previous, final
        return NEW


class CandleTracker(Tracker):
    """Rule candle: `first` opens it, `last` is its last instant, `previous` its event time.

    A candle comes in many states while it is open, and is complete with its closing state; the next
    one opens an interval later. A candle whose closing state did not come is missing, as is one of
    which nothing came.

    Attributes:
        running: Open time of the candle that is not closed yet; None between two candles.
    """

    __slots__ = ("_newest", "running")

    def __init__(self) -> None:
        super().__init__()
        self.running: int | None = None
        self._newest: int | None = None

    @override
    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        newest = self._newest
        if first == self.running and not final and previous and newest and previous > newest:
            self._newest = previous
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        if first == self.running:
            # The closing state counts, even where another connection stamps it 1 ms earlier.
            return NEW if final or self._is_newer(previous) else REPEATED
        if self._is_old(first):
            return REPEATED
        if self.running is not None:
            return GAP
        return NEW if self.last is None or self._follows(first, last) else GAP

    @property
    @override
    def newest(self) -> int | None:
        """Event time of the newest state."""
        return self._newest

    @property
    def current(self) -> int | None:
        """Open time of the newest candle, closed or not."""
        return self.last if self.running is None else self.running

    @override
    def reset(self, epoch: int) -> None:
        super().reset(epoch)
        self.running = self._newest = None

    def _is_newer(self, event_time: int | None) -> bool:
        return event_time is None or self._newest is None or event_time > self._newest

    def _is_old(self, first: int) -> bool:
        current = self.current
        return current is not None and first <= current

    def _follows(self, first: int, last: int) -> bool:
        """Within one and a half intervals: months differ in length, all others do not."""
        return self.last is not None and 2 * (first - self.last) < 3 * (last - first + 1)

    @override
    def _gap_before(self, first: int, last: int) -> IdGap:
        interval = last - first + 1
        if self.running is None:
            before = first if self.last is None else self.last
            return IdGap(self.last, first, round((first - before) / interval) - 1)
        before = self.running - 1 if self.last is None else self.last
        return IdGap(before, first, round((first - self.running) / interval))

    @override
    def _close_open_candle(self, first: int) -> None:
        self.last = first - 1

    @override
    def _advance(self, first: int, last: int, previous: int | None, final: bool) -> None:
        del last
        if previous is not None:
            self._newest = previous if self._newest is None else max(self._newest, previous)
        if final:
            self.last, self.running = first, None
        else:
            self.running = first


_TRACKERS: dict[str, type[Tracker]] = {
    "range": ContiguousTracker,
    "chained": ChainedTracker,
    "increasing": IncreasingTracker,
    "candle": CandleTracker,
    "identity": IdentityTracker,
}


def tracker_for(row: Row) -> Tracker:
    """Return a tracker for one series of this catalogue row."""
    sequence = row.sequence
    if sequence.rule == "contiguous":
        return ContiguousTracker(may_skip_single=sequence.may_skip_single)
    return _TRACKERS[sequence.rule]()
