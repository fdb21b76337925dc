"""A small HTTP proxy for tests: CONNECT tunnels, and plain HTTP passed on, a request a connection.

It counts what went through it and can ask for a user name and password.
"""

import asyncio
import base64
import contextlib
from urllib.parse import urlsplit

HEAD_LIMIT = 64 * 1024


class Proxy:
    """Listens on a free port of this machine.

    Args:
        login: `name:password` a client has to give; None lets everybody through.

    Attributes:
        url: Where, once started; without the login.
        seen: The targets asked for (`host:port`), in order.
        broken: Set to True to answer 502 to everything.
    """

    def __init__(self, login: str | None = None) -> None:
        self.url = ""
        self.seen: list[str] = []
        self.broken = False
        self._login = login
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close every tunnel and stop listening."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._tunnel(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target = head.split(" ", 2)[:2]
        place = target if method == "CONNECT" else urlsplit(target).netloc
        if not self._lets_in(head):
            return _answer(writer, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic")
        self.seen.append(place)
        if self.broken:
            return _answer(writer, "502 Bad Gateway")
        host, _, port = place.rpartition(":")
        there, onward = await asyncio.open_connection(host, int(port))
        self._writers.add(onward)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            onward.write(_passed_on(head, target).encode("latin-1"))
        try:
            await asyncio.gather(_pump(reader, onward), _pump(there, writer))
        finally:
            self._writers.discard(onward)
            onward.close()
        return None

    def _lets_in(self, head: str) -> bool:
        if self._login is None:
            return True
        word = base64.b64encode(self._login.encode()).decode()
        return f"proxy-authorization: basic {word}".lower() in head.lower()


def _answer(writer: asyncio.StreamWriter, status: str, *headers: str) -> None:
    lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))


def _passed_on(head: str, target: str) -> str:
    """Return a request's head as its own server wants it: the path alone, and no second request."""
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = head.replace(target, path, 1).split("\r\n")
    kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
    return "\r\n".join([kept[0], "Connection: close", *kept[1:]])


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the sender ends, then end as well."""
    with contextlib.suppress(OSError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
