"""Seeded instruments of the benchmark: price, quantities, event ids, candle and book levels.

Prices and quantities are integers: counts of 10**-decimals. JSON is written in payloads.py.
"""

import random
from dataclasses import dataclass, field

# Symbol, price, tick, quantity step, decimals of both on the wire (spot: always eight).
_SPOT = """
BTCUSDT 81250.05 0.01 0.00001    ETHUSDT 2654.65 0.01 0.0001   SOLUSDT 181.37 0.01 0.001
BNBUSDT 902.11 0.01 0.001        XRPUSDT 2.3184 0.0001 0.1     DOGEUSDT 0.20417 0.00001 1
ADAUSDT 0.6991 0.0001 0.1        TRXUSDT 0.3012 0.0001 0.1     AVAXUSDT 25.41 0.01 0.01
LINKUSDT 18.07 0.01 0.01         DOTUSDT 4.213 0.001 0.01      LTCUSDT 95.30 0.01 0.001
BCHUSDT 521.4 0.1 0.001          UNIUSDT 8.114 0.001 0.01      ATOMUSDT 4.306 0.001 0.01
ETCUSDT 19.22 0.01 0.01          FILUSDT 2.418 0.001 0.01      APTUSDT 4.611 0.001 0.01
NEARUSDT 2.733 0.001 0.1         ARBUSDT 0.4517 0.0001 0.1
"""
_USDM = """
BTCUSDT 81219.20 0.10 0.001      ETHUSDT 2654.47 0.01 0.001    SOLUSDT 181.350 0.010 0.01
XRPUSDT 2.3181 0.0001 0.1        DOGEUSDT 0.204150 0.000010 1
"""
_COINM = """
BTCUSD_PERP 81200.1 0.1 1        ETHUSD_PERP 2654.21 0.01 1
"""
_OPTIONS = """
BTC-270326-80000-C 4105.000 5.000 0.01    BTC-270326-90000-C 1765.000 5.000 0.01
BTC-270326-80000-P 2940.000 5.000 0.01
"""
_ZERO_SHARE = 0.2  # share of depth levels with quantity 0: removed from the book


@dataclass(slots=True)
class Candle:
    """One candle; prices and quantities in wire units, `open_time` in epoch ms."""

    open_time: int
    open_price: int
    high: int
    low: int
    volume: int = 0
    trades: int = 0


@dataclass(slots=True)
class Instrument:
    """One symbol and its state.

    Attributes:
        tick: Smallest price change, wire units.
        step: Smallest quantity, wire units.
        typical_steps: Median quantity in steps.
        weight: Share of messages relative to the other symbols: 1, 1/2, 1/3, ...
        first_id: Every kind's ids begin after this one.
        ids: Last id by kind. Each stream has ids of its own, as on the exchange.
        candle: The open candle; None before the first and after a closed one.
    """

    product: str
    symbol: str
    price: int
    tick: int
    price_decimals: int
    step: int
    quantity_decimals: int
    typical_steps: float
    weight: float
    rng: random.Random
    first_id: int
    ids: dict[str, int] = field(default_factory=dict)
    candle: Candle | None = None

    def move_price(self) -> str:
        """Return the next price as text: half of the calls change it, by about 2e-5 of itself."""
        if self.rng.random() < 0.5:
            mean = self.price * 2e-5 / self.tick
            ticks = 1 + int(self.rng.expovariate(1 / mean)) if mean > 1 else 1
            change = ticks * self.tick * self.rng.choice((-1, 1))
            self.price = max(10 * self.tick, self.price + change)
        return self.price_text(self.price)

    def quantity(self) -> int:
        """Draw a quantity in wire units: log-normal, so that values rarely repeat."""
        steps = max(1, round(self.rng.lognormvariate(0.0, 1.5) * self.typical_steps))
        return steps * self.step

    def last_id(self, kind: str) -> int:
        """Return the last id of a kind of event."""
        return self.ids.get(kind, self.first_id)

    def next_id(self, kind: str, stride: int = 1) -> int:
        """Advance the ids of a kind of event by `stride` and return the new last id."""
        self.ids[kind] = self.last_id(kind) + stride
        return self.ids[kind]

    def next_candle(self, minute_ms: int) -> tuple[Candle, bool]:
        """Add trades to the open candle, or open one.

        Args:
            minute_ms: Open time of the current minute, epoch ms.

        Returns:
            The candle, and True if this is its closing event: the current minute is a later one.
        """
        price = self.price
        candle = self.candle or Candle(minute_ms, price, price, price)
        candle.high, candle.low = max(candle.high, price), min(candle.low, price)
        candle.volume += self.quantity()
        candle.trades += self.rng.randrange(1, 9)
        is_closed = candle.open_time < minute_ms
        self.candle = None if is_closed else candle
        return candle, is_closed

    def price_text(self, price: int) -> str:
        """Return a price in wire units as Binance writes it."""
        return fixed(price, self.price_decimals)

    def quantity_text(self, quantity: int) -> str:
        """Return a quantity in wire units as Binance writes it."""
        return fixed(quantity, self.quantity_decimals)

    def levels(self, count: int, side: int) -> str:
        """Return book levels as JSON, best first. `side`: -1 for bids, 1 for asks."""
        price, texts = self.price, []
        for _ in range(count):
            price += side * self.tick * (1 + int(self.rng.expovariate(0.05)))
            is_removed = self.rng.random() < _ZERO_SHARE
            quantity = self.quantity_text(0 if is_removed else self.quantity())
            texts.append(f'["{self.price_text(max(self.tick, price))}","{quantity}"]')
        return "[" + ",".join(texts) + "]"


def fixed(units: int, decimals: int) -> str:
    """Return `units` * 10**-decimals as decimal text."""
    if not decimals:
        return str(units)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


def instruments_of(product: str, seed: int) -> list[Instrument]:
    """Return the instruments of a product in their initial state."""
    table = {"spot": _SPOT, "usdm": _USDM, "coinm": _COINM, "options": _OPTIONS}[product].split()
    rows = [table[start : start + 4] for start in range(0, len(table), 4)]
    return [_instrument(product, row, rank, seed) for rank, row in enumerate(rows)]


def _instrument(product: str, row: list[str], rank: int, seed: int) -> Instrument:
    symbol, price, tick, step = row
    price_decimals = 8 if product == "spot" else _decimals(price)
    quantity_decimals = 8 if product == "spot" else _decimals(step)
    step_units = _units(step, quantity_decimals)
    unit_value = 100.0 if product == "coinm" else float(price)
    typical_steps = 200.0 / unit_value / (step_units / 10**quantity_decimals)
    return Instrument(
        product=product,
        symbol=symbol,
        price=_units(price, price_decimals),
        tick=_units(tick, price_decimals),
        price_decimals=price_decimals,
        step=step_units,
        quantity_decimals=quantity_decimals,
        typical_steps=typical_steps,
        weight=1 / (rank + 1),
        rng=random.Random(f"{seed} {product} {symbol}"),  # noqa: S311 - must repeat
        first_id=6_697_971_860 + 1_000_003 * rank,
    )


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _units(text: str, decimals: int) -> int:
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(decimals, "0"))
