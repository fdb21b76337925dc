"""Notices silent streams and silent connections, and finds out whether they are stale.

Silence alone never replaces a connection: a stream is stale only if the probe delivers it and its
session does not, a session only if its replacement delivers and it does not (decision 0012).

Next along the way: feed/liveness/activity.py (which silence is suspicious), feed/liveness/probe.py
(suspected streams), feed/liveness/suspicions.py (what is found out).
"""

import asyncio
from collections.abc import Sequence

from connector.continuity.marker import GapReason
from connector.feed.context import SessionContext
from connector.feed.liveness.activity import ActivityState, StreamActivity
from connector.feed.liveness.activity_monitor import POLL_INTERVAL_S, ObservationClock
from connector.feed.liveness.probe import ProbeConnection
from connector.feed.liveness.quiet_progress import QuietProgress
from connector.feed.liveness.staleness import CONFIRM_S, StalenessCheck
from connector.feed.liveness.suspicions import Suspicions
from connector.feed.route import Routes
from connector.feed.session import Session
from connector.planning.model import ConnectionPlan
from connector.telemetry import events

MAX_PROOF_S = 10.0  # a replacement that delivers nothing for so long proves nothing
RETRY_DELAY_S = 60.0  # after a bug
MAX_ASKED_STREAMS = 3  # of a quiet connection: REST is asked about its busiest ones
SILENT_REPORTS = 2  # times that a stream which never delivered is logged


class LivenessMonitor:
    """Monitors the streams of one ConnectionPlan, across its connections.

    Args:
        context: What all sessions share.
        routes: The routes of the connection's streams.
        plan: The streams that are wanted.
        changed: Set when a session may not hold all that is wanted.

    Attributes:
        suspicions: What was suspected, and found out.
    """

    def __init__(
        self, context: SessionContext, routes: Routes, plan: ConnectionPlan, changed: asyncio.Event
    ) -> None:
        self.suspicions = Suspicions(context, routes, plan)
        self._activity, self._clock = self.suspicions.activity, self.suspicions.clock
        self._connection_clock = ObservationClock()  # goes on while frames wait for Kafka
        self._quiet = QuietProgress(context.pipeline, routes, self._activity)
        self._probe = ProbeConnection(context, routes, self.suspicions, changed)
        self._context, self._routes = context, routes
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._tracked: object = None
        self._keys: list[bytes] = []
        self._special: list[tuple[int, bytes, bool]] = []  # position, key, on two connections
        self._suspected_at_frames = 0  # of the connection, when it was suspected

    @property
    def silent(self) -> list[str]:
        """Streams that delivered nothing within their deadline since they were subscribed."""
        return self._activity.silent

    def want(self, plan: ConnectionPlan) -> None:
        """Monitor the streams of this plan from now on."""
        self.suspicions.plan = plan

    async def watch(self, session: Session) -> None:
        """Monitor a session; return when it should be replaced."""
        if session is not self._session:
            self._session = session
            self._activity.restart(self._clock.now, self._connection_clock.now)
            self._probe.follow(session)
            self._quiet.restart()
            self.suspicions.restart()
        while not self.suspicions.proved_connection_stale:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                if await self._poll(session):
                    return
            except Exception as error:  # noqa: BLE001 - a bug here must not end a good connection
                events.liveness_monitor_failed(connection=self.suspicions.plan.name, error=error)
                await asyncio.sleep(RETRY_DELAY_S)

    def end(self, reason: GapReason) -> None:
        """Note that the session is gone, and has no successor yet."""
        self._probe.end(reason)
        self._session = None

    async def _poll(self, session: Session) -> bool:
        """Compare all counters once; return whether the whole connection is suspected."""
        time = self._loop.time()
        now = self._clock.tick(time, blocked=self._context.pipeline.queued)
        self._track(session, now)
        overdue = self._activity.poll(self._counts(session.connection.id), now)
        self._quiet.poll(session.connection.read_ms, now, time)
        self._report_silent(overdue)
        self._suspect(session, overdue, now)
        frames = session.connection.frames
        if self._activity.poll_connection(frames, self._connection_clock.tick(time)):
            silence_s = self._connection_clock.now - self._activity.connection.last_at
            self._suspected_at_frames = frames
            self.suspicions.suspect(list(session.held), silence_s)
            return True
        if undelivered := [stream for stream in overdue if stream.missed_deadlines == 1]:
            await self._ask_again(session, undelivered)
        return False

    async def _ask_again(self, session: Session, undelivered: Sequence[StreamActivity]) -> None:
        """Ask REST about streams that delivered nothing, and subscribe them again.

        Not those that another connection has covered until now: it would leave a hole.
        """
        for stream in undelivered:
            self.suspicions.ask_rest(stream)
        names = [stream.name for stream in undelivered]
        await session.resubscribe([name for name in names if not self._is_covered(name)])

    def _is_covered(self, name: str) -> bool:
        route = self._routes.get(name.encode())
        all_series = [] if route is None else route.all_series()
        return any(series.covered and series.pending is None for series in all_series)

    def _track(self, session: Session, now: float) -> None:
        """Track exactly the streams that are subscribed."""
        plan = self.suspicions.plan
        state = session, session.touched, plan
        if state == self._tracked:
            return
        self._tracked = state
        self._activity.track([planned.stream for planned in plan.streams], session.held, now)
        self._keys = [stream.name.encode() for stream in self._activity.streams]
        special = {
            planned.stream.name.encode(): planned.connections > 1
            for planned in plan.streams
            if planned.connections > 1 or planned.other_product_topic is not None
        }
        self._special = [
            (position, key, special[key])
            for position, key in enumerate(self._keys)
            if key in special
        ]

    def _counts(self, connection_id: int) -> list[int]:
        """Return the number of events of each tracked stream, in their order.

        A merged stream's events of the other product count too; of a stream that is planned on two
        connections only those that this one has delivered.
        """
        routes, delivered = self._routes, self._context.pipeline.arbitration.delivered
        counts = [routes[key].messages for key in self._keys]
        for position, key, on_two in self._special:
            route = routes[key]
            if on_two:
                counts[position] = delivered(route, connection_id)
            elif route.other_product is not None:
                counts[position] += route.other_product.messages
        return counts

    # Streams

    def _report_silent(self, overdue: Sequence[StreamActivity]) -> None:
        """Log the streams that delivered nothing since they were subscribed."""
        silent = [stream for stream in overdue if 0 < stream.missed_deadlines <= SILENT_REPORTS]
        if silent:
            events.stream_silent(
                connection=self.suspicions.plan.name,
                streams=[stream.name for stream in silent],
                deadline_s=max(stream.probe_s for stream in silent),
            )

    def _suspect(self, session: Session, overdue: Sequence[StreamActivity], now: float) -> None:
        """Have the suspected ones of these streams probed, if a probe may be opened."""
        suspected = [stream for stream in overdue if stream.state is ActivityState.SUSPECTED]
        if not suspected:
            return
        plan = self.suspicions.plan
        if not self._probe.busy and not self._context.limiter.try_acquire_probe(plan):
            for stream in suspected:
                stream.clear(now)
            return
        silence_s = max(now - stream.last_at for stream in suspected)
        self.suspicions.suspect([stream.name for stream in suspected], silence_s)
        checks = {stream.name: StalenessCheck(stream.probe_s) for stream in suspected}
        self._probe.take(session, checks)

    # The connection

    async def proves_stale(self, old: Session, new: Session) -> bool:
        """Return whether a replacement proves a suspected session stale; waits for the proof."""
        if self.suspicions.proved_connection_stale:
            return True
        names = list(old.held)
        if not await self._delivers_alone(new, old, names):
            self.suspicions.clear(names)
            return False
        self.suspicions.confirm(names)
        self.suspicions.mark_stale(names, old.connection.id)
        return True

    async def _delivers_alone(self, new: Session, old: Session, names: list[str]) -> bool:
        """Return whether a replacement delivers while the suspected session does not."""
        give_up = self._loop.time() + MAX_PROOF_S
        while not new.connection.closed.done():
            if old.connection.closed.done():
                return True
            if old.connection.frames != self._suspected_at_frames:
                self.suspicions.refute(names)
                self._activity.connection.refute(self._connection_clock.tick(self._loop.time()))
                return False
            first_data = new.connection.first_data
            if first_data is not None and self._loop.time() - first_data >= CONFIRM_S:
                return True
            if self._loop.time() >= give_up:
                break
            await asyncio.sleep(POLL_INTERVAL_S / 5)
        self._note_inconclusive(names)
        return False

    def _note_inconclusive(self, names: list[str]) -> None:
        """Note that neither a session nor its replacement delivers anything."""
        now = self._connection_clock.tick(self._loop.time())
        if self._activity.connection.note_inconclusive(now):
            self.suspicions.note_quiet(names)
            for stream in self._activity.busiest(MAX_ASKED_STREAMS):
                self.suspicions.ask_rest(stream, self._suspect_connection_anew)

    def _suspect_connection_anew(self) -> None:
        """Let a quiet connection be suspected again after its timeout: REST has newer events."""
        self._activity.connection.clear(self._connection_clock.now)
