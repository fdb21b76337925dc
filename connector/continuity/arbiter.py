"""What a merge is: the events of one series from all its live legs, put in publishing order.

The rules themselves, and what may wait, are in `handover`. Pure: `now` is an argument, in seconds
of any clock that only goes forward.
"""

from abc import ABC, abstractmethod
from bisect import insort
from dataclasses import dataclass
from typing import Generic, TypeVar

from connector.binance.catalogue.row import Row
from connector.continuity.tracker import GAP, REPEATED, IdGap, Tracker, Verdict

MAX_WAIT_S = 0.5  # longest wait for another leg: some times the difference of two legs' delays
MAX_HELD_EVENTS = 256  # most events that wait in one series

Item = TypeVar("Item")
Order = tuple[int, int]
Decision = tuple[Verdict, Item, IdGap | None]


@dataclass(slots=True, eq=False)
class Feed:
    """One live connection of the series.

    Attributes:
        caught_up: It has delivered something that joins what is published, or came first.
        reached: The newest id it has delivered (of candles: open time); None before its first.
        delivered: Events it has delivered, repeats included.
    """

    caught_up: bool
    reached: int | None = None
    delivered: int = 0


@dataclass(slots=True, eq=False)
class HeldEvent(Generic[Item]):
    """An event that waits, or is just being looked at."""

    feed: int
    first: int
    last: int
    previous: int | None
    final: bool
    item: Item
    arrived: float
    order: Order


class FeedArbiter(ABC, Generic[Item]):
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
        self,
        row: Row,
        tracker: Tracker,
        wait_s: float = MAX_WAIT_S,
        hold: int = MAX_HELD_EVENTS,
        skew: int = 1,
    ) -> None:
        self.tracker = tracker
        self._rule = row.sequence.rule
        self._wait_s = wait_s
        self._max_held = hold
        self._skew = skew
        self._feeds: dict[int, Feed] = {}
        self._leader: int | None = None  # the leg that published last
        self._held: list[HeldEvent[Item]] = []

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
        return len(self._feeds) <= 1 and not self._held

    def feed_opened(self, feed: int, leading: bool = False) -> None:
        """A connection will deliver this series from now on. The first one needs no joining.

        Args:
            feed: Its number, its own as long as it lives.
            leading: It is the one that fed the tracker until now.
        """
        self._feeds.pop(feed, None)
        self._feeds[feed] = Feed(caught_up=not self._feeds)
        if leading:
            self._leader = feed

    def feed_closed(self, feed: int, now: float) -> list[Decision[Item]]:
        """A connection delivers no more; returns what waited for it."""
        self._feeds.pop(feed, None)
        if self._leader == feed:
            self._leader = None
        return self._settle(now)

    def has_successor(self, feed: int) -> bool:
        """Whether another leg has delivered what joins what is published."""
        return any(one.caught_up for name, one in self._feeds.items() if name != feed)

    def may_close(self, feed: int) -> bool:
        """Whether closing this leg now would lose nothing and change nothing in the chain."""
        return self.has_successor(feed)

    def delivered(self, feed: int) -> int:
        """Return how many events a live leg has delivered since it was opened here."""
        return self._feeds[feed].delivered if feed in self._feeds else 0

    def offer(
        self,
        feed: int,
        first: int,
        last: int,
        previous: int | None,
        item: Item,
        now: float,
        final: bool = True,
    ) -> list[Decision[Item]]:
        """Take an event of a feed; returns what is decided now, in publishing order.

        The ids are those of `Tracker.observe`. A REPEATED item is for the accounts only. What a
        closed feed still delivers is taken too, but nobody waits for it.
        """
        state = self._feeds.get(feed)
        reached = self._reach(first, last)
        if state is not None:
            state.delivered += 1
            if state.reached is None or reached > state.reached:
                state.reached = reached
        one = HeldEvent(
            feed, first, last, previous, final, item, now, self._order(first, last, previous)
        )
        if not self._held:
            verdict = self._ready(one)
            if verdict is not None:
                return [self._take(one, verdict)]
        insort(self._held, one, key=_order_of)
        return self._settle(now)

    def expire(self, now: float) -> list[Decision[Item]]:
        """Return what has waited long enough, and what follows from it."""
        return self._settle(now) if self._held else []

    def reset(self) -> list[Decision[Item]]:
        """Have the tracker's ids begin anew next; returns what waited under the old ones."""
        out = []
        while self._held:
            out.append(self._take(self._held[0], self._ready(self._held.pop(0))))
        for leg in self._feeds.values():
            leg.reached = None
        return out

    def _settle(self, now: float) -> list[Decision[Item]]:
        out: list[Decision[Item]] = []
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
        if len(self._held) > self._max_held or self._is_passed():
            return True
        due = self.due
        return due is not None and due <= now

    def _take(self, one: HeldEvent[Item], verdict: Verdict | None) -> Decision[Item]:
        """Decide an event, waited for or no longer: feed the tracker, and note who spoke."""
        leg = self._feeds.get(one.feed)
        if leg is not None:
            leg.caught_up = True
        if verdict is REPEATED:
            self.tracker.note_repeat(one.first)
            return REPEATED, one.item, None
        real = self.tracker.observe(one.first, one.last, one.previous, one.final)
        self._leader = None if leg is None else one.feed
        return real, one.item, self.tracker.gap if real is GAP else None

    def _all_beyond(self, edge: int) -> bool:
        """Whether each live leg has delivered something beyond this id; so with no leg at all."""
        return all(leg.reached is not None and leg.reached > edge for leg in self._feeds.values())

    @abstractmethod
    def _ready(self, one: HeldEvent[Item]) -> Verdict | None:
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


def _order_of(one: HeldEvent[Item]) -> Order:
    return one.order
