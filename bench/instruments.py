"""Seeded markets of the benchmark: prices that walk, quantities that vary, ids and books.

Integers throughout: a price is a count of ticks. Knows nothing of JSON (see frames.py).
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
_ZERO_SHARE = 0.2  # of depth levels: they were removed


@dataclass(slots=True)
class Instrument:
    """One symbol and its state; quantities are counts of steps.

    Attributes:
        weight: How often it moves compared with the others: the first of a table moves most.
    """

    product: str
    symbol: str
    price: int
    tick: int
    price_decimals: int
    step: int
    quantity_decimals: int
    typical: float
    weight: float
    rng: random.Random
    next_id: int
    opened: int = 0
    high: int = 0
    low: int = 0
    volume: int = 0
    trades: int = 0
    opened_at: int = 0
    last_update: dict[str, int] = field(default_factory=dict)

    def move(self) -> str:
        """Move the price now and then, by a few hundred-thousandths; return it as text."""
        if self.rng.random() < 0.5:
            mean = self.price * 2e-5 / self.tick
            ticks = 1 + int(self.rng.expovariate(1 / mean)) if mean > 1 else 1
            change = ticks * self.tick * self.rng.choice((-1, 1))
            self.price = max(10 * self.tick, self.price + change)
        return self.price_text(self.price)

    def quantity(self) -> int:
        """Draw a quantity, wire units: log-normal, so that hardly one comes twice."""
        steps = max(1, round(self.rng.lognormvariate(0.0, 1.5) * self.typical))
        return steps * self.step

    def identity(self, stride: int = 1) -> int:
        """Return the next id."""
        self.next_id += stride
        return self.next_id

    def price_text(self, price: int) -> str:
        """Return a price as Binance writes it."""
        return fixed(price, self.price_decimals)

    def quantity_text(self, quantity: int) -> str:
        """Return a quantity as Binance writes it."""
        return fixed(quantity, self.quantity_decimals)

    def levels(self, count: int, side: int) -> str:
        """Return book levels as JSON, best first, going away from the price."""
        price, texts = self.price, []
        for _ in range(count):
            price += side * self.tick * (1 + int(self.rng.expovariate(0.05)))
            gone = self.rng.random() < _ZERO_SHARE
            quantity = self.quantity_text(0 if gone else self.quantity())
            texts.append(f'["{self.price_text(max(self.tick, price))}","{quantity}"]')
        return "[" + ",".join(texts) + "]"


def fixed(units: int, decimals: int) -> str:
    """Return a count of 10**-decimals as a decimal text."""
    if not decimals:
        return str(units)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


def market(product: str, seed: int) -> list[Instrument]:
    """Return the instruments of a product in their first state."""
    table = {"spot": _SPOT, "usdm": _USDM, "coinm": _COINM, "options": _OPTIONS}[product].split()
    rows = [table[start : start + 4] for start in range(0, len(table), 4)]
    return [_instrument(product, row, rank, seed) for rank, row in enumerate(rows)]


def _instrument(product: str, row: list[str], rank: int, seed: int) -> Instrument:
    symbol, price, tick, step = row
    price_decimals = 8 if product == "spot" else _decimals(price)
    quantity_decimals = 8 if product == "spot" else _decimals(step)
    step_units = _units(step, quantity_decimals)
    unit_value = 100.0 if product == "coinm" else float(price)
    typical = 200.0 / unit_value / (step_units / 10**quantity_decimals)
    return Instrument(
        product=product,
        symbol=symbol,
        price=_units(price, price_decimals),
        tick=_units(tick, price_decimals),
        price_decimals=price_decimals,
        step=step_units,
        quantity_decimals=quantity_decimals,
        typical=typical,
        weight=1 / (rank + 1),
        rng=random.Random(f"{seed} {product} {symbol}"),  # noqa: S311 - must repeat
        next_id=6_697_971_860 + 1_000_003 * rank,
    )


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _units(text: str, decimals: int) -> int:
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(decimals, "0"))
