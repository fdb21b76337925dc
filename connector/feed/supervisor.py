"""One bundle of streams, read without a break: opens a connection, replaces it before it ends,
opens it again when it was lost. Decides nothing itself: policy.py says when.

Next along the way: feed/session.py (a connection and what it holds), transport/websocket.py,
feed/pipeline.py.
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
from connector.feed.pipeline import Routes
from connector.feed.session import Session
from connector.planning.model import ConnectionPlan
from connector.telemetry import events


class Supervisor:
    """Keeps a bundle's streams delivered, and knows how it stands.

    Attributes:
        bundle: The streams wanted now.
        routes: The table its frames are looked up in.
        session: The connection that counts, subscribed; None in between.
        touched: Monotonic seconds of the last change of what is wanted or held.
        blind_since: Monotonic seconds since when its streams have no connection.
        connects_ok: Connections made.
        connects_failed: Attempts that failed.
        disconnects: Ends of open connections.
        handovers: Connections replaced before they ended.
        liveness: Notices streams that say nothing any more.
    """

    def __init__(self, bundle: ConnectionPlan, routes: Routes, around: SessionContext) -> None:
        self.bundle = bundle
        self.routes = routes
        self.session: Session | None = None
        self.connects_ok = self.connects_failed = self.disconnects = self.handovers = 0
        self._context = around
        self._loop = asyncio.get_running_loop()
        self._touched = self.blind_since = self._loop.time()
        self._changed = asyncio.Event()
        self.liveness = LivenessMonitor(around, routes, lambda: self.bundle, self._changed.set)
        self._lost: frozenset[str] = frozenset()  # what was held when the connection ended

    @property
    def held(self) -> dict[str, None]:
        """Names the exchange has acknowledged on the connection that counts."""
        return {} if self.session is None else self.session.held

    @property
    def touched(self) -> float:
        """When something last changed in what is wanted or held."""
        return self._touched if self.session is None else max(self._touched, self.session.touched)

    @property
    def flowing(self) -> bool:
        """Whether the connection is open and, where data can be expected soon, has delivered."""
        if self.session is None or self.session.connection.closed.done():
            return False
        return self.session.connection.first_data is not None or not self.expects_data

    @property
    def expects_data(self) -> bool:
        """Whether a stream that is surely alive and not a rare one is among its streams.

        Unverified and undocumented streams never make the worker unready, nor do those the exchange
        refuses.
        """
        taken = [one.stream for one in self.bundle.streams if one.stream.name not in self.refused]
        rows = [stream.row for stream in taken]
        return any(row.status == "live" and row.cadence != "sparse" for row in rows)

    @property
    def silent(self) -> int:
        """Periodic streams that delivered nothing within their deadline."""
        return 0 if self.session is None else len(self.session.silent.intersection(self.wanted()))

    @property
    def refused(self) -> dict[str, Answer]:
        """Names the exchange refuses to subscribe to, and its answers."""
        return {} if self.session is None else self.session.refused

    def wanted(self) -> list[str]:
        """Return the names of the streams wanted now."""
        return [planned.stream.name for planned in self.bundle.streams]

    def want(self, bundle: ConnectionPlan) -> None:
        """Have these streams from now on; what stays is not touched."""
        if bundle != self.bundle:
            self.bundle = bundle
            self._touched = self._loop.time()
            self._changed.set()

    async def run(self) -> None:
        """Open, run, and open again, for ever; a bug here starts this bundle over, alone."""
        backoff = Backoff()
        while True:
            cause, first_data = "", None
            try:
                cause, first_data = await self._live()
            except Retry as error:
                wait = max(error.after_s or 0.0, self._delay(backoff, None))
                self._failed(error, wait)
            except Exception as error:  # noqa: BLE001 - one stream's bug must not stop the others
                wait = self._delay(backoff, None)
                events.supervisor_failed(connection=self.bundle.name, error=error)
            else:
                self.disconnects += 1
                wait = self._delay(backoff, first_data)
                events.connection_lost(
                    connection=self.bundle.name,
                    cause=cause,
                    streams=len(self.bundle.streams),
                    retry_s=wait,
                )
            await asyncio.sleep(wait)

    def _failed(self, error: Retry, wait: float) -> None:
        self.connects_failed += 1
        events.connect_failed(connection=self.bundle.name, cause=str(error), retry_s=wait)

    def _delay(self, backoff: Backoff, first_data: float | None) -> float:
        return backoff.delay(self._loop.time(), first_data, random.random())  # noqa: S311 - jitter

    async def _live(self) -> tuple[str, float | None]:
        """Read the bundle until a connection is lost; return why, and when it had its first data.

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
        """Return a connection that holds what is wanted.

        Raises:
            Retry: as Leg.open and Leg.align.
        """
        leg = await Session.open(self.bundle, self.routes, self._context)
        try:
            leg.joined = await leg.sync_subscriptions(self.wanted)
        except BaseException:
            leg.end("connection_lost")
            raise
        return leg

    async def _until_it_ends(self, leg: Session) -> GapReason | None:
        """Follow what is wanted until the connection is closed (None) or must be replaced."""
        life = life_of(self._context.life_s, random.random())  # noqa: S311 - jitter
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow(leg))
            notice = group.create_task(leg.connection.shutting_down.wait())
            listening = group.create_task(self.liveness.watch(leg))
            ends = (leg.connection.closed, notice, listening)
            left = max(0.0, leg.opened_at + life - self._loop.time())
            await asyncio.wait(ends, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            following.cancel()
            notice.cancel()
            listening.cancel()
        if leg.connection.closed.done():
            return None
        if leg.connection.shutting_down.is_set():
            events.server_shutdown(connection=self.bundle.name)
            return "server_shutdown"
        return "lifetime" if listening.cancelled() else "stale"

    def _why(self, leg: Session) -> GapReason:
        """Return why a connection ends, as the markers say it."""
        if not leg.connection.closed.done():
            return self._context.closing  # we are cancelled
        if leg.connection.shutting_down.is_set():
            return "server_shutdown"
        age = self._loop.time() - leg.opened_at
        return "lifetime" if age >= 0.99 * self._context.life_s else "connection_lost"

    async def _handover(self, old: Session, cause: GapReason) -> Session:
        """Replace a connection while it lives; return the one that counts from now on."""
        began, backoff = self._loop.time(), Backoff()
        old.connection.closed.add_done_callback(lambda _: self._on_disconnect(old))
        while not old.connection.closed.done():
            try:
                async with self._handover_slot(old) as ours:
                    new = await self._replacement(old, cause) if ours else old
            except Retry as error:
                wait = max(error.after_s or 0.0, self._delay(backoff, None))
                self._failed(error, wait)
                await asyncio.wait((old.connection.closed,), timeout=wait)
                continue
            if new is old:
                self._changed.set()  # a change that was cut off by the doubt
                return old
            self._promote(old, new, cause, self._loop.time() - began)
            return new
        return old

    @contextlib.asynccontextmanager
    async def _handover_slot(self, old: Session) -> AsyncIterator[bool]:
        """Take one of the turns to hand over; yields False if the old one ended first."""
        permit = asyncio.ensure_future(self._context.acquire_handover(self.bundle))
        try:
            ends = (permit, old.connection.closed)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            yield not old.connection.closed.done()
        finally:
            if not permit.cancel():
                self._context.handover_slots(self.bundle).release()

    def _promote(self, old: Session, new: Session, cause: GapReason, seconds: float) -> None:
        """Count on a replacement from now on."""
        self.connects_ok += 1
        self.handovers += 1
        events.handed_over(connection=self.bundle.name, cause=cause, seconds=seconds)
        if old.connection.closed.done():
            self.disconnects += 1
            self._count_lost(new)
        else:
            old.end(cause)

    async def _replacement(self, old: Session, cause: GapReason) -> Session:
        """Return a connection that brings what the old one does, or the old one, if it is well.

        Raises:
            Retry: the new one was not to be had, or ended first; the old one goes on.
        """
        new = await self._open()
        try:
            if cause == "stale" and not await self.liveness.confirms(old, new):
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

    async def _follow(self, leg: Session) -> None:
        """Act on every change of what is wanted while the connection lives."""
        backoff = Backoff()
        async with asyncio.TaskGroup() as watches:
            watches.create_task(leg.check_first_data(self.bundle, leg.joined))
            while True:
                await self._changed.wait()
                self._changed.clear()
                held = len(leg.held)
                try:
                    joined = await leg.sync_subscriptions(self.wanted)
                except Retry as error:  # a dead connection is noticed by its own end
                    wait = self._delay(backoff, None)
                    events.resubscribe_failed(
                        connection=self.bundle.name, cause=str(error), retry_s=wait
                    )
                    await asyncio.sleep(wait)
                    self._changed.set()
                    continue
                backoff = Backoff()
                left = held + len(joined) - len(leg.held)
                events.resubscribed(connection=self.bundle.name, joined=len(joined), left=left)
                watches.create_task(leg.check_first_data(self.bundle, joined))

    def _on_connected(self, leg: Session, began: float) -> None:
        """Note that a bundle's streams are subscribed, and for how long they were not."""
        now = self._loop.time()
        self.connects_ok += 1
        events.connected(connection=self.bundle.name, streams=len(leg.held), seconds=now - began)
        self._count_lost(leg)

    def _count_lost(self, leg: Session) -> None:
        """Count for how long streams were not read, now that they are again."""
        missed = len(self._lost.intersection(leg.held))
        blind_s = leg.touched - self.blind_since
        if missed and blind_s > 0.0:
            self._context.ledger.lost_time_s += blind_s * missed
            events.time_lost(connection=self.bundle.name, streams=missed, seconds=blind_s)
        self._lost = frozenset()

    def _on_disconnect(self, leg: Session) -> None:
        """Note that a connection is over, whether or not another one is being opened."""
        if leg.held:
            self._lost, self.blind_since = frozenset(leg.held), self._loop.time()
        leg.end(self._why(leg))

    def _drop_session(self, leg: Session) -> None:
        """Note that nothing is subscribed any more."""
        self._on_disconnect(leg)
        self.liveness.end(self._why(leg))
        self.session = None
        self._touched = self._loop.time()


def life_of(longest_s: float, jitter: float) -> float:
    """Return after how many seconds a connection is replaced: early, and never all at once.

    Args:
        longest_s: Seconds after which the exchange cuts any connection.
        jitter: A number from 0 to 1.
    """
    return longest_s * (0.7 + 0.2 * jitter)
