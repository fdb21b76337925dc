"""JSON payloads of the five hot kinds, in the shapes of real frames of 2026-09.

Each function takes an instrument and the event time (epoch ms).
"""

from collections.abc import Callable

from bench.instruments import Candle, Instrument, fixed

MINUTE_MS = 60_000
# bench/README.md, "Loads": counts of bids and asks in depth events.
LEVELS = {
    "spot": ((6, 3), (7, 7)),
    "usdm": ((22, 24), (30, 18)),
    "coinm": ((16, 11), (9, 4)),
    "options": ((2, 2), (1, 3)),
}


def _trade(instrument: Instrument, now: int) -> str:
    price, quantity = instrument.move_price(), instrument.quantity_text(instrument.quantity())
    maker = "true" if instrument.rng.random() < 0.5 else "false"
    number, sent = instrument.next_id("trade"), now + instrument.rng.randrange(2)
    if instrument.product == "spot":
        return (
            f'{{"e":"trade","E":{sent},"s":"{instrument.symbol}","t":{number},"p":"{price}",'
            f'"q":"{quantity}","T":{now},"m":{maker},"M":true}}'
        )
    side = ',"S":"SELL"' if instrument.product == "options" else ""
    return (
        f'{{"e":"trade","E":{sent},"T":{now},"s":"{instrument.symbol}","t":{number},"p":"{price}",'
        f'"q":"{quantity}","X":"MARKET"{side},"m":{maker}}}'
    )


def _agg_trade(instrument: Instrument, now: int) -> str:
    price, quantity = instrument.move_price(), instrument.quantity_text(instrument.quantity())
    number = instrument.next_id("agg-trade")
    first = instrument.next_id("agg-trade: trades")
    last = instrument.next_id("agg-trade: trades", instrument.rng.randrange(4))
    normal = f'"nq":"{quantity}",' if instrument.product == "usdm" else ""
    maker = "true" if instrument.rng.random() < 0.5 else "false"
    tail = ',"M":true' if instrument.product == "spot" else _symbol_type(instrument)
    return (
        f'{{"e":"aggTrade","E":{now + 150},"a":{number},"s":"{instrument.symbol}","p":"{price}",'
        f'"q":"{quantity}",{normal}"f":{first},"l":{last},"T":{now},"m":{maker}{tail}}}'
    )


def _depth(instrument: Instrument, now: int) -> str:
    instrument.move_price()
    spot = instrument.product == "spot"
    previous = instrument.last_id("depth-diff")
    first = instrument.next_id("depth-diff", 1 if spot else instrument.rng.randrange(1, 200))
    last = instrument.next_id("depth-diff", instrument.rng.randrange(1, 9_000))
    bids, asks = instrument.rng.choice(LEVELS[instrument.product])
    time = "" if spot else f'"T":{now - 1},'
    chain = "" if spot else f'"pu":{previous},'
    return (
        f'{{"e":"depthUpdate","E":{now},{time}"s":"{instrument.symbol}",{_pair(instrument)}'
        f'"U":{first},"u":{last},{chain}"b":{instrument.levels(bids, -1)},'
        f'"a":{instrument.levels(asks, 1)}{_symbol_type(instrument)}}}'
    )


def _kline(instrument: Instrument, now: int) -> str:
    close = instrument.move_price()
    candle, is_closed = instrument.next_candle(now - now % MINUTE_MS)
    symbol, start, last = instrument.symbol, candle.open_time, instrument.next_id("kline", 5)
    prices = [instrument.price_text(p) for p in (candle.open_price, candle.high, candle.low)]
    quotes = _quote_volumes(instrument, candle)
    ignored = "" if instrument.product == "options" else ',"B":"0"'
    return (
        f'{{"e":"kline","E":{now},"s":"{symbol}","k":{{"t":{start},'
        f'"T":{start + MINUTE_MS - 1},"s":"{symbol}","i":"1m","f":{last - candle.trades},'
        f'"L":{last},"o":"{prices[0]}","c":"{close}","h":"{prices[1]}","l":"{prices[2]}",'
        f'"v":"{instrument.quantity_text(candle.volume)}","n":{candle.trades},'
        f'"x":{"true" if is_closed else "false"},'
        f'"q":"{quotes[0]}","V":"{instrument.quantity_text(candle.volume // 3)}",'
        f'"Q":"{quotes[1]}"{ignored}}}}}'
    )


def _quote_volumes(instrument: Instrument, candle: Candle) -> list[str]:
    """Return the quote volumes of all trades and of taker buys."""
    quote = candle.volume * instrument.price
    decimals = instrument.quantity_decimals + instrument.price_decimals
    return [fixed(q // 10 ** max(0, decimals - 8), min(8, decimals)) for q in (quote, quote // 3)]


def _book_ticker(instrument: Instrument, now: int) -> str:
    bid = instrument.move_price()
    ask = instrument.price_text(instrument.price + instrument.tick)
    sizes = [instrument.quantity_text(instrument.quantity()) for _ in range(2)]
    spot = instrument.product == "spot"
    event = "" if spot else '"e":"bookTicker",'
    times = "" if spot else f',"T":{now},"E":{now}'
    update = instrument.next_id("book-ticker", 7)
    return (
        f'{{{event}"u":{update},"s":"{instrument.symbol}",{_pair(instrument)}"b":"{bid}",'
        f'"B":"{sizes[0]}","a":"{ask}","A":"{sizes[1]}"{times}{_symbol_type(instrument)}}}'
    )


def _pair(instrument: Instrument) -> str:
    futures = instrument.product in ("usdm", "coinm")
    return f'"ps":"{instrument.symbol.removesuffix("_PERP")}",' if futures else ""


def _symbol_type(instrument: Instrument) -> str:
    return {"usdm": ',"st":1', "coinm": ',"st":2'}.get(instrument.product, "")


PAYLOADS: dict[str, Callable[[Instrument, int], str]] = {
    "trade": _trade,
    "agg-trade": _agg_trade,
    "depth-diff": _depth,
    "kline": _kline,
    "book-ticker": _book_ticker,
}
