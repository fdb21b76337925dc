"""Reads the frames of an open WebSocket, and knows until when the path was whole."""

import asyncio
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from connector.telemetry import events

PING_INTERVAL_S, PONG_WITHIN_S = 10.0, 10.0  # our own; the exchange's pings are answered as well
# A frame proves what was sent before it; so long, at most, it is thought to have been on its way.
LONGEST_WAY_US = 1_000_000

TakeFrame = Callable[[bytes, int], None]  # a frame, and when it was read, epoch microseconds


class FrameReader:
    """A connection that is read until it ends. It pings the other side by itself.

    Args:
        socket: Open.
        place: Its name, for logs: no URL that holds a secret.
        take: Called with each frame, in order; must not wait.

    Attributes:
        closed: Resolves with the cause when the connection has ended.
        opened: Monotonic seconds of the handshake.
        whole_until_us: Epoch microseconds. All that was sent to us before has been read: frames
            come in order, and a pong comes behind what was sent before it.
    """

    def __init__(self, socket: ClientConnection, place: str, take: TakeFrame) -> None:
        self._socket = socket
        self._place = place
        self._take = take
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = loop.create_future()
        self.opened = loop.time()
        self.whole_until_us = time.time_ns() // 1000
        self._cause = ""  # of the end, where it is ours
        self._closing: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._read(), name=f"{place} reader")

    async def close(self) -> None:
        """Close; `closed` has resolved when this returns."""
        await self._socket.close()
        await self._reading

    def end(self, cause: str) -> None:
        """Begin to close for a cause of our own."""
        self._cause = self._cause or cause
        if self._closing is None:
            self._closing = asyncio.create_task(self._socket.close())

    async def prove(self) -> None:
        """Ping once, and move `whole_until_us` on by the pong.

        Raises:
            TimeoutError: no pong in time.
            ConnectionClosed: the connection has ended.
        """
        sent_us = time.time_ns() // 1000
        pong = asyncio.ensure_future(await self._socket.ping())  # a future, typed as less
        try:
            async with asyncio.timeout(PONG_WITHIN_S):
                await asyncio.shield(pong)
        except TimeoutError:
            if not pong.done():  # else it came while this process stood still
                raise
        self.whole_until_us = max(self.whole_until_us, sent_us)

    async def _read(self) -> None:
        cause = ""
        beating = asyncio.create_task(self._beat(), name=f"{self._place} pings")
        try:
            while True:
                frame = await self._socket.recv(decode=False)
                received_us = time.time_ns() // 1000
                self._take(frame, received_us)
                self.whole_until_us = max(self.whole_until_us, received_us - LONGEST_WAY_US)
        except ConnectionClosed as error:
            close = error.rcvd
            cause = "connection lost" if close is None else f"{close.code} {close.reason}".strip()
            cause = self._cause or cause
        except Exception as error:  # noqa: BLE001 - a bug must not leave the callers waiting
            cause = f"{type(error).__name__} in the reader"
            events.task_failed(f"{self._place} reader", error)
        finally:
            beating.cancel()
            self.closed.set_result(cause or "closed")

    async def _beat(self) -> None:
        """Ping until the connection ends; end it where a pong is late."""
        try:
            while True:
                await self.prove()
                await asyncio.sleep(PING_INTERVAL_S)
        except TimeoutError:
            self._cause = self._cause or f"no pong within {PONG_WITHIN_S:.0f} s"
            self._socket.transport.abort()  # nobody is there who would answer a close
        except ConnectionClosed:
            return
