"""Two legs, one tracker: puts the events of several connections of one series in publishing order.

Used while more than one leg of a series is live: rotation, shutdown notices, suspects, changed
plans, redundancy. Pure: `now` is an argument, in seconds of any clock that only goes forward.

Each leg is in order in itself. What may wait does so for a short time and in a bounded number:

- contiguous, range, chained (`ChainMerge`): an event joins where the last one published ended. A
  jump waits until each live leg has gone past it. An overlap waits while the leg that published
  last is live and not past it, so that legs change where they are cut alike, if they ever are.
- increasing, identity (`NewestMerge`): a new leg is muted until it delivers what is published
  already, or no other leg is left, or the others fell silent; then the first arrival wins.
- candle (`CandleMerge`): the same for the states of one candle, and a candle that is not closed or
  was left out waits as a jump does.

Legs may stamp one event with times 1 ms apart: `skew` is what counts as the same time.
"""

from abc import ABC, abstractmethod
from bisect import insort
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from connector.binance.row import Row, SequenceRule
from connector.binance.sequence import (
    GAP,
    NEW,
    OVERLAP,
    REPEATED,
    CandleTracker,
    Gap,
    Tracker,
    Verdict,
    tracker_for,
)

WAIT_S = 0.5  # longest wait for another leg: some times the difference of two legs' delays
HOLD = 256  # most events that wait in one series

Item = TypeVar("Item")
Order = tuple[int, int]
Decided = tuple[Verdict, Item, Gap | None]


@dataclass(slots=True, eq=False)
class Leg:
    """One live connection of the series.

    Attributes:
        joined: It has delivered something that joins what is published, or came first.
        reached: The newest id it has delivered (of candles: open time); None before its first.
    """

    joined: bool
    reached: int | None = None


@dataclass(slots=True, eq=False)
class Held(Generic[Item]):
    """An event that waits, or is just being looked at."""

    leg: int
    first: int
    last: int
    previous: int | None
    final: bool
    item: Item
    arrived: float
    order: Order


class Merge(ABC, Generic[Item]):
    """The events of one series from all its live legs, in publishing order.

    Every item offered comes back exactly once, from whichever call decides it.

    Args:
        row: The series' catalogue row.
        tracker: The series' tracker; nobody else feeds it meanwhile.
        wait_s: Longest time that an event waits for another leg, in seconds.
        hold: Most events that wait.
        skew: How far apart two legs stamp the same event, in the unit of its times.
    """

    def __init__(
        self, row: Row, tracker: Tracker, wait_s: float = WAIT_S, hold: int = HOLD, skew: int = 1
    ) -> None:
        self.tracker = tracker
        self._rule = row.sequence.rule
        self._wait_s = wait_s
        self._most = hold
        self._skew = skew
        self._legs: dict[int, Leg] = {}
        self._speaker: int | None = None  # the leg that published last
        self._held: list[Held[Item]] = []

    @property
    def waiting(self) -> int:
        """Events that wait."""
        return len(self._held)

    @property
    def due(self) -> float | None:
        """When `expire` will have something to do; None while nothing waits."""
        if not self._held:
            return None
        return min(one.arrived for one in self._held) + self._wait_s

    @property
    def idle(self) -> bool:
        """Whether the tracker alone would do: at most one leg, and nothing waits."""
        return len(self._legs) <= 1 and not self._held

    def leg_opened(self, leg: int) -> None:
        """A connection will deliver this series from now on. The first one needs no joining."""
        self._legs.pop(leg, None)
        self._legs[leg] = Leg(joined=not self._legs)

    def leg_closed(self, leg: int, now: float) -> list[Decided[Item]]:
        """A connection delivers no more; returns what waited for it."""
        self._legs.pop(leg, None)
        if self._speaker == leg:
            self._speaker = None
        return self._settle(now)

    def may_close(self, leg: int) -> bool:
        """Whether closing this leg now would lose nothing and change nothing in the chain."""
        return any(one.joined for name, one in self._legs.items() if name != leg)

    def offer(
        self,
        leg: int,
        first: int,
        last: int,
        previous: int | None,
        item: Item,
        now: float,
        final: bool = True,
    ) -> list[Decided[Item]]:
        """Take an event of a leg; returns what is decided now, in publishing order.

        The ids are those of `Tracker.observe`. A REPEATED item is for the accounts only.
        """
        if leg not in self._legs:
            self.leg_opened(leg)
        state = self._legs[leg]
        reached = self._reach(first, last)
        if state.reached is None or reached > state.reached:
            state.reached = reached
        one = Held(leg, first, last, previous, final, item, now, self._order(first, last, previous))
        if not self._held:
            verdict = self._ready(one)
            if verdict is not None:
                return [self._take(one, verdict)]
        insort(self._held, one, key=_order_of)
        return self._settle(now)

    def expire(self, now: float) -> list[Decided[Item]]:
        """Return what has waited long enough, and what follows from it."""
        return self._settle(now) if self._held else []

    def reset(self, epoch: int) -> list[Decided[Item]]:
        """Begin the ids anew (see `Tracker.reset`); returns what waited under the old ones."""
        out = []
        while self._held:
            out.append(self._take(self._held[0], self._ready(self._held.pop(0))))
        self.tracker.reset(epoch)
        for leg in self._legs.values():
            leg.reached = None
        return out

    def _settle(self, now: float) -> list[Decided[Item]]:
        out: list[Decided[Item]] = []
        while self._held:
            position, verdict = self._first_ready()
            if verdict is None and not self._is_overdue(now):
                break
            out.append(self._take(self._held.pop(position), verdict))
        return out

    def _first_ready(self) -> tuple[int, Verdict | None]:
        """The first event that need not wait, or simply the first."""
        for position, one in enumerate(self._held):
            verdict = self._ready(one)
            if verdict is not None:
                return position, verdict
        return 0, None

    def _is_overdue(self, now: float) -> bool:
        if len(self._held) > self._most or self._is_passed():
            return True
        due = self.due
        return due is not None and due <= now

    def _take(self, one: Held[Item], verdict: Verdict | None) -> Decided[Item]:
        """Decide an event, waited for or no longer: feed the tracker, and note who spoke."""
        leg = self._legs.get(one.leg)
        if leg is not None:
            leg.joined = True
        if verdict is REPEATED:
            self.tracker.fell_back(one.last)
            return REPEATED, one.item, None
        real = self.tracker.observe(one.first, one.last, one.previous, one.final)
        self._speaker = None if leg is None else one.leg
        return real, one.item, self.tracker.gap if real is GAP else None

    def _all_beyond(self, edge: int) -> bool:
        """Whether each live leg has delivered something beyond this id; so with no leg at all."""
        return all(leg.reached is not None and leg.reached > edge for leg in self._legs.values())

    @abstractmethod
    def _ready(self, one: Held[Item]) -> Verdict | None:
        """What the event is to those published; None: it has to wait."""

    @abstractmethod
    def _is_passed(self) -> bool:
        """Whether no live leg can deliver any more what the first waiting event waits for."""

    @abstractmethod
    def _order(self, first: int, last: int, previous: int | None) -> Order:
        """Where an event stands among those that wait."""

    def _reach(self, first: int, last: int) -> int:
        del first
        return last


def _order_of(one: Held[Item]) -> Order:
    return one.order


class ChainMerge(Merge[Item]):
    """Rules contiguous, range and chained: each event spans what follows the end of another."""

    def may_close(self, leg: int) -> bool:
        """See `Merge.may_close`; a leg that published last is not closed for the sake of the cuts.

        Where legs are never cut alike that would be for ever: the caller has a deadline, and what
        comes then is an overlap.
        """
        cut_alike = self._rule == "contiguous" or self._speaker != leg
        return cut_alike and super().may_close(leg)

    def _ready(self, one: Held[Item]) -> Verdict | None:
        verdict = self.tracker.judge(one.first, one.last, one.previous)
        if verdict is REPEATED:
            return verdict
        if verdict is NEW:
            return None if self.tracker.skips(one.first) else verdict
        speaking = self._speaker is None or self._speaker == one.leg
        return verdict if verdict is OVERLAP and speaking else None

    def _is_passed(self) -> bool:
        last = self.tracker.last
        return last is None or self._all_beyond(last)

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        """By what it follows: the first one that waits leaves the smallest hole."""
        return (first - 1 if previous is None else previous), last


class NewestMerge(Merge[Item]):
    """Rules increasing and identity: what is newer than all before it is published."""

    def _ready(self, one: Held[Item]) -> Verdict | None:
        newest = self.tracker.newest
        if newest is None or one.leg == self._speaker:
            return self.tracker.judge(one.first, one.last)
        if one.last <= newest + self._slack():
            return REPEATED
        return NEW if self._may_speak(one.leg) else None

    def _slack(self) -> int:
        return 0 if self._rule == "increasing" else self._skew

    def _may_speak(self, leg: int) -> bool:
        state = self._legs.get(leg)
        if state is not None and state.joined:
            return True
        return not any(other.joined for other in self._legs.values())

    def _is_passed(self) -> bool:
        return False

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        del first, previous
        return last, 0


class CandleMerge(NewestMerge[Item]):
    """Rule candle: by open time and event time; the closing state is published once, always."""

    tracker: CandleTracker

    def _ready(self, one: Held[Item]) -> Verdict | None:
        verdict = self.tracker.judge(one.first, one.last, one.previous, one.final)
        if verdict is not NEW or one.leg == self._speaker or self.tracker.newest is None:
            return None if verdict is GAP else verdict
        same = one.first == self.tracker.running and not one.final and one.previous is not None
        if same and one.previous is not None and one.previous <= self.tracker.newest + self._skew:
            return REPEATED
        return NEW if self._may_speak(one.leg) else None

    def _is_passed(self) -> bool:
        current = self.tracker.current
        return current is None or self._all_beyond(current)

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        del last
        return first, previous or 0

    def _reach(self, first: int, last: int) -> int:
        del last
        return first


_RULES: dict[SequenceRule, type[Merge[Any]]] = {
    "contiguous": ChainMerge,
    "range": ChainMerge,
    "chained": ChainMerge,
    "increasing": NewestMerge,
    "candle": CandleMerge,
    "identity": NewestMerge,
}


def merge_for(
    row: Row,
    tracker: Tracker | None = None,
    wait_s: float = WAIT_S,
    hold: int = HOLD,
    skew: int = 1,
) -> Merge[Item]:
    """A merge for one series of this row, around the tracker it has; see `Merge`."""
    kind: type[Merge[Item]] = _RULES[row.sequence.rule]
    return kind(row, tracker or tracker_for(row), wait_s, hold, skew)
