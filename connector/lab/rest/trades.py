"""The lab's paths of trades, aggregates and block trades, in each product's exact shapes. Pure.

Pages of developers.binance.com 2026-05-28 and rest-api.md of binance-spot-api-docs 2026-07-21: a
`fromId` that is too old is answered from later on, futures take either ids or times, old futures
trades need an API key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.binance.candles import HOUR_MS
from connector.binance.products import Product
from connector.lab.instrument import contract_usd
from connector.lab.market import Market
from connector.lab.rest.query import Complaint, Path, Query, limit_of, listed, mandatory, number
from connector.lab.trade_history import TradeRow, between, from_id, latest, until

_KEY = "X-MBX-APIKEY"
_KEY_LENGTH = 64
_FOR_EVER = 1 << 60
Shape = dict[str, Any]


def trade_paths(market: Market) -> list[Path]:
    """Return every path of trades, answered from one market."""
    return [_path(market, path, call) for path, call in _TRADES.items()]


@dataclass(frozen=True, slots=True)
class _Call:
    """Parameters and weight of a path of trades."""

    product: Product
    kind: str
    weight: int
    shape: Callable[[TradeRow, str], Shape]
    most: int = 1000
    default: int = 500
    by_id: bool = True
    by_time: bool = False
    id_needed: bool = False
    keyed: bool = False


def _aggregate(row: TradeRow, _symbol: str) -> Shape:
    shape = {"a": row.id, "p": row.price, "q": row.quantity, "f": row.first, "l": row.last}
    return shape | {"T": row.time, "m": row.maker}


def _spot_aggregate(row: TradeRow, symbol: str) -> Shape:
    return _aggregate(row, symbol) | {"M": True}


def _block(row: TradeRow, _symbol: str) -> Shape:
    value = _value(row)
    shape = {"id": row.id, "price": row.price, "qty": row.quantity, "quoteQty": value}
    return shape | {"time": row.time, "isBuyerMaker": row.maker}


def _trade(row: TradeRow, symbol: str) -> Shape:
    return _block(row, symbol) | {"isBestMatch": True}


def _usdm_trade(row: TradeRow, symbol: str) -> Shape:
    return _block(row, symbol) | {"isRPITrade": False}


def _coinm_trade(row: TradeRow, symbol: str) -> Shape:
    shape = _block(row, symbol)
    del shape["quoteQty"]
    value = Decimal(row.quantity) * contract_usd(symbol) / Decimal(row.price)
    return shape | {"baseQty": f"{value:.8f}"}


def _option_trade(row: TradeRow, _symbol: str) -> Shape:
    shape = {"id": 2_323_857_420_768_529_130 + row.id, "tradeId": row.id, "price": row.price}
    shape |= {"qty": row.quantity, "quoteQty": _value(row), "side": -1 if row.maker else 1}
    return shape | {"time": row.time}


def _value(row: TradeRow) -> str:
    return f"{Decimal(row.price) * Decimal(row.quantity):f}"


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
    def answer(query: Query, headers: Mapping[str, str], at_ms: int, lag_ms: int = 0) -> Any:
        if call.keyed and len(headers.get(_KEY, "")) != _KEY_LENGTH:
            raise Complaint(401, -2014, "API-key format invalid.")
        symbol = listed(market, call.product, query)
        rows = market.history.known(call.product, call.kind, symbol, at_ms)
        if lag_ms:
            rows = until(rows, at_ms - lag_ms)
        limit = limit_of(query, call.default, call.most)
        return [call.shape(row, symbol) for row in _picked(call, query, rows, limit)]

    return Path(path, lambda _query: call.weight, answer)


def _picked(call: _Call, query: Query, rows: list[TradeRow], limit: int) -> list[TradeRow]:
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
