"""REST calls of accounts: signed, or with the API key alone, for any account and product.

rest = SignedRest(ENVIRONMENTS["production"])
await rest.start()
body = await rest.call("/fapi/v3/balance", {}, 5, keys)
body = await rest.call("/fapi/v1/listenKey", {}, 1, keys, method="POST", security="key")
"""

import ssl
import time
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote, urlencode, urlsplit

from connector.binance import rest_calls, signing
from connector.binance.api_errors import SyncClock, error_from_rest
from connector.binance.products import Bases, Product
from connector.binance.rest_calls import Call, PathFamily, family_of
from connector.binance.rest_errors import POOL_BAN_STATUSES
from connector.binance.signing import ApiParams, Credentials
from connector.binance.wsapi_methods import Security
from connector.errors import Refused, Retry
from connector.transport.exchange_clock import ExchangeClock
from connector.transport.hidden_values import without_values
from connector.transport.rest_session import HttpCall, HttpMethod, RestSession
from connector.transport.weight_pool import WeightPool
from connector.transport.wsapi_session import Keys

OK = 200


class SignedRest:
    """A client of the account side of REST; `start` it inside the event loop, `close` it.

    One client serves every account of a worker: request weight counts by IP address.

    Args:
        bases: Where each product is served. A path tells whose host it is of.
        share: Part of each limit this program may use.
        proxy: URL of an HTTP proxy, may hold a user name and password.
        tls: Whom to trust; None: the system's authorities.
        recv_window_ms: How late the exchange may receive a signed call; None: its default, 5 s.
        clock: Epoch seconds.

    Attributes:
        pools: The request weight of each pool; give `pools["spot"]` to `WsApi` as well.
        exchange_clock: How far the exchange's clock is ahead; measured anew when it refuses a
            time stamp.
    """

    def __init__(
        self,
        bases: Mapping[Product, Bases],
        *,
        share: float = 1.0,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        recv_window_ms: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        raw_limits = rest_calls.RAW_REQUESTS_PER_5_MINUTES
        self.pools: Mapping[str, WeightPool] = {
            name: WeightPool(name, weight, share, raw_limits.get(name), clock=clock)
            for name, weight in rest_calls.ACCOUNT_WEIGHT_PER_MINUTE.items()
        }
        self._bases = bases
        self._recv_window_ms = recv_window_ms
        self._clock = clock
        self._session = RestSession(proxy, tls)
        self.exchange_clock = ExchangeClock(self._time, clock)

    async def start(self) -> None:
        """Create the session; no connection is opened yet."""
        await self._session.start()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def call(
        self,
        path: str,
        params: ApiParams,
        weight: int,
        keys: Keys,
        *,
        method: HttpMethod = "GET",
        security: Security = "signed",
        share: float = 1.0,
    ) -> bytes:
        """Return the body of an answer; waits for the weight it costs.

        A call whose time stamp is refused is made once more with the clock measured anew.

        Args:
            path: The whole path, such as /fapi/v1/listenKey; it names the host and the pool.
            params: Without time and signature.
            weight: What the exchange counts for this call.
            keys: Returns the account's credentials; called for each signature.
            security: `signed`; `key`: the API key alone.
            share: Part of the weight it may use: see `WeightPool.admit`.

        Raises:
            Retry: it may succeed later; `BackOff`: after `after_s`. Its other subclasses in
                binance/api_errors.py say what to do first. Also raised for no answer in time.
            Refused: the call is wrong; `ReplaceKey`: the key is rejected.
        """
        family = family_of(path)
        product = family.product
        if product not in self._bases:
            raise Refused(f"no REST address of {product} is known; set exchange.{product}.rest")
        await self._admit(family, weight, share)
        try:
            return await self._ask(family, path, params, weight, keys(), method, security)
        except SyncClock:
            await self.exchange_clock.measure([product])
        await self._admit(family, weight, share)
        return await self._ask(family, path, params, weight, keys(), method, security)

    async def _admit(self, family: PathFamily, weight: int, share: float) -> None:
        await self.pools[family.pool].admit(weight, share)

    async def _ask(
        self,
        family: PathFamily,
        path: str,
        params: ApiParams,
        weight: int,
        credentials: Credentials | None,
        method: HttpMethod,
        security: Security,
    ) -> bytes:
        pool, base = self.pools[family.pool], base_of(self._bases, family)
        query = self._query(family.product, params, credentials, security)
        place = f"{urlsplit(base).hostname}{path}"
        api_key = None if credentials is None else credentials.api_key
        call = HttpCall(f"{base}{path}?{query}".rstrip("?"), place, method, api_key)
        with pool.in_flight(weight):
            answer = await self._session.fetch(call, partial(pool.on_headers, weight=weight))
        if answer.status == OK:
            return answer.body
        status, wait = answer.status, answer.headers.get("Retry-After")
        sent = (api_key or "", *(part.partition("=")[2] for part in query.split("&")))
        body = without_values(answer.body, sent)
        error = error_from_rest(place, status, body, wait, self._clock())
        if status in POOL_BAN_STATUSES and isinstance(error, Retry) and error.after_s is not None:
            pool.ban(status, error.after_s)
        raise error

    def _query(
        self,
        product: Product,
        params: ApiParams,
        credentials: Credentials | None,
        security: Security,
    ) -> str:
        if security != "signed" or credentials is None:
            return urlencode(
                {name: signing.text_of(value) for name, value in signing.given(params).items()},
                quote_via=quote,
            )
        now_ms = int(self.exchange_clock.now_ms(product))
        return signing.signed_query(params, credentials, now_ms, self._recv_window_ms)

    async def _time(self, _product: Product, call: Call) -> bytes:
        """Ask for the exchange's time, as `ExchangeClock` needs it."""
        family = family_of(call.path)
        await self._admit(family, call.weight, 1.0)
        return await self._ask(family, call.path, call.params, call.weight, None, "GET", "none")


def base_of(bases: Mapping[Product, Bases], family: PathFamily) -> str:
    """Return where a family is served; elsewhere than at Binance, its product's host serves it."""
    base = bases[family.product].rest
    at_binance = urlsplit(base).hostname == "fapi.binance.com"
    return family.production_base if family.production_base and at_binance else base
