"""Keeps a connection to the WS API open: measured, logged on and subscribed as the one before."""

import asyncio
import random
import ssl
from dataclasses import dataclass
from functools import partial

from connector.backoff import Backoff
from connector.binance import wsapi_messages, wsapi_methods
from connector.binance.api_errors import AnotherConnection, LogOn, NewToken
from connector.binance.signing import ApiParams
from connector.binance.wsapi_messages import SubscriptionRow, WsApiAnswer, WsApiEvent
from connector.errors import Fatal, Refused, Retry
from connector.telemetry import events
from connector.transport.wsapi_caller import ApiCaller
from connector.transport.wsapi_connection import ApiConnection
from connector.transport.wsapi_session import ApiSession, ConnectionLost, UserSubscription

# The account's truth stands still until we are back; 300 attempts in 5 minutes are allowed.
MAX_RECONNECT_DELAY_S = 4.0
# What concerns one subscription alone; anything else may hit the next one too.
_OF_ONE = (Refused, NewToken, AnotherConnection, LogOn)


@dataclass(frozen=True, slots=True)
class ApiPlace:
    """Where a WS API is; `name` for logs and errors."""

    name: str
    url: str
    proxy: str | None = None
    tls: ssl.SSLContext | None = None


class ApiKeeper:
    """Opens the connection, and the next one when it ends; made inside the event loop.

    Attributes:
        shutting_down: Set when the exchange announces that it will close the connection.
    """

    def __init__(self, place: ApiPlace, caller: ApiCaller, session: ApiSession) -> None:
        self.shutting_down = asyncio.Event()
        self._place = place
        self._caller = caller
        self._session = session
        self._connection: asyncio.Future[ApiConnection] = asyncio.get_running_loop().create_future()
        self._cause = "not started"  # why there is no connection
        self._task: asyncio.Task[None] | None = None
        self._newest: ApiConnection | None = None

    @property
    def whole_until_us(self) -> int:
        """As `FrameReader.whole_until_us`, of the present or last connection; 0: there was none."""
        return 0 if self._newest is None else self._newest.whole_until_us

    async def start(self) -> None:
        """Connect, and stay connected from now on. Raises as `WsApi.start`."""
        connection = await self._open()
        self._task = asyncio.create_task(self._keep(connection), name=self._place.name)

    async def close(self) -> None:
        """Close the connection and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def connected(self) -> ApiConnection:
        """Wait for the connection; raise what keeps it away, a ban at once."""
        if not self._connection.done():
            self._caller.check_ban()
        try:
            async with asyncio.timeout(self._caller.timeout_s):
                return await asyncio.shield(self._connection)
        except TimeoutError:
            raise Retry(f"{self._place.name}: not connected: {self._cause}") from None

    async def request(
        self,
        connection: ApiConnection,
        method: str,
        params: ApiParams,
        subscription: UserSubscription | None = None,
    ) -> WsApiAnswer:
        """Call a method; the answer to a subscribing one is noted before its first event."""
        if subscription is None:
            return await self._caller.call(connection, method, params)
        on_answer = partial(self._session.on_subscribed, subscription)
        keys = subscription.keys
        answer = await self._caller.call(connection, method, params, keys, on_answer)
        wsapi_messages.result_of(method, answer, SubscriptionRow)
        return answer

    async def sync_clock(self) -> None:
        """Measure the clock's offset anew; without the method `time` by another handshake."""
        connection = await self.connected()
        if self._caller.has_time:
            await self._caller.measure(connection)
        else:
            self._disconnected("the clock is measured anew")
            await connection.close()

    def on_event(self, event: WsApiEvent, received_us: int) -> None:
        """Pass an event on; note an announced shutdown."""
        if self._session.on_event(event, received_us) == "serverShutdown":
            self.shutting_down.set()

    def on_unreadable(self, frame: bytes, received_us: int) -> None:
        """Pass on a frame that cannot be read."""
        self._session.on_unreadable(frame, received_us)

    def on_notice(self, connection: ApiConnection, answer: WsApiAnswer) -> None:
        """End a connection whose session the exchange has ended: its key may have been revoked."""
        connection.end(str(self._caller.error("session", answer)), is_revoked=True)

    def _disconnected(self, cause: str) -> None:
        """Let calls wait for the next connection."""
        self._cause = cause
        if self._connection.done():
            self._connection = asyncio.get_running_loop().create_future()

    async def _open(self) -> ApiConnection:
        """Connect, measure the clock, log on and subscribe as before."""
        begun = asyncio.get_running_loop().time()
        self.shutting_down.clear()
        place = self._place
        connection = await self._caller.connect(place.url, self, place.proxy, place.tls)
        try:
            await self._caller.measure(connection)
            await self._resume(connection)
        except BaseException as error:
            await connection.close()
            if self._session.is_subscribed:  # some events may have come already
                self._session.on_lost(_lost(connection, str(error)))
            raise
        self._newest = connection
        self._connection.set_result(connection)
        seconds = connection.opened - begun
        events.ws_api_connected(place.name, self._caller.offset_ms, seconds)
        return connection

    async def _resume(self, connection: ApiConnection) -> None:
        """Log on and subscribe as before; a subscription that is refused is reported and left."""
        if self._session.logged_on:
            await self.request(connection, wsapi_methods.LOG_ON, {})
        for own in list(self._session.subscriptions):
            try:
                await self.request(connection, own.method, own.params, own)
            except _OF_ONE as error:
                self._session.on_failed(own, error)

    async def _keep(self, connection: ApiConnection) -> None:
        """Connect again whenever the connection ends, until the exchange refuses us for good."""
        backoff = Backoff()
        try:
            while True:
                cause = await asyncio.shield(connection.closed)
                self._disconnected(cause)
                self._session.on_lost(_lost(connection, cause))
                events.ws_api_lost(self._place.name, cause)
                await connection.close()
                connection = await self._reopen(backoff, connection.opened)
        except Refused as error:
            events.ws_api_refused(self._place.name, str(error))
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - a bug: calls must not wait for ever
            events.task_failed(self._place.name, error)
            self._give_up(Fatal(f"{self._place.name}: a bug ended it: {error!r}"))
        finally:
            await connection.close()

    def _give_up(self, error: Refused | Fatal) -> None:
        """Let calls, and whoever reads the items, know that there will be no other connection."""
        self._disconnected(str(error))
        self._connection.set_exception(error)
        self._connection.exception()  # it is raised by the calls, if there are any
        self._session.on_refused(error)

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
                events.ws_api_connect_failed(self._place.name, str(error), after_s)


def _lost(connection: ApiConnection, cause: str) -> ConnectionLost:
    return ConnectionLost(cause, connection.whole_until_us, connection.is_revoked)
