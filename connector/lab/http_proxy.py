"""A small HTTP proxy for tests: CONNECT tunnels, and plain HTTP forwarded, a request a connection.

It counts requests and can require a user name and password.
"""

import asyncio
import base64
import contextlib
from urllib.parse import urlsplit

HEAD_LIMIT = 64 * 1024


class Proxy:
    """Listens on a free port of this machine.

    Args:
        login: `name:password` that clients must give; None: none is required.

    Attributes:
        url: Where, once started; without the login.
        seen: The requested targets (`host:port`), in order.
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
        if not self._is_allowed(head):
            return _answer(writer, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic")
        self.seen.append(place)
        if self.broken:
            return _answer(writer, "502 Bad Gateway")
        host, _, port = place.rpartition(":")
        target_reader, upstream = await asyncio.open_connection(host, int(port))
        self._writers.add(upstream)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream.write(_forwarded(head, target).encode("latin-1"))
        try:
            await asyncio.gather(_pump(reader, upstream), _pump(target_reader, writer))
        finally:
            self._writers.discard(upstream)
            upstream.close()
        return None

    def _is_allowed(self, head: str) -> bool:
        if self._login is None:
            return True
        token = base64.b64encode(self._login.encode()).decode()
        return f"proxy-authorization: basic {token}".lower() in head.lower()


def _answer(writer: asyncio.StreamWriter, status: str, *headers: str) -> None:
    lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))


def _forwarded(head: str, target: str) -> str:
    """Return a request's head as its server expects it: the path alone, and no second request."""
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = head.replace(target, path, 1).split("\r\n")
    kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
    return "\r\n".join([kept[0], "Connection: close", *kept[1:]])


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward bytes until the sender ends, then end as well."""
    with contextlib.suppress(OSError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
