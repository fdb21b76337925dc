"""Keeps the streams of one ConnectionPlan delivered: opens a session, replaces it before it ends,
opens the next one when it was lost.

Decides little: backoff.py says when to try again, feed/liveness/monitor.py when a session is stale.
Next along the way: feed/session.py (a connection and its subscriptions), feed/pipeline.py.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from connector.backoff import Backoff
from connector.binance.ws_messages import Answer
from connector.continuity.marker import GapReason
from connector.errors import Retry
from connector.feed.context import SessionContext
from connector.feed.liveness.monitor import LivenessMonitor
from connector.feed.route import Routes
from connector.feed.session import Session
from connector.planning.model import ConnectionPlan
from connector.telemetry import events

FULL_LIFE = 0.99  # of the longest life: a connection closed after it has reached its end


class Supervisor:
    """Keeps the streams of one ConnectionPlan delivered.

    Args:
        plan: The streams to deliver at first.
        routes: The routes of these streams, kept up to date by the router.
        context: What all sessions share.

    Attributes:
        plan: The streams wanted now.
        routes: The routes of these streams.
        session: The session in use, subscribed; None between two connections.
        blind_since: Monotonic seconds since when the streams have had no connection.
        connects_ok: Connections made.
        connects_failed: Attempts that failed.
        disconnects: Ends of open connections.
        handovers: Connections replaced before they ended.
        liveness: Notices stale streams.
    """

    def __init__(self, plan: ConnectionPlan, routes: Routes, context: SessionContext) -> None:
        self.plan = plan
        self.routes = routes
        self.session: Session | None = None
        self.connects_ok = self.connects_failed = self.disconnects = self.handovers = 0
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._touched = self.blind_since = self._loop.time()
        self._changed = asyncio.Event()  # the session may not hold all that is wanted
        self.liveness = LivenessMonitor(context, routes, plan, self._changed)
        self._lost: frozenset[str] = frozenset()  # held when the connection ended
        self._replace_at = 0.0  # monotonic seconds

    @property
    def held(self) -> dict[str, None]:
        """Names whose subscription the exchange has acknowledged."""
        return {} if self.session is None else self.session.held

    @property
    def touched(self) -> float:
        """Monotonic seconds of the last change of what is wanted or held."""
        return self._touched if self.session is None else max(self._touched, self.session.touched)

    @property
    def flowing(self) -> bool:
        """Whether the connection is open and, if it is expected to, has delivered."""
        if self.session is None or self.session.connection.closed.done():
            return False
        return self.session.connection.first_data is not None or not self.expects_data

    @property
    def expects_data(self) -> bool:
        """Whether one of its streams surely delivers within minutes.

        Unverified and undocumented streams never make the worker unready, nor do those the exchange
        refuses.
        """
        streams, refused = [planned.stream for planned in self.plan.streams], self.refused
        rows = [stream.row for stream in streams if stream.name not in refused]
        return any(row.status == "live" and row.cadence != "sparse" for row in rows)

    @property
    def silent(self) -> list[str]:
        """Streams that delivered nothing within their deadline since they were subscribed."""
        return [] if self.session is None else self.liveness.silent

    @property
    def stale(self) -> set[str]:
        """Streams whose silence is wrong: the silent ones, and those that a probe proved stale."""
        return {*self.silent, *self.liveness.suspicions.stale}

    @property
    def age_s(self) -> float | None:
        """Seconds since the open connection was opened; None: there is none."""
        session = self.session
        if session is None or session.connection.closed.done():
            return None
        return self._loop.time() - session.opened_at

    @property
    def replaced_in_s(self) -> float | None:
        """Seconds until the open connection is replaced, if nothing else ends it; None: none is."""
        return None if self.age_s is None else max(0.0, self._replace_at - self._loop.time())

    @property
    def refused(self) -> dict[str, Answer]:
        """Names the exchange refuses to subscribe to, and its answers."""
        return {} if self.session is None else self.session.refused

    def wanted(self) -> list[str]:
        """Return the names of the streams wanted now."""
        return [planned.stream.name for planned in self.plan.streams]

    def want(self, plan: ConnectionPlan) -> None:
        """Deliver these streams from now on; streams that stay are not touched."""
        if plan != self.plan:
            self.plan = plan
            self.liveness.want(plan)
            self._touched = self._loop.time()
            self._changed.set()

    async def run(self) -> None:
        """Open one session after another for ever; a bug here starts only this supervisor over."""
        backoff = Backoff()
        while True:
            cause, first_data = "", None
            try:
                cause, first_data = await self._run_until_lost()
            except Retry as error:
                delay_s = self._note_failed_connect(backoff, error)
            except Exception as error:  # noqa: BLE001 - one stream's bug must not stop the others
                delay_s = self._delay(backoff, None)
                events.supervisor_failed(connection=self.plan.name, error=error)
            else:
                self.disconnects += 1
                delay_s = self._delay(backoff, first_data)
                events.connection_lost(
                    connection=self.plan.name,
                    cause=cause,
                    streams=len(self.plan.streams),
                    retry_s=delay_s,
                )
            await asyncio.sleep(delay_s)

    def _note_failed_connect(self, backoff: Backoff, error: Retry) -> float:
        """Return the seconds until the next attempt."""
        delay_s = max(error.after_s or 0.0, self._delay(backoff, None))
        self.connects_failed += 1
        events.connect_failed(connection=self.plan.name, cause=str(error), retry_s=delay_s)
        return delay_s

    def _delay(self, backoff: Backoff, first_data: float | None) -> float:
        return backoff.delay(self._loop.time(), first_data, random.random())  # noqa: S311 - jitter

    async def _run_until_lost(self) -> tuple[str, float | None]:
        """Deliver the streams until a connection is lost.

        Returns: Why it was lost, and when it had its first data (monotonic seconds).

        Raises:
            Retry: there was no connection to begin with.
        """
        began = self._loop.time()
        self.session = await self._open()
        self._on_connected(self.session, began)
        try:
            while (cause := await self._until_it_ends(self.session)) is not None:
                self.session = await self._handover(self.session, cause)
            return str(self.session.connection.closed.result()), self.session.connection.first_data
        finally:
            self._drop_session(self.session)

    async def _open(self) -> Session:
        """Return a session that holds what is wanted.

        Raises:
            Retry: as Session.open and Session.sync_subscriptions.
        """
        session = await Session.open(self.plan, self.routes, self._context)
        try:
            await session.sync_subscriptions(self.wanted)
        except BaseException:
            session.end("connection_lost")
            raise
        return session

    async def _until_it_ends(self, session: Session) -> GapReason | None:
        """Follow what is wanted until a session is closed (None) or must be replaced (why)."""
        life_s = life_of(self._context.life_s, random.random())  # noqa: S311 - jitter
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow(session))
            notice = group.create_task(session.connection.shutting_down.wait())
            watching = group.create_task(self.liveness.watch(session))
            ends = (session.connection.closed, notice, watching)
            self._replace_at = session.opened_at + life_s
            left_s = max(0.0, self._replace_at - self._loop.time())
            await asyncio.wait(ends, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            for task in (following, notice, watching):
                task.cancel()
        if session.connection.closed.done():
            return None
        if session.connection.shutting_down.is_set():
            events.server_shutdown(connection=self.plan.name)
            return "server_shutdown"
        return "lifetime" if watching.cancelled() else "stale"

    async def _follow(self, session: Session) -> None:
        """Act on every change of what is wanted while the session lives."""
        backoff = Backoff()
        while True:
            await self._changed.wait()
            self._changed.clear()
            held = len(session.held)
            try:
                joined = await session.sync_subscriptions(self.wanted)
            except Retry as error:  # a dead connection is noticed by its own end
                delay_s = self._delay(backoff, None)
                events.resubscribe_failed(
                    connection=self.plan.name, cause=str(error), retry_s=delay_s
                )
                await asyncio.sleep(delay_s)
                self._changed.set()
                continue
            backoff = Backoff()
            left = held + len(joined) - len(session.held)
            events.resubscribed(connection=self.plan.name, joined=len(joined), left=left)

    def _end_reason(self, session: Session) -> GapReason:
        """Return why a session ends, for the markers."""
        if not session.connection.closed.done():
            return self._context.closing  # we are cancelled
        if session.connection.shutting_down.is_set():
            return "server_shutdown"
        age_s = self._loop.time() - session.opened_at
        return "lifetime" if age_s >= FULL_LIFE * self._context.life_s else "connection_lost"

    # Handover

    async def _handover(self, old: Session, cause: GapReason) -> Session:
        """Replace a session while it lives; return the one in use from now on."""
        began, backoff = self._loop.time(), Backoff()
        old.connection.closed.add_done_callback(lambda _: self._on_disconnect(old))
        while not old.connection.closed.done():
            try:
                async with self._handover_slot(old) as acquired:
                    new = await self._replacement(old, cause) if acquired else old
            except Retry as error:
                delay_s = self._note_failed_connect(backoff, error)
                await asyncio.wait((old.connection.closed,), timeout=delay_s)
                continue
            if new is old:
                self._changed.set()  # a change may have been cut off when `_follow` was cancelled
                return old
            self._promote(old, new, cause, self._loop.time() - began)
            return new
        return old

    @contextlib.asynccontextmanager
    async def _handover_slot(self, old: Session) -> AsyncIterator[bool]:
        """Hold a handover slot; yields False if the old session ended before there was one."""
        limiter = self._context.limiter
        acquiring = asyncio.ensure_future(limiter.acquire_handover(self.plan))
        try:
            ends = (acquiring, old.connection.closed)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            yield not old.connection.closed.done()
        finally:
            if not acquiring.cancel():
                limiter.handover_slots(self.plan).release()

    async def _replacement(self, old: Session, cause: GapReason) -> Session:
        """Return a session that delivers all the old one does; the old one if that is not stale.

        Raises:
            Retry: the new one could not be opened, or ended first; the old one goes on.
        """
        new = await self._open()
        try:
            if cause == "stale" and not await self.liveness.proves_stale(old, new):
                new.end(cause)
                return old
            await old.wait_until_replaceable(new)
        except BaseException:
            new.end(self._context.closing)
            raise
        stale = cause == "stale" or old.connection.closed.done()
        if new.connection.closed.done() and not stale:
            new.end("connection_lost")
            raise Retry(f"its replacement ended first: {new.connection.closed.result()}")
        return new

    def _promote(self, old: Session, new: Session, cause: GapReason, seconds: float) -> None:
        """Note that a replacement is in use from now on, and end the old session."""
        self.connects_ok += 1
        self.handovers += 1
        events.handed_over(connection=self.plan.name, cause=cause, seconds=seconds)
        if old.connection.closed.done():
            self.disconnects += 1
            self._count_lost(new)
        else:
            old.end(cause)

    # Connected and disconnected

    def _on_connected(self, session: Session, began: float) -> None:
        """Note that the streams are subscribed, and for how long they were not."""
        self.connects_ok += 1
        seconds = self._loop.time() - began
        events.connected(connection=self.plan.name, streams=len(session.held), seconds=seconds)
        self._count_lost(session)

    def _count_lost(self, session: Session) -> None:
        """Count the time in which streams had no connection, now that they have one again."""
        streams = len(self._lost.intersection(session.held))
        blind_s = session.touched - self.blind_since
        if streams and blind_s > 0.0:
            self._context.ledger.lost_time_s += blind_s * streams
            events.time_lost(connection=self.plan.name, streams=streams, seconds=blind_s)
        self._lost = frozenset()

    def _on_disconnect(self, session: Session) -> None:
        """Note that a connection has ended, whether or not a replacement is being opened."""
        if session.held:
            self._lost, self.blind_since = frozenset(session.held), self._loop.time()
        session.end(self._end_reason(session))

    def _drop_session(self, session: Session) -> None:
        """Note that nothing is subscribed any more."""
        self._on_disconnect(session)
        self.liveness.end(self._end_reason(session))
        self.session = None
        self._touched = self._loop.time()


def life_of(longest_s: float, jitter: float) -> float:
    """Return after how many seconds a connection is replaced: early, and never all at once.

    Args:
        longest_s: Seconds after which the exchange closes any connection.
        jitter: A number from 0 to 1.
    """
    return longest_s * (0.7 + 0.2 * jitter)
