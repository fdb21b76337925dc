"""What the lab's market lists: symbols, statuses, volumes; and what a stream shows. Pure."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from connector.binance.catalogue import is_merged
from connector.binance.products import Product
from connector.binance.stream_name import Stream

Key = tuple[Product, str]  # product, symbol
DEFAULT_SYMBOLS: Mapping[Product, Sequence[str]] = {
    "spot": ("BTCUSDT", "ETHUSDT", "BNBUSDT", "XRPUSDT", "SOLUSDT"),
    "usdm": ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    "coinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
    "options": (
        "BTC-261225-100000-C",
        "BTC-261225-100000-P",
        "BTC-261225-120000-C",
        "ETH-261225-4000-C",
    ),
}
TRADING = "TRADING"
# Kinds whose symbol is no contract, and the symbols of their whole-market streams.
NO_CONTRACTS: Mapping[str, Sequence[str]] = {
    "index-price": ("BTCUSDT", "ETHUSDT"),
    "asset-index": ("BTCUSD", "ETHUSD", "USDTUSD"),
    "trading-session": ("EQUITY", "COMMODITY", "KR_EQUITY"),
}


class Listings:
    """The symbols of the four products.

    Attributes:
        symbols: What each product lists now.
        news: Symbols that were listed, delisted or got another status, in order: the events of
            `!contractInfo` and `!optionSymbol`.
        odd_keys: Symbol -> keys of its exchangeInfo row that get other values.
        version: Grows with every change of a listing.
    """

    def __init__(self, seed: int, symbols: Mapping[Product, Sequence[str]] | None = None) -> None:
        self.symbols = dict(DEFAULT_SYMBOLS if symbols is None else symbols)
        self.news: list[Key] = []
        self.odd_keys: dict[Key, dict[str, Any]] = {}
        self.version = 0
        self._seed = seed
        self._statuses: dict[Key, str] = {}
        self._volumes: dict[Key, float] = {}

    def list_symbol(self, product: Product, symbol: str) -> None:
        """List a symbol, from now on in exchangeInfo and on the streams."""
        if symbol not in self.symbols.get(product, ()):
            self.symbols[product] = (*self.symbols.get(product, ()), symbol)
        self.set_status(product, symbol, TRADING)

    def delist(self, product: Product, symbol: str) -> None:
        """Remove a symbol from exchangeInfo; its streams have no more events."""
        left = tuple(name for name in self.symbols.get(product, ()) if name != symbol)
        self.symbols[product] = left
        self.set_status(product, symbol, TRADING)

    def set_status(self, product: Product, symbol: str, status: str) -> None:
        """Set the status in exchangeInfo (`BREAK`, `SETTLING`); only TRADING has data."""
        self._statuses[product, symbol] = status
        self.news.append((product, symbol))
        self.version += 1

    def status(self, product: Product, symbol: str) -> str:
        """Return a symbol's status, as Binance writes it."""
        return self._statuses.get((product, symbol), TRADING)

    def set_volume(self, product: Product, symbol: str, volume: float) -> None:
        """Set the volume of the day before the start, in the quote asset."""
        self._volumes[product, symbol] = volume

    def volume(self, product: Product, symbol: str) -> float:
        """Return the volume of the day before the start: as set, or as the seed makes it."""
        seeded = random.Random(f"{self._seed}/{product}/{symbol}/volume")  # noqa: S311 - no secret
        return self._volumes.get((product, symbol), seeded.uniform(1e6, 1e9))

    def trading(self, product: Product) -> list[str]:
        """Return the listed symbols whose status is TRADING."""
        listed = self.symbols.get(product, ())
        return [name for name in listed if self.status(product, name) == TRADING]

    def named_by(self, stream: Stream) -> list[Key]:
        """Return what a stream shows; a merged whole-market stream shows two products."""
        product, parameters = stream.product, stream.parameters
        listed = self.trading(product)
        if stream.row.kind in NO_CONTRACTS:
            return [(product, name) for name in _no_contracts(stream, listed)]
        if "symbol" in parameters:
            symbol = parameters["symbol"].upper()
            return [(product, symbol)] if symbol in listed else []
        if "pair" in parameters:
            contract = contract_of(parameters["pair"], parameters.get("contractType", ""), listed)
            return [(product, contract)] if contract else []
        if "underlying" in parameters:
            asset = parameters["underlying"].upper().removesuffix("USDT")
            return [(product, name) for name in listed if name.startswith(asset)]
        products: tuple[Product, ...] = ("usdm", "coinm") if is_merged(stream.row) else (product,)
        return [(product, name) for product in products for name in self.trading(product)]


def contract_of(pair: str, contract_type: str, listed: Sequence[str]) -> str | None:
    """Return a pair's contract of a type; the first one listed where there is none of the type."""
    contracts = [name for name in listed if name.partition("_")[0] == pair.upper()]
    delivery = sorted(name for name in contracts if name[-1].isdigit())
    by_type = {"current_quarter": delivery[:1], "next_quarter": delivery[1:2]}
    found = by_type.get(contract_type, []) or contracts
    return found[0] if found else None


def _no_contracts(stream: Stream, listed: Sequence[str]) -> list[str]:
    """Return the symbols of streams of indexes and sessions."""
    if "pair" in stream.parameters:
        pair = stream.parameters["pair"].upper()
        return [pair] if contract_of(pair, "", listed) else []
    if "asset" in stream.parameters or "underlying" in stream.parameters:
        named = stream.parameters.get("asset") or stream.parameters["underlying"]
        return [named.upper()]
    return list(NO_CONTRACTS[stream.row.kind])
