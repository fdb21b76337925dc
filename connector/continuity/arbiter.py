"""What a merge is: the events of one series from all its live legs, put in publishing order.

The rules themselves, and what may wait, are in `handover`. Pure: `now` is an argument, in seconds
of any clock that only goes forward.
"""

from abc import ABC, abstractmethod
from bisect import insort
from dataclasses import dataclass
from typing import Generic, TypeVar

from connector.binance.catalogue.row import Row
from connector.continuity.tracker import GAP, REPEATED, Gap, Tracker, Verdict

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
        delivered: Events it has delivered, repeats included.
    """

    joined: bool
    reached: int | None = None
    delivered: int = 0


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

    def leg_opened(self, leg: int, speaking: bool = False) -> None:
        """A connection will deliver this series from now on. The first one needs no joining.

        Args:
            leg: Its number, its own as long as it lives.
            speaking: It is the one that fed the tracker until now.
        """
        self._legs.pop(leg, None)
        self._legs[leg] = Leg(joined=not self._legs)
        if speaking:
            self._speaker = leg

    def leg_closed(self, leg: int, now: float) -> list[Decided[Item]]:
        """A connection delivers no more; returns what waited for it."""
        self._legs.pop(leg, None)
        if self._speaker == leg:
            self._speaker = None
        return self._settle(now)

    def relieved(self, leg: int) -> bool:
        """Whether another leg has delivered what joins what is published."""
        return any(one.joined for name, one in self._legs.items() if name != leg)

    def may_close(self, leg: int) -> bool:
        """Whether closing this leg now would lose nothing and change nothing in the chain."""
        return self.relieved(leg)

    def delivered(self, leg: int) -> int:
        """Return how many events a live leg has delivered since it was opened here."""
        return self._legs[leg].delivered if leg in self._legs else 0

    def offer(
        self,
        feed: int,
        first: int,
        last: int,
        previous: int | None,
        item: Item,
        now: float,
        final: bool = True,
    ) -> list[Decided[Item]]:
        """Take an event of a feed; returns what is decided now, in publishing order.

        The ids are those of `Tracker.observe`. A REPEATED item is for the accounts only. What a
        closed feed still delivers is taken too, but nobody waits for it.
        """
        state = self._legs.get(feed)
        reached = self._reach(first, last)
        if state is not None:
            state.delivered += 1
            if state.reached is None or reached > state.reached:
                state.reached = reached
        one = Held(
            feed, first, last, previous, final, item, now, self._order(first, last, previous)
        )
        if not self._held:
            verdict = self._ready(one)
            if verdict is not None:
                return [self._take(one, verdict)]
        insort(self._held, one, key=_order_of)
        return self._settle(now)

    def expire(self, now: float) -> list[Decided[Item]]:
        """Return what has waited long enough, and what follows from it."""
        return self._settle(now) if self._held else []

    def reset(self) -> list[Decided[Item]]:
        """Have the tracker's ids begin anew next; returns what waited under the old ones."""
        out = []
        while self._held:
            out.append(self._take(self._held[0], self._ready(self._held.pop(0))))
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
            self.tracker.fell_back(one.first)
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
