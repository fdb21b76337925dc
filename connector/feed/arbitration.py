"""Several connections that deliver the same series: who of them speaks, and what waits. No I/O.

Used while connections hand over and for `connections: 2`; continuity/arbitration_rules.py decides.
"""

import time
from collections.abc import Callable, Iterable

from connector.continuity.arbitration_rules import Decision, FeedArbiter
from connector.continuity.gap_tracker import Series
from connector.continuity.sequence_rules import REPEATED, IdGap
from connector.feed.route import PendingEvent, Route, deliver_from, with_other_product

OVERLAP_S = (
    1.0  # subscribed for so long, a leg brings all that another one has not brought by its end
)
Publish = Callable[[PendingEvent, IdGap | None], None]


class Arbitration:
    """The series that more than one connection delivers.

    Args:
        publish: Publishes an event in its turn; told what is missing before it, if anything is.
        repeated: Takes note of a repeat.
        clock: Returns seconds; never the wall's, which steps: events would wait for long, or not.
    """

    def __init__(
        self,
        publish: Publish,
        repeated: Callable[[Series], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._repeated = repeated
        self._clock = clock
        self._waiting: dict[int, Series] = {}  # of which events wait for another leg

    def offer(self, merge: FeedArbiter[PendingEvent], one: PendingEvent, leg: int) -> None:
        """Let the legs decide what an event is, and publish what that settles."""
        decided = one.route.codec.offer(merge, leg, one.message, one, self._clock())
        self._settle(one.series, decided)

    def _settle(self, series: Series, decided: list[Decision[PendingEvent]]) -> None:
        for verdict, one, hole in decided:
            if verdict is REPEATED:
                self._repeated(series)
            else:
                self._publish(one, hole)
        if series.arbiter is not None and series.arbiter.waiting:
            self._waiting[id(series)] = series
        else:
            self._waiting.pop(id(series), None)

    @property
    def waiting(self) -> int:
        """Events that wait for another leg."""
        merges = [series.arbiter for series in self._waiting.values()]
        return sum(merge.waiting for merge in merges if merge is not None)

    def expire(self) -> None:
        """Publish what has waited long enough for another leg; call some times a second."""
        now = self._clock()
        for series in list(self._waiting.values()):
            if series.arbiter is not None:
                self._settle(series, series.arbiter.expire(now))

    def feed_opened(self, routes: Iterable[Route], leg: int) -> None:
        """Note that a connection delivers these streams from now on."""
        for way in _ways(routes):
            if leg in way.feeds:
                continue  # asked for once more: the first request was refused, or not answered
            way.feeds.append(leg)
            if len(way.feeds) > 1:
                for series in way.series.values():
                    deliver_from(series, way.feeds)

    @staticmethod
    def feed_confirmed(routes: Iterable[Route], leg: int, at: float) -> None:
        """Note that the exchange has acknowledged a connection's subscription to these streams."""
        for way in _ways(routes):
            if leg in way.feeds:
                way.confirmed_at[leg], way.moving_away = at, False

    @staticmethod
    def feed_distrusted(routes: Iterable[Route], leg: int) -> None:
        """Note that a connection brings none of these streams, whatever was acknowledged."""
        for way in _ways(routes):
            way.confirmed_at.pop(leg, None)

    @staticmethod
    def series_at_risk(route: Route, leg: int, at: float) -> list[Series]:
        """Return the series that may miss something should this leg end now, though others live.

        No other one had been subscribed for long enough, or has shown that it follows on.
        """
        return [
            series
            for way in with_other_product(route)
            if len(way.feeds) > 1
            and not any(
                it != leg and since + OVERLAP_S <= at for it, since in way.confirmed_at.items()
            )
            for series in way.series.values()
            if series.arbiter is None or not series.arbiter.has_successor(leg)
        ]

    def feed_closed(self, routes: Iterable[Route], leg: int) -> None:
        """Note that a connection delivers these streams no more."""
        for way in _ways(routes):
            if leg not in way.feeds:
                continue
            way.feeds.remove(leg)
            way.confirmed_at.pop(leg, None)
            for series in way.series.values():
                merge = series.arbiter
                if merge is not None:
                    self._settle(series, merge.feed_closed(leg, self._clock()))
                    series.arbiter = None if merge.idle else merge

    def release(self, series: Series) -> None:
        """Publish what waits for another leg: the ids of the series begin anew."""
        if series.arbiter is not None:
            self._settle(series, series.arbiter.reset())

    def may_close(self, routes: Iterable[Route], leg: int) -> bool:
        """Say whether nothing would be lost if this leg of a hand-over ended now."""
        return all(
            series.arbiter is None or series.arbiter.may_close(leg)
            for way in _ways(routes)
            for series in way.series.values()
        )

    # Suspects

    def suspect(self, routes: Iterable[Route]) -> None:
        """Note that those who bring these streams may do so no more, though nobody knows yet.

        Whoever delivers the next event of a series tells: if it is a connection that joins from
        now on, something may be missing before it.
        """
        for way in _ways(routes):
            for series in way.series.values():
                if not series.suspects:
                    series.suspects, series.suspected_after = tuple(way.feeds), series.last_id
                series.needs_check = True

    def clear_suspicion(self, routes: Iterable[Route]) -> None:
        """Note that nothing was wrong."""
        for way in _ways(routes):
            for series in way.series.values():
                series.suspects = ()

    def unexplained(self, routes: Iterable[Route], leg: int) -> list[Series]:
        """Return the series that only this suspect brought, and nobody since.

        Those whose ids tell by themselves whether anything is missing are left out.
        """
        every = (series for way in _ways(routes) for series in way.series.values())
        return [one for one in every if one.suspects == (leg,) and not one.ids_reveal_gaps]

    def delivered(self, route: Route, leg: int) -> int:
        """Return how many events of a stream a connection has delivered beside another one."""
        number = 0
        for way in with_other_product(route):
            for series in way.series.values():
                if series.arbiter is not None:
                    number += series.arbiter.delivered(leg)
        return number


def _ways(routes: Iterable[Route]) -> Iterable[Route]:
    return (way for route in routes for way in with_other_product(route))
