"""The kinds that tell of states: tickers, averages, marks, indexes, options' greeks. Pure.

As makers.py: the next payload of a stream, and its ids by record field.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connector.binance.stream_name import Stream
from connector.lab.instrument import Instrument

Payload = tuple[dict[str, Any], dict[str, Any]]
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
_WINDOWS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS, "1d": DAY_MS}
_SESSIONS = ("PRE_MARKET", "REGULAR", "AFTER_MARKET", "OVERNIGHT", "NO_TRADING")


def head(one: Instrument, event: str, now: int) -> dict[str, Any]:
    """Return what nearly every payload begins with."""
    return {"e": event, "E": now, "s": one.symbol}


def futures(one: Instrument, *, pair: bool = False) -> dict[str, Any]:
    """Return the keys futures payloads carry since 2026-06-30."""
    kind = {"usdm": 1, "coinm": 2}.get(one.product)
    if kind is None:
        return {}
    return ({"ps": one.symbol.partition("_")[0]} if pair else {}) | {"st": kind}


def exact(cents: int) -> str:
    """Return a price with eight decimals, as indexes and marks have."""
    return f"{cents // 100}.{cents % 100:02d}000000"


def coin(one: Instrument) -> bool:
    """Return one of two with even chances."""
    return one.random.randrange(2) == 0


def at(now: int) -> dict[str, Any]:
    """Return the ids of an event that only its time tells from the others."""
    return {"event_time": now}


def _window(one: Instrument, now: int, length: int) -> dict[str, Any]:
    first = max(0, one.trade_id - 5_000)
    count = one.trade_id - first + 1
    return {"O": now - length, "C": now, "F": first, "L": one.trade_id, "n": count}


def _prices(one: Instrument) -> dict[str, Any]:
    low, high = max(1, one.cents - 900), one.cents + 900
    names = {"o": one.cents - 7, "h": high, "l": low}
    return {key: one.price(cents) for key, cents in names.items()}


def _volumes(one: Instrument) -> dict[str, Any]:
    return {"v": one.quantity(), "q": exact(one.random.randint(1, 10**12))}


def ticker(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the statistics of a day; only spot has the best bid and ask in them."""
    del stream
    data = head(one, "24hrTicker", now)
    data |= {"p": f"-{one.price(700)}" if coin(one) else one.price(700), "P": "1.120"}
    data |= {"w": one.price(one.cents), "c": one.move(), "Q": one.quantity()}
    if one.product == "spot":
        data |= {"x": one.price(one.cents), "b": one.price(one.cents - 1), "B": one.quantity()}
        data |= {"a": one.price(one.cents + 1), "A": one.quantity()}
    data |= _prices(one) | _volumes(one) | _window(one, now, DAY_MS)
    return data | futures(one, pair=True), at(now)


def mini_ticker(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the short form of the statistics of a day."""
    del stream
    data = head(one, "24hrMiniTicker", now) | {"c": one.move()} | _prices(one) | _volumes(one)
    return data | futures(one, pair=True), at(now)


def window_ticker(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the statistics of the stream's window."""
    window = stream.parameters["window"]
    data = head(one, f"{window}Ticker", now) | {"p": one.price(700), "P": "0.152"}
    data |= {"w": one.price(one.cents), "c": one.move()} | _prices(one) | _volumes(one)
    return data | _window(one, now, _WINDOWS[window]), at(now)


def avg_price(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make an average of five minutes."""
    del stream
    return head(one, "avgPrice", now) | {"i": "5m", "w": one.move(), "T": now - 1}, at(now)


def reference_price(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a reference price; one in four says that there is none. It has a t and no E."""
    del stream
    price = one.move() if one.random.randrange(4) else None
    return {"e": "referencePrice", "s": one.symbol, "r": price, "t": now}, at(now)


def mark_price(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a mark price with funding."""
    del stream
    one.move()
    data = head(one, "markPriceUpdate", now) | {"p": exact(one.cents), "ap": exact(one.cents)}
    data |= {"P": exact(one.cents + 9), "i": exact(one.cents + 3), "r": "0.00010000"}
    return data | {"T": now - now % (8 * HOUR_MS) + 8 * HOUR_MS} | futures(one), at(now)


def force_order(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a liquidation: everything but the event's time is inside `o`."""
    del stream
    price, quantity = one.move(), one.quantity()
    side = "SELL" if coin(one) else "BUY"
    order: dict[str, Any] = {
        "s": one.symbol,
        "S": side,
        "o": "LIMIT",
        "f": "IOC",
        "q": quantity,
        "p": price,
    }
    order |= {"ap": price, "X": "FILLED", "l": quantity, "z": quantity, "T": now - 1}
    ids: dict[str, Any] = {"trade_time": now - 1, "side": side}
    ids |= {"quantity": Decimal(quantity), "price": Decimal(price)}
    return {"e": "forceOrder", "E": now, "o": order | futures(one, pair=True)}, ids


def composite_index(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make an index of two parts."""
    del stream
    parts = [
        {"b": asset, "q": "USDT", "w": "1.04884844", "W": "0.50000000", "i": exact(one.cents)}
        for asset in ("BAL", "COMP")
    ]
    data = head(one, "compositeIndex", now) | {"p": exact(one.cents), "C": "baseAsset"}
    one.move()
    return data | {"c": parts}, at(now)


def contract_info(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a contract's state; every other time with its brackets, which are JSON numbers."""
    del stream
    data = head(one, "contractInfo", now) | {"ct": "PERPETUAL", "dt": 4_133_404_800_000}
    data |= {"ot": 1_569_398_400_000, "cs": "TRADING"}
    if coin(one):
        bracket = {"bs": 1, "bnf": 0, "bnc": 5000, "mmr": 0.0065, "cf": 0, "mi": 21, "ma": 50}
        data["bks"] = [bracket, bracket | {"bs": 2, "bnf": 5000, "bnc": 25000}]
    return data | futures(one, pair=one.product == "coinm"), at(now)


def asset_index(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make an asset's index."""
    del stream
    one.move()
    rates = {key: exact(one.cents + offset) for key, offset in zip("iBAQG", range(5), strict=True)}
    buffers = {"b": "0.05000000", "a": "0.05000000", "q": "0.02500000", "g": "0.02500000"}
    return head(one, "assetIndexUpdate", now) | rates | buffers, at(now)


def trading_session(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make a market's session: the event type names the market."""
    del stream
    area, _, name = one.symbol.rpartition("_")
    event = f"{area}_{name.capitalize()}Update".lstrip("_")
    start = now - now % DAY_MS
    session = one.random.choice(_SESSIONS)
    return {"e": event, "E": now, "t": start, "T": start + 8 * HOUR_MS, "S": session}, at(now)


def index_price(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make an index price, of a pair (COIN-M) or an underlying (options)."""
    event = "indexPriceUpdate" if stream.product == "coinm" else "indexPrice"
    one.move()
    return head(one, event, now) | {"p": exact(one.cents)}, at(now)


def option_mark_price(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make an option's mark price and greeks; a missing side has a volatility of -1."""
    del stream
    price = one.move()
    data = {"s": one.symbol, "mp": price, "E": now, "e": "markPrice", "i": exact(8_125_005)}
    data |= {"P": "0.000", "bo": price, "ao": price, "bq": one.quantity(), "aq": one.quantity()}
    data |= {"b": "-1.0", "a": "0.37578404", "hl": "5365.000", "ll": "600.000", "vo": "0.371"}
    greeks = {"rf": "0.0535", "d": "0.32489797", "t": "-29.553143", "g": "0.000023"}
    return data | greeks | {"v": "150.32834259"}, at(now)


def option_symbol(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make an option's listing."""
    del stream
    asset, _, strike, side = one.symbol.split("-")
    data = head(one, "optionSymbol", now) | {"ps": f"{asset}USDT", "qa": "USDT"}
    data |= {"d": {"C": "CALL", "P": "PUT"}[side], "sp": strike, "dt": 1_797_465_600_000}
    return data | {"u": 1, "ot": 1_569_398_400_000, "cs": "TRADING"}, at(now)


def open_interest(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make an option's open interest."""
    del stream
    units = one.quantity()
    return head(one, "openInterest", now) | {"o": units, "h": f"{units}00000001"}, at(now)


MAKERS: dict[str, Callable[[Instrument, Stream, int], Payload]] = {
    "ticker": ticker,
    "mini-ticker": mini_ticker,
    "window-ticker": window_ticker,
    "avg-price": avg_price,
    "reference-price": reference_price,
    "mark-price": mark_price,
    "force-order": force_order,
    "composite-index": composite_index,
    "contract-info": contract_info,
    "asset-index": asset_index,
    "trading-session": trading_session,
    "index-price": index_price,
    "option-mark-price": option_mark_price,
    "option-symbol": option_symbol,
    "open-interest": open_interest,
}
