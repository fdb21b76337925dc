"""One bundle of streams against one connection: opens it, keeps it subscribed to exactly what is
wanted, opens it again. Decides nothing itself: policy.py says when.

Next along the way: websocket.py (a connection), pipeline.py (its frames).
"""

import asyncio
import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.binance import requests
from connector.binance.plan import Bundle
from connector.binance.products import LIMITS
from connector.errors import Retry
from connector.ledger import Ledger
from connector.pipeline import Pipeline, Routes
from connector.policy import Backoff, SlidingWindow
from connector.silence import Silence
from connector.telemetry import events
from connector.websocket import Connection


@dataclass(slots=True)
class Around:
    """What the supervisors of a worker share.

    Attributes:
        pipeline: Takes the frames.
        ledger: The accounts.
        proxy: URL of an HTTP proxy that every connection goes through; a secret may be in it.
        share: Our part of what an IP address may do, above 0 and up to 1.
    """

    pipeline: Pipeline
    ledger: Ledger
    proxy: str | None = None
    share: float = 1.0
    _windows: dict[str, SlidingWindow] = field(default_factory=dict)

    async def may_connect(self, bundle: Bundle) -> None:
        """Wait for the budget of connection attempts: counted per address of the exchange."""
        loop, limits = asyncio.get_running_loop(), LIMITS[bundle.product]
        host = bundle.endpoint.split("/")[2]
        most = max(1, int(limits.connects * self.share))
        window = self._windows.setdefault(host, SlidingWindow(most, limits.connects_window_s))
        while wait := window.wait(loop.time()):
            await asyncio.sleep(wait)
        window.take(loop.time())


class Supervisor:
    """Keeps a connection open for a bundle, and knows how it stands.

    Attributes:
        bundle: The streams wanted now.
        routes: The table its frames are looked up in.
        connection: The open connection, subscribed; None in between.
        held: Names the exchange has acknowledged on the open connection, in their order.
        touched: Monotonic seconds of the last change of what is wanted or held.
        blind_since: Monotonic seconds since when its streams have no connection.
        connects_ok: Connections made.
        connects_failed: Attempts that failed.
        disconnects: Ends of open connections.
    """

    def __init__(self, bundle: Bundle, routes: Routes, around: Around) -> None:
        self.bundle = bundle
        self.routes = routes
        self.connection: Connection | None = None
        self.held: dict[str, None] = {}
        self.connects_ok = self.connects_failed = self.disconnects = 0
        self._around = around
        self._loop = asyncio.get_running_loop()
        self.touched = self.blind_since = self._loop.time()
        self._changed = asyncio.Event()
        self._silence = Silence(routes, self.held)
        self._lost: frozenset[str] = frozenset()  # what was held when the connection ended

    @property
    def flowing(self) -> bool:
        """Whether the connection is open and, where data can be expected soon, has delivered."""
        if self.connection is None:
            return False
        return self.connection.first_data is not None or not self.expects_data

    @property
    def expects_data(self) -> bool:
        """Whether a stream that is surely alive and not a rare one is among its streams.

        Unverified and undocumented streams never make the worker unready.
        """
        rows = [planned.stream.row for planned in self.bundle.planned]
        return any(row.status == "live" and row.cadence != "sparse" for row in rows)

    @property
    def silent(self) -> int:
        """Periodic streams that delivered nothing within their deadline."""
        return len(self._silence.silent.intersection(self.wanted()))

    def wanted(self) -> list[str]:
        """Return the names of the streams wanted now."""
        return [planned.stream.name for planned in self.bundle.planned]

    def want(self, bundle: Bundle) -> None:
        """Have these streams from now on; what stays is not touched."""
        if bundle != self.bundle:
            self.bundle = bundle
            self.touched = self._loop.time()
            self._changed.set()

    async def run(self) -> None:
        """Open, run, and open again, for ever; a bug here starts this bundle over, alone."""
        backoff = Backoff()
        while True:
            cause, first_data = "", None
            try:
                cause, first_data = await self._live()
            except Retry as error:
                self.connects_failed += 1
                wait = max(error.after_s or 0.0, self._delay(backoff, None))
                events.connect_failed(connection=self.bundle.name, cause=str(error), retry_s=wait)
            except Exception as error:  # noqa: BLE001 - one stream's bug must not stop the others
                wait = self._delay(backoff, None)
                events.supervisor_failed(connection=self.bundle.name, error=error)
            else:
                self.disconnects += 1
                wait = self._delay(backoff, first_data)
                events.connection_lost(
                    connection=self.bundle.name,
                    cause=cause,
                    streams=len(self.bundle.planned),
                    retry_s=wait,
                )
            finally:
                self._forget()
            await asyncio.sleep(wait)

    def _delay(self, backoff: Backoff, first_data: float | None) -> float:
        return backoff.delay(self._loop.time(), first_data, random.random())  # noqa: S311 - jitter

    async def _live(self) -> tuple[str, float | None]:
        """Run one connection from opening to its end; return why it ended and its first data."""
        await self._around.may_connect(self.bundle)
        began = self._loop.time()
        receive = functools.partial(self._around.pipeline.receive, self.routes)
        limits = LIMITS[self.bundle.product]
        connection = await Connection.open(
            self.bundle.endpoint, limits, receive, self._around.proxy
        )
        try:
            joined = await self._align(connection)
            self._seeing(connection, began)
            async with asyncio.TaskGroup() as group:
                tasks = (
                    group.create_task(self._follow(connection, joined)),
                    group.create_task(self._watch_shutdown(connection)),
                )
                reason = await asyncio.shield(connection.closed)
                for task in tasks:
                    task.cancel()
            return str(reason), connection.first_data
        finally:
            connection.close()

    # What is subscribed

    async def _align(self, connection: Connection) -> list[str]:
        """Subscribe and unsubscribe until the exchange holds what is wanted; return what joined.

        Raises:
            Retry: as Connection.subscribe; what was acknowledged until then is held.
        """
        joined: list[str] = []
        while True:
            self._changed.clear()
            wanted = dict.fromkeys(self.wanted())
            joining = [name for name in wanted if name not in self.held]
            leaving = [name for name in self.held if name not in wanted]
            if not joining and not leaving:
                return joined
            for chunk in requests.chunks(leaving):  # first: a full connection takes no more
                await connection.unsubscribe(chunk)
                for name in chunk:
                    del self.held[name]
                self.touched = self._loop.time()
            for chunk in requests.chunks(joining):
                await connection.subscribe(chunk)
                self.held.update(dict.fromkeys(chunk))
            joined += joining

    async def _follow(self, connection: Connection, joined: Sequence[str]) -> None:
        """Act on every change of what is wanted while the connection lives."""
        backoff = Backoff()
        async with asyncio.TaskGroup() as watches:
            watches.create_task(self._silence.watch(connection, self.bundle, joined))
            while True:
                await self._changed.wait()
                held = len(self.held)
                try:
                    async with self._silence.asking:
                        joined = await self._align(connection)
                except Retry as error:  # a dead connection is noticed by its own end
                    wait = self._delay(backoff, None)
                    events.resubscribe_failed(
                        connection=self.bundle.name, cause=str(error), retry_s=wait
                    )
                    await asyncio.sleep(wait)
                    self._changed.set()
                    continue
                backoff = Backoff()
                if not joined and len(self.held) == held:
                    continue  # topics or keys changed, no stream
                events.resubscribed(
                    connection=self.bundle.name,
                    joined=len(joined),
                    left=held + len(joined) - len(self.held),
                )
                watches.create_task(self._silence.watch(connection, self.bundle, joined))

    # What is known of it

    def _seeing(self, connection: Connection, began: float) -> None:
        """Note that a bundle's streams are subscribed, and for how long they were not."""
        now = self._loop.time()
        self.connects_ok += 1
        events.connected(connection=self.bundle.name, streams=len(self.held), seconds=now - began)
        missed = len(self._lost.intersection(self.held))
        if missed:
            # Here markers will be opened, and backfill asked for what was missed.
            blind_s = now - self.blind_since
            self._around.ledger.lost_time_s += blind_s * missed
            events.time_lost(connection=self.bundle.name, streams=missed, seconds=blind_s)
        self.connection = connection

    def _forget(self) -> None:
        """Note that nothing is subscribed any more."""
        if self.connection is not None:
            self.connection = None
            self.blind_since = self._loop.time()
            self._lost = frozenset(self.held)
        self.held.clear()
        self.touched = self._loop.time()

    async def _watch_shutdown(self, connection: Connection) -> None:
        """Note the exchange's warning. A connection made before this one ends comes later."""
        await connection.shutting_down.wait()
        events.server_shutdown(connection=self.bundle.name)
