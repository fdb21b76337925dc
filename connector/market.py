"""One shard: the wanted bundles against connections. Each bundle has its own supervisor, so that
one that fails never stops the others. Decides nothing itself: policy.py says when.

Next along the way: websocket.py (a connection), pipeline.py (its frames).
"""

import asyncio
import contextlib
import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass

from connector.binance.plan import Bundle
from connector.binance.products import LIMITS, Product
from connector.errors import Retry
from connector.ledger import Ledger
from connector.pipeline import Pipeline, Route
from connector.policy import Backoff, SlidingWindow, first_data_deadline
from connector.telemetry import events
from connector.websocket import Connection


@dataclass(slots=True)
class Supervised:
    """What is known of one bundle's connection, for readiness and metrics.

    Attributes:
        bundle: Its streams.
        connection: The open connection, subscribed; None in between.
        blind_since: Monotonic seconds since when its streams have no connection.
        connects: Attempts by outcome: ok, failed.
        disconnects: Ends of open connections.
        silent: Periodic streams that delivered nothing within their deadline.
    """

    bundle: Bundle
    blind_since: float
    connection: Connection | None = None
    connects_ok: int = 0
    connects_failed: int = 0
    disconnects: int = 0
    silent: int = 0

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


class Market:
    """Keeps a connection open for every bundle of the plan."""

    def __init__(
        self,
        bundles: tuple[Bundle, ...],
        pipeline: Pipeline,
        routes: Mapping[Product, dict[bytes, Route]],
        ledger: Ledger,
    ) -> None:
        self._pipeline = pipeline
        self._routes = routes
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self.supervised = [Supervised(bundle, now) for bundle in bundles]
        # Attempts are counted per address of the exchange: one window for each host.
        self._windows: dict[str, SlidingWindow] = {}

    async def run(self) -> None:
        """Supervise every bundle until cancelled."""
        async with asyncio.TaskGroup() as group:
            for one in self.supervised:
                group.create_task(self._keep(one), name=one.bundle.name)

    async def _keep(self, one: Supervised) -> None:
        """Open, run, and open again, for ever; a bug here starts this bundle over, alone."""
        backoff = Backoff()
        while True:
            cause, first_data = "", None
            try:
                cause, first_data = await self._live(one)
            except Retry as error:
                one.connects_failed += 1
                cause = str(error)
                wait = max(error.after_s or 0.0, self._delay(backoff, None))
                events.connect_failed(connection=one.bundle.name, cause=cause, retry_s=wait)
            except Exception as error:  # noqa: BLE001 - one stream's bug must not stop the others
                wait = self._delay(backoff, None)
                events.supervisor_failed(connection=one.bundle.name, error=error)
            else:
                one.disconnects += 1
                wait = self._delay(backoff, first_data)
                events.connection_lost(
                    connection=one.bundle.name,
                    cause=cause,
                    streams=len(one.bundle.planned),
                    retry_s=wait,
                )
            finally:
                self._forget(one)
            await asyncio.sleep(wait)

    def _delay(self, backoff: Backoff, first_data: float | None) -> float:
        return backoff.delay(self._loop.time(), first_data, random.random())  # noqa: S311 - jitter

    async def _live(self, one: Supervised) -> tuple[str, float | None]:
        """Run one connection from opening to its end; return why it ended and its first data."""
        bundle, limits = one.bundle, LIMITS[one.bundle.product]
        await self._may_connect(bundle)
        began = self._loop.time()
        receive = functools.partial(self._pipeline.receive, self._routes[bundle.product])
        connection = await Connection.open(bundle.endpoint, limits, receive)
        try:
            await connection.subscribe([planned.stream.name for planned in bundle.planned])
            self._seeing(one, connection, began)
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch_first_data(one, connection))
                notice = group.create_task(self._watch_shutdown(one, connection))
                reason = await asyncio.shield(connection.closed)
                watch.cancel()
                notice.cancel()
            return str(reason), connection.first_data
        finally:
            connection.close()

    async def _may_connect(self, bundle: Bundle) -> None:
        """Wait for the budget of connection attempts per address."""
        limits = LIMITS[bundle.product]
        host = bundle.endpoint.split("/")[2]
        window = self._windows.setdefault(
            host, SlidingWindow(limits.connects, limits.connects_window_s)
        )
        while wait := window.wait(self._loop.time()):
            await asyncio.sleep(wait)
        window.take(self._loop.time())

    def _seeing(self, one: Supervised, connection: Connection, began: float) -> None:
        """Note that a bundle's streams are subscribed, and for how long they were not."""
        now = self._loop.time()
        one.connects_ok += 1
        streams = len(one.bundle.planned)
        events.connected(connection=one.bundle.name, streams=streams, seconds=now - began)
        if one.connects_ok > 1:
            # Here markers will be opened, and backfill asked for what was missed.
            self._ledger.lost_time_s += (now - one.blind_since) * streams
            events.time_lost(
                connection=one.bundle.name, streams=streams, seconds=now - one.blind_since
            )
        one.connection = connection

    def _forget(self, one: Supervised) -> None:
        if one.connection is not None:
            one.connection = None
            one.blind_since = self._loop.time()

    async def _watch_shutdown(self, one: Supervised, connection: Connection) -> None:
        """Note the exchange's warning. A connection made before this one ends comes later."""
        await connection.shutting_down.wait()
        events.server_shutdown(connection=one.bundle.name)

    async def _watch_first_data(self, one: Supervised, connection: Connection) -> None:
        """Ask once more for the periodic streams that stay silent, then say so."""
        periodic = [
            planned.stream
            for planned in one.bundle.planned
            if planned.stream.row.cadence == "periodic" and planned.stream.row.status == "live"
        ]
        if not periodic:
            return
        deadline = max(first_data_deadline(stream.row.period_s or 0.0) for stream in periodic)
        routes = self._routes[one.bundle.product]
        before = {s.name: routes[s.name.encode()].messages for s in periodic}
        for attempt in range(2):
            await asyncio.sleep(deadline)
            silent = [name for name, n in before.items() if routes[name.encode()].messages == n]
            one.silent = len(silent)
            if not silent:
                return
            events.stream_silent(connection=one.bundle.name, streams=silent, deadline_s=deadline)
            if attempt == 0:
                with contextlib.suppress(Retry):  # a dead connection is noticed by its own end
                    await connection.unsubscribe(silent)
                    await connection.subscribe(silent)
