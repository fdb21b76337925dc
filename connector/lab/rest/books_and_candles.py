"""The lab's paths of candles and books, in the exact shapes of each product. Pure.

Pages of developers.binance.com 2026-05-28 and rest-api.md of binance-spot-api-docs 2026-07-21.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.binance.products import Product
from connector.binance.rest_calls import CANDLE_WEIGHTS, DEPTH_LEVELS, DEPTH_WEIGHTS, weight_of
from connector.binance.stream_name import Stream, parse
from connector.errors import Refused
from connector.lab.candles import Candle
from connector.lab.market import Market
from connector.lab.rest.query import Complaint, Path, Query, limit_of, listed, number, text, weighed

_FOR_EVER = 1 << 60


def state_paths(market: Market) -> list[Path]:
    """Return every path of candles and books, answered from one market."""
    return [
        *(_candle_path(market, path, call) for path, call in _CANDLES.items()),
        *(_depth_path(market, path, product) for path, product in _DEPTH.items()),
    ]


@dataclass(frozen=True, slots=True)
class _Candles:
    """What a path of candles shows, as the name of the stream with the same candles."""

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


def _candle_path(market: Market, path: str, call: _Candles) -> Path:
    def answer(query: Query, _headers: Mapping[str, str], at_ms: int, lag_ms: int = 0) -> Any:
        stream = _stream(market, call, query)
        limit = limit_of(query, 500, call.most)
        start, end = number(query, "startTime"), number(query, "endTime")
        instrument, newest = market.instruments(stream)[0], _FOR_EVER if end is None else end
        series = instrument.candles(stream)
        candles = instrument.tape.between(series, start, newest, at_ms - lag_ms, limit)
        return [_candle(candle, plain=call.plain) for candle in candles]

    def weigh(query: Query) -> int:
        if call.weight is not None:
            return call.weight
        return weight_of(CANDLE_WEIGHTS, weighed(query, 500))

    return Path(path, weigh, answer)


def _stream(market: Market, call: _Candles, query: Query) -> Stream:
    """Return the stream with the same candles."""
    named = {
        name: text(query, name)
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
    answer = candle.wire()
    traded = ("v", "q", "V", "Q")
    volume, value, bought, bought_value = (answer[key] if plain else "0" for key in traded)
    prices = [answer["o"], answer["h"], answer["l"], answer["c"]]
    volumes = [volume, answer["T"], value, answer["n"], bought, bought_value, "0"]
    return [answer["t"], *prices, *volumes]


_DEPTH: Mapping[str, Product] = {
    "/api/v3/depth": "spot",
    "/fapi/v1/depth": "usdm",
    "/fapi/v1/rpiDepth": "usdm",
    "/dapi/v1/depth": "coinm",
    "/eapi/v1/depth": "options",
}


def _depth_path(market: Market, path: str, product: Product) -> Path:
    rpi = path.endswith("rpiDepth")
    default = {"spot": 100, "options": 100}.get(product, 1000 if rpi else 500)
    allowed: Iterable[int] = range(1, 5001) if product == "spot" else DEPTH_LEVELS
    allowed = (1000,) if rpi else allowed

    def answer(query: Query, _headers: Mapping[str, str], at_ms: int, lag_ms: int = 0) -> Any:
        symbol = listed(market, product, query)
        levels = limit_of(query, default, max(allowed))
        if levels not in allowed:
            raise Complaint(400, -1130, "Data sent for parameter 'limit' is not valid.")
        then_ms = at_ms - lag_ms
        kind = "rpi-depth" if rpi else "depth-diff"
        book = market.book_as_of(product, symbol, kind, then_ms if lag_ms else None)
        sides = book.top(levels)
        answer = {"lastUpdateId": book.update_id, "bids": sides["b"], "asks": sides["a"]}
        if product != "spot":
            answer |= {"T": then_ms}
        if product in ("usdm", "coinm"):
            answer |= {"E": then_ms}
        if product == "coinm":
            answer |= {"symbol": symbol, "pair": symbol.partition("_")[0]}
        return answer

    def weigh(query: Query) -> int:
        return weight_of(DEPTH_WEIGHTS[path], weighed(query, default))

    return Path(path, weigh, answer)
