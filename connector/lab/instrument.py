"""One symbol's state in the lab's market: a seeded random walk, and the ids used so far. Pure."""

import random
from dataclasses import dataclass, field

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.candles import Candles, begin_candles
from connector.lab.order_book import Book

_START = {"BTC": 8_125_005, "ETH": 284_212, "BNB": 91_230, "SOL": 19_844, "XRP": 251}  # cents
_DECIMALS = {"spot": (8, 8), "usdm": (2, 3), "coinm": (1, 0), "options": (3, 2)}
_PLACES = 5  # decimals of a quantity before the product cuts it


@dataclass(slots=True)
class Instrument:
    """One symbol's state: a random walk, and the ids used so far.

    Attributes:
        books: "depth" and "rpi" -> the order book, once somebody asked for it.
        candles: Stream name -> its candles.
        last_update: Stream -> last id, of streams whose ids nobody shares.
    """

    product: Product
    symbol: str
    random: random.Random
    cents: int
    trade_id: int
    agg_id: int
    update_id: int
    last_update: dict[str, int] = field(default_factory=dict)
    candles: dict[str, Candles] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)

    def move(self) -> str:
        """Let the price walk one step and return it."""
        self.cents = max(100, self.cents + self.random.randint(-12, 12))
        return self.price(self.cents)

    def price(self, cents: int) -> str:
        """Return a price as the product writes it."""
        decimals = _DECIMALS[self.product][0]
        if decimals == 1:
            return f"{cents // 100}.{cents % 100 // 10}"
        return f"{cents // 100}.{cents % 100:02d}" + "0" * (decimals - 2)

    def quantity(self) -> str:
        """Return a random quantity as the product writes it; never 0."""
        decimals = _DECIMALS[self.product][1]
        units = self.random.randint(1, 500_000)
        if decimals == 0:
            return str(units % 5_000 + 1)
        if decimals < _PLACES:
            units = max(units, 10 ** (_PLACES - decimals))
        return f"{units // 100_000}.{units % 100_000:05d}"[: 2 + decimals].ljust(2 + decimals, "0")

    def nothing(self) -> str:
        """Return the quantity 0 as the product writes it."""
        return f"{0:.{_DECIMALS[self.product][1]}f}"

    @property
    def tick(self) -> int:
        """The smallest step of a price, in cents."""
        return 10 if _DECIMALS[self.product][0] == 1 else 1

    def book(self, kind: str = "depth-diff") -> Book:
        """Return the order book, or the one with RPI orders for kind rpi-depth."""
        name = "rpi" if kind == "rpi-depth" else "depth"
        if name not in self.books:
            tick = self.tick
            self.books[name] = Book(
                self.cents // tick,
                self.update_id,
                self.random,
                lambda ticks: self.price(ticks * tick),
                self.quantity,
                self.nothing(),
                widest=1 if self.product == "spot" else 300,
            )
        return self.books[name]

    def candles_of(self, stream: Stream, now_ms: int) -> Candles:
        """Return the candles of a stream, begun when they are first asked for."""
        if stream.name not in self.candles:
            zone = stream.row.zone_ms
            interval = stream.parameters["interval"]
            self.candles[stream.name] = begin_candles(
                interval, now_ms, zone, self.move(), self.random
            )
        return self.candles[stream.name]


def make_instrument(seed: int, product: Product, symbol: str) -> Instrument:
    """Return an instrument as the seed makes it."""
    rng = random.Random(f"{seed}/{product}/{symbol}")  # noqa: S311 - a market, not a secret
    start = next((cents for name, cents in _START.items() if symbol.startswith(name)), 10_000)
    cents = start // 20 if product == "options" else start
    return Instrument(
        product,
        symbol,
        rng,
        cents,
        trade_id=rng.randint(10**6, 10**10),
        agg_id=rng.randint(10**6, 10**9),
        update_id=rng.randint(10**9, 10**13),
    )
