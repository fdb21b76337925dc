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
class Universe:
    """What exchangeInfo and the 24 h tickers said.

    Attributes:
        listings: The symbols of each product that was asked.
        volumes: Symbol to 24 h volume in the quote asset; comparable within a product.
    """

    listings: Mapping[Product, tuple[Listing, ...]]
    volumes: Mapping[Product, Mapping[str, float]]


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


class _SpotInfo(Struct):
    symbols: list[_Spot]


class _ContractInfo(Struct):
    symbols: list[_Contract]


class _OptionInfo(Struct, rename="camel"):
    option_symbols: list[_Option]


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
    try:
        return tuple(each.listing(product) for each in _decode(product, raw))
    except msgspec.DecodeError as error:
        start = raw[:60].decode(errors="replace")
        raise Refused(f"no exchangeInfo of {product}: {error}; it begins with {start!r}") from error


def _decode(product: Product, raw: bytes) -> list[_Spot] | list[_Contract] | list[_Option]:
    if product == "spot":
        return msgspec.json.decode(raw, type=_SpotInfo).symbols
    if product == "options":
        return msgspec.json.decode(raw, type=_OptionInfo).option_symbols
    return msgspec.json.decode(raw, type=_ContractInfo).symbols


def _expiry(milliseconds: int) -> int | None:
    return None if milliseconds >= _NEVER_MS else milliseconds
