"""Streams that were acknowledged and say nothing: asked for once more, then named.

An acknowledgement proves nothing: a wrong route or name is acknowledged and silent.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Container, Sequence

from connector.binance.stream_name import Stream
from connector.errors import Retry
from connector.feed.liveness.activity import first_data_deadline
from connector.feed.pipeline import Routes
from connector.planning.model import ConnectionPlan
from connector.telemetry import events
from connector.transport.websocket import Connection


class FirstDataCheck:
    """Watches over the periodic streams of one bundle, whose data can be expected in time.

    Args:
        routes: Where the bundle's events are counted.
        held: Names that are subscribed now.
        subscribe: Subscribes to names; may find that the exchange refuses some.

    Attributes:
        subscribing: Held by whoever changes the subscriptions: one at a time.
        silent: Names that delivered nothing within their deadline.
    """

    def __init__(
        self,
        routes: Routes,
        held: Container[str],
        subscribe: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self.subscribing = asyncio.Lock()
        self.silent: set[str] = set()
        self._routes = routes
        self._held = held
        self._subscribe = subscribe

    async def watch(
        self, connection: Connection, bundle: ConnectionPlan, joined: Sequence[str]
    ) -> None:
        """Wait for the first data of streams that have just joined."""
        streams = [planned.stream for planned in bundle.streams if _is_periodic(planned.stream)]
        new = set(joined)
        periodic = {one.name: one.row.period_s or 0.0 for one in streams if one.name in new}
        if not periodic:
            return
        deadline = first_data_deadline(max(periodic.values()))
        before = {name: self._messages(name) for name in periodic}
        for attempt in range(2):
            await asyncio.sleep(deadline)
            still = [name for name, n in before.items() if self._messages(name) == n]
            silent = [name for name in still if name in self._held]
            self.silent = self.silent.difference(before).union(silent)
            if not silent:
                return
            events.stream_silent(connection=bundle.name, streams=silent, deadline_s=deadline)
            if attempt == 0:
                await self._ask_again(connection, silent)

    async def _ask_again(self, connection: Connection, names: Sequence[str]) -> None:
        async with self.subscribing:
            still = [name for name in names if name in self._held]
            with contextlib.suppress(Retry):  # a dead connection is noticed by its own end
                await connection.unsubscribe(still)
                await self._subscribe(still)

    def _messages(self, name: str) -> int:
        route = self._routes.get(name.encode())
        return route.messages if route is not None else 0


def _is_periodic(stream: Stream) -> bool:
    return stream.row.cadence == "periodic" and stream.row.status == "live"
