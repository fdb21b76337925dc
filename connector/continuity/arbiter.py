"""Feed arbitration: the events of one series from several connections, put in publishing order.

The rules are in `arbitration_rules`. Pure: callers pass `now`, monotonic seconds.
"""

from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from connector.binance.catalogue.row import Row
from connector.continuity.tracker import GAP, REPEATED, IdGap, Tracker, Verdict

MAX_LAG_S = 2.0  # a feed that owes an event of another one for longer has fallen silent
LISTEN_S = 5.0  # a feed is listened to for so long before its silence proves that nothing happened
Item = TypeVar("Item")
Order = tuple[int, int]


class Decision(NamedTuple, Generic[Item]):
    """What becomes of one event."""

    verdict: Verdict  # REPEATED: it is not published, only counted; else it is published now
    item: Item  # as offered
    gap: IdGap | None  # the ids missing before it (verdict GAP); None: none are


@dataclass(slots=True, eq=False)
class Feed:
    """One connection's delivery of the series. Times are the clock's seconds."""

    caught_up: bool  # it has delivered what is published, or what follows it
    reached: int | None = None  # the newest id it has delivered (of candles: open time)
    delivered: int = 0  # events, repeats included
    delivered_at: float | None = None  # when it delivered last
    owes_since: float | None = None  # another feed has delivered something newer since then
    leaving: bool = False  # it is about to be closed, and relieves no other


@dataclass(slots=True, eq=False)
class HeldEvent(Generic[Item]):
    """An event that is held, or about to be decided. Its ids are those of `Tracker.observe`."""

    feed: int  # id of the connection that delivered it
    first: int
    last: int
    previous: int | None
    final: bool
    item: Item
    arrived: float  # when it was offered, in the clock's seconds; later by each stall since
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
        self._slack = skew if self._rule == "identity" else 0  # of times that tell events apart
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
        """Add a feed.

        `leading`: the events that the tracker has observed last came from it.
        """
        self._feeds.pop(feed, None)
        self._feeds[feed] = Feed(leading, self._published if leading else None)
        if leading:
            self._leader = feed

    def feed_closed(self, feed: int) -> list[Decision[Item]]:
        """Remove a feed; returns what was held for it."""
        self._feeds.pop(feed, None)
        if self._leader == feed:
            self._leader = None
        return self._decide(None)

    def feed_leaves(self, feed: int) -> None:
        """Note that a feed will be closed: no other one may end because this one takes over."""
        if feed in self._feeds:
            self._feeds[feed].leaving = True

    def feed_distrusted(self, feed: int) -> None:
        """Note that a feed delivers nothing: it has to catch up anew."""
        if feed in self._feeds:
            self._feeds[feed].caught_up = False

    def is_relieved(self, feed: int, now: float, listening: Mapping[int, float]) -> bool:
        """Return whether nothing is lost if this feed ends now: another one has taken over.

        Either another one has caught up and owes nothing for long, or it has been listened to for
        LISTEN_S, and no feed has delivered anything meanwhile.

        Args:
            feed: The feed that ends.
            now: The clock's seconds.
            listening: Feed -> since when its subscription is known to be listened to.
        """
        for name, other in self._feeds.items():
            if name == feed or other.leaving:
                continue
            if other.caught_up:
                relieves = other.owes_since is None or now - other.owes_since <= MAX_LAG_S
            else:
                relieves = self._is_quiet_since(listening.get(name, now), now)
            if relieves:
                return True
        return False

    def _is_quiet_since(self, since: float, now: float) -> bool:
        times = (feed.delivered_at for feed in self._feeds.values())
        is_quiet = all(at is None or at < since for at in times)
        return is_quiet and now - since >= LISTEN_S

    def may_close(self, feed: int, now: float, listening: Mapping[int, float]) -> bool:
        """Return whether nothing is lost, and no chain of ids broken, if this feed closes now.

        Arguments as of `is_relieved`.
        """
        return self.is_relieved(feed, now, listening)

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

        What is held too long is left to `expire`: what it waits for may have been read already.
        `first`, `last`, `previous` and `final` are those of `Tracker.observe`; `item` comes back in
        a decision.
        """
        state = self._feeds.get(feed)
        if state is not None:
            self._note_delivery(state, self._reach(first, last), now)
        order = self._order(first, last, previous)
        event = HeldEvent(feed, first, last, previous, final, item, now, order)
        if not self._held and (verdict := self._ready(event)) is not None:
            return [self._take(event, verdict)]
        insort(self._held, event, key=attrgetter("order"))
        return self._decide(None)

    def _note_delivery(self, feed: Feed, reached: int, now: float) -> None:
        """Note how far a feed has come, and which feeds owe that from now on."""
        feed.delivered += 1
        feed.delivered_at = now
        if feed.reached is not None and reached <= feed.reached:
            return
        feed.reached, feed.owes_since = reached, None
        newer = reached - self._slack
        for other in self._feeds.values():
            if other.owes_since is None and (other.reached is None or other.reached < newer):
                other.owes_since = now

    def reset(self) -> list[Decision[Item]]:
        """Prepare for ids that begin anew; returns all that is held, of the old ids."""
        held, self._held = self._held, []
        decisions = [self._take(event, self._ready(event)) for event in held]
        for feed in self._feeds.values():
            feed.reached = feed.owes_since = None
        return decisions

    def expire(self, now: float) -> list[Decision[Item]]:
        """Return what has been held long enough, and what can be decided after it."""
        return self._decide(now)

    def postpone(self, seconds: float, before: float) -> None:
        """Hold what had arrived before a time for so much longer: nothing was read since then."""
        for event in self._held:
            if event.arrived <= before:
                event.arrived += seconds

    def _decide(self, now: float | None) -> list[Decision[Item]]:
        """Return what can be decided; `now`: also what has been held too long."""
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

    def _is_overdue(self, now: float | None) -> bool:
        if len(self._held) > self._max_held or self._is_passed():
            return True
        due = self.due
        return now is not None and due is not None and due <= now

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

    @property
    def _published(self) -> int | None:
        """The newest id published, as `_reach` counts."""
        return self.tracker.last

    def _reach(self, first: int, last: int) -> int:
        """Return the id that a feed has reached with an event."""
        del first
        return last
