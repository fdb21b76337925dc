"""A lab WS API that knows keys of each kind, and a client that keeps what it is received."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from connector.binance.signing import Credentials
from connector.binance.wsapi_methods import WsApiProduct
from connector.lab.account.server import WsApiServer
from connector.lab.clock import Clock
from connector.lab.rest.limits import Meter
from connector.transport.wsapi import WsApi
from connector.transport.wsapi_session import UserEvent, WsApiItem
from tests.support.keys import lab_keys

NOW_S = 1_795_000_020.0  # in the middle of a minute


def still() -> float:
    """Return a time that does not pass: no minute of weight ends, no signature grows old."""
    return NOW_S


@contextlib.asynccontextmanager
async def ws_api_server(
    clock: Clock | None = None, limit: int = 6_000
) -> AsyncIterator[WsApiServer]:
    """Run a server whose pools all have this weight in a minute; its time stands still."""
    pools = {name: Meter(limit) for name in ("spot", "futures", "options")}
    server = WsApiServer(pools, clock or Clock(still))
    server.keys = lab_keys()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextlib.contextmanager
def in_a_thread(server: WsApiServer) -> Iterator[None]:
    """Run a server in a thread of its own, beside a command that has an event loop of its own."""
    running, stopping, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        await server.start()
        running.set()
        await stopping.wait()
        await server.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    running.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


class Received:
    """What a client was received, in order."""

    def __init__(self) -> None:
        self.items: list[WsApiItem] = []

    @property
    def kinds(self) -> list[str]:
        """The items' class names."""
        return [type(item).__name__ for item in self.items]

    def events(self, label: str) -> list[dict[str, Any]]:
        """Return the events of one subscription, decoded."""
        return [
            json.loads(item.payload)
            for item in self.items
            if isinstance(item, UserEvent)
            and item.subscription is not None
            and item.subscription.label == label
        ]


@contextlib.asynccontextmanager
async def client(
    server: WsApiServer,
    credentials: Credentials | None = None,
    received: Received | None = None,
    product: WsApiProduct = "spot",
    **options: Any,
) -> AsyncIterator[WsApi]:
    """Run a client of the server; its time stands still."""
    keys = None if credentials is None else (lambda: credentials)
    receive = None if received is None else received.items.append
    options = {"clock": still} | options
    async with WsApi(server.url(product), product, keys=keys, receive=receive, **options) as api:
        yield api
