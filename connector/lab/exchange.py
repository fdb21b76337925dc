"""The exchange in a box: spot, fstream (USD-M and options, routed) and dstream on real sockets.

A wrong route, an unknown name and an upper-case name are acknowledged and silent, as on the real
one. Faults are methods: drop, mute, accept_then_close, server_shutdown, send_frame.
"""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response

from connector.binance.names import Stream
from connector.binance.products import LIMITS, Bases, Product
from connector.lab.market import Event, Market
from connector.lab.oracle import Oracle
from connector.lab.rest import Rest
from connector.lab.session import Session

HOSTS: dict[str, tuple[Product, ...]] = {
    "spot": ("spot",),
    "fstream": ("options", "usdm"),
    "dstream": ("coinm",),
}
TICK_S = 0.01
# Events of one kind for each one of another: how often the real market moves them.
WEIGHTS = {"book-ticker": 4, "trade": 3, "depth-diff": 2, "agg-trade": 2}


class Exchange:
    """All products and routes, until stopped.

    Args:
        market: The seeded truth.
        rate: Events a second over all subscribed streams.
        tls: Serve wss:// with this context.
        ping_interval_s: Seconds between pings; default by product.
        pong_deadline_s: Seconds a client may take to answer; default by product.
        connects: Connections one client may open in five minutes.

    Attributes:
        bases: Where each product is served, once started.
        oracle: The ids of every event sent.
        rest: The REST side: its weights, its faults.
        muted: Streams that are withheld (pings are answered all the same).
        muted_all: Withhold everything.
        accept_then_close: Close every new connection right after the handshake.
    """

    def __init__(
        self,
        market: Market,
        rate: float = 1000.0,
        tls: ssl.SSLContext | None = None,
        *,
        ping_interval_s: float | None = None,
        pong_deadline_s: float | None = None,
        connects: int = 300,
    ) -> None:
        self.bases: dict[Product, Bases] = {}
        self.oracle = Oracle()
        self.muted: set[str] = set()
        self.muted_all = False
        self.accept_then_close = False
        self.connects_seen = 0
        self._market = market
        self._rate = rate
        self._tls = tls
        self._ping_interval_s = ping_interval_s
        self._pong_deadline_s = pong_deadline_s
        self._connects = connects
        self._sessions: dict[str, list[Session]] = {host: [] for host in HOSTS}
        self._servers: list[Server] = []
        self.rest = Rest(market)
        self._running = asyncio.Event()
        self._producing: asyncio.Task[None] | None = None
        self._recent: list[float] = []

    async def start(self) -> None:
        """Listen on free ports of this machine and begin to trade."""
        await self.rest.start()
        scheme = "ws" if self._tls is None else "wss"
        for host, products in HOSTS.items():
            port = await self._listen(host)
            for product in products:
                address = f"{scheme}://localhost:{port}" if self._tls else f"ws://127.0.0.1:{port}"
                self.bases[product] = Bases((address,), self.rest.url)
        self._running.set()
        self._producing = asyncio.create_task(self._produce(), name="lab market")

    async def _listen(self, host: str) -> int:
        limits = LIMITS[HOSTS[host][-1]]

        async def handler(socket: ServerConnection) -> None:
            await self._handle(host, socket)

        server = await serve(
            handler,
            "127.0.0.1",
            0,
            ssl=self._tls,
            compression=None,
            ping_interval=self._ping_interval_s or limits.ping_interval_s,
            ping_timeout=self._pong_deadline_s or limits.pong_deadline_s,
            process_request=self._admit,
            create_connection=Watched,
            max_queue=None,
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._producing is not None:
            self._producing.cancel()
            await asyncio.gather(self._producing, return_exceptions=True)
        for server in self._servers:
            server.close()
        for server in self._servers:
            await server.wait_closed()
        await self.rest.stop()

    def _admit(self, connection: ServerConnection, _request: Request) -> Response | None:
        """Refuse a client that opens too many connections in five minutes."""
        del connection
        self.connects_seen += 1
        now = time.monotonic()
        self._recent = [moment for moment in self._recent if moment > now - 300.0]
        self._recent.append(now)
        if len(self._recent) <= self._connects:
            return None
        return Response(429, "Too Many Requests", Headers({"Retry-After": "5"}), b"")

    async def _handle(self, host: str, socket: ServerConnection) -> None:
        if self.accept_then_close or socket.request is None:
            return
        parts = urlsplit(socket.request.path)
        route = next((r for r in ("/public", "/market") if parts.path.startswith(r)), None)
        path = parts.path.removeprefix(route or "")
        session = Session(socket, HOSTS[host], route, combined=path.startswith("/stream"))
        socket.on_pong = session.over_limit  # type: ignore[attr-defined]
        asked = parse_qs(parts.query).get("streams", [""])[0]
        named = asked or (path.removeprefix("/ws/") if path.startswith("/ws/") else "")
        if named:
            session.answer(json.dumps({"method": "SUBSCRIBE", "params": named.split("/")}))
        self._sessions[host].append(session)
        try:
            await session.run()
        finally:
            self._sessions[host].remove(session)

    # The market

    def pause(self) -> None:
        """Stop trading; what was sent has been sent."""
        self._running.clear()

    def resume(self) -> None:
        """Go on trading."""
        self._running.set()

    async def _produce(self) -> None:
        """Send events in small ticks, the streams in turn by their weights."""
        due, last = 0.0, time.monotonic()
        turns: Iterator[tuple[str, Stream]] = iter(())
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            due, last = min(self._rate, due + (now - last) * self._rate), now
            if not self._running.is_set():
                due = 0.0
                continue
            while due >= 1.0:
                host, stream = next(turns, (None, None))
                if host is None or stream is None:
                    turns = self._turns()
                    host, stream = next(turns, (None, None))
                    if host is None or stream is None:
                        due = 0.0
                        break
                due -= 1.0
                if not self._withheld(stream):
                    await self._send(host, self._market.next_events(stream, _now_ms()), stream)

    def _withheld(self, stream: Stream) -> bool:
        return self.muted_all or stream.name in self.muted

    def _turns(self) -> Iterator[tuple[str, Stream]]:
        """Return each subscribed stream once for each of its weight, spread out."""
        streams = [
            (host, stream)
            for host, sessions in self._sessions.items()
            for stream in {
                (s.product, s.name): s for one in sessions for s in one.delivered.values()
            }.values()
            if self._market.serves(stream)
        ]
        rounds = max(WEIGHTS.values())
        return iter(
            [
                one
                for number in range(rounds)
                for one in streams
                if WEIGHTS.get(one[1].row.kind, 1) > number
            ]
        )

    async def _send(self, host: str, events: list[Event], stream: Stream) -> None:
        if not events:  # delisted since the streams took their turns
            return
        data = [event.data for event in events] if stream.row.array else events[0].data
        payload = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
        if await self._deliver(host, stream.name, payload, stream.product):
            for event in events:
                self.oracle.note(event)

    async def _deliver(self, host: str, name: str, payload: bytes, product: Product) -> bool:
        """Send a payload to every subscriber; say whether anybody got it."""
        reached = False
        for session in list(self._sessions[host]):
            stream = session.delivered.get(name)
            if stream is not None and stream.product == product:
                with contextlib.suppress(ConnectionClosed):
                    await session.socket.send(session.wrap(name, payload), text=True)
                    reached = True
        return reached

    async def send_frame(self, product: Product, name: str, payload: bytes) -> bool:
        """Send raw bytes as a stream's payload, whatever they are; False when nobody listens."""
        return await self._deliver(_host(product), name, payload, product)

    async def send_raw(self, product: Product, frame: bytes) -> None:
        """Send a whole frame to every connection of a product's host."""
        for session in list(self._sessions[_host(product)]):
            with contextlib.suppress(ConnectionClosed):
                await session.socket.send(frame, text=True)

    # Faults

    def connections(self, product: Product) -> int:
        """Return how many connections a product's host has."""
        return len(self._sessions[_host(product)])

    async def drop(self, product: Product) -> None:
        """Break the TCP connections of a product's host without a word."""
        for session in list(self._sessions[_host(product)]):
            session.socket.transport.abort()
            await session.socket.wait_closed()

    async def server_shutdown(self, product: Product, after_s: float = 0.5) -> None:
        """Announce the end of a product's connections, then close them."""
        notice = {"e": "serverShutdown", "E": _now_ms()}
        sessions = list(self._sessions[_host(product)])
        for session in sessions:
            payload = json.dumps(notice, separators=(",", ":")).encode()
            await session.socket.send(session.wrap("!serverShutdown", payload), text=True)
        await asyncio.sleep(after_s)
        for session in sessions:
            await session.socket.close(1001, "going away")


class Watched(ServerConnection):
    """A connection that counts the client's pongs: they count against its message limit."""

    def process_event(self, event: object) -> None:
        """Count pongs, then go on as usual."""
        count = getattr(self, "on_pong", None)
        if isinstance(event, Frame) and event.opcode is Opcode.PONG and count is not None:
            count()
        super().process_event(event)  # type: ignore[arg-type]


def _host(product: Product) -> str:
    return next(host for host, products in HOSTS.items() if product in products)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
