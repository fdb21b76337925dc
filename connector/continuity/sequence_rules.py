"""The sequence trackers, one for each rule of the catalogue's `sequence` column but `candle`.

`Row.span_fields` names the fields of a record that a tracker is given.
Rules: binance.md 2.6 (pages of 2026-05-28 and 2026-07-21) and the `sequence` column of the rows.
"""

from typing_extensions import override

from connector.binance.catalogue.row import Row
from connector.continuity.candle_tracker import CandleTracker
from connector.continuity.tracker import GAP, NEW, OVERLAP, REPEATED, IdGap, OptId, Tracker, Verdict

MAX_SEEN_TIMES = 64  # event times kept of a series without ids: an older repeat is not noticed


class ContiguousTracker(Tracker):
    """Rules contiguous and range: `first` is the previous `last` + 1; ranges may overlap."""

    __slots__ = ()

    @override
    def observe(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        if first - 1 == self.last:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        if self.last is None or first - 1 == self.last:
            return NEW
        if last <= self.last:
            return REPEATED
        return OVERLAP if first <= self.last else GAP

    @override
    def _gap_before(self, first: int, last: int) -> IdGap:
        return IdGap(self.last, first, None if self.last is None else first - self.last - 1)


class ChainedTracker(Tracker):
    """Rule chained: `previous` is the previous `last`. Ids inside may be missing: never counted.

    An event with an earlier `previous` and a later `last` spans what was published and more:
    OVERLAP. One that names no `previous` proves nothing: GAP.
    """

    __slots__ = ()

    @override
    def observe(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        if previous == self.last and previous is not None and last > previous:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
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
    def observe(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        if self.last is not None and last > self.last:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        return NEW if self.last is None or last > self.last else REPEATED


class IdentityTracker(Tracker):
    """Rule identity: no ids, every event of one connection is new; `last` is the newest time."""

    __slots__ = ()
    has_ids = False

    @override
    def observe(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        if self.last is None or last > self.last:
            self.last = last
        return NEW

    @override
    def judge(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        return NEW


class UniqueTimeTracker(IdentityTracker):
    """Rule identity where each event of a series has a time of its own: a known one is REPEATED.

    A time that is older than the newest one and was not seen is NEW: it arrived late, or the
    exchange's clock was set back.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[int, None] = {}  # the newest times, in the order of their arrival

    @override
    def observe(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        if last in self._seen:
            self.note_repeat(first)
            return REPEATED
        self._seen[last] = None
        if len(self._seen) > MAX_SEEN_TIMES:
            del self._seen[next(iter(self._seen))]
        return super().observe(first, last, previous, final)

    @override
    def judge(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        return REPEATED if last in self._seen else NEW

    @override
    def reset(self, epoch: int) -> None:
        super().reset(epoch)
        self._seen.clear()


_TRACKERS: dict[str, type[Tracker]] = {
    "contiguous": ContiguousTracker,
    "range": ContiguousTracker,
    "chained": ChainedTracker,
    "increasing": IncreasingTracker,
    "candle": CandleTracker,
    "identity": IdentityTracker,
}


def tracker_for(row: Row) -> Tracker:
    """Return a tracker for one series of this catalogue row."""
    return UniqueTimeTracker() if row.has_unique_times else _TRACKERS[row.sequence.rule]()
