"""Tickers and average prices: statistics of what was traded in a time window. Pure.

As payloads.py: the next payload of a stream, and its ids by record field.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connector.binance.candles import DAY_MS, HOUR_MS, MINUTE_MS
from connector.binance.stream_name import Stream
from connector.lab.instrument import Instrument
from connector.lab.payload_parts import Payload, at, futures, head

_WINDOWS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS, "1d": DAY_MS}


def window(instrument: Instrument, stream: Stream, now: int, length_ms: int) -> dict[str, Any]:
    """Return the statistics of a time window, by the keys of ticker streams.

    Where no other stream of the symbol makes trades, this one does: the statistics change.
    """
    tape = instrument.tape
    if tape.last is None or instrument.last_update.get(stream.name) == tape.trade_id:
        instrument.order(now)
    instrument.last_update[stream.name] = tape.trade_id
    return statistics(instrument, now, length_ms)


def statistics(instrument: Instrument, now: int, length_ms: int) -> dict[str, Any]:
    """Return the same without making a trade."""
    total = instrument.tape.statistics(now, length_ms)
    change = Decimal(total.close) - Decimal(total.open)
    average = instrument.tape.average(total)
    return {
        "p": f"{change:f}",
        "P": f"{change * 100 / Decimal(total.open):.3f}",
        "w": instrument.rounded(average),
        "c": total.close,
        "o": total.open,
        "h": total.high,
        "l": total.low,
        "v": f"{total.volume:f}",
        "q": f"{total.value:f}",
        "O": now - length_ms,
        "C": now,
        "F": total.first_id,
        "L": total.last_id,
        "n": total.count,
    }


def ticker(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the statistics of a day; only spot has the previous close and the best bid and ask."""
    data = head(instrument, "24hrTicker", now) | window(instrument, stream, now, DAY_MS)
    last = instrument.tape.last
    data["Q"] = instrument.nothing() if last is None else last.quantity
    if instrument.product == "spot":
        bid, ask = instrument.book().best()
        data |= {"x": data["o"], "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    return data | futures(instrument, pair=True), at(now)


def mini_ticker(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the short form of the statistics of a day."""
    day = window(instrument, stream, now, DAY_MS)
    data = head(instrument, "24hrMiniTicker", now) | {key: day[key] for key in "cohlvq"}
    return data | futures(instrument, pair=True), at(now)


def window_ticker(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the statistics of the stream's window."""
    length = stream.parameters["window"]
    shown = window(instrument, stream, now, _WINDOWS[length])
    return head(instrument, f"{length}Ticker", now) | shown, at(now)


def avg_price(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the average price of five minutes."""
    del stream
    last = instrument.tape.last
    average = instrument.tape.average(instrument.tape.statistics(now, 5 * MINUTE_MS))
    return head(instrument, "avgPrice", now) | {
        "i": "5m",
        "w": instrument.rounded(average),
        "T": now - 1 if last is None else last.time,
    }, at(now)


MAKERS: dict[str, Callable[[Instrument, Stream, int], Payload]] = {
    "ticker": ticker,
    "mini-ticker": mini_ticker,
    "window-ticker": window_ticker,
    "avg-price": avg_price,
}
