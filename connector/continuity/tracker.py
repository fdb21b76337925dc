"""What every sequence tracker has in common: verdicts, id gaps, and the count of repeats.

A tracker is given the ids of each event of one series and returns what the event is to those before
it. The rules are in sequence_rules.py.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What an event is to the events of its series before it.

    NEW: publish it. REPEATED: it holds nothing new. OVERLAP: part of it was published before, and
    nothing is missing: publish it. GAP: publish it, and something is missing before it.
    """

    NEW = "new"
    REPEATED = "repeated"
    OVERLAP = "overlap"
    GAP = "gap"


OptId = int | None
# Module names: an attribute of an Enum costs as much as all the rest of the usual case.
NEW, REPEATED, OVERLAP, GAP = Verdict.NEW, Verdict.REPEATED, Verdict.OVERLAP, Verdict.GAP


@dataclass(frozen=True, slots=True)
class IdGap:
    """Ids that are missing between two events; neither edge is missing."""

    before_id: OptId  # None: nothing was published before, or its id is unknown
    after_id: OptId  # None: ids reveal nothing
    missing: int | None  # ids (of candles: candles) that lie between; None: unknown


class Tracker(ABC):
    """The ids of one series so far.

    `last` is the last id seen; of candles the open time of the last closed one, or after a gap the
    end of the last missing one; without ids the newest time; None before the first event.
    """

    __slots__ = ("_lowest_repeat", "_repeats", "_repeats_at", "epoch", "gap", "last")
    has_ids = True  # `last` is an id that readers of the topic know

    def __init__(self) -> None:
        self.last: OptId = None
        self.epoch = 0  # how often the ids have begun anew
        self.gap: IdGap | None = None  # the newest one; set by `observe` when it returns GAP
        self._repeats = self._lowest_repeat = 0
        self._repeats_at: int | None = None  # `newest` when they were counted

    def observe(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        """Judge an event and count it as seen, whatever becomes of its record.

        Args:
            first, last: First and last id of the event; see `Row.span_fields`.
            previous: Last id of the event before; of a candle, its event time.
            final: Of a candle: whether it is closed.
        """
        verdict = self.judge(first, last, previous, final)
        if verdict is REPEATED:
            self.note_repeat(first)
            return verdict
        if verdict is GAP:
            self.gap = self._gap_before(first, last)
            self.last = first - 1  # all before is missing or seen: no two gaps share an id
        self._advance(first, last, previous, final)
        return verdict

    @abstractmethod
    def judge(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        """Return what an event would be, and change nothing. Arguments as of `observe`."""

    def restore(self, last: OptId, epoch: int = 0) -> None:
        """Go on behind the last id that an earlier process stored."""
        self.reset(epoch)
        self.last = last

    def reset(self, epoch: int) -> None:
        """Begin anew: the next event is the first of this id epoch, whatever its id."""
        self.last = self._repeats_at = None
        self.epoch = epoch
        self._repeats = 0

    @property
    def newest(self) -> OptId:
        """A number that grows with every event that is not a repeat; None before the first."""
        return self.last

    @property
    def repeats_in_a_row(self) -> int:
        """Repeats since the last event that was none; many if the ids have begun anew."""
        return self._repeats if self._repeats_at == self.newest else 0

    @property
    def lowest_repeat(self) -> int | None:
        """Lowest id of `repeats_in_a_row`: what is missing begins here if ids began anew."""
        return self._lowest_repeat if self.repeats_in_a_row else None

    def note_repeat(self, first: int) -> None:
        """Count a repeat; an event that is none pays nothing for it."""
        newest = self.newest
        if self._repeats_at == newest and self._repeats:
            self._repeats += 1
            self._lowest_repeat = min(self._lowest_repeat, first)
        else:
            self._repeats, self._repeats_at, self._lowest_repeat = 1, newest, first

    def _gap_before(self, first: int, last: int) -> IdGap:
        del last
        return IdGap(self.last, first, None)

    def _advance(self, first: int, last: int, previous: OptId, final: bool) -> None:
        del first, previous, final
        self.last = last
