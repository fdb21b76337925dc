"""REST calls as data: paths, request weights, weight pools and their limits. Pure.

Sources: rest-api.md of binance-spot-api-docs (2026-07-21), the market data pages of
developers.binance.com (2026-05-28), spot's notice of 2026-04-02 (RAW_REQUESTS), the CM-UM notice of
2026-06-10 (one pool for both since 2026-06-30). No page names a limit for options: 400 is a guess
on the safe side. The limits in exchangeInfo replace these at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.binance.products import Product

# (rows or levels up to and including, weight) in ascending order; the last pair is the maximum.
WeightTiers = tuple[tuple[int, int], ...]
CANDLE_WEIGHTS: WeightTiers = ((99, 1), (499, 2), (1000, 5), (1500, 10))
DEPTH_WEIGHTS: Mapping[str, WeightTiers] = {
    "/api/v3/depth": ((100, 5), (500, 25), (1000, 50), (5000, 250)),
    "/fapi/v1/depth": ((50, 2), (100, 5), (500, 10), (1000, 20)),
    "/fapi/v1/rpiDepth": ((1000, 20),),
    "/dapi/v1/depth": ((50, 2), (100, 5), (500, 10), (1000, 20)),
    "/eapi/v1/depth": ((50, 1), (100, 5), (500, 10), (1000, 20)),
}
# Values of `limit` that depth calls of futures and options accept; spot accepts any up to 5000.
DEPTH_LEVELS = (5, 10, 20, 50, 100, 500, 1000)

POOL_OF: Mapping[Product, str] = {
    "spot": "spot",
    "usdm": "futures",
    "coinm": "futures",
    "options": "options",
}
# Request weight that one IP address has in a minute, by pool.
WEIGHT_PER_MINUTE: Mapping[str, int] = {"spot": 6000, "futures": 2400, "options": 400}
# And what accounts have beside them. sapi: 12,000 for each path, counted here as if for all of them
# together. Portfolio margin: 6,000 (2026-11).
ACCOUNT_WEIGHT_PER_MINUTE: Mapping[str, int] = {
    **WEIGHT_PER_MINUTE,
    "sapi": 12_000,
    "portfolio": 6_000,
}
# Requests of any weight that one IP address has in five minutes, by pool.
RAW_REQUESTS_PER_5_MINUTES: Mapping[str, int] = {"spot": 300_000}


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose path, weight and parameters never change."""

    path: str
    weight: int
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PathFamily:
    """Calls whose paths begin alike.

    Attributes:
        product: Whose REST host and clock they have.
        pool: The weight they use.
        production_base: Host of its own in production; "": that of `product`.
    """

    product: Product
    pool: str
    production_base: str = ""


FAMILIES: Mapping[str, PathFamily] = {
    "api": PathFamily("spot", "spot"),
    "sapi": PathFamily("spot", "sapi"),
    "fapi": PathFamily("usdm", "futures"),
    "dapi": PathFamily("coinm", "futures"),
    "eapi": PathFamily("options", "options"),
    "papi": PathFamily("usdm", "portfolio", "https://papi.binance.com"),
}


def family_of(path: str) -> PathFamily:
    """Return the family of a path such as /fapi/v3/balance; raises KeyError for any other."""
    return FAMILIES[path.split("/", 2)[1]]


# permissionSets names some 170 groups for each symbol and makes two thirds of spot's answer;
# showPermissionSets=false leaves them empty.
EXCHANGE_INFO: Mapping[Product, Call] = {
    "spot": Call("/api/v3/exchangeInfo", 20, {"showPermissionSets": "false"}),
    "usdm": Call("/fapi/v1/exchangeInfo", 1),
    "coinm": Call("/dapi/v1/exchangeInfo", 1),
    "options": Call("/eapi/v1/exchangeInfo", 1),
}
SERVER_TIME: Mapping[Product, Call] = {
    "spot": Call("/api/v3/time", 1),
    "usdm": Call("/fapi/v1/time", 1),
    "coinm": Call("/dapi/v1/time", 1),
    "options": Call("/eapi/v1/time", 1),
}
TICKERS: Mapping[Product, Call] = {
    "spot": Call("/api/v3/ticker/24hr", 80, {"type": "MINI"}),
    "usdm": Call("/fapi/v1/ticker/24hr", 40),
    "coinm": Call("/dapi/v1/ticker/24hr", 40),
    "options": Call("/eapi/v1/ticker", 40),
}


def weight_of(tiers: WeightTiers, rows: int) -> int:
    """Return the weight of a call for so many rows or levels."""
    return next((weight for limit, weight in tiers if rows <= limit), tiers[-1][1])
