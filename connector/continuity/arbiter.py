"""Feed arbitration: the events of one series from several connections, put in publishing order.

The rules are in `arbitration_rules`. Pure: callers pass `now`, monotonic seconds.
"""

from abc import ABC, abstractmethod
from bisect import insort
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from connector.binance.catalogue.row import Row
from connector.continuity.tracker import GAP, REPEATED, IdGap, Tracker, Verdict

Item = TypeVar("Item")
Order = tuple[int, int]


class Decision(NamedTuple, Generic[Item]):
    """What becomes of one event."""

    verdict: Verdict  # REPEATED: it is not published, only counted; else it is published now
    item: Item  # as offered
    gap: IdGap | None  # the ids missing before it (verdict GAP); None: none are


@dataclass(slots=True, eq=False)
class Feed:
    """One connection's delivery of the series."""

    caught_up: bool  # it was the first feed, or has delivered what follows the events published
    reached: int | None = None  # the newest id it has delivered (of candles: open time)
    delivered: int = 0  # events, repeats included


@dataclass(slots=True, eq=False)
class HeldEvent(Generic[Item]):
    """An event that is held, or about to be decided. Its ids are those of `Tracker.observe`."""

    feed: int  # id of the connection that delivered it
    first: int
    last: int
    previous: int | None
    final: bool
    item: Item
    arrived: float  # when it was offered, in the clock's seconds
    order: Order  # sorts the held events


class FeedArbiter(ABC, Generic[Item]):
    """Puts the events of one series from all its feeds in publishing order.

    Every item offered comes back in exactly one decision, from whichever call makes it.

    Args:
        row: The series' catalogue row.
        tracker: The series' tracker; the arbiter alone calls its `observe` meanwhile.
        wait_s: Longest time an event is held for another feed, in seconds.
        hold: Most events that are held.
        skew: How far apart two feeds stamp the same event, in the unit of its times.
    """

    def __init__(self, row: Row, tracker: Tracker, wait_s: float, hold: int, skew: int) -> None:
        self.tracker = tracker
        self._rule = row.sequence.rule
        self._wait_s = wait_s
        self._max_held = hold
        self._skew = skew
        self._feeds: dict[int, Feed] = {}
        self._leader: int | None = None  # the feed whose event was published last
        self._held: list[HeldEvent[Item]] = []

    @property
    def held(self) -> int:
        """Events that are held."""
        return len(self._held)

    @property
    def due(self) -> float | None:
        """When `expire` will have something to decide; None while nothing is held."""
        return min((event.arrived + self._wait_s for event in self._held), default=None)

    @property
    def idle(self) -> bool:
        """Whether the tracker alone is enough: at most one feed, and nothing is held."""
        return len(self._feeds) <= 1 and not self._held

    def feed_opened(self, feed: int, leading: bool = False) -> None:
        """Add a feed, the first one as caught up.

        `leading`: the events that the tracker has observed so far came from it.
        """
        self._feeds.pop(feed, None)
        self._feeds[feed] = Feed(caught_up=not self._feeds)
        if leading:
            self._leader = feed

    def feed_closed(self, feed: int, now: float) -> list[Decision[Item]]:
        """Remove a feed; returns what was held for it."""
        self._feeds.pop(feed, None)
        if self._leader == feed:
            self._leader = None
        return self.expire(now)

    def has_successor(self, feed: int) -> bool:
        """Return whether another feed has caught up."""
        return any(other.caught_up for name, other in self._feeds.items() if name != feed)

    def may_close(self, feed: int) -> bool:
        """Return whether nothing is lost, and no chain of ids broken, if this feed closes now."""
        return self.has_successor(feed)

    def delivered(self, feed: int) -> int:
        """Return how many events a feed has delivered since it was added; 0 if it is closed."""
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
        """Take an event of a feed, even of a closed one; return what is decided now, in order.

        `first`, `last`, `previous` and `final` are those of `Tracker.observe`; `item` comes back in
        a decision.
        """
        state = self._feeds.get(feed)
        reached = self._reach(first, last)
        if state is not None:
            state.delivered += 1
            if state.reached is None or reached > state.reached:
                state.reached = reached
        order = self._order(first, last, previous)
        event = HeldEvent(feed, first, last, previous, final, item, now, order)
        if not self._held and (verdict := self._ready(event)) is not None:
            return [self._take(event, verdict)]
        insort(self._held, event, key=attrgetter("order"))
        return self.expire(now)

    def reset(self) -> list[Decision[Item]]:
        """Prepare for ids that begin anew; returns all that is held, of the old ids."""
        held, self._held = self._held, []
        decisions = [self._take(event, self._ready(event)) for event in held]
        for feed in self._feeds.values():
            feed.reached = None
        return decisions

    def expire(self, now: float) -> list[Decision[Item]]:
        """Return what can be decided, or has been held long enough, and what can be after it."""
        decisions: list[Decision[Item]] = []
        while self._held:
            position, verdict = self._first_ready()
            if verdict is None and not self._is_overdue(now):
                break
            decisions.append(self._take(self._held.pop(position), verdict))
        return decisions

    def _first_ready(self) -> tuple[int, Verdict | None]:
        """Return position and verdict of the first event that can be decided; else (0, None)."""
        for position, event in enumerate(self._held):
            if (verdict := self._ready(event)) is not None:
                return position, verdict
        return 0, None

    def _is_overdue(self, now: float) -> bool:
        if len(self._held) > self._max_held or self._is_passed():
            return True
        due = self.due
        return due is not None and due <= now

    def _take(self, event: HeldEvent[Item], verdict: Verdict | None) -> Decision[Item]:
        """Decide an event, ready or overdue (verdict None), and have the tracker observe it."""
        feed = self._feeds.get(event.feed)
        if feed is not None:
            feed.caught_up = True
        if verdict is REPEATED:
            self.tracker.note_repeat(event.first)
            return Decision(REPEATED, event.item, None)
        observed = self.tracker.observe(event.first, event.last, event.previous, event.final)
        self._leader = None if feed is None else event.feed
        return Decision(observed, event.item, self.tracker.gap if observed is GAP else None)

    def _all_beyond(self, edge: int) -> bool:
        """Return whether every feed has delivered something newer than this id."""
        reached = (feed.reached for feed in self._feeds.values())
        return all(newest is not None and newest > edge for newest in reached)

    @abstractmethod
    def _ready(self, event: HeldEvent[Item]) -> Verdict | None:
        """Return what the event is to those published; None: it must be held."""

    @abstractmethod
    def _is_passed(self) -> bool:
        """Return whether no feed can still deliver what the first held event is held for."""

    @abstractmethod
    def _order(self, first: int, last: int, previous: int | None) -> Order:
        """Return what sorts an event among the held ones."""

    def _reach(self, first: int, last: int) -> int:
        """Return the id that a feed has reached with an event."""
        del first
        return last
