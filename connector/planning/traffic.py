"""How much a stream will send: a guess for planning, never a promise. Pure.

Measured: messages of the BTCUSDT perpetual in 25 s (2026-07-30, see `_CHANGES`). Documented: the
update speeds (`period_s` of the catalogue, `@100ms`). Sizes: frames recorded in 2026-09
(tests/golden/samples). Everything else is an assumption and says so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from connector.binance.products import Product
from connector.binance.stream_name import Stream

_WINDOW_S = 25.0
_BOOK_CHANGES = 1993 / _WINDOW_S  # a change of the best prices is a change of the book
# Messages a second of the busiest symbol, before the stream's own update speed bounds them.
_CHANGES: Mapping[str, float] = {
    "book-ticker": _BOOK_CHANGES,
    "depth-diff": _BOOK_CHANGES,
    "depth-partial": _BOOK_CHANGES,  # 229 at 100 ms: 9.2/s, the bound
    "rpi-depth": _BOOK_CHANGES,
    "trade": 149 / _WINDOW_S,
    "agg-trade": 117 / _WINDOW_S,
    "kline": 47 / _WINDOW_S,
    "continuous-kline": 47 / _WINDOW_S,
    "index-price-kline": 47 / _WINDOW_S,  # assumed as kline
    "mark-price-kline": 47 / _WINDOW_S,
    "ticker": 1.0,  # of options, which are not periodic
}
# How busy a product's busiest symbol is next to BTCUSDT: the weights of bench/README.md, assumed.
_PRODUCTS: Mapping[Product, float] = {"spot": 1.0, "usdm": 1.0, "coinm": 0.25, "options": 0.25}

# A symbol whose volume is not known: assumed. BTC and ETH are known to be busy everywhere.
UNKNOWN_ACTIVITY = 0.1
_BUSY = ("btc", "eth")
LEAST = 0.05  # messages a second of a symbol that hardly trades; assumed
RARE = 0.2  # messages a second of sparse streams; assumed
RARE_WIDE = 1.0  # the same for the whole market; assumed

_SPEEDS: Mapping[str, float] = {"1s": 1.0, "500ms": 2.0, "100ms": 10.0, "0ms": _BOOK_CHANGES}
# Candles are sent every 2 s, 250 ms or 1 s (one of a second: every second); same pages.
_CANDLE_PACES: Mapping[Product, float] = {"spot": 0.5, "usdm": 4.0, "coinm": 4.0, "options": 1.0}
_BOOKS = ("depth-diff", "depth-partial")

# Symbols in a whole-market stream where no exchangeInfo was asked: 721 were counted in a futures
# array on 2026-07-31; spot and options (of one underlying) are assumed.
LISTED: Mapping[Product, int] = {"spot": 1500, "usdm": 721, "coinm": 721, "options": 80}

# The same of streams that are not about contracts; assumed.
_ELEMENTS: Mapping[str, int] = {"asset-index": 40, "index-price": 10}

# Bytes of one event's JSON.
_SIZES: Mapping[str, int] = {
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
_BOOK_SIZE, _LEVEL_SIZE = 100, 25  # a partial book: its head, and one price with its quantity
_WRAPPER = len('{"stream":"","data":}')


@dataclass(frozen=True, slots=True)
class Flow:
    """What a stream is estimated to send.

    Attributes:
        messages: Messages a second.
        bytes: Bytes of JSON a second.
    """

    messages: float
    bytes: float


def estimate(stream: Stream, activity: float | None, listed: int | None = None) -> Flow:
    """Guess what a stream will send.

    Args:
        stream: The stream.
        activity: Its symbol's share of the busiest symbol's volume, 0 to 1; None: not known.
        listed: Symbols in a message (or, of `!bookTicker`, messages a period) of a stream that
            covers several; None: not known.
    """
    wide = _is_wide(stream)
    symbols = _symbols(stream, listed) if wide else 1
    each = not stream.row.array
    messages = _messages(stream, activity, wide=wide)
    if wide and each and stream.row.cadence == "periodic":
        messages *= symbols  # one object a message, for every symbol
    events = 1 if each else symbols
    size = _WRAPPER + len(stream.name) + events * (_size(stream) + 1)
    return Flow(messages, messages * size)


def _symbols(stream: Stream, listed: int | None) -> int:
    return _ELEMENTS.get(stream.row.kind) or listed or LISTED[stream.product]


def _is_wide(stream: Stream) -> bool:
    """Whether it covers many symbols: the whole market, or the options of an underlying."""
    of_options = "underlying" in stream.parameters and stream.row.kind != "index-price"
    return stream.name.startswith("!") or of_options


def _messages(stream: Stream, activity: float | None, *, wide: bool) -> float:
    row = stream.row
    if row.cadence == "periodic":
        named = _SPEEDS.get(stream.parameters.get("speed", ""))
        return named or 1.0 / (row.period_s or 1.0)
    if row.cadence == "sparse":
        return RARE_WIDE if wide else RARE
    busy = _activity(stream, activity) * _PRODUCTS[stream.product]
    return min(_pace(stream), max(LEAST, busy * _CHANGES[row.kind]))


def _activity(stream: Stream, activity: float | None) -> float:
    if activity is not None:
        return min(1.0, activity)
    return 1.0 if stream.name.startswith(_BUSY) else UNKNOWN_ACTIVITY


def _pace(stream: Stream) -> float:
    """Return the most messages a second that the update speed allows."""
    kind = stream.row.kind
    if kind == "rpi-depth":
        return 2.0
    if kind.endswith("kline"):
        every_second = stream.parameters["interval"] == "1s"
        return 1.0 if every_second else _CANDLE_PACES[stream.product]
    if kind in _BOOKS:
        named = _SPEEDS.get(stream.parameters.get("speed", ""))
        return named or (1.0 if stream.product == "spot" else 4.0)
    return math.inf


def _size(stream: Stream) -> int:
    if stream.row.kind == "depth-partial":
        return _BOOK_SIZE + 2 * _LEVEL_SIZE * int(stream.parameters["levels"])
    return _SIZES[stream.row.kind]
