"""The lab's paths of trades, aggregates and block trades, in the exact shapes of each product.

Pages of developers.binance.com 2026-05-28 and rest-api.md of binance-spot-api-docs 2026-07-21. The
traps are there too: a `fromId` that is too old is answered from later on, futures want either ids
or times, old futures trades want an API key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.binance.candles import HOUR_MS
from connector.binance.products import Product
from connector.lab.market import Market
from connector.lab.rest.query import Complaint, Path, Query, limit_of, listed, mandatory, number
from connector.lab.trade_history import Made, between, from_id, latest

_KEY = "X-MBX-APIKEY"
_KEY_LENGTH = 64
_FOR_EVER = 1 << 60


def trade_paths(market: Market) -> list[Path]:
    """Return every path of trades, answered from one market."""
    return [_path(market, path, call) for path, call in _TRADES.items()]


@dataclass(frozen=True, slots=True)
class _Call:
    """What a path of trades takes and weighs."""

    product: Product
    kind: str
    weight: int
    shape: Callable[[Made], dict[str, Any]]
    most: int = 1000
    default: int = 500
    by_id: bool = True
    by_time: bool = False
    id_needed: bool = False
    keyed: bool = False


def _aggregate(made: Made) -> dict[str, Any]:
    row = {"a": made.id, "p": made.price, "q": made.quantity, "f": made.first, "l": made.last}
    return row | {"T": made.time, "m": made.maker}


def _spot_aggregate(made: Made) -> dict[str, Any]:
    return _aggregate(made) | {"M": True}


def _block(made: Made) -> dict[str, Any]:
    value = _value(made)
    row = {"id": made.id, "price": made.price, "qty": made.quantity, "quoteQty": value}
    return row | {"time": made.time, "isBuyerMaker": made.maker}


def _trade(made: Made) -> dict[str, Any]:
    return _block(made) | {"isBestMatch": True}


def _usdm_trade(made: Made) -> dict[str, Any]:
    return _block(made) | {"isRPITrade": False}


def _coinm_trade(made: Made) -> dict[str, Any]:
    row = _block(made)
    del row["quoteQty"]
    return row | {"baseQty": f"{Decimal(made.quantity) * 100 / Decimal(made.price):.8f}"}


def _option_trade(made: Made) -> dict[str, Any]:
    row = {"id": 2_323_857_420_768_529_130 + made.id, "tradeId": made.id, "price": made.price}
    row |= {"qty": made.quantity, "quoteQty": _value(made), "side": -1 if made.maker else 1}
    return row | {"time": made.time}


def _value(made: Made) -> str:
    return f"{Decimal(made.price) * Decimal(made.quantity):f}"


_TRADES: Mapping[str, _Call] = {
    "/api/v3/aggTrades": _Call("spot", "agg-trade", 4, _spot_aggregate, by_time=True),
    "/api/v3/historicalTrades": _Call("spot", "trade", 25, _trade),
    "/api/v3/trades": _Call("spot", "trade", 25, _trade, by_id=False),
    "/api/v3/historicalBlockTrades": _Call("spot", "block-trade", 25, _block, id_needed=True),
    "/fapi/v1/aggTrades": _Call("usdm", "agg-trade", 20, _aggregate, by_time=True),
    "/fapi/v1/historicalTrades": _Call("usdm", "trade", 200, _usdm_trade, most=500, keyed=True),
    "/fapi/v1/trades": _Call("usdm", "trade", 5, _usdm_trade, by_id=False),
    "/dapi/v1/aggTrades": _Call("coinm", "agg-trade", 20, _aggregate, by_time=True),
    "/dapi/v1/historicalTrades": _Call("coinm", "trade", 200, _coinm_trade, most=500, keyed=True),
    "/dapi/v1/trades": _Call("coinm", "trade", 5, _coinm_trade, by_id=False),
    "/eapi/v1/trades": _Call(
        "options", "trade", 5, _option_trade, most=500, default=100, by_id=False
    ),
}


def _path(market: Market, path: str, call: _Call) -> Path:

    def answer(query: Query, headers: Mapping[str, str], at_ms: int) -> Any:
        if call.keyed and len(headers.get(_KEY, "")) != _KEY_LENGTH:
            raise Complaint(401, -2014, "API-key format invalid.")
        symbol = listed(market, call.product, query)
        rows = market.history.known(call.product, call.kind, symbol, at_ms)
        limit = limit_of(query, call.default, call.most)
        return [call.shape(made) for made in _picked(call, query, rows, limit)]

    return Path(path, lambda _query: call.weight, answer)


def _picked(call: _Call, query: Query, rows: list[Made], limit: int) -> list[Made]:
    first = number(query, "fromId") if call.by_id else None
    start = number(query, "startTime") if call.by_time else None
    end = number(query, "endTime") if call.by_time else None
    if first is None and call.id_needed:
        raise mandatory("fromId")
    timed = start is not None or end is not None
    if call.product != "spot" and timed:
        _check_window(first, start, end)
    if first is not None:
        return from_id(rows, first, limit)
    if timed:
        return between(rows, start or 0, _FOR_EVER if end is None else end, limit)
    return latest(rows, limit)


def _check_window(first: int | None, start: int | None, end: int | None) -> None:
    """Refuse what futures refuse: ids with times, and an hour or more."""
    if first is not None:
        raise Complaint(400, -1128, "Combination of optional parameters invalid.")
    if start is not None and end is not None and end - start >= HOUR_MS:
        raise Complaint(400, -1127, "More than 1 hours between startTime and endTime.")
