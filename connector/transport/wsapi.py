"""WS API client: calls awaited like REST's over one connection that is kept open.

    async with WsApi(ENVIRONMENTS["testnet"]["spot"].ws_api, keys=lambda: credentials) as api:
        account = await api.call("account.status", omitZeroBalances=True)
        await api.subscribe(UserSubscription("userDataStream.subscribe.signature", "desk-1"))

After each reconnect it measures the clock's offset, logs on and subscribes again, signed anew.
"""

import ssl
import time
from collections.abc import Callable
from typing import Any, Self

from connector.binance import wsapi_methods
from connector.binance.api_errors import SyncClock
from connector.binance.signing import ApiParams, ParamValue
from connector.binance.wsapi_messages import WsApiAnswer
from connector.binance.wsapi_methods import WsApiProduct
from connector.transport.weight_pool import WeightPool
from connector.transport.wsapi_caller import ApiCaller
from connector.transport.wsapi_keeper import ApiKeeper, ApiPlace
from connector.transport.wsapi_session import ApiSession, Keys, ReceiveItem, UserSubscription

CALL_TIMEOUT_S = 10.0


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
        place = ApiPlace(f"{product} WS API", url, proxy, tls)
        self._caller = ApiCaller(product, keys, pool, timeout_s, recv_window_ms, clock)
        self._session = ApiSession(receive)
        self._keeper = ApiKeeper(place, self._caller, self._session)
        self.pool = self._caller.pool
        self.shutting_down = self._keeper.shutting_down

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
        await self._keeper.start()

    async def close(self) -> None:
        """Close the connection and end; calls in flight raise Retry."""
        await self._keeper.close()

    @property
    def offset_ms(self) -> int:
        """How much the exchange's clock is ahead of ours, as measured at the last connect."""
        return self._caller.offset_ms

    @property
    def whole_until_us(self) -> int:
        """As `FrameReader.whole_until_us`, of the present or last connection; 0: there was none."""
        return self._keeper.whole_until_us

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
        """Subscribe to an account's events, and again after each reconnect. Raises as `call`.

        Each subscription is an object of its own, also one that replaces another before its token
        expires.
        """
        await self._ask(subscription.method, subscription.params, subscription)

    async def _ask(
        self, method: str, params: ApiParams, subscription: UserSubscription | None = None
    ) -> WsApiAnswer:
        """Call on the present connection; once more if the clock was found to be off."""
        keeper = self._keeper
        try:
            return await keeper.request(await keeper.connected(), method, params, subscription)
        except SyncClock:
            await keeper.sync_clock()
        return await keeper.request(await keeper.connected(), method, params, subscription)
