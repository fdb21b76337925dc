"""What a tracker is: told the ids of each event of one series, it says what it is to those before.

The rules themselves are in `sequence`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import Enum


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
class IdGap:
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

    def between(self, before_time: int | None, after_time: int | None) -> "IdGap":
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
        self.gap: IdGap | None = None
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
            self.note_repeat(first)
            return verdict
        if verdict is GAP:
            self.gap = self._gap_before(first, last)
            self._close_open_candle(first)
        self._advance(first, last, previous, final)
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
    def repeats_in_a_row(self) -> int:
        """Repeats since the last event that was none. Many, while legs agree: `ids_reset`?"""
        return self._run if self._run_at == self.newest else 0

    @property
    def lowest_repeat(self) -> int | None:
        """The lowest id among those `behind`: if the ids began anew, what follows it is missing."""
        return self._run_id if self.repeats_in_a_row else None

    def is_tolerated_skip(self, first: int) -> bool:
        """Say whether an event would be NEW only because single ids may be missing."""
        del first
        return False

    def last_tolerated_skip(self) -> IdGap | None:
        """Return the hole that the newest event left as one that may be; it is missing from now on.

        For those who know better: after a break of the connection nothing is left out as normal.
        """
        return None

    def note_repeat(self, first: int) -> None:
        """Count a repeat; the usual case pays nothing for it."""
        newest = self.newest
        if self._run_at == newest and self._run:
            self._run += 1
            self._run_id = min(self._run_id, first)
        else:
            self._run, self._run_at, self._run_id = 1, newest, first

    def _gap_before(self, first: int, last: int) -> IdGap:
        del last
        return IdGap(self.last, first, None)

    def _close_open_candle(self, first: int) -> None:
        """Count all before this as told or said to be missing: no two gaps share an id."""
        del first  # ids say so themselves: `_move` takes the event's

    def _advance(self, first: int, last: int, previous: int | None, final: bool) -> None:
        del first, previous, final
        self.last = last
