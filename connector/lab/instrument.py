"""One symbol of the lab's market: price walk, ids, trades and books. Seeded. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.candles import CandleCursor, CandleSeries
from connector.lab.order_book import Book
from connector.lab.tape import Tape
from connector.lab.trade_history import TradeRow

CONTRACT_USD = {"BTCUSD": 100}  # COIN-M: USD a contract; every other pair: 10
_OTHER_CONTRACT_USD = 10
_START = {"BTC": 8_125_005, "ETH": 284_212, "BNB": 91_230, "SOL": 19_844, "XRP": 251}  # cents
_DECIMALS = {"spot": (8, 8), "usdm": (2, 3), "coinm": (1, 0), "options": (3, 2)}
_PLACES = 5  # decimals of a quantity before the product cuts it
_STEP_CENTS, _LEAST_CENTS = 12, 100
_UNFILLED = 80  # of so many USD-M ids one is spent without a fill (14 of 1,186, 2026-07-30)


@dataclass(slots=True)
class Instrument:
    """One symbol's state: one price walk behind its trades, candles, statistics and books.

    Attributes:
        seed: Text that the seeds of its books begin with.
        cents: Price of the best bid, in hundredths.
        tape: Its trades, candles and statistics.
        source: What its index price is taken from: a pair's contract, an option's underlying;
            None: itself.
        update_id: Where the next book's ids begin.
        books: "depth" and "rpi" -> the order book, once used.
        cursors: Name of a candle stream -> its place.
        last_update: Stream -> last id, of streams whose ids nobody shares.
    """

    product: Product
    symbol: str
    seed: str
    random: random.Random
    cents: int
    tape: Tape
    update_id: int
    source: "Instrument | None" = None
    last_update: dict[str, int] = field(default_factory=dict)
    cursors: dict[str, CandleCursor] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)

    def move(self) -> str:
        """Let the price walk one step; the books follow. Return it."""
        step = self.random.randint(-_STEP_CENTS, _STEP_CENTS)
        self.cents = max(_LEAST_CENTS, self.cents + step)
        for book in self.books.values():
            book.follow(self.cents // self.tick)
        return self.price(self.cents)

    def trade(self, now_ms: int) -> TradeRow:
        """Make one trade; on USD-M it may be an id spent without a fill."""
        if self._spends_id():
            return self.tape.skip_id(now_ms)
        self._execute(now_ms, 1)
        assert self.tape.last is not None  # noqa: S101 - just made
        return self.tape.last

    def order(self, now_ms: int, fills: Sequence[int] = (1, 2, 3)) -> TradeRow:
        """Fill one taker order in one of `fills` trades; return the aggregate."""
        while self._spends_id():
            self.tape.skip_id(now_ms)
        return self._execute(now_ms, self.random.choice(fills))

    def _spends_id(self) -> bool:
        return self.product == "usdm" and self.random.randrange(_UNFILLED) == 0

    def _execute(self, now_ms: int, fills: int) -> TradeRow:
        """Walk a step and trade at the best price: sales at the bid, purchases at the ask."""
        self.move()
        is_sale = self.random.randrange(2) == 0
        ticks = self.cents // self.tick + (0 if is_sale else 1)
        quantities = [self.quantity() for _ in range(fills)]
        price = self.price(ticks * self.tick)
        return self.tape.execute(now_ms, price, quantities, is_sale=is_sale)

    def price(self, cents: int) -> str:
        """Return a price as the product writes it."""
        return _price(self.product, cents)

    def quantity(self) -> str:
        """Return a random quantity as the product writes it; never 0."""
        return _quantity(self.product, self.random)

    def nothing(self) -> str:
        """Return the quantity 0 as the product writes it."""
        return f"{0:.{_DECIMALS[self.product][1]}f}"

    def rounded(self, price: Decimal) -> str:
        """Return an average price with the product's decimals."""
        return f"{price:.{_DECIMALS[self.product][0]}f}"

    @property
    def tick(self) -> int:
        """The smallest step of a price, in cents."""
        return 10 if _DECIMALS[self.product][0] == 1 else 1

    def book(self, kind: str = "depth-diff") -> Book:
        """Return the order book, or the one with RPI orders for kind rpi-depth."""
        name = "rpi" if kind == "rpi-depth" else "depth"
        if name not in self.books:
            tick = self.tick
            # A generator of its own: to ask REST for a book changes no trade.
            rng = random.Random(f"{self.seed}/{name}")  # noqa: S311 - a market, not a secret
            self.books[name] = Book(
                self.cents // tick,
                self.update_id,
                rng,
                lambda ticks: self.price(ticks * tick),
                lambda: _quantity(self.product, rng),
                self.nothing(),
                widest=1 if self.product == "spot" else 300,
            )
        return self.books[name]

    def candles(self, stream: Stream) -> CandleSeries:
        """Return the candles that a stream shows."""
        return self.tape.series(stream.parameters["interval"], stream.row.zone_ms)

    def cursor(self, stream: Stream, now_ms: int) -> CandleCursor:
        """Return a candle stream's place; a new stream begins with the open candle."""
        if stream.name not in self.cursors:
            self.tape.begin(now_ms)
            opened = self.candles(stream).open_time(now_ms)
            self.cursors[stream.name] = CandleCursor(opened, now_ms)
        return self.cursors[stream.name]


def _price(product: Product, cents: int) -> str:
    decimals = _DECIMALS[product][0]
    if decimals == 1:
        return f"{cents // 100}.{cents % 100 // 10}"
    return f"{cents // 100}.{cents % 100:02d}" + "0" * (decimals - 2)


def _quantity(product: Product, rng: random.Random) -> str:
    decimals = _DECIMALS[product][1]
    units = rng.randint(1, 500_000)
    if decimals == 0:
        return str(units % 5_000 + 1)
    if decimals < _PLACES:
        units = max(units, 10 ** (_PLACES - decimals))
    return f"{units // 100_000}.{units % 100_000:05d}"[: 2 + decimals].ljust(2 + decimals, "0")


def contract_usd(symbol: str) -> int:
    """Return how many USD a COIN-M contract is worth."""
    return CONTRACT_USD.get(symbol.partition("_")[0], _OTHER_CONTRACT_USD)


def make_instrument(
    seed: int, product: Product, symbol: str, source: Instrument | None = None
) -> Instrument:
    """Return an instrument as the seed makes it.

    Args:
        source: See `Instrument`.
    """
    text = f"{seed}/{product}/{symbol}"
    rng = random.Random(text)  # noqa: S311 - a market, not a secret
    start = next((cents for name, cents in _START.items() if symbol.startswith(name)), 10_000)
    cents = start // 20 if product == "options" and "-" in symbol else start
    size = contract_usd(symbol) if product == "coinm" else None
    first_trade, first_aggregate = rng.randint(10**6, 10**10), rng.randint(10**6, 10**9)
    tape = Tape(first_trade, first_aggregate, _price(product, cents), size)
    return Instrument(product, symbol, text, rng, cents, tape, rng.randint(10**9, 10**13), source)
