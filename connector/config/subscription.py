"""A subscription: streams of one product, for which symbols, and where their records go."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connector.binance.notation import binance_symbol
from connector.binance.products import Product
from connector.config.addresses import WebSocketUrl
from connector.config.values import KeyTemplate, Section, Texts, TopicTemplate, one_or_many
from connector.planning.selection import GLOB, Selection

ALL = "all"
_MANY = ("status", "quote", "contract_type", "underlying", "match", "exclude")


class Filter(Section):
    """Symbols by what exchangeInfo says of them; each condition one value or a list of them."""

    status: Texts = Field(
        ["TRADING"],
        min_length=1,
        description="State, as Binance writes it. What stops TRADING is read for a day more.",
    )
    quote: Texts = Field([], description="Asset of the price: USDT.")
    contract_type: Texts = Field(
        [], description="Futures: PERPETUAL, CURRENT_QUARTER, ...; options: CALL or PUT."
    )
    underlying: Texts = Field([], description="What is traded: BTC; for options the index BTCUSDT.")
    match: Texts = Field([], description="Globs on the symbol: BTC*.")
    top: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Only so many, by 24 h volume: in at rank N, out beyond 1.2 N.",
    )
    exclude: Texts = Field([], description="Never these symbols or globs.")

    @field_validator(*_MANY)
    @classmethod
    def _as_binance_writes(cls, values: list[str]) -> list[str]:
        return [value.upper() for value in values]

    @model_validator(mode="after")
    def _says_something(self) -> "Filter":
        if not self.model_fields_set:
            raise ValueError("an empty filter: write `all` for every symbol of the product")
        return self

    @property
    def selection(self) -> Selection:
        """The symbols that pass."""
        given = {name: tuple(getattr(self, name)) for name in _MANY}
        everything = not self.match and self.top is None
        return Selection(everything=everything, top=self.top, **given)


def _as_binance_writes(written: str, info: ValidationInfo) -> str:
    """Raise ValueError for a symbol in another tool's notation: Binance would send nothing."""
    product = info.data.get("product")
    symbol = product and binance_symbol(product, written)
    if symbol:
        raise ValueError(f"{written!r} is not how Binance writes it: write {symbol}")
    return written


Names = Annotated[
    list[Annotated[str, AfterValidator(_as_binance_writes)]], BeforeValidator(one_or_many)
]
# Tags in angle brackets are no keys of the file: error_text.py leaves them out of a place.
Symbols = Annotated[
    Annotated[Names, Tag("<names>")] | Annotated[Filter, Tag("<filter>")],
    Discriminator(lambda value: "<filter>" if isinstance(value, dict | Filter) else "<names>"),
]


class SubscriptionSettings(Section):
    """Streams of one product, for which symbols, and where they go."""

    product: Product = Field(description="Where the streams are; usdm and coinm are futures.")
    symbols: Symbols = Field(
        default_factory=list,
        description="Names and globs as Binance writes them (BTCUSDT, BTC*), `all`, or a filter."
        " Names alone need no exchangeInfo. Whole-market streams take none.",
    )
    streams: Annotated[list[str], BeforeValidator(one_or_many)] = Field(
        min_length=1,
        description="As Binance writes them, without the symbol; or with a place for it:"
        " <underlying>@optionMarkPrice. `bkc streams` lists them.",
    )
    topic: TopicTemplate | None = Field(
        None,
        description="Default: {prefix}.{product}.{kind}. Takes {prefix}, {product}, {kind} and"
        " {symbol}. One topic holds one kind.",
    )
    key: KeyTemplate | None = Field(
        None, description="Key of the records. Default {symbol}; also {product}, {kind}, {stream}."
    )
    endpoint: WebSocketUrl | None = Field(
        None, description="Base URL with its route. Default: from the catalogue, per stream."
    )
    connections: int = Field(
        1, ge=1, le=2, description="2: read twice over two connections, the first arrival wins."
    )
    time_unit: Literal["ms", "us"] = Field(
        "ms", description="us: microseconds in the *_us fields, on connections of their own. Spot."
    )
    merged: Literal["drop", "keep"] = Field(
        "drop",
        description="Rows of the other futures product in a whole-market stream, when no topic of"
        " theirs is planned: dropped (and counted), or kept in this topic.",
    )

    @field_validator("symbols")
    @classmethod
    def _filters_as_binance_writes(
        cls, symbols: list[str] | Filter, info: ValidationInfo
    ) -> list[str] | Filter:
        if isinstance(symbols, Filter):
            for written in (*symbols.match, *symbols.exclude):
                _as_binance_writes(written, info)
        return symbols

    @field_validator("time_unit")
    @classmethod
    def _spot_alone_has_microseconds(cls, unit: str, info: ValidationInfo) -> str:
        product = info.data.get("product", "spot")
        if unit == "us" and product != "spot":
            raise ValueError(f"'us' is for spot only, {product} has milliseconds: leave it out")
        return unit

    @property
    def selection(self) -> Selection:
        """The symbols; `all`, globs and filters need exchangeInfo, names do not."""
        if isinstance(self.symbols, Filter):
            return self.symbols.selection
        symbols = [symbol.upper() for symbol in self.symbols]
        globs = [symbol for symbol in symbols if GLOB & set(symbol)]
        names = [symbol for symbol in symbols if symbol not in globs and symbol != ALL.upper()]
        everything = ALL.upper() in symbols
        return Selection(names=tuple(names), match=tuple(globs), everything=everything)
