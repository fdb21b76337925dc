"""Trackers: told the ids of each event of one series, they say what it is to those before it.

One tracker per series, by the rule of its catalogue row. Never looks at a message and never waits:
`span_fields` says which fields of a record to hand over, `handover` is what puts two legs together.
Rules: binance.md 2.6 (pages of 2026-05-28 and 2026-07-21) and the `sequence` column of the rows.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import Enum

from connector.binance.row import Row


class Verdict(Enum):
    """What an event is to the events of its series before it.

    NEW: publish it. REPEATED: it holds nothing new. OVERLAP: part of it was there before, and
    nothing is missing: publish it. GAP: publish it, and something is missing before it.
    """

    NEW = "new"
    REPEATED = "repeated"
    OVERLAP = "overlap"
    GAP = "gap"


# Module names: an attribute of an Enum costs as much as all the rest of the usual case.
NEW, REPEATED, OVERLAP, GAP = Verdict.NEW, Verdict.REPEATED, Verdict.OVERLAP, Verdict.GAP


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole between two events: neither edge is missing, all that lies between them is.

    Attributes:
        before_id: Last id before the hole; None when there is none, or none is known.
        after_id: First id after it; None as long as it is not known.
        missing: How many ids (of candles: candles) lie between; None where nobody can know.
        before_time: Record time of the last record before, epoch milliseconds; the caller's to say.
        after_time: Record time of the first record after, epoch milliseconds; the caller's to say.
    """

    before_id: int | None
    after_id: int | None
    missing: int | None
    before_time: int | None = None
    after_time: int | None = None

    def between(self, before_time: int | None, after_time: int | None) -> "Gap":
        """The same gap with the record times of its edges."""
        return replace(self, before_time=before_time, after_time=after_time)


class Tracker(ABC):
    """What one series has told so far.

    Attributes:
        last: Last id seen; of candles the open time of the last closed one (or, after a gap, the
            end of the last missing one); of streams without ids the newest time. None before the
            first event.
        epoch: How often the ids have begun anew.
        gap: The newest hole: what the verdict GAP speaks of.
        skipped: Single ids that were missing and may be (`Sequence.may_skip_single`).
        has_ids: Whether `last` is an id that a reader of the topic knows.
    """

    __slots__ = ("_run", "_run_at", "_run_id", "epoch", "gap", "last", "skipped")
    has_ids = True

    def __init__(self) -> None:
        self.last: int | None = None
        self.epoch = 0
        self.gap: Gap | None = None
        self.skipped = 0
        self._run = self._run_id = 0
        self._run_at: int | None = None

    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """Judge an event and take it in, whatever became of its record.

        Args:
            first: First id of the event; see `span_fields`.
            last: Last id of the event.
            previous: Last id of the event before; of a candle, its event time.
            final: Of a candle: whether it is closed.
        """
        verdict = self.judge(first, last, previous, final)
        if verdict is REPEATED:
            self.fell_back(last)
            return verdict
        if verdict is GAP:
            self.gap = self._hole(first, last)
            self._give_up(first)
        self._move(first, last, previous, final)
        return verdict

    @abstractmethod
    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """Say what an event would be, and change nothing."""

    def state(self) -> tuple[int | None, int]:
        """Last id and id epoch: what `restore` takes after a restart."""
        return self.last, self.epoch

    def restore(self, last: int | None, epoch: int = 0) -> None:
        """Go on where a former process ended."""
        self.reset(epoch)
        self.last = last

    def reset(self, epoch: int) -> None:
        """Begin anew: the next event is the first of this id epoch, whatever its id."""
        self.last = self._run_at = None
        self.epoch = epoch
        self._run = 0

    @property
    def newest(self) -> int | None:
        """What grows with every event that is not a repeat; None before the first."""
        return self.last

    @property
    def behind(self) -> int:
        """Repeats since the last event that was none. Many, while legs agree: `ids_reset`?"""
        return self._run if self._run_at == self.newest else 0

    @property
    def behind_id(self) -> int:
        """The newest id among those `behind`: REST's last id near it confirms a reset."""
        return self._run_id

    def skips(self, first: int) -> bool:
        """Say whether an event would be NEW only because single ids may be missing."""
        del first
        return False

    def fell_back(self, last: int) -> None:
        """Count a repeat; the usual case pays nothing for it."""
        newest = self.newest
        if self._run_at == newest and self._run:
            self._run += 1
            self._run_id = max(self._run_id, last)
        else:
            self._run, self._run_at, self._run_id = 1, newest, last

    def _hole(self, first: int, last: int) -> Gap:
        del last
        return Gap(self.last, first, None)

    def _give_up(self, first: int) -> None:
        """Count all before this as told or said to be missing: no two gaps share an id."""
        del first  # ids say so themselves: `_move` takes the event's

    def _move(self, first: int, last: int, previous: int | None, final: bool) -> None:
        del first, previous, final
        self.last = last


class ContiguousTracker(Tracker):
    """Rules contiguous and range: `first` is the previous `last` + 1; ranges may overlap."""

    __slots__ = ("_may_skip_single",)

    def __init__(self, *, may_skip_single: bool = False) -> None:
        super().__init__()
        self._may_skip_single = may_skip_single

    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.observe`."""
        if first - 1 == self.last:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.judge`."""
        del previous, final
        if self.last is None or first - 1 == self.last:
            return NEW
        if last <= self.last:
            return REPEATED
        if first <= self.last:
            return OVERLAP
        return NEW if self.skips(first) else GAP

    def skips(self, first: int) -> bool:
        """Say whether exactly one id is missing before this one, and may be."""
        return self._may_skip_single and first - 2 == self.last

    def _hole(self, first: int, last: int) -> Gap:
        del last
        return Gap(self.last, first, None if self.last is None else first - self.last - 1)

    def _move(self, first: int, last: int, previous: int | None, final: bool) -> None:
        self.skipped += self.skips(first)
        super()._move(first, last, previous, final)


class ChainedTracker(Tracker):
    """Rule chained: `previous` is the previous `last`. Ids inside may be missing: never counted.

    An event with an earlier `previous` and a later `last` spans what was there and more: OVERLAP.
    One that names no `previous` proves nothing: GAP.
    """

    __slots__ = ()

    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.observe`."""
        if previous == self.last and previous is not None and last > previous:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.judge`."""
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

    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.observe`."""
        if self.last is not None and last > self.last:
            self.last = last
            return NEW
        return super().observe(first, last, previous, final)

    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.judge`."""
        del first, previous, final
        return NEW if self.last is None or last > self.last else REPEATED


class IdentityTracker(Tracker):
    """Rule identity: no ids, so that all of one leg is new; `last` is the newest time."""

    __slots__ = ()
    has_ids = False

    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.observe`."""
        del first, previous, final
        if self.last is None or last > self.last:
            self.last = last
        return NEW

    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.judge`."""
        del first, last, previous, final
        return NEW


class CandleTracker(Tracker):
    """Rule candle: `first` opens it, `last` is its last instant, `previous` its event time.

    A candle is told many times while it is open, and is complete when it was told closed: the next
    one opens an interval later. A candle that was never told closed is missing like one never told.
    """

    __slots__ = ("_newest", "running")

    def __init__(self) -> None:
        super().__init__()
        self.running: int | None = None  # open time of the candle that is not closed yet
        self._newest: int | None = None

    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.observe`."""
        newest = self._newest
        if first == self.running and not final and previous and newest and previous > newest:
            self._newest = previous
            return NEW
        return super().observe(first, last, previous, final)

    def judge(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Verdict:
        """See `Tracker.judge`."""
        if first == self.running:
            # The last word on a candle counts, even where another leg's clock is 1 ms behind.
            return NEW if final or self._is_newer(previous) else REPEATED
        if self._is_old(first):
            return REPEATED
        if self.running is not None:
            return GAP
        return NEW if self.last is None or self._follows(first, last) else GAP

    @property
    def newest(self) -> int | None:
        """Event time of the newest state told."""
        return self._newest

    @property
    def current(self) -> int | None:
        """Open time of the newest candle told, closed or not."""
        return self.last if self.running is None else self.running

    def reset(self, epoch: int) -> None:
        """See `Tracker.reset`."""
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

    def _hole(self, first: int, last: int) -> Gap:
        interval = last - first + 1
        if self.running is None:
            before = first if self.last is None else self.last
            return Gap(self.last, first, round((first - before) / interval) - 1)
        before = self.running - 1 if self.last is None else self.last
        return Gap(before, first, round((first - self.running) / interval))

    def _give_up(self, first: int) -> None:
        self.last = first - 1

    def _move(self, first: int, last: int, previous: int | None, final: bool) -> None:
        del last
        if previous is not None:
            self._newest = previous if self._newest is None else max(self._newest, previous)
        if final:
            self.last, self.running = first, None
        else:
            self.running = first


_RULES: dict[str, type[Tracker]] = {
    "range": ContiguousTracker,
    "chained": ChainedTracker,
    "increasing": IncreasingTracker,
    "candle": CandleTracker,
    "identity": IdentityTracker,
}


def tracker_for(row: Row) -> Tracker:
    """A tracker for one series of this row."""
    sequence = row.sequence
    if sequence.rule == "contiguous":
        return ContiguousTracker(may_skip_single=sequence.may_skip_single)
    return _RULES[sequence.rule]()


def span_fields(row: Row) -> tuple[str, str, str | None, str | None]:
    """The record fields that `observe` takes: first, last, previous, final; None: leave it out."""
    sequence = row.sequence
    if sequence.rule == "candle":
        return "open_time", "close_time", "event_time", "is_closed"
    if sequence.first is None or sequence.last is None:
        return row.record_time, row.record_time, None, None
    return sequence.first, sequence.last, sequence.previous, None
