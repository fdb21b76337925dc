"""Estimates of a stream's messages and bytes a second. Pure.

Measured: messages of the BTCUSDT perpetual in 25 s (2026-07-30, see `_CHANGES`); sizes of frames
recorded in 2026-09 (tests/golden/samples). Documented: update speeds. The rest is assumed.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from connector.binance.envelope import OVERHEAD_BYTES
from connector.binance.products import Product
from connector.binance.stream_name import Stream

_MEASURED_S = 25.0
_BOOK_CHANGES = 1993 / _MEASURED_S  # a change of the best prices is a change of the book
# Messages a second of the busiest symbol, before the stream's own update speed bounds them.
_CHANGES: Mapping[str, float] = {
    "book-ticker": _BOOK_CHANGES,
    "depth-diff": _BOOK_CHANGES,
    "depth-partial": _BOOK_CHANGES,  # 229 at 100 ms: 9.2/s, its update speed
    "rpi-depth": _BOOK_CHANGES,
    "trade": 149 / _MEASURED_S,
    "agg-trade": 117 / _MEASURED_S,
    "kline": 47 / _MEASURED_S,
    "continuous-kline": 47 / _MEASURED_S,
    "index-price-kline": 47 / _MEASURED_S,  # assumed as kline
    "mark-price-kline": 47 / _MEASURED_S,
    "ticker": 1.0,  # of options, which are not periodic
}
# Rate of a product's busiest symbol relative to BTCUSDT: the weights of bench/README.md, assumed.
_ACTIVITY_OF: Mapping[Product, float] = {"spot": 1.0, "usdm": 1.0, "coinm": 0.25, "options": 0.25}

# Activity of a symbol whose volume is not known, assumed; BTC and ETH are busy in every product.
UNKNOWN_ACTIVITY = 0.1
_BUSY = ("btc", "eth")
# Messages a second, assumed:
MIN_RATE = 0.05  # of a symbol that hardly trades
SPARSE_RATE = 0.2  # of sparse streams
SPARSE_MARKET_RATE = 1.0  # of sparse streams of the whole market

# Messages a second by update speed.
_SPEED_RATES: Mapping[str, float] = {"1s": 1.0, "500ms": 2.0, "100ms": 10.0, "0ms": _BOOK_CHANGES}
# Candles are sent every 2 s, 250 ms or 1 s; candles of one second every second. Same pages.
_CANDLE_RATES: Mapping[Product, float] = {"spot": 0.5, "usdm": 4.0, "coinm": 4.0, "options": 1.0}
_BOOKS = ("depth-diff", "depth-partial")

# Symbols in a whole-market stream without exchangeInfo: 721 were counted in a futures array on
# 2026-07-31; spot and options (of one underlying) are assumed.
ASSUMED_LISTINGS: Mapping[Product, int] = {"spot": 1500, "usdm": 721, "coinm": 721, "options": 80}

# Elements of whole-market streams that are not about contracts, by kind; assumed.
_OTHER_ELEMENTS: Mapping[str, int] = {"asset-index": 40, "index-price": 10}

# Bytes of one event's JSON, by kind.
_EVENT_BYTES: Mapping[str, int] = {
    "trade": 135,
    "agg-trade": 165,
    "block-trade": 107,
    "kline": 300,
    "continuous-kline": 310,
    "index-price-kline": 292,
    "mark-price-kline": 301,
    "mini-ticker": 175,
    "ticker": 300,
    "window-ticker": 305,
    "book-ticker": 150,
    "avg-price": 96,
    "reference-price": 75,
    "depth-diff": 750,
    "rpi-depth": 3600,
    "mark-price": 180,
    "index-price": 75,
    "force-order": 195,
    "composite-index": 171,
    "contract-info": 210,
    "asset-index": 220,
    "trading-session": 90,
    "option-mark-price": 325,
    "option-symbol": 174,
    "open-interest": 100,
}
_BOOK_BYTES, _LEVEL_BYTES = 100, 25  # of a partial book: its head; one price with its quantity


class TrafficEstimate(NamedTuple):
    """Estimated messages and bytes of JSON a second."""

    messages: float
    bytes: float


def estimate(
    stream: Stream, volume_share: float | None, listed: int | None = None
) -> TrafficEstimate:
    """Return the estimated traffic of a stream. None: not known.

    `volume_share` is its symbol's share of the busiest symbol's volume, 0 to 1. `listed` counts the
    symbols in a message (of `!bookTicker`: messages a period) of a stream that covers several.
    """
    wide, row = _is_wide(stream), stream.row
    elements = _OTHER_ELEMENTS.get(row.kind) or listed or ASSUMED_LISTINGS[stream.product]
    symbols = elements if wide else 1
    messages = _messages(stream, volume_share, wide=wide)
    if row.cadence == "periodic" and not row.array:
        messages *= symbols  # a message for every symbol
    events = symbols if row.array else 1
    size = OVERHEAD_BYTES + len(stream.name) + events * (_event_bytes(stream) + 1)
    return TrafficEstimate(messages, messages * size)


def _is_wide(stream: Stream) -> bool:
    """Return whether it covers many symbols: the whole market, or the options of an underlying."""
    of_options = "underlying" in stream.parameters and stream.row.kind != "index-price"
    return stream.name.startswith("!") or of_options


def _messages(stream: Stream, volume_share: float | None, *, wide: bool) -> float:
    row = stream.row
    if row.cadence == "periodic":
        return _speed_rate(stream) or 1.0 / (row.period_s or 1.0)
    if row.cadence == "sparse":
        return SPARSE_MARKET_RATE if wide else SPARSE_RATE
    if volume_share is None:
        volume_share = 1.0 if stream.name.startswith(_BUSY) else UNKNOWN_ACTIVITY
    activity = min(1.0, volume_share) * _ACTIVITY_OF[stream.product]
    return min(_max_rate(stream), max(MIN_RATE, activity * _CHANGES[row.kind]))


def _max_rate(stream: Stream) -> float:
    """Return the messages a second that the update speed allows; inf: no update speed."""
    kind = stream.row.kind
    if kind == "rpi-depth":
        return 2.0
    if kind.endswith("kline"):
        return 1.0 if stream.parameters["interval"] == "1s" else _CANDLE_RATES[stream.product]
    if kind in _BOOKS:
        return _speed_rate(stream) or (1.0 if stream.product == "spot" else 4.0)
    return math.inf


def _speed_rate(stream: Stream) -> float | None:
    return _SPEED_RATES.get(stream.parameters.get("speed", ""))


def _event_bytes(stream: Stream) -> int:
    if stream.row.kind == "depth-partial":
        return _BOOK_BYTES + 2 * _LEVEL_BYTES * int(stream.parameters["levels"])
    return _EVENT_BYTES[stream.row.kind]
