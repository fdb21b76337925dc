"""The feeds that begin and end, and the gaps that they leave. No I/O.

A feed is one connection's delivery of a stream.
"""

from collections.abc import Iterable

from connector.continuity.gap_tracker import GapTracker
from connector.continuity.marker import GapReason
from connector.continuity.series import Series
from connector.feed.event_processor import EventProcessor
from connector.feed.route import Route


class FeedLifecycle:
    """Follows the feeds of all streams: confirmed, closed, stale; opens the gaps they leave."""

    def __init__(self, processor: EventProcessor, gap_tracker: GapTracker) -> None:
        self._processor = processor
        self._arbitration = processor.arbitration
        self._gap_tracker = gap_tracker

    def confirm(self, routes: list[Route], feed: int, at: float, now_ms: int) -> None:
        """Take an acknowledged subscription: what was missing of these streams ends here."""
        self._arbitration.feed_confirmed(routes, feed, at)
        for route in routes:
            self._gap_tracker.confirm(route.all_series(), now_ms)

    def close(
        self, routes: list[Route], feed: int, reason: GapReason, at: float, now_ms: int
    ) -> None:
        """Remove a feed and open the gaps that its end may leave."""
        for route in routes:
            at_risk = self._arbitration.series_at_risk(route, feed, at)
            self.remove([route], feed)
            self._mark_closed(route, at_risk, reason, now_ms)

    def _mark_closed(
        self, route: Route, at_risk: list[Series], reason: GapReason, now_ms: int
    ) -> None:
        if route.feeds:  # another connection delivers it; at the end of all, that one ends too
            if reason == "restart":
                return
            suspects = self._gap_tracker.suspect(at_risk, reason)
            if route.confirmed_at:
                self._gap_tracker.confirm(suspects, now_ms)
        elif reason == "restart" or (reason == "plan_changed" and not route.moving_away):
            self._gap_tracker.end_coverage(route.all_series(), reason)
        else:
            self._gap_tracker.suspect(route.all_series(), reason)

    def remove(self, routes: list[Route], feed: int) -> None:
        """Remove a feed that leaves no gap; publish what was held for it."""
        self._processor.publish_decided(self._arbitration.feed_closed(routes, feed))

    def mark_stale(self, routes: list[Route], feed: int, now_ms: int) -> None:
        """Mark what may be missing of suspected streams that this stale feed alone delivered."""
        unexplained = self._arbitration.unexplained(routes, feed)
        self._gap_tracker.suspect(unexplained, "stale")
        self._gap_tracker.confirm(unexplained, now_ms)
        for series in unexplained:
            series.suspects = ()

    def mark_dropped(self, routes: Iterable[Route], now_ms: int) -> None:
        """Mark that frames of these streams were dropped: the queue was full until now."""
        for route in routes:
            self._gap_tracker.suspect(route.all_series(), "overload")
            self._gap_tracker.confirm(route.all_series(), now_ms)

    def reset(self, series: Series) -> None:
        """Begin the ids of a series anew, the held events of the old ones being published."""
        lowest_id = series.tracker.lowest_repeat
        self._processor.publish_decided(self._arbitration.release(series))
        self._gap_tracker.reset(series, lowest_id)
