"""Faults of the exchange as a whole: its clock, and what it lists."""

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Any

from connector.binance.products import Product
from connector.lab.faults.target import Target

GONE = "gone"


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """The exchange's clock is ahead of this machine's (behind it, when negative)."""

    ms: int = 1500
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Stamp events and REST's answers with the other clock."""
        exchange.clock.skew_ms += self.ms
        try:
            await asyncio.sleep(self.seconds)
        finally:
            exchange.clock.skew_ms -= self.ms


@dataclass(frozen=True, slots=True)
class SymbolStatus:
    """A symbol gets a status (BREAK, HALT, SETTLING) or is `gone`, and is TRADING again later.

    It has no data meanwhile.
    """

    product: Product
    symbol: str
    status: str = "BREAK"
    seconds: float = 10.0

    async def strike(self, exchange: Target) -> None:
        """Change the listing, then restore it."""
        market = exchange.market
        if self.status == GONE:
            market.delist(self.product, self.symbol)
        else:
            market.set_status(self.product, self.symbol, self.status)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            market.list_symbol(self.product, self.symbol)


@dataclass(frozen=True, slots=True)
class OddListing:
    """One row of exchangeInfo has another value under a key: `contractType` null by default.

    `value` is JSON, or a text. A symbol that is not listed is listed meanwhile.
    """

    product: Product = "usdm"
    symbol: str = "NEWUSDT"
    key: str = "contractType"
    value: str = "null"
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Change the row, then restore it."""
        market, listing = exchange.market, (self.product, self.symbol)
        is_new = self.symbol not in market.symbols.get(self.product, ())
        if is_new:
            market.list_symbol(*listing)
        market.odd_keys[listing] = {self.key: _value(self.value)}
        try:
            await asyncio.sleep(self.seconds)
        finally:
            del market.odd_keys[listing]
            if is_new:
                market.delist(*listing)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
