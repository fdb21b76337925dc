"""One function per kind: the next payload of a stream, in the exact wire shape of its product.

Pure. Each returns the payload and its ids by record field, from which the catalogue row takes its
identity. Shapes: frames recorded from production in 2026-09 (tests/golden/samples).
"""

from collections.abc import Callable
from typing import Any

from connector.binance.stream_name import Stream
from connector.lab import payloads_states, payloads_tickers
from connector.lab.instrument import Instrument
from connector.lab.payload_parts import Payload, coin, futures, head
from connector.lab.tape import Traded
from connector.lab.trade_history import TradeRow


def trade(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next trade. Ids are contiguous per symbol."""
    del stream
    return _trade(instrument, instrument.trade(now), now)


def agg_trade(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next aggregate, of one to three trades. Ids are contiguous per symbol."""
    del stream
    return _aggregate(instrument, instrument.order(now), now)


def traded(instrument: Instrument, event: Traded, now: int) -> Payload:
    """Return the payload of a trade or aggregate that was made, sent at `now`."""
    return (_trade if event.kind == "trade" else _aggregate)(instrument, event.row, now)


def _trade(instrument: Instrument, row: TradeRow, now: int) -> Payload:
    """On USD-M an id spent without a fill has price and quantity 0; REST never lists it."""
    data = head(instrument, "trade", now)
    data |= {"t": row.id, "p": row.price, "q": row.quantity, "T": row.time, "m": row.maker}
    if instrument.product == "spot":
        data["M"] = True
    else:
        data["X"] = "MARKET" if row.is_listed else "NA"
    if instrument.product == "options":
        data["S"] = "SELL" if row.maker else "BUY"
    return data, {"trade_id": row.id}


def _aggregate(instrument: Instrument, row: TradeRow, now: int) -> Payload:
    data = head(instrument, "aggTrade", now) | {"a": row.id, "p": row.price, "q": row.quantity}
    data |= {"nq": row.quantity} if instrument.product == "usdm" else {}
    data |= {"f": row.first, "l": row.last, "T": row.time, "m": row.maker}
    data |= {"M": True} if instrument.product == "spot" else futures(instrument)
    return data, {"agg_trade_id": row.id}


def depth_diff(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next change of the book: spot U = previous u + 1, futures pu = previous u."""
    book = instrument.book(stream.row.kind)
    book.advance()
    instrument.move()
    previous, first, last, levels = book.next_event(stream.name)
    spot = instrument.product == "spot"
    data = {"e": "depthUpdate", "E": now}
    data |= {} if spot else {"T": now}
    data |= {"s": instrument.symbol}
    if instrument.product in ("usdm", "coinm"):
        data["ps"] = instrument.symbol.partition("_")[0]
    data |= {"U": first, "u": last} | ({} if spot else {"pu": previous})
    data |= levels
    data |= futures(instrument)
    return data, {"first_update_id": first, "last_update_id": last}


def kline(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next state of a candle: the closing one after its end, else one with new trades."""
    cursor, series = instrument.cursor(stream, now), instrument.candles(stream)
    opened, is_closed = cursor.next(series, now)
    if not is_closed:
        if series.at(opened).count == cursor.count:
            instrument.order(now)
        cursor.count = series.at(opened).count
    # Two events of one millisecond would be one event: the identity is the time.
    cursor.event_ms = max(now, cursor.event_ms + 1)
    candle = series.at(opened).wire()
    candle |= {"s": instrument.symbol, "i": series.interval, "x": is_closed}
    if instrument.product != "options":
        candle["B"] = "0"
    ids = {"open_time": opened, "event_time": cursor.event_ms}
    return head(instrument, "kline", cursor.event_ms) | {"k": candle}, ids


def book_ticker(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next best bid and ask: ids of the book's. Spot sends no e and no times."""
    del stream
    book = instrument.book()
    instrument.move()
    book.touch()
    bid, ask = book.best()
    update = book.update_id
    sides = {"b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    if instrument.product == "spot":
        return {"u": update, "s": instrument.symbol} | sides, {"update_id": update}
    data = {"e": "bookTicker", "u": update, "s": instrument.symbol}
    if instrument.product in ("usdm", "coinm"):
        data["ps"] = instrument.symbol.partition("_")[0]
    return data | sides | {"T": now, "E": now} | futures(instrument), {"update_id": update}


def block_trade(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a block trade: ids of their own, in no candle."""
    key = f"block {stream.name}"
    number = instrument.last_update.get(key, 500) + 1
    instrument.last_update[key] = number
    data = head(instrument, "blockTrade", now) | {
        "t": number,
        "p": instrument.move(),
        "q": instrument.quantity(),
    }
    return data | {"T": now, "m": coin(instrument)}, {"trade_id": number}


def depth_partial(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make the best levels: spot has its own spelling and names neither symbol nor time."""
    data, ids = depth_diff(instrument, stream, now)
    sides = instrument.book().top(int(stream.parameters["levels"]))
    if instrument.product == "spot":
        return {"lastUpdateId": ids["last_update_id"], "bids": sides["b"], "asks": sides["a"]}, ids
    return data | sides, ids


def continuous_kline(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a candle of a pair and contract type: ps and ct in place of s."""
    data, ids = kline(instrument, stream, now)
    del data["k"]["s"]
    pair, contract = (stream.parameters[name].upper() for name in ("pair", "contractType"))
    named = {"e": "continuous_kline", "E": data["E"], "ps": pair, "ct": contract}
    return named | {"k": data["k"]}, ids


def index_price_kline(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a candle of an index price: s is "0", f and L are times, the volumes are 0."""
    data, ids = kline(instrument, stream, now)
    candle = data["k"] | {"s": "0"} | _sampled(data)
    pair = stream.parameters["pair"].upper()
    return {"e": "indexPrice_kline", "E": data["E"], "ps": pair, "k": candle}, ids


def mark_price_kline(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a candle of a mark price: the pair outside, the symbol inside."""
    data, ids = kline(instrument, stream, now)
    candle = data["k"] | _sampled(data)
    pair = instrument.symbol.partition("_")[0]
    return {"e": "markPrice_kline", "E": data["E"], "ps": pair, "k": candle}, ids


def _sampled(data: dict[str, Any]) -> dict[str, Any]:
    """Return what candles of samples have in place of trades: times of samples, no volumes."""
    last = min(data["E"], data["k"]["T"])
    return {"f": data["k"]["t"], "L": last} | dict.fromkeys("vqVQB", "0")


MAKERS: dict[str, Callable[[Instrument, Stream, int], Payload]] = {
    "trade": trade,
    "agg-trade": agg_trade,
    "depth-diff": depth_diff,
    "kline": kline,
    "book-ticker": book_ticker,
    "block-trade": block_trade,
    "depth-partial": depth_partial,
    "rpi-depth": depth_diff,
    "continuous-kline": continuous_kline,
    "index-price-kline": index_price_kline,
    "mark-price-kline": mark_price_kline,
    **payloads_tickers.MAKERS,
    **payloads_states.MAKERS,
}
