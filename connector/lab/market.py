"""The seeded truth: a market whose every id is known, in the exact wire shapes of each product.

Pure: no clock, no sockets; exchange.py asks for the next event of a stream and sends it.
Shapes: frames recorded from production in 2026-09 (tests/golden/samples).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.binance.catalogue import is_merged
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.candles import Candles
from connector.lab.instrument import Instrument, make_instrument
from connector.lab.order_book import Book
from connector.lab.payloads import MAKERS
from connector.lab.trade_history import History

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
ANNOUNCING = ("contract-info", "option-symbol")  # kinds that tell of listings
# Streams that are not about a contract of the lists above, and what they are about.
SYMBOLS: Mapping[str, Sequence[str]] = {
    "index-price": ("BTCUSDT", "ETHUSDT"),
    "index-price-kline": (),
    "asset-index": ("BTCUSD", "ETHUSD", "USDTUSD"),
    "trading-session": ("EQUITY", "COMMODITY", "KR_EQUITY"),
    "continuous-kline": (),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the market: a message, or an element of an array message.

    Attributes:
        product: Product of its record: of a merged stream, not always the stream's.
        stream: Delivery name of its stream.
        symbol: Symbol of its record.
        identity: What tells it from every other event of its series, as the catalogue row says.
        data: The wire payload.
    """

    product: Product
    stream: str
    symbol: str
    identity: tuple[Any, ...]
    data: dict[str, Any]


class Market:
    """Every instrument of the four products; the same seed gives the same market.

    Attributes:
        symbols: What each product lists now.
        history: What it made, for REST to answer from: every event made is noted there.
        news: What was listed or delisted, or changed its status, since the start, in order: what
            `!contractInfo` and `!optionSymbol` tell of.
    """

    def __init__(self, seed: int, symbols: Mapping[Product, Sequence[str]] | None = None) -> None:
        self.symbols = dict(DEFAULT_SYMBOLS if symbols is None else symbols)
        self.history = History()
        self.news: list[tuple[Product, str]] = []
        self._statuses: dict[tuple[Product, str], str] = {}
        self._volumes: dict[tuple[Product, str], float] = {}
        self._seed = seed
        self._instruments: dict[tuple[Product, str], Instrument] = {}
        self._about: dict[Stream, list[Instrument]] = {}

    # What is listed

    def list_symbol(self, product: Product, symbol: str) -> None:
        """List a symbol, from now on in exchangeInfo and on the streams."""
        if symbol not in self.symbols.get(product, ()):
            self.symbols[product] = (*self.symbols.get(product, ()), symbol)
        self.set_status(product, symbol, TRADING)

    def delist(self, product: Product, symbol: str) -> None:
        """Take a symbol out of exchangeInfo; its streams fall silent."""
        left = tuple(name for name in self.symbols.get(product, ()) if name != symbol)
        self.symbols[product] = left
        self.set_status(product, symbol, TRADING)

    def set_status(self, product: Product, symbol: str, status: str) -> None:
        """Say what exchangeInfo says of a symbol (`BREAK`, `SETTLING`); only TRADING has data."""
        self._statuses[product, symbol] = status
        self.news.append((product, symbol))
        self._about.clear()

    def status(self, product: Product, symbol: str) -> str:
        """Return a symbol's status, as Binance writes it."""
        return self._statuses.get((product, symbol), TRADING)

    def begin_anew(self, product: Product, symbol: str) -> None:
        """Count a symbol's ids from 1 again, its book anew, as after a wipe of a testnet."""
        instrument = self.instrument(product, symbol)
        instrument.trade_id = instrument.agg_id = instrument.update_id = 0
        instrument.books.clear()
        self.history.forget(product, symbol)

    def set_volume(self, product: Product, symbol: str, volume: float) -> None:
        """Set what the 24 h ticker says was traded, in the quote asset."""
        self._volumes[product, symbol] = volume

    def volume(self, product: Product, symbol: str) -> float:
        """Return what was traded in 24 h, in the quote asset: as set, or as the seed makes it."""
        seeded = random.Random(f"{self._seed}/{product}/{symbol}/volume")  # noqa: S311 - no secret
        return self._volumes.get((product, symbol), seeded.uniform(1e6, 1e9))

    def _trading(self, product: Product) -> list[str]:
        listed = self.symbols.get(product, ())
        return [name for name in listed if self.status(product, name) == TRADING]

    def serves(self, stream: Stream) -> bool:
        """Say whether the stream has a symbol that is listed and a kind that is made here."""
        return stream.row.kind in MAKERS and bool(self._instruments_of(stream))

    def carries(self, stream: Stream, event: Event) -> bool:
        """Say whether a stream tells of the symbol of another stream's event."""
        return any(
            (one.product, one.symbol) == (event.product, event.symbol)
            for one in self._instruments_of(stream)
        )

    def _instruments_of(self, stream: Stream) -> list[Instrument]:
        """Return what a stream is about; the whole market's stream may be about two products."""
        if stream not in self._about:
            self._about[stream] = [
                self.instrument(product, symbol) for product, symbol in self._named_by(stream)
            ]
        return self._about[stream]

    def _named_by(self, stream: Stream) -> list[tuple[Product, str]]:
        product, parameters = stream.product, stream.parameters
        if stream.row.kind in SYMBOLS:  # not a contract's: indexes, sessions, pairs
            return [(product, name) for name in _made_up(stream, self._trading(product))]
        listed = self._trading(product)
        if "symbol" in parameters:
            symbol = parameters["symbol"].upper()
            return [(product, symbol)] if symbol in listed else []
        if "pair" in parameters:
            pair = parameters["pair"].upper()
            return [(product, name) for name in listed if name.partition("_")[0] == pair][:1]
        if "underlying" in parameters:
            asset = parameters["underlying"].upper().removesuffix("USDT")
            return [(product, name) for name in listed if name.startswith(asset)]
        products: tuple[Product, ...] = ("usdm", "coinm") if is_merged(stream.row) else (product,)
        return [(one, name) for one in products for name in self._trading(one)]

    def instrument(self, product: Product, symbol: str) -> Instrument:
        """Return the state of a symbol, listed or not."""
        key = (product, symbol)
        if key not in self._instruments:
            self._instruments[key] = make_instrument(self._seed, product, symbol)
        return self._instruments[key]

    def candles(self, stream: Stream, now_ms: int) -> Candles:
        """Return the candles of a stream that `serves` accepts."""
        return self._instruments_of(stream)[0].candles_of(stream, now_ms)

    def book(self, product: Product, symbol: str, kind: str = "depth-diff") -> Book:
        """Return the order book behind a symbol's streams; another one for kind rpi-depth."""
        return self.instrument(product, symbol).book(kind)

    def next_events(self, stream: Stream, now_ms: int) -> list[Event]:
        """Return the next message of a stream: its events, in order; none if it is not served."""
        instruments = self._instruments_of(stream)
        if not stream.row.array and len(instruments) > 1:
            instruments = [instruments[0].random.choice(instruments)]
        return [self._event(stream, instrument, now_ms) for instrument in instruments]

    def announcement(
        self, stream: Stream, product: Product, symbol: str, now_ms: int
    ) -> Event | None:
        """Return what `!contractInfo` or `!optionSymbol` says of a symbol; None: not theirs."""
        told = ("usdm", "coinm") if is_merged(stream.row) else (stream.product,)
        if stream.row.kind not in ANNOUNCING or product not in told:
            return None
        event = self._event(stream, self.instrument(product, symbol), now_ms)
        listed = symbol in self.symbols.get(product, ())
        event.data["cs"] = self.status(product, symbol) if listed else "CLOSE"
        return event

    def _event(self, stream: Stream, instrument: Instrument, now_ms: int) -> Event:
        data, ids = MAKERS[stream.row.kind](instrument, stream, now_ms)
        self.history.note(instrument.product, stream.row.kind, instrument.symbol, data)
        identity = tuple(ids[name] for name in stream.row.identity)
        return Event(instrument.product, stream.name, instrument.symbol, identity, data)


def _made_up(stream: Stream, listed: Sequence[str]) -> list[str]:
    """Return the symbols of streams that are not about contracts."""
    if stream.row.kind == "index-price-kline" or "pair" in stream.parameters:
        pair = stream.parameters["pair"].upper()
        return [pair] if any(name.partition("_")[0] == pair for name in listed) else []
    if "asset" in stream.parameters or "underlying" in stream.parameters:
        named = stream.parameters.get("asset") or stream.parameters["underlying"]
        return [named.upper()]
    return list(SYMBOLS[stream.row.kind])
