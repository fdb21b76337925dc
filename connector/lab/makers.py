"""One function per kind: the next payload of a stream, in the exact wire shape of its product.

Pure. Each returns the payload and its ids by record field, from which the catalogue row takes its
identity. Shapes: frames recorded from production in 2026-09 (tests/golden/samples).
"""

from collections.abc import Callable
from decimal import Decimal

from connector.binance.names import Stream
from connector.lab import makers_statistics
from connector.lab.instrument import Instrument
from connector.lab.makers_statistics import Payload, coin, futures, head

_INTERVALS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def trade(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next trade. Ids are contiguous per symbol."""
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
    previous = one.last_update.get(stream.name, one.update_id)
    spot = one.product == "spot"
    first = previous + 1 if spot else previous + one.random.randint(1, 4_000)
    last = first + one.random.randint(0, 40)
    one.last_update[stream.name] = last
    data = {"e": "depthUpdate", "E": now}
    data |= {} if spot else {"T": now}
    data |= {"s": one.symbol}
    if one.product in ("usdm", "coinm"):
        data["ps"] = one.symbol.partition("_")[0]
    data |= {"U": first, "u": last} | ({} if spot else {"pu": previous})
    for side, sign in (("b", -1), ("a", 1)):
        data[side] = [
            [one.price(max(1, one.cents + sign * one.random.randint(1, 900))), _level(one)]
            for _ in range(one.random.randint(0, 12))
        ]
    data |= futures(one)
    return data, {"first_update_id": first, "last_update_id": last}


def _level(one: Instrument) -> str:
    """Return a level's new quantity; one in four is removed."""
    quantity = one.quantity()
    if one.random.randrange(4):
        return quantity
    return (
        "0" + quantity[1:].translate(str.maketrans("123456789", "000000000"))
        if "." in quantity
        else "0"
    )


def kline(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next state of a candle; the first event after its end closes it."""
    interval = stream.parameters["interval"]
    length = int(interval[:-1]) * _INTERVALS.get(interval[-1], 30 * 86_400_000)
    start = now - now % length
    state = one.candles.setdefault(stream.name, [start, one.move(), 0, one.trade_id, 0])
    closing = state[0] != start
    opened, price = state[0], one.move()
    state[2] += 1
    # Two events of one millisecond would be one event: the identity is the time.
    event_time = max(now, state[4] + 1)
    state[4] = event_time
    zero = one.quantity()
    candle = {"t": opened, "T": opened + length - 1, "s": one.symbol, "i": interval}
    candle |= {"f": state[3], "L": one.trade_id, "o": state[1], "c": price}
    candle |= {"h": max(state[1], price, key=Decimal), "l": min(state[1], price, key=Decimal)}
    candle |= {"v": zero, "n": state[2], "x": closing, "q": zero, "V": zero, "Q": zero}
    if one.product != "options":
        candle["B"] = "0"
    if closing:
        one.candles[stream.name] = [start, price, 0, one.trade_id, event_time]
    return head(one, "kline", event_time) | {"k": candle}, {
        "open_time": opened,
        "event_time": event_time,
    }


def book_ticker(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next best bid and ask; update ids grow with holes. Spot sends no e and no times."""
    key = f"book {stream.name}"
    update = one.last_update.get(key, one.update_id) + one.random.randint(1, 300)
    one.last_update[key] = update
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
    levels = int(stream.parameters["levels"])
    data, ids = depth_diff(one, stream, now)
    sides = {
        side: [[one.price(max(1, one.cents + sign * n)), one.quantity()] for n in range(1, levels)]
        for side, sign in (("b", -1), ("a", 1))
    }
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
    """Make a candle of an index price: s is "0", the volumes are 0."""
    data, ids = kline(one, stream, now)
    candle = data["k"] | {"s": "0"} | dict.fromkeys("vqVQB", "0")
    return {"e": "indexPrice_kline", "E": data["E"], "ps": one.symbol, "k": candle}, ids


def mark_price_kline(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a candle of a mark price: the pair outside, the symbol inside."""
    data, ids = kline(one, stream, now)
    candle = data["k"] | dict.fromkeys("vqVQB", "0")
    pair = one.symbol.partition("_")[0]
    return {"e": "markPrice_kline", "E": data["E"], "ps": pair, "k": candle}, ids


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
    **makers_statistics.MAKERS,
}
