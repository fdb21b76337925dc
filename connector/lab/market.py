"""The seeded market: every id is known, every payload has the exact wire shape of its product.

Pure: no clock, no sockets; generator.py asks for the events of streams and sends them.
Shapes: frames recorded from production in 2026-09 (tests/golden/samples).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.binance.catalogue import is_merged
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.instrument import Instrument, make_instrument
from connector.lab.listings import Key, Listings, contract_of
from connector.lab.order_book import Book, Snapshot
from connector.lab.payloads import MAKERS, traded
from connector.lab.tape import Traded
from connector.lab.trade_history import History, TradeRow

TRADE_KINDS = ("trade", "agg-trade")  # one order makes trades and their aggregate
PAIR_CANDLES = ("continuous-kline", "index-price-kline")  # records have the pair as symbol
LISTING_KINDS = ("contract-info", "option-symbol")
_MAX_UNTAKEN = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the market: a message, or an element of an array message.

    Attributes:
        product: Product of its record: of a merged stream, not always the stream's.
        stream: Wire name of its stream.
        symbol: Symbol of its record.
        identity: The fields in which no two events of its series agree, as the catalogue row has
            them.
        data: The wire payload.
    """

    product: Product
    stream: str
    symbol: str
    identity: tuple[Any, ...]
    data: dict[str, Any]


class Market(Listings):
    """Every instrument of the four products; the same seed gives the same market.

    All streams of a symbol, and REST, show the same trades, candles and books.

    Attributes:
        history: Trades, aggregates and block trades for REST.
    """

    def __init__(self, seed: int, symbols: Mapping[Product, Sequence[str]] | None = None) -> None:
        super().__init__(seed, symbols)
        self.history = History()
        self._instruments: dict[Key, Instrument] = {}
        self._shown: dict[Stream, tuple[int, list[Instrument]]] = {}
        self._untaken: deque[tuple[Instrument, Traded]] = deque(maxlen=_MAX_UNTAKEN)
        self._snapshots: dict[tuple[Product, str, str], deque[tuple[int, Snapshot]]] = {}

    def begin_anew(self, product: Product, symbol: str) -> None:
        """Count a symbol's ids from 1 again, its book anew, as after a wipe of a testnet."""
        instrument = self.instrument(product, symbol)
        instrument.tape.trade_id = instrument.tape.agg_id = instrument.update_id = 0
        instrument.books.clear()
        self.history.forget(product, symbol)

    def set_volume(self, product: Product, symbol: str, volume: float) -> None:
        """Set the volume of the day before the start, in the quote asset."""
        super().set_volume(product, symbol, volume)
        self.instrument(product, symbol).tape.prior_value = _quote(volume)

    def serves(self, stream: Stream) -> bool:
        """Return whether the stream has a symbol that is listed and a kind that is made here."""
        return stream.row.kind in MAKERS and bool(self.instruments(stream))

    def instruments(self, stream: Stream) -> list[Instrument]:
        """Return the instruments that a stream shows now."""
        version, instruments = self._shown.get(stream, (-1, []))
        if version != self.version:
            instruments = [self.instrument(*key) for key in self.named_by(stream)]
            self._shown[stream] = self.version, instruments
        return instruments

    def instrument(self, product: Product, symbol: str) -> Instrument:
        """Return the state of a symbol, listed or not."""
        key = (product, symbol)
        if key not in self._instruments:
            made = make_instrument(self._seed, product, symbol, self._source(product, symbol))
            made.tape.prior_value = _quote(self.volume(product, symbol))
            self._instruments[key] = made
        return self._instruments[key]

    def _source(self, product: Product, symbol: str) -> Instrument | None:
        """Return what an index price is taken from: see `Instrument.source`."""
        if product == "options" and "-" in symbol:
            return self.instrument(product, f"{symbol.partition('-')[0]}USDT")
        if product == "coinm" and "_" not in symbol:
            contract = contract_of(symbol, "", self.trading(product))
            return self.instrument(product, contract) if contract else None
        return None

    def next_events(self, stream: Stream, now_ms: int) -> list[Event]:
        """Return the next message of a stream: its events, in order; none if it is not served."""
        instruments = self.instruments(stream)
        if not stream.row.array and len(instruments) > 1:
            instruments = [instruments[0].random.choice(instruments)]
        return [self._event(stream, instrument, now_ms) for instrument in instruments]

    def announcement(
        self, stream: Stream, product: Product, symbol: str, now_ms: int
    ) -> Event | None:
        """Return the `!contractInfo` or `!optionSymbol` event of a symbol; None: not theirs."""
        products = ("usdm", "coinm") if is_merged(stream.row) else (stream.product,)
        if stream.row.kind not in LISTING_KINDS or product not in products:
            return None
        event = self._event(stream, self.instrument(product, symbol), now_ms)
        listed = symbol in self.symbols.get(product, ())
        event.data["cs"] = self.status(product, symbol) if listed else "CLOSE"
        return event

    def order(self, stream: Stream, now_ms: int, fills: Sequence[int]) -> None:
        """Fill an order of a symbol that a stream shows; `take_traded` returns its trades."""
        instruments = self.instruments(stream)
        if instruments:
            instrument = instruments[0].random.choice(instruments)
            instrument.order(now_ms, fills)
            self._collect(instrument)

    def take_traded(self) -> list[tuple[Instrument, Traded]]:
        """Return every trade and aggregate made since the last call, by whichever stream."""
        taken = list(self._untaken)
        self._untaken.clear()
        return taken

    def traded_event(
        self, stream: Stream, instrument: Instrument, made: Traded, now_ms: int
    ) -> Event:
        """Return the event of a trade or aggregate on a stream of its symbol."""
        data, ids = traded(instrument, made, now_ms)
        identity = tuple(ids[name] for name in stream.row.identity)
        return Event(instrument.product, stream.name, instrument.symbol, identity, data)

    def _event(self, stream: Stream, instrument: Instrument, now_ms: int) -> Event:
        data, ids = MAKERS[stream.row.kind](instrument, stream, now_ms)
        self._collect(instrument)
        if stream.row.kind == "block-trade":
            row = TradeRow(data["t"], data["p"], data["q"], data["T"], data["m"])
            self.history.note(instrument.product, "block-trade", instrument.symbol, row)
        identity = tuple(ids[name] for name in stream.row.identity)
        by_pair = stream.row.kind in PAIR_CANDLES
        symbol = stream.parameters["pair"].upper() if by_pair else instrument.symbol
        return Event(instrument.product, stream.name, symbol, identity, data)

    def _collect(self, instrument: Instrument) -> None:
        """Give REST's history what an instrument has just traded, and keep it for the streams."""
        for made in instrument.tape.fresh:
            self.history.note(instrument.product, made.kind, instrument.symbol, made.row)
            self._untaken.append((instrument, made))
        instrument.tape.fresh.clear()

    # Books

    def book(self, product: Product, symbol: str, kind: str = "depth-diff") -> Book:
        """Return the order book behind a symbol's streams; another one for kind rpi-depth."""
        return self.instrument(product, symbol).book(kind)

    def keep_snapshots(self, now_ms: int, keep_ms: int) -> None:
        """Keep a copy of every book as it is now, for `book_as_of`; drop those too old."""
        for (product, symbol), instrument in self._instruments.items():
            for kind, book in instrument.books.items():
                kept = self._snapshots.setdefault((product, symbol, kind), deque())
                kept.append((now_ms, book.snapshot().frozen()))
                while len(kept) > 1 and kept[1][0] <= now_ms - keep_ms:
                    kept.popleft()

    def book_as_of(self, product: Product, symbol: str, kind: str, at_ms: int | None) -> Snapshot:
        """Return a book as it was, from the copies kept; the oldest where none is old enough.

        Args:
            at_ms: None: as it is now.
        """
        now = self.book(product, symbol, kind).snapshot()
        kept = self._snapshots.get((product, symbol, "rpi" if kind == "rpi-depth" else "depth"))
        if at_ms is None or not kept:
            return now
        return next((copy for ms, copy in reversed(kept) if ms <= at_ms), kept[0][1])


def _quote(volume: float) -> Decimal:
    return Decimal(f"{volume:.8f}")
