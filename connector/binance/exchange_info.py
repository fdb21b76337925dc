"""exchangeInfo answers of the four products, parsed into one shape. Pure.

Sources: exchangeInfo pages of spot (binance-spot-api-docs, 2026-07-21) and of fapi, dapi and eapi
(developers.binance.com, 2026-05-28).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Struct

from connector.binance.products import Product
from connector.binance.rows import IndependentRows, OddRow
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
    """The symbols and limits of an exchangeInfo answer, in its order, and what is left out."""

    listings: tuple[Listing, ...]
    limits: tuple[RateLimit, ...]
    odd: tuple[OddRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Universe:
    """Listings and 24 h volumes of the products that were requested.

    Attributes:
        listings: Symbols by product, in exchangeInfo's order.
        volumes: By product: symbol -> volume of the last 24 h, in one asset for the whole product
            (tickers.py), so that symbols can be ranked.
        odd: Rows of the answers that could not be read.
    """

    listings: Mapping[Product, tuple[Listing, ...]]
    volumes: Mapping[Product, Mapping[str, float]]
    odd: tuple[OddRow, ...] = ()


_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}


class _Limit(Struct, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


def _expiry(milliseconds: int) -> int | None:
    return None if milliseconds >= _NO_DELIVERY_MS else milliseconds


_Name = Annotated[str, msgspec.Meta(min_length=1)]  # of which a stream is made


class _Spot(Struct, rename="camel"):
    symbol: _Name
    status: str
    base_asset: str
    quote_asset: str

    def listing(self, product: Product) -> Listing:
        return Listing(
            product, self.symbol, self.symbol, self.base_asset, self.quote_asset, "",
            self.status, None,
        )  # fmt: skip


class _Contract(Struct, rename="camel"):
    symbol: _Name
    pair: _Name
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
    symbol: _Name
    underlying: _Name
    expiry_date: int
    side: str
    quote_asset: str = "USDT"
    status: str = "TRADING"  # older answers have no such key, and list only what trades

    def listing(self, product: Product) -> Listing:
        return Listing(
            product, self.symbol, self.underlying, self.underlying, self.quote_asset,
            self.side, self.status, _expiry(self.expiry_date),
        )  # fmt: skip


class _Info(Struct, rename="camel"):
    symbols: list[msgspec.Raw]
    rate_limits: list[msgspec.Raw] = []


class _OptionInfo(Struct, rename="camel"):
    symbols: list[msgspec.Raw] = msgspec.field(name="optionSymbols")
    rate_limits: list[msgspec.Raw] = []


_INFOS: Mapping[Product, msgspec.json.Decoder[_Info | _OptionInfo]] = {
    "spot": msgspec.json.Decoder(_Info),
    "usdm": msgspec.json.Decoder(_Info),
    "coinm": msgspec.json.Decoder(_Info),
    "options": msgspec.json.Decoder(_OptionInfo),
}
_SYMBOLS: Mapping[Product, msgspec.json.Decoder[_Spot | _Contract | _Option]] = {
    "spot": msgspec.json.Decoder(_Spot),
    "usdm": msgspec.json.Decoder(_Contract),
    "coinm": msgspec.json.Decoder(_Contract),
    "options": msgspec.json.Decoder(_Option),
}
_LIMIT = msgspec.json.Decoder(_Limit)


def read_exchange_info(product: Product, raw: bytes) -> ExchangeInfo:
    """Return the symbols and limits of an exchangeInfo answer; limits of unknown windows left out.

    A symbol or limit that cannot be read is left out and named: the others do not depend on it.

    Raises:
        Refused: not an exchangeInfo answer of that product; one without any symbol is none.
    """
    try:
        info = _INFOS[product].decode(raw)
        symbols, odd = IndependentRows(product, "exchangeInfo", _SYMBOLS[product]).read(
            info.symbols
        )
    except msgspec.DecodeError as error:
        start = raw[:60].decode(errors="replace")
        raise Refused(f"no exchangeInfo of {product}: {error}; it begins with {start!r}") from error
    if not info.symbols:
        raise Refused(f"no exchangeInfo of {product}: it lists no symbol at all")
    limits, odd_limits = _limits(product, info.rate_limits)
    listings = tuple(symbol.listing(product) for symbol in symbols)
    return ExchangeInfo(listings, limits, (*odd, *odd_limits))


def _limits(
    product: Product, raws: list[msgspec.Raw]
) -> tuple[tuple[RateLimit, ...], tuple[OddRow, ...]]:
    try:
        rows, odd = IndependentRows(product, "rateLimits", _LIMIT).read(raws)
    except msgspec.DecodeError as error:  # none of them: those known before stay
        return (), (OddRow(product, "rateLimits", "every row", str(error)),)
    limits = (
        RateLimit(row.rate_limit_type, row.interval_num * _SECONDS[row.interval], row.limit)
        for row in rows
        if row.interval in _SECONDS
    )
    return tuple(limit for limit in limits if limit.seconds), odd
