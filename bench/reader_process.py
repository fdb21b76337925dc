"""One socket reader as a process: `python -m bench.reader_process READER LOOP URL STREAM...`.

Counts frames and answers each line on stdin with the count.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import picows
import uvloop
from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from connector.binance.products import LIMITS
from connector.transport.websocket import Connection


class Count:
    """Number of frames received."""

    def __init__(self) -> None:
        self.frames = 0


def _tls(url: str) -> ssl.SSLContext | None:
    return ssl.create_default_context() if url.startswith("wss:") else None


def _request(names: Sequence[str]) -> str:
    return json.dumps({"method": "SUBSCRIBE", "params": list(names), "id": 1})


async def asyncio_client(url: str, names: Sequence[str], count: Count) -> None:
    """Run websockets' asyncio client: one awaited message at a time."""
    async with connect(url, ssl=_tls(url), compression=None) as connection:
        await connection.send(_request(names))
        async for _message in connection:
            count.frames += 1


class SansIo(asyncio.Protocol):
    """websockets' sans-I/O protocol in an asyncio protocol: frames by callback."""

    def __init__(self, url: str, names: Sequence[str], count: Count) -> None:
        self._protocol = ClientProtocol(parse_uri(url))
        self._names = names
        self._count = count
        self._transport: Any = None
        self._open = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the upgrade request."""
        self._transport = transport
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Parse the bytes of one read."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._count.frames += event.opcode is Opcode.TEXT
            elif not self._open:
                self._open = True
                self._protocol.send_text(_request(self._names).encode())
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Resolve `closed`."""
        del exc
        if not self.closed.done():
            self.closed.set_result(None)


async def sans_io(url: str, names: Sequence[str], count: Count) -> None:
    """Run websockets' sans-I/O protocol."""
    uri = parse_uri(url)
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(
        lambda: SansIo(url, names, count), uri.host, uri.port, ssl=_tls(url)
    )
    await protocol.closed


class Listener(picows.WSListener):
    """Counts text frames."""

    def __init__(self, count: Count) -> None:
        self._count = count

    def on_ws_frame(self, _transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Count one frame."""
        if frame.msg_type is picows.WSMsgType.TEXT:
            frame.get_payload_as_bytes()
            self._count.frames += 1


async def plain_picows(url: str, names: Sequence[str], count: Count) -> None:
    """Run picows without changes."""
    transport, _ = await picows.ws_connect(lambda: Listener(count), url, ssl_context=_tls(url))
    transport.send(picows.WSMsgType.TEXT, _request(names).encode())
    await transport.wait_disconnected()


async def spaced_picows(url: str, names: Sequence[str], count: Count) -> None:
    """Run the connector's own connection: picows, batches, spaced reads."""

    def receive(frames: Sequence[bytes], _received_us: int, _connection: Connection) -> None:
        count.frames += len(frames)

    connection = await Connection.open(url, LIMITS["spot"], receive)
    await connection.subscribe(names)
    await connection.closed


READERS: dict[str, Callable[[str, Sequence[str], Count], Awaitable[None]]] = {
    "websockets, asyncio client": asyncio_client,
    "websockets, sans-I/O protocol": sans_io,
    "picows": plain_picows,
    "picows, spaced reads (connector/transport/websocket.py)": spaced_picows,
}


def main() -> None:
    """Run one reader; answer each line on stdin with its count."""
    reader, loop, url, *names = sys.argv[1:]

    async def work() -> None:
        count = Count()

        def answer() -> None:
            if not sys.stdin.readline():
                sys.exit()
            print(json.dumps(count.frames), flush=True)

        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), answer)
        await READERS[reader](url, names, count)

    (uvloop.run if loop == "uvloop" else asyncio.run)(work())


if __name__ == "__main__":
    main()
