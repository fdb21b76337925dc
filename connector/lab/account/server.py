"""The lab's WS API: spot, USD-M and COIN-M on one port, told apart by their paths."""

import asyncio
import contextlib
import math
import ssl
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from connector.binance.products import LIMITS, Product
from connector.binance.wsapi_methods import CONNECT_WEIGHT, WS_API_PRODUCTS, WsApiProduct
from connector.lab.account.client import OK, ApiClient
from connector.lab.account.keys import LabKey
from connector.lab.account.listen_keys import ListenKeys
from connector.lab.account.methods import METHODS, AnswerMethod
from connector.lab.account.session import LabToken
from connector.lab.client_socket import Socket
from connector.lab.clock import Clock
from connector.lab.handshakes import Handshakes
from connector.lab.rest.limits import POOLS, Meter, Verdict, meters

PATHS: Mapping[WsApiProduct, str] = {
    "spot": "/ws-api/v3",
    "usdm": "/ws-fapi/v1",
    "coinm": "/ws-dapi/v1",
}
BANNED_TEXT = "Way too much request weight used; IP banned by the lab."


class WsApiServer:
    """A WS API on a port of this machine.

    Args:
        pools: The address's weights by pool, shared with REST; None: its own.
        clock: The exchange's time.
        handshakes: Refuses connections; None: only beyond 300 in five minutes.
        tls: Serve wss:// with this context.
        port: Where to listen; 0: on a free port.

    Attributes:
        keys: API key -> what verifies its signatures. Add to it, or take keys away.
        tokens: listenTokens.
        listen_keys: listenKeys of futures accounts, shared with REST.
        methods: Method -> its answer, beyond those of the session.
        clients: Present connections, in their order.
        refusals: Status and seconds of the answers to the next calls.
        silent: Calls are counted and not answered.
        ban: Status and end (seconds since 1970) of a refusal of every call and handshake.
        banned_calls: Calls and handshakes that came meanwhile.
    """

    def __init__(
        self,
        pools: Mapping[str, Meter] | None = None,
        clock: Clock | None = None,
        handshakes: Handshakes | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.keys: dict[str, LabKey] = {}
        self.tokens: dict[str, LabToken] = {}
        self.listen_keys = ListenKeys()
        self.methods: dict[str, AnswerMethod] = dict(METHODS)
        self.clients: list[ApiClient] = []
        self.refusals: list[tuple[int, float]] = []
        self.silent = False
        self.ban: tuple[int, float] = (OK, 0.0)
        self.banned_calls = 0
        self._pools = pools or meters()
        self._clock = clock or Clock()
        self._handshakes = handshakes or Handshakes(300)
        self._tls = tls
        self._port = port
        self._server: Server | None = None

    async def start(self) -> None:
        """Listen; raises OSError for a port that is taken."""
        self._server = await serve(
            self._handle,
            "127.0.0.1",
            self._port,
            ssl=self._tls,
            compression=None,
            ping_interval=LIMITS["spot"].ping_interval_s,
            ping_timeout=LIMITS["spot"].pong_deadline_s,
            process_request=self._admit,
            process_response=self._date,
            create_connection=Socket,
            max_queue=None,
        )

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def url(self, product: Product) -> str:
        """Return where a product's WS API is; "": it has none. `start` comes first."""
        if self._server is None:
            raise RuntimeError("WsApiServer.start() comes first")
        if product == "options":
            return ""
        port = self._server.sockets[0].getsockname()[1]
        host = "ws://127.0.0.1" if self._tls is None else "wss://localhost"
        return f"{host}:{port}{PATHS[product]}"

    # What clients need

    def now_ms(self) -> int:
        """Return the exchange's time, epoch milliseconds."""
        return self._clock.now_ms()

    def count(self, product: WsApiProduct, weight: int) -> tuple[Meter, Verdict]:
        """Count a call's weight in its product's pool."""
        meter, now = self._pools[POOLS[product]], self._clock.seconds()
        status, until = self.ban
        if now >= until:
            return meter, meter.count(weight, now)
        self.banned_calls += 1
        return meter, Verdict(status, {"Retry-After": str(math.ceil(until - now))}, BANNED_TEXT)

    # What happens to accounts

    def send_event(self, account: str, payload: object) -> int:
        """Send an event to all subscriptions of an account; return how many there are.

        `payload`: as JSON types, or `msgspec.Raw` for bytes as they stand.
        """
        return sum(client.send_event(account, payload) for client in self.clients)

    def revoke(self, api_key: str) -> None:
        """Take a key away: its sessions end with 401, and later calls are refused."""
        self.keys.pop(api_key, None)
        for client in self.clients:
            if client.session.key is not None and client.session.key.api_key == api_key:
                client.end_session()

    def expire(self, token: str) -> None:
        """Let a listenToken expire: its subscriptions end."""
        self.tokens.pop(token, None)
        for client in self.clients:
            own = client.session.subscriptions.items()
            client.terminate([number for number, subscription in own if subscription.by == token])

    async def shut_down(self, after_s: float) -> None:
        """Tell every client that its connection will close, and close it `after_s` later."""
        clients = list(self.clients)
        for client in clients:
            client.send({"event": {"e": "serverShutdown", "E": self.now_ms()}})
        await asyncio.sleep(after_s)
        with contextlib.suppress(ConnectionClosed):
            await asyncio.gather(*(client.socket.close(1001, "going away") for client in clients))

    async def drop(self) -> None:
        """Reset the TCP connection of every client."""
        for client in list(self.clients):
            await client.socket.reset()

    # Connections

    async def _handle(self, socket: ServerConnection) -> None:
        if socket.request is None or not isinstance(socket, Socket):
            return
        product = _product_of(socket.request)
        if product is None:
            return
        client = ApiClient(socket, self, product, socket.request.path)
        self.clients.append(client)
        try:
            await client.run()
        finally:
            self.clients.remove(client)

    def _admit(self, _connection: ServerConnection, request: Request) -> Response | None:
        product = _product_of(request)
        if product is None:
            return Response(404, "Not Found", Headers(), b"")
        refusal = self._handshakes.refusal((product,))
        if refusal is not None:
            return refusal
        _, verdict = self.count(product, CONNECT_WEIGHT[product])
        if verdict.status == OK:
            return None
        return Response(verdict.status, "Refused", Headers(verdict.headers), b"")

    def _date(
        self, _connection: ServerConnection, _request: Request, response: Response
    ) -> Response:
        """Put the exchange's time into the handshake: clients measure their clock by it."""
        if "Date" in response.headers:
            del response.headers["Date"]  # else there were two
        response.headers["Date"] = formatdate(self.now_ms() / 1000, usegmt=True)
        return response


def _product_of(request: Request) -> WsApiProduct | None:
    path = urlsplit(request.path).path
    return next((product for product in WS_API_PRODUCTS if PATHS[product] == path), None)
