"""The suspected streams of one ConnectionPlan, and what is found out about them.

Each finding changes three things, here and nowhere else: the counters and the log, the pipeline's
suspicions (what a marker will say), and the learned activity of the stream.
"""

import functools
from collections.abc import Callable, Iterable, Sequence

from connector.continuity.quiet_series import QuietListener
from connector.feed.context import SessionContext
from connector.feed.liveness.activity import StreamActivity
from connector.feed.liveness.activity_monitor import ActivityMonitor, ObservationClock
from connector.feed.liveness.staleness import Action
from connector.feed.route import Route, Routes
from connector.planning.model import ConnectionPlan
from connector.telemetry import events

MAX_STALE_SHARE = 0.5  # of the usual rate: if more is stale, the connection is replaced


class Suspicions:
    """Suspected streams, from the suspicion to its end.

    Args:
        context: What all sessions share.
        routes: The routes of the connection's streams.
        plan: The streams that are wanted.

    Attributes:
        plan: The streams that are wanted now.
        activity: What is known of their silences.
        clock: Observed time of the streams.
        suspected: Streams suspected so far. Of these:
        refuted: Their connection delivered them again by itself.
        confirmed: They were stale.
        quiet: No connection delivered them.
        proved_connection_stale: Stale streams have proved that the connection must be replaced.
    """

    def __init__(self, context: SessionContext, routes: Routes, plan: ConnectionPlan) -> None:
        self.plan = plan
        self.activity = ActivityMonitor()
        self.clock = ObservationClock()
        self.suspected = self.refuted = self.confirmed = self.quiet = 0
        self.proved_connection_stale = False
        self._context, self._routes = context, routes
        self._stale: set[str] = set()

    @property
    def stale(self) -> frozenset[str]:
        """Streams that are known to be stale now."""
        return frozenset(self._stale)

    def restart(self) -> None:
        """Begin anew with another connection: none of its streams is known to be stale."""
        self._stale.clear()
        self.proved_connection_stale = False

    # Findings about streams and, with all names it holds, about a connection

    def suspect(self, names: list[str], silence_s: float) -> None:
        """Note that streams have been silent for suspiciously long."""
        self.suspected += len(names)
        events.stale_suspected(connection=self.plan.name, streams=names, silence_s=silence_s)
        self._context.pipeline.suspect(self._routes_of(names))

    def clear(self, names: Sequence[str]) -> None:
        """Note that nothing is known to be wrong with streams, so that no marker says so."""
        self._context.pipeline.clear_suspicion(self._routes_of(names))

    def refute(self, names: list[str]) -> None:
        """Note that streams were silent for a healthy reason: their connection delivers them."""
        self.refuted += len(names)
        events.stale_refuted(connection=self.plan.name, streams=names)

    def confirm(self, names: list[str]) -> None:
        """Note that streams are stale."""
        self.confirmed += len(names)
        events.stale_confirmed(connection=self.plan.name, streams=names)

    def mark_stale(self, names: list[str], connection_id: int) -> None:
        """Mark what may be missing of the streams that only a stale connection was to deliver."""
        self._context.pipeline.feed_stale(self._routes_of(names), connection_id)

    def note_quiet(self, names: list[str]) -> None:
        """Note that no connection delivers streams."""
        self.quiet += len(names)
        events.stream_quiet(connection=self.plan.name, streams=names)

    def ask_rest(
        self, activity: StreamActivity, on_newer: Callable[[], None] | None = None
    ) -> None:
        """Have REST asked about a silent stream.

        If it has newer events, `on_newer` is called; by default the stream is suspected anew.
        """
        is_missed = functools.partial(self._suspect_anew, activity)
        listener = QuietListener(activity, on_newer or is_missed, activity.note_nothing_missed)
        for route in self._routes_of([activity.name]):
            stream = route.stream
            if not route.series and stream.row.has_newest_id and "symbol" in stream.parameters:
                symbol = stream.parameters["symbol"].upper()
                route.open_series(symbol, self._context.pipeline.gap_tracker)
            for series in route.all_series():
                self._context.on_quiet(series, listener)

    # What the probe finds out

    def settle(self, action: Action, names: list[str]) -> None:
        """Note what a probe has found out about streams; WAIT is no finding."""
        match action:
            case Action.RESUBSCRIBE:
                self._confirm_streams(names)
            case Action.REPLACE:
                self.proved_connection_stale = True
            case Action.HEALTHY:
                self._close(names)
                self.refute(names)
                for activity in self.activity.find(names):
                    activity.refute(self.clock.now)
            case Action.HEALED:
                events.stale_healed(connection=self.plan.name, streams=names)
                self.drop(names)
            case Action.QUIET:
                self._close(names)
                self._note_inconclusive(names)
            case Action.WAIT:
                pass

    def drop(self, names: list[str]) -> None:
        """End the suspicion of streams; nothing is learned from it."""
        if not names:
            return
        self._close(names)
        for activity in self.activity.find(names):
            activity.clear(self.clock.now)

    def _close(self, names: list[str]) -> None:
        self._stale.difference_update(names)
        self.clear(names)

    def _confirm_streams(self, names: list[str]) -> None:
        new = [name for name in names if name not in self._stale]
        if new:
            self._stale.update(new)
            self.confirm(new)
        stale_share = self.activity.share_of(self.activity.find(self._stale))
        self.proved_connection_stale = stale_share > MAX_STALE_SHARE

    def _note_inconclusive(self, names: list[str]) -> None:
        now = self.clock.now
        found = self.activity.find(names)
        quiet = [activity for activity in found if activity.note_inconclusive(now)]
        if quiet:
            self.note_quiet([activity.name for activity in quiet])
        for activity in quiet:
            self.ask_rest(activity)

    def _suspect_anew(self, activity: StreamActivity) -> None:
        """Let a quiet stream be suspected again: REST has newer events of it."""
        activity.note_missed(self.clock.now)

    def _routes_of(self, names: Iterable[str]) -> list[Route]:
        found = (self._routes.get(name.encode()) for name in names)
        return [route for route in found if route is not None]
