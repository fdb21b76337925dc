"""Trackers: told the ids of an event, they say whether it is new, repeated, overlapping, or after
a hole. One per series, by the sequence rule of its catalogue row. Pure; nothing waits here.

On the hot path: the usual case, the next event in sequence, is one comparison.
"""

from dataclasses import dataclass
from enum import IntEnum

from connector.binance.row import Row

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MONTH_MS = 31 * 86_400_000  # the longest: a shorter one is no hole


class Verdict(IntEnum):
    """What an event is to its series."""

    NEW = 0
    REPEATED = 1
    OVERLAP = 2  # partly published already, partly new: published as it is
    GAP = 3  # new, and something is missing before it: see `Tracker.hole`


NEW, REPEATED, OVERLAP, GAP = Verdict


@dataclass(frozen=True, slots=True)
class Hole:
    """What is missing: everything after `before` and before `after`, both of them published.

    Attributes:
        before: Last id (of a candle: open time of the last closed one) before the hole.
        after: First id after it.
        missing: How many events are missing; None where their number cannot be known.
    """

    before: int
    after: int
    missing: int | None


class Tracker:
    """What has been published of one series.

    Attributes:
        last: Last id published: the last trade id, the last update id, the open time of the last
            closed candle; None before the first event.
        hole: The last hole found.
        skipped: Single ids left out as is normal for the row (`may_skip_single`).
        behind: Repeats in a row: many of them may mean that ids began anew.
    """

    __slots__ = ("behind", "hole", "last", "skipped")

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.hole: Hole | None = None
        self.skipped = 0
        self.behind = 0

    def observe(self, first: int, last: int, previous: int | None = None) -> Verdict:
        """Judge the next event and take note of it.

        Args:
            first: First id of the event, or open time of the candle.
            last: Last id, or event time of the candle (0 where the wire has none).
            previous: Last id of the event before, where the wire says it; of a candle: whether it
                is closed.
        """
        raise NotImplementedError

    def _repeated(self) -> Verdict:
        self.behind += 1
        return REPEATED

    def _after_hole(self, first: int, last: int, missing: int | None) -> Verdict:
        assert self.last is not None  # noqa: S101 - a hole has two edges
        self.hole = Hole(self.last, first, missing)
        self.last, self.behind = last, 0
        return GAP

    def restart(self, last: int | None) -> None:
        """Forget what was published: ids began anew, or another leg's state is taken over."""
        self.last, self.behind = last, 0


class Contiguous(Tracker):
    """Each event begins with the id after the last one; spot depth may also overlap."""

    __slots__ = ("_may_skip_single",)

    def __init__(self, last: int | None = None, *, may_skip_single: bool = False) -> None:
        super().__init__(last)
        self._may_skip_single = may_skip_single

    def observe(self, first: int, last: int, previous: int | None = None) -> Verdict:
        """Judge the next event: `first` must be the last id + 1."""
        del previous
        before = self.last
        if before is None or first == before + 1:
            self.last, self.behind = last, 0
            return NEW
        if last <= before:
            return self._repeated()
        if first <= before:
            self.last, self.behind = last, 0
            return OVERLAP
        if self._may_skip_single and first == before + 2:
            self.skipped += 1
            self.last, self.behind = last, 0
            return NEW
        return self._after_hole(first, last, first - before - 1)


class Range(Contiguous):
    """Spot depth: as contiguous, but how many events a hole of update ids held is unknown."""

    __slots__ = ()

    def _after_hole(self, first: int, last: int, missing: int | None) -> Verdict:
        del missing
        return super()._after_hole(first, last, None)


class Chained(Tracker):
    """Futures and options depth: each event names the last id of the event before it."""

    __slots__ = ()

    def observe(self, first: int, last: int, previous: int | None = None) -> Verdict:
        """Judge the next event: `previous` must be the last id."""
        before = self.last
        if previous == before or before is None:
            self.last, self.behind = last, 0
            return NEW
        if last <= before:
            return self._repeated()
        return self._after_hole(first, last, None)


class Increasing(Tracker):
    """Ids grow and their holes mean nothing: only repeats and disorder can be seen."""

    __slots__ = ()

    def observe(self, first: int, last: int, previous: int | None = None) -> Verdict:
        """Judge the next event: `last` must be greater than any before."""
        del first, previous
        before = self.last
        if before is None or last > before:
            self.last, self.behind = last, 0
            return NEW
        return self._repeated()


class Candles(Tracker):
    """Candles of one interval: states of the open one in order, then its last state, closed."""

    __slots__ = ("_event", "_open", "_step")

    def __init__(self, last: int | None = None, *, step_ms: int) -> None:
        super().__init__(last)
        self._step = step_ms
        self._open = last
        self._event = 0

    def observe(self, first: int, last: int, previous: int | None = None) -> Verdict:
        """Judge the next state: open time, event time, whether it is closed."""
        opened = self._open
        if first == opened and (last > self._event or not last):
            self._event = last
            if previous:
                self.last = first
            self.behind = 0
            return NEW
        if opened is not None and first <= opened:
            return self._repeated()
        before = self.last
        self._open, self._event, self.behind = first, last, 0
        if before is None:
            before = self.last = first - self._step
        if previous:
            self.last = first
        if first - before > self._step:
            self.hole = Hole(before, first, (first - before - 1) // self._step)
            self.last = first if previous else first - self._step
            return GAP
        return NEW

    def restart(self, last: int | None) -> None:
        """Forget what was published; the next state begins a candle."""
        super().restart(last)
        self._open, self._event = last, 0


def tracker_for(row: Row, interval: str = "", last: int | None = None) -> Tracker | None:
    """Return the tracker of a series, or None where the events have no ids to go by.

    Args:
        row: The series' catalogue row.
        interval: Of candles, as in the stream's name (`1m`).
        last: Last id published, as the progress topic remembers it.
    """
    rule = row.sequence
    match rule.rule:
        case "contiguous":
            return Contiguous(last, may_skip_single=rule.may_skip_single)
        case "range":
            return Range(last)
        case "chained":
            return Chained(last)
        case "increasing":
            return Increasing(last)
        case "candle":
            return Candles(last, step_ms=step_of(interval))
        case "identity":
            return None


def step_of(interval: str) -> int:
    """Return a candle's length in ms; of months the longest."""
    if interval.endswith("M"):
        return _MONTH_MS
    return int(interval[:-1]) * _UNITS_MS[interval[-1]]
