"""WS API client: calls awaited like REST's over one connection that is kept open.

    async with WsApi(ENVIRONMENTS["testnet"]["spot"].ws_api, keys=lambda: credentials) as api:
        account = await api.call("account.status", omitZeroBalances=True)
        await api.subscribe(UserSubscription("userDataStream.subscribe.signature", "desk-1"))

After each reconnect it measures the clock's offset, logs on and subscribes again, signed anew.
"""

import asyncio
import random
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from connector.backoff import Backoff
from connector.binance import wsapi_methods
from connector.binance.api_errors import BackOff, SyncClock
from connector.binance.signing import ApiParams, ParamValue
from connector.binance.wsapi_messages import WsApiAnswer, WsApiEvent
from connector.binance.wsapi_methods import WsApiProduct
from connector.errors import Refused, Retry
from connector.telemetry import events
from connector.transport.weight_pool import WeightPool
from connector.transport.wsapi_caller import ApiCaller
from connector.transport.wsapi_connection import ApiConnection
from connector.transport.wsapi_session import ApiSession, Keys, ReceiveItem, UserSubscription

CALL_TIMEOUT_S = 10.0
# The account's truth stands still until we are back; 300 attempts in 5 minutes are allowed.
MAX_RECONNECT_DELAY_S = 4.0


class WsApi:
    """A client of one WS API, made and started inside the event loop; `close` it at the end.

    Args:
        url: Such as wss://ws-api.binance.com:443/ws-api/v3 (`Bases.ws_api`).
        product: Whose methods and weights count.
        keys: Returns the credentials that sign; called for each signature. None: none.
        receive: Called with events and what becomes of them, in order; must not wait.
        pool: The address's request weight, shared with REST; None: a pool of its own.
        proxy: URL of an HTTP proxy, may hold a user name and password.
        tls: Context of wss://; None: the system's authorities.
        timeout_s: How long a call waits for the connection, and then for its answer.
        recv_window_ms: How late the exchange may receive a signed request; None: its default, 5 s.
        clock: Epoch seconds.

    Attributes:
        pool: The address's request weight.
        shutting_down: Set when the exchange announces that it will close this connection.
    """

    def __init__(
        self,
        url: str,
        product: WsApiProduct = "spot",
        *,
        keys: Keys | None = None,
        receive: ReceiveItem | None = None,
        pool: WeightPool | None = None,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
        recv_window_ms: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.shutting_down = asyncio.Event()
        self._url, self._proxy, self._tls = url, proxy, tls
        self._place = f"{product} WS API"
        self._caller = ApiCaller(product, keys, pool, timeout_s, recv_window_ms, clock)
        self.pool = self._caller.pool
        self._session = ApiSession(receive)
        self._connection: asyncio.Future[ApiConnection] = asyncio.get_running_loop().create_future()
        self._cause = "not started"  # why there is no connection
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Connect, and stay connected from now on.

        Raises:
            Retry: it cannot be reached now; `start` may be called again.
            Refused: it refuses us for good.
        """
        connection = await self._open()
        self._keeper = asyncio.create_task(self._keep(connection), name=self._place)

    async def close(self) -> None:
        """Close the connection and end; calls in flight raise Retry."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    @property
    def offset_ms(self) -> int:
        """How much the exchange's clock is ahead of ours, as measured at the last connect."""
        return self._caller.offset_ms

    @property
    def subscriptions(self) -> list[UserSubscription]:
        """What is subscribed, or will be again after the reconnect."""
        return list(self._session.subscriptions)

    async def call(self, method: str, /, **params: ParamValue) -> Any:
        """Call a method and return its result; signed where the method needs it.

        `session.logon` and subscriptions are made again after each reconnect.

        Raises:
            Retry: it may succeed later; `BackOff`: after `after_s`. Its other subclasses in
                binance/api_errors.py say what to do first. Also raised for no answer in time.
            Refused: the call is wrong; `ReplaceKey`: the key is rejected.
        """
        subscribes = method in wsapi_methods.SUBSCRIBING
        own = UserSubscription(method, params=params) if subscribes else None
        answer = await self._ask(method, params, own)
        self._session.on_called(method, params)
        return answer.decoded()

    async def subscribe(self, subscription: UserSubscription) -> None:
        """Subscribe to an account's events, and again after each reconnect. Raises as `call`."""
        await self._ask(subscription.method, subscription.params, subscription)

    async def _ask(
        self, method: str, params: ApiParams, subscription: UserSubscription | None = None
    ) -> WsApiAnswer:
        """Call on the present connection; once more if the clock was found to be off."""
        try:
            return await self._request(await self._connected(), method, params, subscription)
        except SyncClock:
            await self._sync_clock()
        return await self._request(await self._connected(), method, params, subscription)

    async def _request(
        self,
        connection: ApiConnection,
        method: str,
        params: ApiParams,
        subscription: UserSubscription | None = None,
    ) -> WsApiAnswer:
        if subscription is None:
            return await self._caller.call(connection, method, params)
        on_answer = partial(self._session.on_subscribed, subscription)
        return await self._caller.call(connection, method, params, subscription.keys, on_answer)

    def on_event(self, event: WsApiEvent, received_us: int) -> None:
        """Pass an event on; note an announced shutdown."""
        if self._session.on_event(event, received_us) == "serverShutdown":
            self.shutting_down.set()

    def on_notice(self, connection: ApiConnection, answer: WsApiAnswer) -> None:
        """End a connection whose session the exchange has ended: its key may have been revoked."""
        connection.end(str(self._caller.error("session", answer)))

    # The connection

    async def _connected(self) -> ApiConnection:
        """Wait for the connection; raise what keeps it away, a ban at once."""
        if not self._connection.done():
            self._caller.check_ban()
        try:
            async with asyncio.timeout(self._caller.timeout_s):
                return await asyncio.shield(self._connection)
        except TimeoutError:
            raise Retry(f"{self._place}: not connected: {self._cause}") from None

    def _disconnected(self, cause: str) -> None:
        """Let calls wait for the next connection."""
        self._cause = cause
        if self._connection.done():
            self._connection = asyncio.get_running_loop().create_future()

    async def _sync_clock(self) -> None:
        """Measure the clock's offset anew; without the method `time` by another handshake."""
        connection = await self._connected()
        if self._caller.has_time:
            await self._caller.measure(connection)
        else:
            self._disconnected("the clock is measured anew")
            await connection.close()

    async def _open(self) -> ApiConnection:
        """Connect, measure the clock, log on and subscribe as before."""
        begun = asyncio.get_running_loop().time()
        self.shutting_down.clear()
        connection = await self._caller.connect(self._url, self, self._proxy, self._tls)
        try:
            await self._caller.measure(connection)
            await self._resume(connection)
        except BaseException:
            await connection.close()
            raise
        self._connection.set_result(connection)
        events.ws_api_connected(self._place, self.offset_ms, connection.opened - begun)
        return connection

    async def _resume(self, connection: ApiConnection) -> None:
        """Log on and subscribe as before; a subscription that is refused is reported and left."""
        if self._session.logged_on:
            await self._request(connection, wsapi_methods.LOG_ON, {})
        for own in self.subscriptions:
            try:
                await self._request(connection, own.method, own.params, own)
            except (Retry, Refused) as error:
                if connection.closed.done() or isinstance(error, BackOff):
                    raise
                self._session.on_failed(own, error)

    async def _keep(self, connection: ApiConnection) -> None:
        """Connect again whenever the connection ends, until the exchange refuses us for good."""
        backoff = Backoff()
        try:
            while True:
                cause = await asyncio.shield(connection.closed)
                self._disconnected(cause)
                self._session.on_lost(cause)
                events.ws_api_lost(self._place, cause)
                await connection.close()
                connection = await self._reopen(backoff, connection.opened)
        except Refused as error:
            events.ws_api_refused(self._place, str(error))
            self._connection.set_exception(error)
            self._connection.exception()  # it is raised by the calls, if there are any
            self._session.on_refused(error)
        finally:
            await connection.close()

    async def _reopen(self, backoff: Backoff, opened: float | None) -> ApiConnection:
        """Return the next connection; raises Refused."""
        after_s = 0.0
        while True:
            now = asyncio.get_running_loop().time()
            delay_s = backoff.delay(now, opened, random.random())  # noqa: S311 - no secret
            await asyncio.sleep(max(after_s, min(delay_s, MAX_RECONNECT_DELAY_S)))
            try:
                return await self._open()
            except Retry as error:
                self._cause, opened, after_s = str(error), None, error.after_s or 0.0
                events.ws_api_connect_failed(self._place, str(error), after_s)
