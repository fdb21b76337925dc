"""The lab's paths of what is listed: server time, exchangeInfo and 24 h tickers. Pure."""

from collections.abc import Mapping
from typing import Any

from connector.binance.products import Product
from connector.lab.market import Market
from connector.lab.rest.exchange_info import exchange_info, ticker
from connector.lab.rest.limits import POOLS, Meter
from connector.lab.rest.query import Complaint, Path, Query

_PREFIXES: Mapping[Product, str] = {
    "spot": "/api/v3",
    "usdm": "/fapi/v1",
    "coinm": "/dapi/v1",
    "options": "/eapi/v1",
}
_ALL_TICKERS_WEIGHT: Mapping[Product, int] = {"spot": 80}  # every other product: 40


def listing_paths(market: Market, meters: Mapping[str, Meter]) -> list[Path]:
    """Return the paths of every product; exchangeInfo shows the limits of the meters."""
    return [
        path
        for product, prefix in _PREFIXES.items()
        for path in (
            Path(f"{prefix}/time", lambda _query: 1, _time),
            _info_path(market, product, prefix, meters[POOLS[product]]),
            _ticker_path(market, product, prefix),
        )
    ]


def _time(_query: Query, _headers: Mapping[str, str], at_ms: int, lag_ms: int = 0) -> Any:
    return {"serverTime": at_ms - lag_ms}


def _info_path(market: Market, product: Product, prefix: str, meter: Meter) -> Path:
    def answer(query: Query, _headers: Mapping[str, str], at_ms: int, lag_ms: int = 0) -> Any:
        del lag_ms
        shape = exchange_info(product, market, at_ms)
        if query.get("showPermissionSets") == "false":
            shape["symbols"] = [row | {"permissionSets": []} for row in shape["symbols"]]
        shape["rateLimits"] = meter.rate_limits()
        return shape

    weight = 20 if product == "spot" else 1
    return Path(f"{prefix}/exchangeInfo", lambda _query: weight, answer)


def _ticker_path(market: Market, product: Product, prefix: str) -> Path:
    def answer(query: Query, _headers: Mapping[str, str], at_ms: int, lag_ms: int = 0) -> Any:
        listed = market.symbols.get(product, ())
        requested = query.get("symbol")
        if requested is not None and requested not in listed:
            raise Complaint(400, -1121, "Invalid symbol.")
        mini = query.get("type") == "MINI"
        names = listed if requested is None else (requested,)
        rows = [ticker(product, name, market, at_ms - lag_ms, mini) for name in names]
        return rows[0] if requested is not None and product != "options" else rows

    def weigh(query: Query) -> int:
        if "symbol" in query:
            return 2 if product == "spot" else 1
        return _ALL_TICKERS_WEIGHT.get(product, 40)

    return Path(f"{prefix}/{'ticker' if product == 'options' else 'ticker/24hr'}", weigh, answer)
