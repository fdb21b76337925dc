"""One call of the WS API on an open connection: weight, signature, answer, clock."""

import ssl
import time
from collections.abc import Callable

from connector.binance import rest_calls, signing, wsapi_messages, wsapi_methods
from connector.binance.api_errors import BackOff, error_from_answer
from connector.binance.rest_errors import SLOW_DOWN
from connector.binance.signing import ApiParams, ParamValue
from connector.binance.wsapi_messages import OK, ErrorBody, WsApiAnswer
from connector.binance.wsapi_methods import WsApiProduct
from connector.errors import Refused, Retry
from connector.transport.hidden_values import without_values
from connector.transport.weight_pool import ONE_MINUTE_S, WeightPool
from connector.transport.wsapi_connection import ApiConnection, Listener
from connector.transport.wsapi_session import Keys

OnAnswer = Callable[[WsApiAnswer], None]


class ApiCaller:
    """Makes calls; see `WsApi` for the arguments.

    Attributes:
        offset_ms: How much the exchange's clock is ahead of ours.
        pool: The address's request weight.
    """

    def __init__(
        self,
        product: WsApiProduct,
        keys: Keys | None,
        pool: WeightPool | None,
        timeout_s: float,
        recv_window_ms: int | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        name = rest_calls.POOL_OF[product]
        self.pool = pool or WeightPool(name, rest_calls.WEIGHT_PER_MINUTE[name], clock=clock)
        self.offset_ms = 0
        self.timeout_s = timeout_s
        self.product = product
        self._keys = keys
        self._recv_window_ms = recv_window_ms
        self._clock = clock

    async def connect(
        self, url: str, listener: Listener, proxy: str | None, tls: ssl.SSLContext | None
    ) -> ApiConnection:
        """Open a connection, which has a weight as well. Raises as `ApiConnection.open`."""
        await self.pool.admit(wsapi_methods.CONNECT_WEIGHT[self.product])
        try:
            return await ApiConnection.open(url, listener, proxy=proxy, tls=tls)
        except BackOff as error:
            self.pool.ban(SLOW_DOWN, error.after_s or 0.0)
            raise

    async def call(
        self,
        connection: ApiConnection,
        method: str,
        params: ApiParams,
        keys: Keys | None = None,
        on_answer: OnAnswer | None = None,
    ) -> WsApiAnswer:
        """Call a method; `keys` sign in place of the client's. Raises as `WsApi.call`."""
        weight = wsapi_methods.call_weight(self.product, method, params)
        await self.pool.admit(weight)
        with self.pool.in_flight(weight):
            whole = self._complete(method, params, keys or self._keys)
            answer = await connection.request(method, whole, self.timeout_s, on_answer)
            self._take_limits(answer, weight)
        if answer.status == OK and answer.error is None:
            return answer
        raise self.error(method, answer, whole)

    def check_ban(self) -> None:
        """Raise BackOff while the exchange lets no call of this address in."""
        if until := self.pool.banned_until:
            seconds = until - self._clock()
            text = f"{self.product} WS API: the exchange refuses calls for {seconds:.1f} s more"
            raise BackOff(text, seconds)

    def error(
        self, method: str, answer: WsApiAnswer, sent: ApiParams | None = None
    ) -> Retry | Refused:
        """Return the error of an answer, without the values of the request `sent`.

        A refusal for too many calls bans the pool.
        """
        place, given_error = f"{self.product} WS API: {method}", answer.error
        if given_error is not None:
            values = (value for value in (sent or {}).values() if isinstance(value, str))
            text = without_values(given_error.msg.encode(), values).decode()
            given_error = ErrorBody(given_error.code, text, given_error.data)
        error = error_from_answer(place, answer.status, given_error, self._clock())
        if isinstance(error, BackOff) and error.after_s is not None:
            self.pool.ban(answer.status, error.after_s)
        return error

    def _complete(self, method: str, params: ApiParams, keys: Keys | None) -> dict[str, ParamValue]:
        """Return the parameters with key, time and signature, as far as the method needs them.

        A method that the tables do not know is signed if there is a key.
        """
        security = wsapi_methods.find_method(self.product, method).security
        is_known = method in wsapi_methods.METHODS[self.product]
        if security == "none" or (keys is None and not is_known):
            return signing.given(params)
        if keys is None:
            raise Refused(f"{self.product} WS API: {method} needs an API key: name its file")
        credentials = keys()
        if security == "key":
            return signing.given(params) | {"apiKey": credentials.api_key}
        timestamp_ms = int(self._clock() * 1000) + self.offset_ms
        return signing.signed(params, credentials, timestamp_ms, self._recv_window_ms)

    def _take_limits(self, answer: WsApiAnswer, weight: int) -> None:
        """Take the address's limits and its used weight from an answer."""
        self.pool.set_limits(self.product, [count.as_limit for count in answer.rateLimits])
        for count in answer.rateLimits:
            limit = count.as_limit
            if limit.kind == "REQUEST_WEIGHT" and limit.seconds == ONE_MINUTE_S:
                self.pool.on_used(count.count, weight)

    @property
    def has_time(self) -> bool:
        """Whether the product has the method `time`."""
        return "time" in wsapi_methods.METHODS[self.product]

    async def measure(self, connection: ApiConnection) -> None:
        """Measure the clock's offset: by `time`, else by the date of the handshake just made.

        The date has whole seconds, so that the offset is up to a second too small. No signature
        minds that, while a time stamp a second ahead would be refused.
        """
        if self.has_time:
            sent = self._clock()
            answer = await self.call(connection, "time", {})
            middle_ms = (sent + self._clock()) / 2 * 1000
            found = wsapi_messages.result_of("time", answer, wsapi_messages.ServerTime)
            self.offset_ms = round(found.serverTime - middle_ms)
        elif connection.date_s is not None:
            self.offset_ms = round((connection.date_s - self._clock()) * 1000)
