"""REST's answers about the past and the books, in the exact shapes of the four products.

Pages of developers.binance.com 2026-05-28 and rest-api.md of binance-spot-api-docs 2026-07-21;
error codes and texts from their "Error codes". The traps are there too: a `fromId` that is too old
is answered from later on, futures want either ids or times, old trades want an API key.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aiohttp import web

from connector.binance.history import CANDLE_WEIGHTS, DEPTH_WEIGHTS, LEVELS, weight_of
from connector.binance.intervals import HOUR_MS
from connector.binance.names import Stream, parse
from connector.binance.products import Product
from connector.errors import Refused
from connector.lab.candles import Candle
from connector.lab.history import Made, between, from_id, latest
from connector.lab.market import Market
from connector.lab.rest import Route, error, now_ms

Query = Mapping[str, str]
_KEY = "X-MBX-APIKEY"
_KEY_LENGTH = 64
_FOR_EVER = 1 << 60


class Complaint(Exception):
    """An error answer: HTTP status, Binance's code and text."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Path:
    """One path.

    Attributes:
        path: The path.
        weigh: Query -> the weight of the call.
        answer: (query, headers, epoch ms now) -> what is sent as JSON; raises Complaint.
    """

    path: str
    weigh: Callable[[Query], int]
    answer: Callable[[Query, Mapping[str, str], int], Any]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a call over HTTP."""
        try:
            body = self.answer(request.query, request.headers, now_ms())
        except Complaint as complaint:
            return error(complaint.status, complaint.code, str(complaint))
        return web.json_response(body)


def paths(market: Market) -> list[Path]:
    """Return every path about the past and the books, answered from one market."""
    return [
        *(_trades(market, path, call) for path, call in _TRADES.items()),
        *(_candles(market, path, call) for path, call in _CANDLES.items()),
        *(_depth(market, path, product) for path, product in _DEPTH.items()),
    ]


def routes(market: Market) -> list[Route]:
    """Return them as the lab's REST serves them: `Rest(market, routes(market))`."""
    return [Route(one.path, one.handle, one.weigh) for one in paths(market)]


# Trades


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


def _trades(market: Market, path: str, call: _Call) -> Path:
    def answer(query: Query, headers: Mapping[str, str], at_ms: int) -> Any:
        if call.keyed and len(headers.get(_KEY, "")) != _KEY_LENGTH:
            raise Complaint(401, -2014, "API-key format invalid.")
        symbol = _listed(market, call.product, query)
        rows = market.history.known(call.product, call.kind, symbol, at_ms)
        limit = _limit(query, call.default, call.most)
        return [call.shape(made) for made in _picked(call, query, rows, limit)]

    return Path(path, lambda _query: call.weight, answer)


def _picked(call: _Call, query: Query, rows: list[Made], limit: int) -> list[Made]:
    number = _number(query, "fromId") if call.by_id else None
    start = _number(query, "startTime") if call.by_time else None
    end = _number(query, "endTime") if call.by_time else None
    if number is None and call.id_needed:
        raise _mandatory("fromId")
    timed = start is not None or end is not None
    if call.product != "spot" and timed:
        _check_window(number, start, end)
    if number is not None:
        return from_id(rows, number, limit)
    if timed:
        return between(rows, start or 0, _FOR_EVER if end is None else end, limit)
    return latest(rows, limit)


def _check_window(number: int | None, start: int | None, end: int | None) -> None:
    """Refuse what futures refuse: ids with times, and an hour or more."""
    if number is not None:
        raise Complaint(400, -1128, "Combination of optional parameters invalid.")
    if start is not None and end is not None and end - start >= HOUR_MS:
        raise Complaint(400, -1127, "More than 1 hours between startTime and endTime.")


# Candles


@dataclass(frozen=True, slots=True)
class _Candles:
    """What a path of candles is about, as the name of the stream that tells them."""

    product: Product
    stream: str
    most: int = 1500
    weight: int | None = None
    plain: bool = True  # volumes and trades; else samples of a price


_CANDLES: Mapping[str, _Candles] = {
    "/api/v3/klines": _Candles("spot", "{symbol}@kline_{interval}{zone}", 1000, weight=2),
    "/fapi/v1/klines": _Candles("usdm", "{symbol}@kline_{interval}"),
    "/fapi/v1/continuousKlines": _Candles(
        "usdm", "{pair}_{contractType}@continuousKline_{interval}"
    ),
    "/dapi/v1/klines": _Candles("coinm", "{symbol}@kline_{interval}"),
    "/dapi/v1/continuousKlines": _Candles(
        "coinm", "{pair}_{contractType}@continuousKline_{interval}"
    ),
    "/dapi/v1/indexPriceKlines": _Candles(
        "coinm", "{pair}@indexPriceKline_{interval}", plain=False
    ),
    "/dapi/v1/markPriceKlines": _Candles(
        "coinm", "{symbol}@markPriceKline_{interval}", plain=False
    ),
    "/eapi/v1/klines": _Candles("options", "{symbol}@kline_{interval}", weight=1),
}


def _candles(market: Market, path: str, call: _Candles) -> Path:
    def answer(query: Query, _headers: Mapping[str, str], at_ms: int) -> Any:
        stream = _stream(market, call, query)
        limit = _limit(query, 500, call.most)
        start, end = _number(query, "startTime"), _number(query, "endTime")
        candles = market.candles(stream, at_ms)
        found = candles.between(start or 0, _FOR_EVER if end is None else end, at_ms)
        found = found[:limit] if start is not None else found[-limit:]
        return [_candle(candle, plain=call.plain) for candle in found]

    def weigh(query: Query) -> int:
        if call.weight is not None:
            return call.weight
        return weight_of(CANDLE_WEIGHTS, _weighed(query, 500))

    return Path(path, weigh, answer)


def _stream(market: Market, call: _Candles, query: Query) -> Stream:
    """Return the stream that tells these candles."""
    named = {
        name: _text(query, name)
        for name in ("symbol", "pair", "contractType", "interval")
        if "{" + name in call.stream
    }
    lower = {name: value.lower() for name, value in named.items()} | {
        "interval": named["interval"]  # 1m and 1M are two intervals
    }
    zone = query.get("timeZone", "0")
    if zone not in {"0", "8"}:
        raise Complaint(400, -1100, "Illegal characters found in parameter 'timeZone'.")
    try:
        stream = parse(
            call.product, call.stream.format(**lower, zone="@+08:00" if zone == "8" else "")
        )
    except Refused as error:
        raise Complaint(400, -1120, "Invalid interval.") from error
    if not market.serves(stream):
        raise Complaint(400, -1121, "Invalid symbol.")
    return stream


def _candle(candle: Candle, *, plain: bool) -> list[Any]:
    told = candle.wire()
    traded = ("v", "q", "V", "Q")
    volume, value, bought, bought_value = (told[key] if plain else "0" for key in traded)
    prices = [told["o"], told["h"], told["l"], told["c"]]
    volumes = [volume, told["T"], value, told["n"], bought, bought_value, "0"]
    return [told["t"], *prices, *volumes]


# Books

_DEPTH: Mapping[str, Product] = {
    "/api/v3/depth": "spot",
    "/fapi/v1/depth": "usdm",
    "/fapi/v1/rpiDepth": "usdm",
    "/dapi/v1/depth": "coinm",
    "/eapi/v1/depth": "options",
}


def _depth(market: Market, path: str, product: Product) -> Path:
    rpi = path.endswith("rpiDepth")
    default = {"spot": 100, "options": 100}.get(product, 1000 if rpi else 500)
    allowed: Iterable[int] = range(1, 5001) if product == "spot" else LEVELS
    allowed = (1000,) if rpi else allowed

    def answer(query: Query, _headers: Mapping[str, str], at_ms: int) -> Any:
        symbol = _listed(market, product, query)
        levels = _limit(query, default, max(allowed))
        if levels not in allowed:
            raise Complaint(400, -1130, "Data sent for parameter 'limit' is not valid.")
        book = market.book(product, symbol, "rpi-depth" if rpi else "depth-diff")
        sides = book.top(levels)
        told = {"lastUpdateId": book.update_id, "bids": sides["b"], "asks": sides["a"]}
        if product != "spot":
            told |= {"T": at_ms}
        if product in ("usdm", "coinm"):
            told |= {"E": at_ms}
        if product == "coinm":
            told |= {"symbol": symbol, "pair": symbol.partition("_")[0]}
        return told

    def weigh(query: Query) -> int:
        return weight_of(DEPTH_WEIGHTS[path], _weighed(query, default))

    return Path(path, weigh, answer)


# Parameters


def _mandatory(name: str) -> Complaint:
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return Complaint(400, -1102, text)


def _text(query: Query, name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise _mandatory(name)
    return value


def _listed(market: Market, product: Product, query: Query) -> str:
    symbol = _text(query, "symbol")
    if symbol not in market.symbols.get(product, ()):
        raise Complaint(400, -1121, "Invalid symbol.")
    return symbol


def _number(query: Query, name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not value.isdecimal():
        raise Complaint(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return int(value)


def _limit(query: Query, default: int, most: int) -> int:
    limit = _number(query, "limit")
    if limit == 0:
        raise Complaint(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return default if limit is None else min(limit, most)


def _weighed(query: Query, default: int) -> int:
    """Return the rows a call is weighed by, whatever stands there."""
    value = query.get("limit", "")
    return int(value) if value.isdecimal() else default
