"""Moves the progress of quiet series on, so that their readers need not wait for the next event."""

import math

from connector.continuity.series import Series
from connector.feed.liveness.activity_monitor import ActivityMonitor
from connector.feed.liveness.read_bound import ReadBound
from connector.feed.pipeline import Pipeline
from connector.feed.route import Route, Routes

QUIET_INTERVAL_S = 5.0  # between two progress records of a series in which nothing happens


class QuietProgress:
    """The quiet series of one connection; see read_bound.py for what proves that they are.

    Args:
        pipeline: Publishes what is read.
        routes: The routes of the connection's streams.
        activity: What is known of their silences.
    """

    def __init__(self, pipeline: Pipeline, routes: Routes, activity: ActivityMonitor) -> None:
        self._pipeline, self._routes, self._activity = pipeline, routes, activity
        self._bound = ReadBound()
        self._noted_at = -math.inf

    def restart(self) -> None:
        """Begin anew with another connection."""
        self._bound = ReadBound()

    def poll(self, read_ms: int, now: float, time: float) -> None:
        """Note what the connection has proved; call a few times a second.

        Args:
            read_ms: When it was read last, epoch milliseconds.
            now: Observed time.
            time: Monotonic seconds.
        """
        routes = self._routes.values()
        event_ms = (route.last_event_ms for route in routes if not _by_our_clock(route))
        self._bound.note(max(event_ms, default=0), read_ms)
        if time - self._noted_at < QUIET_INTERVAL_S or self._pipeline.queued:
            return
        self._noted_at = time
        for stream in self._activity.streams:
            route = self._routes.get(stream.name.encode())
            if route is not None and stream.is_read(now):
                self._advance(route, time)

    def _advance(self, route: Route, time: float) -> None:
        until_ms = self._bound.until(by_our_clock=_by_our_clock(route))
        if until_ms is None:
            return
        for series in route.all_series():
            is_due = time - series.quiet_noted_at >= QUIET_INTERVAL_S
            if is_due and _is_settled(series) and until_ms > (series.complete_until or 0):
                series.quiet_noted_at = time
                self._pipeline.gap_tracker.advance_quiet(series, until_ms)


def _by_our_clock(route: Route) -> bool:
    """Return whether its record time is when we received it: the wire has none."""
    return route.stream.row.record_time == "receive_time"


def _is_settled(series: Series) -> bool:
    """Return whether nothing of it is missing, suspected or held."""
    is_whole = series.covered and series.pending is None and not series.open_gaps
    return is_whole and not series.suspects and not (series.arbiter and series.arbiter.held)
