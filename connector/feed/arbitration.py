"""Streams that several connections deliver: the feeds and the held events. No I/O.

Used while connections hand over and for `connections: 2`. continuity/arbitration_rules.py decides;
the caller publishes what is decided.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from connector.continuity.arbiter import LISTEN_S, Decision, FeedArbiter
from connector.continuity.series import Series
from connector.feed.route import PendingEvent, Route, deliver_from, with_other_product

Decisions = list[Decision[PendingEvent]]
# Monotonic seconds; the wall's may step, and events would be held too long or too short.
Clock = Callable[[], float]
# Between two looks at what is held; a longer pause (a commit, a busy machine) is a stall, in which
# nothing was read that a held event waits for.
MAX_LOOK_INTERVAL_S = 0.05


class Arbitration:
    """The feeds of every stream. A feed is one connection's delivery of it, named by its id.

    Attributes:
        unheard: Connections that have delivered nothing of any stream yet.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.unheard: set[int] = set()
        self._heard_at: dict[int, float] = {}  # connection -> when it delivered first
        self._routes: Counter[int] = Counter()  # connection -> routes that it is a feed of
        self._holding: dict[int, Series] = {}  # the series whose events are held, by identity
        self._looked_at = clock()

    def now(self) -> float:
        """Return the time by its clock, in seconds."""
        return self._clock()

    def offer(self, arbiter: FeedArbiter[PendingEvent], event: PendingEvent) -> Decisions:
        """Take an event of a series with several feeds; returns what is decided now, in order."""
        offer = event.route.codec.offer
        decisions = offer(arbiter, event.feed, event.message, event, self._clock())
        self._note_held(event.series)
        return decisions

    def _note_held(self, series: Series) -> None:
        if series.arbiter is not None and series.arbiter.held:
            self._holding[id(series)] = series
        else:
            self._holding.pop(id(series), None)

    @property
    def held(self) -> int:
        """Events that are held for another feed."""
        return sum(arbiter.held for arbiter in _arbiters(self._holding.values()))

    def expire(self) -> Decisions:
        """Return what has been held long enough; call it every few milliseconds, held or not.

        Only time counts in which what is read was offered, too.
        """
        now, looked_at = self._clock(), self._looked_at
        stall_s = now - looked_at - MAX_LOOK_INTERVAL_S
        self._looked_at = now
        decisions: Decisions = []
        for series in list(self._holding.values()):
            if series.arbiter is not None:
                if stall_s > 0.0:
                    series.arbiter.postpone(stall_s, looked_at)
                decisions += series.arbiter.expire(now)
                self._note_held(series)
        return decisions

    def feed_opened(self, routes: Iterable[Route], feed: int) -> None:
        """Add a feed to these streams."""
        for route in _with_other_products(routes):
            if feed in route.feeds:
                continue  # subscribed once more: the first request was refused, or not answered
            route.feeds.append(feed)
            self._routes[feed] += 1
            if feed not in self._heard_at:
                self.unheard.add(feed)
            if len(route.feeds) > 1:
                for series in route.series.values():
                    deliver_from(series, route.feeds)

    @staticmethod
    def feed_confirmed(routes: Iterable[Route], feed: int, at: float) -> None:
        """Note when the exchange acknowledged the subscriptions: events may come since then."""
        for route in _with_other_products(routes):
            if feed in route.feeds:
                route.confirmed_at[feed], route.moving_away = at, False

    def feed_heard(self, feed: int) -> None:
        """Note that a connection has delivered something for the first time."""
        self.unheard.discard(feed)
        self._heard_at[feed] = self._clock()

    @staticmethod
    def feed_distrusted(routes: Iterable[Route], feed: int) -> None:
        """Note that a feed brings nothing, although the exchange has acknowledged it."""
        for route in _with_other_products(routes):
            route.confirmed_at.pop(feed, None)
            for series in route.series.values():
                if series.arbiter is not None:
                    series.arbiter.feed_distrusted(feed)

    def _listening(self, route: Route) -> dict[int, float]:
        """Return since when each feed of a route is known to be listened to.

        An acknowledgement proves nothing: its connection must have delivered something, or had
        LISTEN_S to do so.
        """
        return {
            feed: max(since, self._heard_at.get(feed, since + LISTEN_S))
            for feed, since in route.confirmed_at.items()
        }

    def series_at_risk(self, route: Route, feed: int, now: float) -> list[Series]:
        """Return the series that may lose events if this feed ends, while others live.

        `now`: when it ends, in the clock's seconds; all that was read before has been offered.
        """
        at_risk: list[Series] = []
        for each in with_other_product(route):
            listening = self._listening(each)
            at_risk += (
                series
                for series in each.series.values()
                if series.arbiter is not None
                and not series.arbiter.is_relieved(feed, now, listening)
            )
        return at_risk

    def is_relieved(self, routes: Iterable[Route], feed: int) -> bool:
        """Return whether nothing would be missing if this feed of a hand-over ended now."""
        now = self._clock()
        return not any(self.series_at_risk(route, feed, now) for route in routes)

    def has_confirmed(self, route: Route, feeds: Iterable[int], seconds: float) -> bool:
        """Return whether one of these feeds was acknowledged so long ago, or longer."""
        since = [route.confirmed_at[feed] for feed in feeds if feed in route.confirmed_at]
        return bool(since) and min(since) + seconds <= self._clock()

    def feed_closed(self, routes: Iterable[Route], feed: int) -> Decisions:
        """Remove a feed from these streams; returns what was held for it."""
        decisions: Decisions = []
        for route in _with_other_products(routes):
            if feed not in route.feeds:
                continue
            route.feeds.remove(feed)
            route.confirmed_at.pop(feed, None)
            self._forget(feed)
            for series in route.series.values():
                if (arbiter := series.arbiter) is not None:
                    decisions += arbiter.feed_closed(feed)
                    if arbiter.idle:
                        series.arbiter = None
                    self._note_held(series)
        return decisions

    def _forget(self, feed: int) -> None:
        """Note that a connection is a feed of one route less."""
        self._routes[feed] -= 1
        if self._routes[feed] <= 0:
            del self._routes[feed]
            self.unheard.discard(feed)
            self._heard_at.pop(feed, None)

    def release(self, series: Series) -> Decisions:
        """Return all that is held of a series: its ids begin anew."""
        if series.arbiter is None:
            return []
        decisions = series.arbiter.reset()
        self._note_held(series)
        return decisions

    def may_close(self, routes: Iterable[Route], feed: int) -> bool:
        """Return whether this feed of a hand-over may end: nothing missing, no overlap.

        True: it counts as leaving, and relieves no other feed any more: close it.
        """
        now = self._clock()
        arbiters = [
            (series.arbiter, route)
            for route in _with_other_products(routes)
            for series in route.series.values()
            if series.arbiter is not None
        ]
        for arbiter, route in arbiters:
            if not arbiter.may_close(feed, now, self._listening(route)):
                return False
        for arbiter, _ in arbiters:
            arbiter.feed_leaves(feed)
        return True

    def suspect(self, routes: Iterable[Route]) -> None:
        """Note that the present feeds of these streams may be stale.

        The next event of a series decides: if a feed opened later brings it, something may be
        missing before it.
        """
        for route in _with_other_products(routes):
            for series in route.series.values():
                if not series.suspects:
                    series.suspects, series.suspected_after = tuple(route.feeds), series.last_id
                series.needs_check = True

    def clear_suspicion(self, routes: Iterable[Route]) -> None:
        """Note that the feeds of these streams are not stale."""
        for series in _all_series(routes):
            series.suspects = ()

    def unexplained(self, routes: Iterable[Route], feed: int) -> list[Series]:
        """Return the suspected series that only this feed delivered and whose ids reveal no gap."""
        suspected = (series for series in _all_series(routes) if series.suspects == (feed,))
        return [series for series in suspected if not series.ids_reveal_gaps]

    def delivered(self, route: Route, feed: int) -> int:
        """Return how many events of a stream a feed has delivered while there were several."""
        return sum(arbiter.delivered(feed) for arbiter in _arbiters(route.all_series()))


def _with_other_products(routes: Iterable[Route]) -> Iterable[Route]:
    return (each for route in routes for each in with_other_product(route))


def _all_series(routes: Iterable[Route]) -> Iterable[Series]:
    return (series for route in routes for series in route.all_series())


def _arbiters(all_series: Iterable[Series]) -> Iterable[FeedArbiter[PendingEvent]]:
    return (series.arbiter for series in all_series if series.arbiter is not None)
