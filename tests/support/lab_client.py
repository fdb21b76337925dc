"""A plain websockets client of the lab that keeps the data it gets, by stream."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from connector.binance.products import Product
from connector.lab.client_session import Session
from connector.lab.exchange import Exchange
from tests.support.waiting import in_time


class Client:
    """One connection.

    Attributes:
        data: Stream -> payloads in the order they came.
        broken: Frames that were no JSON.
        notices: `!serverShutdown` notices.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.data: dict[str, list[Any]] = {}
        self.broken: list[str] = []
        self.notices = 0

    async def read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.socket:
                assert isinstance(frame, str)
                self._take(frame)

    def _take(self, frame: str) -> None:
        try:
            message = json.loads(frame)
        except json.JSONDecodeError:
            self.broken.append(frame)
            return
        if message.get("stream") == "!serverShutdown":
            self.notices += 1
        elif "stream" in message:
            self.data.setdefault(message["stream"], []).append(message["data"])

    def count(self, stream: str) -> int:
        return len(self.data.get(stream, ()))

    def ids(self, stream: str, key: str = "t") -> list[int]:
        return [data[key] for data in self.data.get(stream, ())]


@contextlib.asynccontextmanager
async def client(
    exchange: Exchange, names: Sequence[str], product: Product = "spot", route: str = ""
) -> AsyncIterator[Client]:
    """Connect and subscribe by URL; the connection is read until it ends."""
    url = f"{exchange.bases[product].streams[0]}{route}/stream?streams={'/'.join(names)}"
    async with connect(url, ping_interval=None, close_timeout=0.2) as socket:
        made = Client(socket)
        reading = asyncio.create_task(made.read())
        try:
            yield made
        finally:
            await socket.close()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def all_read(exchange: Exchange) -> None:
    """Return once every client has read all that was sent to it: it answers a ping after that."""

    async def answered(session: Session) -> None:
        with contextlib.suppress(ConnectionClosed):
            await in_time(await session.socket.ping())

    await asyncio.gather(*map(answered, exchange.delivery.clients()))
