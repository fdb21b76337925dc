"""One function per kind: the next payload of a stream, in the exact wire shape of its product.

Pure. Each returns the payload and its ids by record field, from which the catalogue row takes its
identity. Shapes: frames recorded from production in 2026-09 (tests/golden/samples).
"""

from collections.abc import Callable
from typing import Any

from connector.binance.stream_name import Stream
from connector.lab import payloads_tickers
from connector.lab.instrument import Instrument
from connector.lab.payloads_tickers import Payload, coin, futures, head

_UNFILLED = 80  # of so many USD-M ids one is spent without a fill (14 of 1,186, 2026-07-30)


def trade(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next trade. Ids are contiguous per symbol; on USD-M some are spent without a fill:
    price and quantity 0, and REST never lists them.
    """
    del stream
    one.trade_id += 1
    maker = coin(one)
    data = head(one, "trade", now)
    data |= {"t": one.trade_id, "p": one.move(), "q": one.quantity(), "T": now, "m": maker}
    if one.product == "spot":
        data["M"] = True
    else:
        data["X"] = "MARKET"
    if one.product == "options":
        data["S"] = "SELL" if maker else "BUY"
    if one.product == "usdm" and one.random.randrange(_UNFILLED) == 0:
        data |= {"p": "0", "q": "0", "X": "NA"}
    return data, {"trade_id": one.trade_id}


def agg_trade(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next aggregate of one to three trades. Ids are contiguous per symbol."""
    del stream
    one.agg_id += 1
    data = head(one, "aggTrade", now)
    quantity = one.quantity()
    last = one.trade_id + one.random.randint(0, 2)
    data |= {"a": one.agg_id, "p": one.move(), "q": quantity}
    data |= {"nq": quantity} if one.product == "usdm" else {}
    data |= {"f": one.trade_id, "l": last, "T": now, "m": coin(one)}
    data |= {"M": True} if one.product == "spot" else futures(one)
    return data, {"agg_trade_id": one.agg_id}


def depth_diff(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next change of the book: spot U = previous u + 1, futures pu = previous u."""
    one.move()
    book = one.book(stream.row.kind)
    book.advance(one.cents // one.tick)
    previous, first, last, levels = book.tell(stream.name)
    spot = one.product == "spot"
    data = {"e": "depthUpdate", "E": now}
    data |= {} if spot else {"T": now}
    data |= {"s": one.symbol}
    if one.product in ("usdm", "coinm"):
        data["ps"] = one.symbol.partition("_")[0]
    data |= {"U": first, "u": last} | ({} if spot else {"pu": previous})
    data |= levels
    data |= futures(one)
    return data, {"first_update_id": first, "last_update_id": last}


def kline(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next state of a candle: after its end its last one, else one to three trades on."""
    candles = one.candles_of(stream, now)
    candle, closed = candles.next(now)
    if not closed:
        for _ in range(one.random.randint(1, 3)):
            candles.last_id += 1
            price, quantity = one.move(), one.quantity()
            inverse = one.product == "coinm"
            candle.add(candles.last_id, price, quantity, inverse=inverse, bought=coin(one))
    # Two events of one millisecond would be one event: the identity is the time.
    candles.event_ms = max(now, candles.event_ms + 1)
    told = candle.wire() | {"s": one.symbol, "i": candles.interval, "x": closed}
    if one.product != "options":
        told["B"] = "0"
    ids = {"open_time": candle.opened, "event_time": candles.event_ms}
    return head(one, "kline", candles.event_ms) | {"k": told}, ids


def book_ticker(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next best bid and ask: ids of the book's. Spot sends no e and no times."""
    del stream
    book = one.book()
    book.update_id += one.random.randint(1, 300)
    update = book.update_id
    sides = {"b": one.price(one.cents - 1), "B": one.quantity()}
    sides |= {"a": one.price(one.cents + 1), "A": one.quantity()}
    one.move()
    if one.product == "spot":
        return {"u": update, "s": one.symbol} | sides, {"update_id": update}
    data = {"e": "bookTicker", "u": update, "s": one.symbol}
    if one.product in ("usdm", "coinm"):
        data["ps"] = one.symbol.partition("_")[0]
    return data | sides | {"T": now, "E": now} | futures(one), {"update_id": update}


def block_trade(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a block trade: ids of their own."""
    key = f"block {stream.name}"
    number = one.last_update.get(key, 500) + 1
    one.last_update[key] = number
    data = head(one, "blockTrade", now) | {"t": number, "p": one.move(), "q": one.quantity()}
    return data | {"T": now, "m": coin(one)}, {"trade_id": number}


def depth_partial(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the best levels: spot has its own spelling and names neither symbol nor time."""
    data, ids = depth_diff(one, stream, now)
    sides = one.book().top(int(stream.parameters["levels"]))
    if one.product == "spot":
        return {"lastUpdateId": ids["last_update_id"], "bids": sides["b"], "asks": sides["a"]}, ids
    return data | sides, ids


def continuous_kline(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a candle of a pair and contract type: ps and ct in place of s."""
    data, ids = kline(one, stream, now)
    del data["k"]["s"]
    contract = stream.parameters["contractType"].upper()
    named = {"e": "continuous_kline", "E": data["E"], "ps": one.symbol, "ct": contract}
    return named | {"k": data["k"]}, ids


def index_price_kline(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a candle of an index price: s is "0", f and L are times, the volumes are 0."""
    data, ids = kline(one, stream, now)
    candle = data["k"] | {"s": "0"} | _sampled(data)
    return {"e": "indexPrice_kline", "E": data["E"], "ps": one.symbol, "k": candle}, ids


def mark_price_kline(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a candle of a mark price: the pair outside, the symbol inside."""
    data, ids = kline(one, stream, now)
    candle = data["k"] | _sampled(data)
    pair = one.symbol.partition("_")[0]
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
}
