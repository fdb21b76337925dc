"""The feeds that begin and end, and the gaps that they leave. No I/O.

A feed is one connection's delivery of a stream.
"""

from collections.abc import Iterable, Mapping

from connector.continuity.gap_tracker import GapTracker
from connector.continuity.marker import GapReason
from connector.continuity.series import Series
from connector.continuity.tracker import REPEATED
from connector.feed.arbitration import Decisions
from connector.feed.event_processor import EventProcessor
from connector.feed.route import Route


class FeedLifecycle:
    """Follows the feeds of all streams: closed, stale; opens the gaps they leave."""

    def __init__(self, processor: EventProcessor, gap_tracker: GapTracker) -> None:
        self._processor = processor
        self._arbitration = processor.arbitration
        self._gap_tracker = gap_tracker

    def close(self, routes: list[Route], feed: int, reason: GapReason, at: float) -> None:
        """Remove a feed and open the gaps that its end may leave.

        Such a gap lies behind the last event of this feed, and before the first one of any other.
        `at`: when it ended, in the seconds of the arbitration's clock.
        """
        for route in routes:
            at_risk = self._arbitration.series_at_risk(route, feed, at)
            last_ids = {series.name: series.last_id for series in at_risk}
            decisions = self._arbitration.feed_closed([route], feed)
            own, others = _split(decisions, feed) if route.feeds else (decisions, [])
            self._processor.publish_decided(own)
            last_ids |= _newest_ids(own)
            self._mark_closed(route, at_risk, last_ids, reason)
            self._processor.publish_decided(others)

    def _mark_closed(
        self,
        route: Route,
        at_risk: list[Series],
        last_ids: Mapping[str, int | None],
        reason: GapReason,
    ) -> None:
        if route.feeds:  # another connection delivers it; at the end of all, that one ends too
            if reason != "restart":
                for series in at_risk:
                    self._gap_tracker.open_after(series, reason, last_ids[series.name])
        elif reason == "restart" or (reason == "plan_changed" and not route.moving_away):
            self._gap_tracker.end_coverage(route.all_series(), reason)
        else:
            self._gap_tracker.suspect(route.all_series(), reason)

    def remove(self, routes: list[Route], feed: int) -> None:
        """Remove a feed that leaves no gap; publish what was held for it."""
        self._processor.publish_decided(self._arbitration.feed_closed(routes, feed))

    def mark_stale(self, routes: list[Route], feed: int) -> None:
        """Mark what may be missing of suspected streams that this stale feed alone delivered."""
        unexplained = self._arbitration.unexplained(routes, feed)
        self._gap_tracker.suspect(unexplained, "stale")
        for series in unexplained:
            series.suspects = ()

    def mark_dropped(self, routes: Iterable[Route]) -> None:
        """Mark that frames of these streams were dropped: the queue was full until now."""
        for route in routes:
            self._gap_tracker.suspect(route.all_series(), "overload")

    def reset(self, series: Series) -> None:
        """Begin the ids of a series anew, the held events of the old ones being published."""
        lowest_id = series.tracker.lowest_repeat
        self._processor.publish_decided(self._arbitration.release(series))
        self._gap_tracker.reset(series, lowest_id)


def _split(decisions: Decisions, feed: int) -> tuple[Decisions, Decisions]:
    """Return the decisions before, and from, each series' first event of another feed on."""
    taken_over: set[str] = set()
    own: Decisions = []
    others: Decisions = []
    for decision in decisions:
        event = decision.item
        if event.feed != feed and decision.verdict is not REPEATED:
            taken_over.add(event.series.name)
        (others if event.series.name in taken_over else own).append(decision)
    return own, others


def _newest_ids(decisions: Decisions) -> dict[str, int]:
    """Return the last id published of each series whose events end with one."""
    events = [decision.item for decision in decisions if decision.verdict is not REPEATED]
    rules = ("identity", "candle")  # their events end with a time
    with_ids = (event for event in events if event.route.stream.row.sequence.rule not in rules)
    return {event.series.name: event.route.codec.span(event.message)[1] for event in with_ids}
