"""exchangeInfo answers of the four products, parsed into one shape. Pure.

Sources: exchangeInfo pages of spot (binance-spot-api-docs, 2026-07-21) and of fapi, dapi and eapi
(developers.binance.com, 2026-05-28).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from connector.binance.products import Product
from connector.errors import Refused

# The delivery date of perpetual contracts, 2100-12-25: it stands for none.
_NO_DELIVERY_MS = 4_133_404_800_000


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol of one product.

    Attributes:
        symbol: As in payloads, upper case; stream names have it in lower case.
        pair: The name of its pair streams: the symbol itself for spot, the underlying for options.
        underlying: What is traded: the base asset; for options the index (`BTCUSDT`).
        quote: The asset of its price.
        contract_type: `PERPETUAL`, `CURRENT_QUARTER`, ...; `CALL` or `PUT`; empty for spot.
        status: `TRADING` and others, as Binance writes them.
        expiry: Time of delivery or expiry, epoch milliseconds; None: never.
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
        """Whether the symbol trades now, so that its streams carry data."""
        return self.status == "TRADING"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit of an IP address at a product's REST host.

    Attributes:
        kind: `REQUEST_WEIGHT`, `RAW_REQUESTS`, or a limit on orders.
        seconds: Length of the window in which `limit` is allowed; a day has whole windows.
    """

    kind: str
    seconds: int
    limit: int


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """The symbols and limits of an exchangeInfo answer, in its order."""

    listings: tuple[Listing, ...]
    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class Universe:
    """Listings and 24 h volumes of the products that were requested.

    Attributes:
        listings: Symbols by product, in exchangeInfo's order.
        volumes: By product: symbol -> volume of the last 24 h, in one asset for the whole product
            (tickers.py), so that symbols can be ranked.
    """

    listings: Mapping[Product, tuple[Listing, ...]]
    volumes: Mapping[Product, Mapping[str, float]]


_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


class _Limit(Struct, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


def _expiry(milliseconds: int) -> int | None:
    return None if milliseconds >= _NO_DELIVERY_MS else milliseconds


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
    delivery_date: int = _NO_DELIVERY_MS
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
    status: str = "TRADING"  # older answers have no such key, and list only what trades

    def listing(self, product: Product) -> Listing:
        return Listing(
            product, self.symbol, self.underlying, self.underlying, self.quote_asset,
            self.side, self.status, _expiry(self.expiry_date),
        )  # fmt: skip


class _SpotInfo(Struct, rename="camel"):
    symbols: list[_Spot]
    rate_limits: list[_Limit] = []


class _ContractInfo(Struct, rename="camel"):
    symbols: list[_Contract]
    rate_limits: list[_Limit] = []


class _OptionInfo(Struct, rename="camel"):
    symbols: list[_Option] = msgspec.field(name="optionSymbols")
    rate_limits: list[_Limit] = []


_INFOS: Mapping[Product, type[_SpotInfo | _ContractInfo | _OptionInfo]] = {
    "spot": _SpotInfo, "usdm": _ContractInfo, "coinm": _ContractInfo, "options": _OptionInfo,
}  # fmt: skip


def read_listings(product: Product, raw: bytes) -> tuple[Listing, ...]:
    """Return the symbols alone; see `read_exchange_info`."""
    return read_exchange_info(product, raw).listings


def read_exchange_info(product: Product, raw: bytes) -> ExchangeInfo:
    """Return the symbols and limits of an exchangeInfo answer; limits of unknown windows left out.

    Raises:
        Refused: not an exchangeInfo answer of that product.
    """
    try:
        info = msgspec.json.decode(raw, type=_INFOS[product])
    except msgspec.DecodeError as error:
        start = raw[:60].decode(errors="replace")
        raise Refused(f"no exchangeInfo of {product}: {error}; it begins with {start!r}") from error
    limits = (
        RateLimit(each.rate_limit_type, each.interval_num * _SECONDS[each.interval], each.limit)
        for each in info.rate_limits
        if each.interval in _SECONDS
    )
    listings = tuple(symbol.listing(product) for symbol in info.symbols)
    return ExchangeInfo(listings, tuple(limit for limit in limits if limit.seconds))
