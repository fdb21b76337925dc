"""What exchangeInfo says of each product's symbols, in one shape for all four.

Never fetches it. Shapes: exchangeInfo pages of spot (binance-spot-api-docs, 2026-07-21) and of
fapi, dapi and eapi (developers.binance.com, 2026-05-28).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from connector.binance.products import Product
from connector.errors import Refused

COINM = 2  # the `st` of a COIN-M symbol
# Perpetual contracts have a delivery date as well: 2100-12-25, in ms.
_NEVER_MS = 4_133_404_800_000


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol of one product.

    Args:
        product: The product that lists it.
        symbol: As in payloads, upper case; in stream names it is written in lower case.
        pair: What pair streams are named after: the symbol itself for spot, the underlying for
            options.
        underlying: What is traded: the base asset, for options the index (`BTCUSDT`).
        quote: The asset of its price.
        contract_type: `PERPETUAL`, `CURRENT_QUARTER`, ...; `CALL` or `PUT`; empty for spot.
        status: `TRADING` and others, as Binance writes them.
        expiry: When it is delivered or expires, in ms since 1970; None: never.
    """

    product: Product
    symbol: str
    pair: str
    underlying: str
    quote: str
    contract_type: str
    status: str
    expiry: int | None

    @property
    def is_trading(self) -> bool:
        """Whether its streams carry data now."""
        return self.status == "TRADING"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One budget of an IP address at a product's REST host.

    Args:
        kind: `REQUEST_WEIGHT`, `RAW_REQUESTS`, or one that is about orders.
        seconds: The window it is counted in; a whole number of them fits into a day.
        limit: What is allowed in one window.
    """

    kind: str
    seconds: int
    limit: int


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """An exchangeInfo answer, as far as it matters here."""

    listings: tuple[Listing, ...]
    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class Universe:
    """What exchangeInfo and the 24 h tickers said of the products that were asked about.

    Args:
        listings: Each product's symbols, in exchangeInfo's order.
        volumes: Each product's symbol -> volume of the last 24 h, in one asset for the whole
            product (volumes.py), so that symbols can be ranked.
    """

    listings: Mapping[Product, tuple[Listing, ...]]
    volumes: Mapping[Product, Mapping[str, float]]


class _Limit(Struct, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class _Spot(Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str

    def listing(self, product: Product) -> Listing:
        return Listing(
            product, self.symbol, self.symbol, self.base_asset, self.quote_asset, "",
            self.status, None,
        )  # fmt: skip


class _Contract(Struct, rename="camel"):
    symbol: str
    pair: str
    base_asset: str
    quote_asset: str
    contract_type: str = ""
    delivery_date: int = _NEVER_MS
    status: str = ""  # fapi
    contract_status: str = ""  # dapi

    def listing(self, product: Product) -> Listing:
        return Listing(
            product, self.symbol, self.pair, self.base_asset, self.quote_asset,
            self.contract_type, self.status or self.contract_status, _expiry(self.delivery_date),
        )  # fmt: skip


class _Option(Struct, rename="camel"):
    symbol: str
    underlying: str
    expiry_date: int
    side: str
    quote_asset: str = "USDT"
    status: str = "TRADING"  # older answers list only what trades, and say nothing

    def listing(self, product: Product) -> Listing:
        return Listing(
            product, self.symbol, self.underlying, self.underlying, self.quote_asset,
            self.side, self.status, _expiry(self.expiry_date),
        )  # fmt: skip


class _Info(Struct, rename="camel"):
    rate_limits: list[_Limit] = []


class _SpotInfo(_Info, rename="camel", kw_only=True):
    symbols: list[_Spot]


class _ContractInfo(_Info, rename="camel", kw_only=True):
    symbols: list[_Contract]


class _OptionInfo(_Info, rename="camel", kw_only=True):
    option_symbols: list[_Option]


_INFOS: Mapping[Product, type[_SpotInfo | _ContractInfo | _OptionInfo]] = {
    "spot": _SpotInfo,
    "usdm": _ContractInfo,
    "coinm": _ContractInfo,
    "options": _OptionInfo,
}
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


def product_of(symbol_type: int | None, symbol: str) -> Product:
    """Return the product of a row in a merged futures stream.

    Since 2026-06-30 the payload says it (`st`: 1 USD-M, 2 COIN-M); where it does not, the symbol
    does: COIN-M contracts are BTCUSD_PERP and BTCUSD_260925, USD-M ones are quoted in a coin.
    Source: CM-UM integration notice, 2026-06-10.
    """
    if symbol_type is not None:
        return "coinm" if symbol_type == COINM else "usdm"
    pair, _, contract = symbol.partition("_")
    return "coinm" if contract and pair.endswith("USD") else "usdm"


def read_listings(product: Product, raw: bytes) -> tuple[Listing, ...]:
    """The symbols in an exchangeInfo answer, in its order.

    Raises:
        Refused: This is no exchangeInfo answer of that product.
    """
    return read_exchange_info(product, raw).listings


def read_exchange_info(product: Product, raw: bytes) -> ExchangeInfo:
    """The symbols and limits in an exchangeInfo answer, in its order.

    Raises:
        Refused: This is no exchangeInfo answer of that product.
    """
    try:
        info = msgspec.json.decode(raw, type=_INFOS[product])
    except msgspec.DecodeError as error:
        start = raw[:60].decode(errors="replace")
        raise Refused(f"no exchangeInfo of {product}: {error}; it begins with {start!r}") from error
    found = info.option_symbols if isinstance(info, _OptionInfo) else info.symbols
    limits = (
        RateLimit(one.rate_limit_type, one.interval_num * _SECONDS.get(one.interval, 0), one.limit)
        for one in info.rate_limits
    )
    listings = tuple(each.listing(product) for each in found)
    return ExchangeInfo(listings, tuple(limit for limit in limits if limit.seconds))


def _expiry(milliseconds: int) -> int | None:
    return None if milliseconds >= _NEVER_MS else milliseconds
