"""What plan tests share: a subscription, a made-up universe, streams without a file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import pytest

from connector.binance.exchange_info import Listing, Universe
from connector.binance.products import ENVIRONMENTS, Product
from connector.binance.stream_name import parse
from connector.planning.model import KeyPath, Plan, PlanError, PlannedStream
from connector.planning.plan import make_plan
from connector.planning.selection import Selection

EXPIRY = 1_798_185_600_000  # 2026-12-25 08:00 UTC


@dataclass(frozen=True)
class Wanted:
    product: Product
    streams: list[str]
    symbols: list[str] = field(default_factory=list)
    topic: str | None = None
    endpoint: str | None = None
    merged: Literal["drop", "keep"] = "drop"
    key: str | None = None
    time_unit: Literal["ms", "us"] = "ms"
    connections: int = 1
    chosen: Selection | None = None

    @property
    def selection(self) -> Selection:
        return self.chosen or Selection(names=tuple(self.symbols))


def plan(
    *wanted: Wanted,
    universe: Universe | None = None,
    before: Plan | None = None,
    shard: tuple[int, int] = (0, 1),
) -> Plan:
    production = ENVIRONMENTS["production"]
    return make_plan(wanted, production, "binance", universe=universe, before=before, shard=shard)


def problem(*wanted: Wanted) -> tuple[KeyPath, str]:
    """The only problem for which these subscriptions are refused."""
    with pytest.raises(PlanError) as caught:
        plan(*wanted)
    [found] = caught.value.problems
    return found


def names(made: Plan) -> list[str]:
    return [planned.stream.name for planned in made.streams]


def listing(product: Product, symbol: str, status: str = "TRADING") -> Listing:
    """A listing in the shape of its product: BTCUSDT, BTCUSD_PERP, BTC-261225-100000-C."""
    if product == "spot":
        return Listing(product, symbol, symbol, symbol[:-4], symbol[-4:], "", status, None)
    if product == "options":
        asset, _, _, side = symbol.split("-")
        under = f"{asset}USDT"
        kind = {"C": "CALL", "P": "PUT"}[side]
        return Listing(product, symbol, under, under, "USDT", kind, status, EXPIRY)
    pair, _, contract = symbol.partition("_")
    perpetual = contract in ("", "PERP")
    kind, expiry = ("PERPETUAL", None) if perpetual else ("CURRENT_QUARTER", EXPIRY)
    return Listing(product, symbol, pair, pair[:3], pair[3:], kind, status, expiry)


def universe(product: Product, *symbols: str, **volumes: float) -> Universe:
    listings = tuple(listing(product, symbol) for symbol in symbols)
    return Universe({product: listings}, {product: volumes} if volumes else {})


def streams(
    symbols: Iterable[str], *, rate: float = 1.0, connections: int = 1
) -> list[PlannedStream]:
    """Spot trades, planned without a config."""
    return [
        PlannedStream(
            parse("spot", f"{symbol.lower()}@trade"),
            "binance.spot.trade",
            "wss://host/stream",
            connections=connections,
            rate=rate,
        )
        for symbol in symbols
    ]
