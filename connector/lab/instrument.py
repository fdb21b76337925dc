"""One symbol's state in the lab's market: a seeded random walk, and the ids used so far. Pure."""

import random
from dataclasses import dataclass, field
from typing import Any

from connector.binance.products import Product

_START = {"BTC": 8_125_005, "ETH": 284_212, "BNB": 91_230, "SOL": 19_844, "XRP": 251}  # cents
_DECIMALS = {"spot": (8, 8), "usdm": (2, 3), "coinm": (1, 0), "options": (3, 2)}


@dataclass(slots=True)
class Instrument:
    """One symbol's state: a random walk, and the ids used so far."""

    product: Product
    symbol: str
    random: random.Random
    cents: int
    trade_id: int
    agg_id: int
    update_id: int
    last_update: dict[str, int] = field(default_factory=dict)
    candles: dict[str, list[Any]] = field(default_factory=dict)

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
        """Return a random quantity as the product writes it."""
        decimals = _DECIMALS[self.product][1]
        units = self.random.randint(1, 500_000)
        if decimals == 0:
            return str(units % 5_000 + 1)
        return f"{units // 100_000}.{units % 100_000:05d}"[: 2 + decimals].ljust(2 + decimals, "0")


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
