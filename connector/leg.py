"""One connection of a bundle, from opened to closed: subscribed to exactly what is wanted, and the
pipeline told which streams it delivers.

Next along the way: websocket.py (the socket), pipeline.py (its frames), legs.py (two connections).
"""

import asyncio
import functools
from collections.abc import Callable, Iterable, Sequence

from connector.around import Around
from connector.binance import requests
from connector.binance.markers import Reason
from connector.binance.plan import Bundle
from connector.binance.products import LIMITS
from connector.pipeline import Route, Routes
from connector.silence import Silence
from connector.websocket import Connection


class Leg:
    """An open connection and the streams it holds.

    Attributes:
        connection: The socket.
        held: Names the exchange has acknowledged, in their order.
        joined: Names subscribed when it was opened.
        silent: Periodic streams that delivered nothing within their deadline.
        touched: Monotonic seconds of the last change of `held`.
        opened_at: Monotonic seconds.
    """

    def __init__(self, connection: Connection, routes: Routes, around: Around) -> None:
        self.connection = connection
        self.held: dict[str, None] = {}
        self.joined: list[str] = []
        self._routes = routes
        self._around = around
        self._loop = asyncio.get_running_loop()
        self._told: dict[str, Route] = {}  # what the pipeline was told that we deliver
        self._silence = Silence(routes, self.held)
        self.touched = self.opened_at = self._loop.time()

    @classmethod
    async def open(cls, bundle: Bundle, routes: Routes, around: Around) -> "Leg":
        """Connect, within the budget of attempts.

        Raises:
            Retry: as Connection.open.
        """
        await around.may_connect(bundle)
        receive = functools.partial(around.pipeline.receive, routes)
        limits = LIMITS[bundle.product]
        connection = await Connection.open(
            bundle.endpoint, limits, receive, around.proxy, bundle.leg
        )
        return cls(connection, routes, around)

    async def align(self, wanted: Callable[[], Sequence[str]]) -> list[str]:
        """Subscribe and unsubscribe until the exchange holds what is wanted; return what joined.

        Raises:
            Retry: as Connection.subscribe; what was acknowledged until then is held.
        """
        joined: list[str] = []
        async with self._silence.asking:
            while True:
                names = dict.fromkeys(wanted())
                joining = [name for name in names if name not in self.held]
                leaving = [name for name in self.held if name not in names]
                if not joining and not leaving:
                    return joined
                for chunk in requests.chunks(leaving):  # first: a full connection takes no more
                    await self._leave(chunk)
                for chunk in requests.chunks(joining):
                    await self._join(chunk)
                joined += joining

    async def _join(self, names: Sequence[str]) -> None:
        """Subscribe; the pipeline is told before: frames may come before the acknowledgement."""
        ways = {name: self._routes[name.encode()] for name in names}
        self._told |= ways
        legs, leg = self._around.pipeline.legs, self.connection.leg
        self._around.pipeline.later(functools.partial(legs.opened, list(ways.values()), leg))
        await self.connection.subscribe(names)
        self.held.update(dict.fromkeys(names))
        self.touched = self._loop.time()
        self._around.pipeline.later(functools.partial(self._resumed, list(ways.values())))

    def _resumed(self, ways: Iterable[Route]) -> None:
        for way in ways:
            self._around.pipeline.continuity.resumed(way.every_series(), self._around.now_ms())

    async def _leave(self, names: Sequence[str]) -> None:
        await self.connection.unsubscribe(names)
        for name in names:
            del self.held[name]
        self.touched = self._loop.time()
        self._give_up(names, "plan_changed")

    @property
    def silent(self) -> set[str]:
        """Periodic streams that delivered nothing within their deadline."""
        return self._silence.silent

    async def watch_silence(self, bundle: Bundle, names: Sequence[str]) -> None:
        """Ask once more for the periodic streams among these that stay silent, then say so."""
        await self._silence.watch(self.connection, bundle, names)

    def end(self, reason: Reason) -> None:
        """Close, and tell the pipeline: streams that nobody else delivers miss something now."""
        self.connection.close()
        self.held.clear()
        self._give_up(list(self._told), reason)

    def _give_up(self, names: Sequence[str], reason: Reason) -> None:
        ways = [self._told.pop(name) for name in names if name in self._told]
        self._around.pipeline.later(functools.partial(self._ended, ways, reason))

    def _ended(self, ways: list[Route], reason: Reason) -> None:
        pipeline = self._around.pipeline
        pipeline.legs.closed(ways, self.connection.leg, self._around.now_ms() / 1e3)
        for way in ways:
            if way.legs:
                continue  # another connection delivers it
            if reason in ("plan_changed", "restart"):
                pipeline.continuity.ended(way.every_series(), reason)
            else:
                pipeline.continuity.interrupted(way.every_series(), reason)
