"""The simulated exchange: spot, fstream (USD-M and options, routed) and dstream on real sockets.

A wrong route, an unknown name and an upper-case name are acknowledged and have no data, as on the
real one. generator.py or capture_player.py makes the messages; faults/ changes what clients get.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from connector.binance.products import LIMITS, Bases, Product
from connector.lab.account.accounts import Accounts
from connector.lab.account.private_urls import read_url
from connector.lab.account.rest_routes import account_routes
from connector.lab.account.server import WsApiServer
from connector.lab.client_session import Session
from connector.lab.client_socket import Socket
from connector.lab.clock import Clock
from connector.lab.delivery import HOST_OF, HOSTS, Delivery
from connector.lab.depth_variants import DepthVariant
from connector.lab.faults import Drop, Fault, ServerShutdown
from connector.lab.generator import Generator, Source
from connector.lab.handshakes import Handshakes
from connector.lab.market import Market
from connector.lab.message import Message, encode
from connector.lab.oracle import Oracle
from connector.lab.rest import Rest
from connector.lab.session_host import RequestLimits

ROUTES = ("/public", "/market", "/private")


class Exchange:
    """All products and routes, until stopped.

    Args:
        market: The seeded market.
        rate: Events a second over all subscribed streams.
        tls: Serve wss:// with this context.
        ping_interval_s: Seconds between pings; default by product.
        pong_deadline_s: Seconds a client may take to answer; default by product.
        connects: Connections one client may open in five minutes.
        misaligned: Every second connection of a host gets depth streams cut differently.
        request_limits: Sizes at which requests are stuck or lost; None: any size is answered.
        source: What makes the messages; default: the market at `rate`.
        ports: Where `spot`, `fstream`, `dstream`, `rest`, `ws_api` listen; default: free ports.
        clock: Time of events and of REST; default: this machine's.

    Attributes:
        bases: Where each product is served, once started.
        oracle: The ids of every event made and sent.
        delivery: Every connection, and what is between them and the market.
        rest, ws_api: The REST side; the WS API, with the API keys it knows.
        accounts: The scripted accounts.
        accept_then_close: Close every new connection right after the handshake.
        handshakes: Counts them, and refuses some.
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
        misaligned: bool = False,
        request_limits: RequestLimits | None = None,
        source: Source | None = None,
        ports: Mapping[str, int] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.bases: dict[Product, Bases] = {}
        self.oracle = Oracle()
        self.clock = clock or Clock()
        self.market = market
        self.delivery = Delivery(self.oracle, self.clock)
        self.delivery.request_limits = request_limits
        self.accept_then_close = False
        self.handshakes = Handshakes(connects)
        self._source = Generator(market, rate) if source is None else source
        self._tls = tls
        self._ping_interval_s = ping_interval_s
        self._pong_deadline_s = pong_deadline_s
        self._misaligned = misaligned
        self._ports = dict(ports or {})
        self._sessions = self.delivery.sessions
        self._servers: list[Server] = []
        self.rest = Rest(market, port=self._ports.get("rest", 0), clock=self.clock)
        api_port = self._ports.get("ws_api", 0)
        self.ws_api = WsApiServer(self.rest.meters, self.clock, self.handshakes, tls, api_port)
        self.accounts = Accounts(self.ws_api, self.delivery, self.clock)
        for route in account_routes(self.accounts):
            self.rest.add(route)
        self._running = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted = 0

    async def start(self) -> None:
        """Listen on this machine and begin to trade.

        Raises:
            OSError: a port is taken; `stop` closes those that are open.
        """
        await self.rest.start()
        await self.ws_api.start()
        scheme = "ws" if self._tls is None else "wss"
        for host, products in HOSTS.items():
            port = await self._listen(host)
            at = f"localhost:{port}" if self._tls else f"127.0.0.1:{port}"
            for product in products:
                places = self.rest.url, self.ws_api.url(product)
                self.bases[product] = Bases((f"{scheme}://{at}",), *places)
        self._running.set()
        self._keep(asyncio.create_task(self._source.run(self.delivery, self._running)))
        self._keep(asyncio.create_task(self.accounts.run()))

    def _keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Keep a reference to a task until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _listen(self, host: str) -> int:
        limits = LIMITS[HOSTS[host][-1]]

        async def handler(socket: ServerConnection) -> None:
            await self._handle(host, socket)

        def admit(_connection: ServerConnection, _request: Request) -> Response | None:
            return self.handshakes.refusal(HOSTS[host])

        server = await serve(
            handler,
            "127.0.0.1",
            self._ports.get(host, 0),
            ssl=self._tls,
            compression=None,
            ping_interval=self._ping_interval_s or limits.ping_interval_s,
            ping_timeout=self._pong_deadline_s or limits.pong_deadline_s,
            process_request=admit,
            create_connection=Socket,
            max_queue=None,
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._servers:
            server.close()
            await server.wait_closed()
        await self.ws_api.stop()
        await self.rest.stop()

    async def _handle(self, host: str, socket: ServerConnection) -> None:
        if self.accept_then_close or socket.request is None or not isinstance(socket, Socket):
            return
        session = self._session(host, socket, socket.request.path)
        socket.on_pong = session.over_limit
        self._sessions[host].append(session)
        try:
            await session.run()
        finally:
            self._sessions[host].remove(session)

    def _session(self, host: str, socket: Socket, target: str) -> Session:
        """Return a client's session as the URL asks for it: route, form, streams, time unit."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        route = next((r for r in ROUTES if parts.path.startswith(r)), None)
        path = parts.path.removeprefix(route or "")
        is_variant = self._misaligned and self._accepted % 2
        session = Session(
            socket,
            self.delivery,
            HOSTS[host],
            route,
            combined=path.startswith("/stream"),
            number=self._accepted,
            depth_variant=DepthVariant() if is_variant else None,
            microseconds=host == "spot" and "MICROSECOND" in query.get("timeUnit", [""])[0].upper(),
        )
        session.private = read_url(target)
        self._accepted += 1
        requested = query.get("streams", [""])[0]
        named = requested or (path.removeprefix("/ws/") if path.startswith("/ws/") else "")
        if named:
            session.answer(encode({"method": "SUBSCRIBE", "params": named.split("/")}))
        return session

    @property
    def muted(self) -> set[str]:
        """Names of streams that are withheld, to be changed by hand."""
        return self.delivery.muted

    def pause(self) -> None:
        """Stop trading; what was sent stays sent."""
        self._running.clear()

    def resume(self) -> None:
        """Trade again."""
        self._running.set()

    async def send_frame(self, product: Product, name: str, payload: bytes) -> bool:
        """Send raw bytes as a stream's payload; False if no connection has the stream."""
        message = Message(product, name, payload)
        self.delivery.deliver(message)
        return message.sent

    async def send_raw(self, product: Product, frame: bytes) -> None:
        """Send a whole frame to every connection of a product's host."""
        for session in self.delivery.clients(product):
            session.socket.put(frame)

    @property
    def connects_seen(self) -> int:
        """Return how many connections were asked for so far."""
        return self.handshakes.seen

    def connections(self, product: Product) -> int:
        """Return how many connections a product's host has."""
        return len(self._sessions[HOST_OF[product]])

    async def inflict(self, fault: Fault) -> None:
        """Run a fault; return when it is over."""
        await fault.strike(self)

    def begin(self, fault: Fault) -> asyncio.Task[None]:
        """Run a fault in a task; cancel the task to end it early."""
        return self._keep(asyncio.create_task(fault.strike(self), name=repr(fault)))

    async def drop(self, product: Product) -> None:
        """Reset the TCP connections of a product's host."""
        await self.inflict(Drop(product))

    async def server_shutdown(self, product: Product, after_s: float = 0.5) -> None:
        """Announce the end of a product's connections, then close them."""
        await self.inflict(ServerShutdown(after_s, product))

    async def shut_down(self, sessions: Sequence[Session], after_s: float) -> None:
        """Announce the end of some connections, then close them."""
        notice = encode({"e": "serverShutdown", "E": self.delivery.now_ms()})
        for session in sessions:
            session.socket.put(session.wrap("!serverShutdown", notice))
        await asyncio.sleep(after_s)
        with contextlib.suppress(ConnectionClosed):
            await asyncio.gather(
                *(session.socket.close(1001, "going away") for session in sessions)
            )
