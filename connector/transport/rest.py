"""REST client: makes calls within the request weight, and turns refusals into errors."""

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from connector.binance import rest_calls
from connector.binance.exchange_info import ExchangeInfo, Listing, Universe, read_exchange_info
from connector.binance.products import PRODUCTS, Bases, Product
from connector.binance.rest_calls import EXCHANGE_INFO, POOL_OF, TICKERS, Call
from connector.binance.rest_errors import POOL_BAN_STATUSES, error_from_response, foreign_body
from connector.binance.rows import OddRow
from connector.binance.tickers import read_tickers
from connector.errors import Refused, Retry
from connector.transport.exchange_clock import ExchangeClock
from connector.transport.rest_session import HttpCall, RestSession
from connector.transport.weight_pool import WeightPool

OK = 200
_Answer = TypeVar("_Answer")


class RestClient:
    """A client for all products; `start` it inside the event loop, `close` it at the end.

    Args:
        bases: Where each product is served.
        share: Part of each limit this program may use.
        proxy: URL of an HTTP proxy, may hold a user name and password.
        api_key: Sent with calls that need one, and only as a header.
        tls: Whom to trust; None: the system's authorities.
        clock: Epoch seconds.

    Attributes:
        pools: The request weight of each pool.
        exchange_clock: How far the exchange's clock is ahead.

    Raises:
        Refused: the API key cannot be one.
    """

    def __init__(
        self,
        bases: Mapping[Product, Bases],
        *,
        share: float = 1.0,
        proxy: str | None = None,
        api_key: str | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise Refused("the API key holds characters that no key has; check its file")
        raw_limits = rest_calls.RAW_REQUESTS_PER_5_MINUTES
        self.pools: Mapping[str, WeightPool] = {
            name: WeightPool(name, weight, share, raw_limits.get(name), clock=clock)
            for name, weight in rest_calls.WEIGHT_PER_MINUTE.items()
        }
        self._bases = bases
        self._clock = clock
        self._api_key = api_key
        self._session = RestSession(proxy, tls)
        self.exchange_clock = ExchangeClock(self._body, clock)

    async def start(self) -> None:
        """Create the session; no connection is opened yet."""
        await self._session.start()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def get(
        self,
        product: Product,
        path: str,
        params: Mapping[str, str | int],
        weight: int,
        *,
        keyed: bool = False,
        share: float = 1.0,
    ) -> bytes:
        """Return the body of an answer; waits for the weight it costs.

        Args:
            product: The product whose host is called.
            path: The whole path, such as /api/v3/depth.
            params: The query.
            weight: What the exchange counts for this call.
            keyed: The call needs the API key.
            share: Part of the weight it may use: see `WeightPool.admit`.

        Raises:
            Retry: 429, 418, 5xx, no answer in time, no connection; after_s where it is known.
            Refused: the call itself is wrong; with Binance's code and text.
        """
        if product not in self._bases:
            raise Refused(f"no REST address of {product} is known; set exchange.{product}.rest")
        if keyed and self._api_key is None:
            raise Refused(f"{path} needs an API key; set backfill.api_key_file")
        pool = self.pools[POOL_OF[product]]
        await pool.admit(weight, share)
        base, on_headers = self._bases[product].rest, partial(pool.on_headers, weight=weight)
        query = f"?{urlencode(params)}" if params else ""
        place = _describe_call(base, path, params)
        call = HttpCall(base + path + query, place, api_key=self._api_key if keyed else None)
        with pool.in_flight(weight):
            answer = await self._session.fetch(call, on_headers)
        status, wait = answer.status, answer.headers.get("Retry-After")
        if status == OK:
            return answer.body
        error = error_from_response(place, status, answer.body, wait, self._clock())
        if status in POOL_BAN_STATUSES and isinstance(error, Retry) and error.after_s is not None:
            pool.ban(status, error.after_s)
        raise error

    async def universe(
        self, products: Collection[Product], with_volumes: Collection[Product]
    ) -> Universe:
        """Return listings and 24 h volumes. The limits in the answers become the pools' limits.

        `products`: listings are asked for; `with_volumes`: listings and volumes.

        Raises:
            Retry, Refused: as `get`; Retry too for an answer that is no exchangeInfo or ticker.
        """
        listings: dict[Product, tuple[Listing, ...]] = {}
        volumes: dict[Product, Mapping[str, float]] = {}
        odd: list[OddRow] = []
        for product in PRODUCTS:
            if product in products or product in with_volumes:
                info = await self.exchange_info(product)
                listings[product] = info.listings
                odd += info.odd
            if product in with_volumes:
                volumes[product], rows = await self.volumes(product, listings[product])
                odd += rows
        return Universe(listings, volumes, tuple(odd))

    async def exchange_info(self, product: Product) -> ExchangeInfo:
        """Return a product's symbols; its limits become its pool's. Raises as `universe`."""
        # Decoded in a thread, row by row: whole answers would keep the interpreter's lock for
        # milliseconds (spot's lean one has 3,000 symbols and 4.9 MB, with permissionSets 12 MB).
        read = partial(read_exchange_info, product)
        info = await self._ask(product, EXCHANGE_INFO[product], read)
        self.pools[POOL_OF[product]].set_limits(product, info.limits)
        return info

    async def volumes(
        self, product: Product, listings: Sequence[Listing]
    ) -> tuple[Mapping[str, float], tuple[OddRow, ...]]:
        """Return 24 h volumes by symbol, and rows that were left out. Raises as `universe`."""
        read = partial(read_tickers, product, listings=listings)
        return await self._ask(product, TICKERS[product], read)

    async def _ask(self, product: Product, call: Call, read: Callable[[bytes], _Answer]) -> _Answer:
        raw = await self._body(product, call)
        try:
            return await asyncio.to_thread(read, raw)
        except Refused as error:
            place = _describe_call(self._bases[product].rest, call.path, call.params)
            raise foreign_body(place, OK, raw, str(error)) from error

    async def _body(self, product: Product, call: Call) -> bytes:
        return await self.get(product, call.path, call.params, call.weight)


def _describe_call(base: str, path: str, params: Mapping[str, str | int]) -> str:
    """Return a call for a person: no scheme, no user name, of the query the symbol alone."""
    symbol = params.get("symbol")
    return f"{urlsplit(base).hostname}{path}" + ("" if symbol is None else f" ({symbol})")
