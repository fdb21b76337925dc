"""Marks, indexes, liquidations, listings, sessions, options' greeks. Pure.

As payloads.py: the next payload of a stream, and its ids by record field.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connector.binance.candles import DAY_MS, HOUR_MS
from connector.binance.stream_name import Stream
from connector.lab.instrument import Instrument
from connector.lab.payload_parts import Payload, at, coin, exact, futures, head

INDEX_ABOVE_CENTS = 3  # the index price is so far above the best bid
_MARK_REACH_CENTS = 5
_SESSIONS = ("PRE_MARKET", "REGULAR", "AFTER_MARKET", "OVERNIGHT", "NO_TRADING")


def reference_price(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a reference price; one in four is null. It has a t and no E."""
    del stream
    price = instrument.price(instrument.cents) if instrument.random.randrange(4) else None
    return {"e": "referencePrice", "s": instrument.symbol, "r": price, "t": now}, at(now)


def mark_price(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a mark price near the trade price, with funding."""
    del stream
    mark = instrument.cents + instrument.random.randint(-_MARK_REACH_CENTS, _MARK_REACH_CENTS)
    data = head(instrument, "markPriceUpdate", now) | {"p": exact(mark), "ap": exact(mark)}
    index = exact(instrument.cents + INDEX_ABOVE_CENTS)
    data |= {"P": exact(mark + 4), "i": index, "r": "0.00010000"}
    return data | {"T": now - now % (8 * HOUR_MS) + 8 * HOUR_MS} | futures(instrument), at(now)


def force_order(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a liquidation: everything but the event's time is inside `o`."""
    del stream
    price, quantity = instrument.price(instrument.cents), instrument.quantity()
    side = "SELL" if coin(instrument) else "BUY"
    order: dict[str, Any] = {
        "s": instrument.symbol,
        "S": side,
        "o": "LIMIT",
        "f": "IOC",
        "q": quantity,
        "p": price,
    }
    order |= {"ap": price, "X": "FILLED", "l": quantity, "z": quantity, "T": now - 1}
    ids: dict[str, Any] = {"trade_time": now - 1, "side": side}
    ids |= {"quantity": Decimal(quantity), "price": Decimal(price)}
    return {"e": "forceOrder", "E": now, "o": order | futures(instrument, pair=True)}, ids


def composite_index(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make an index of two parts."""
    del stream
    parts = [
        {
            "b": asset,
            "q": "USDT",
            "w": "1.04884844",
            "W": "0.50000000",
            "i": exact(instrument.cents),
        }
        for asset in ("BAL", "COMP")
    ]
    data = head(instrument, "compositeIndex", now) | {
        "p": exact(instrument.cents),
        "C": "baseAsset",
    }
    instrument.move()
    return data | {"c": parts}, at(now)


def contract_info(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a contract's state; every other time with its brackets, which are JSON numbers."""
    del stream
    data = head(instrument, "contractInfo", now) | {"ct": "PERPETUAL", "dt": 4_133_404_800_000}
    data |= {"ot": 1_569_398_400_000, "cs": "TRADING"}
    if coin(instrument):
        bracket = {"bs": 1, "bnf": 0, "bnc": 5000, "mmr": 0.0065, "cf": 0, "mi": 21, "ma": 50}
        data["bks"] = [bracket, bracket | {"bs": 2, "bnf": 5000, "bnc": 25000}]
    return data | futures(instrument, pair=instrument.product == "coinm"), at(now)


def asset_index(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make an asset's index."""
    del stream
    instrument.move()
    rates = {
        key: exact(instrument.cents + offset) for key, offset in zip("iBAQG", range(5), strict=True)
    }
    buffers = {"b": "0.05000000", "a": "0.05000000", "q": "0.02500000", "g": "0.02500000"}
    return head(instrument, "assetIndexUpdate", now) | rates | buffers, at(now)


def trading_session(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make a market's session: the event type names the market."""
    del stream
    area, _, name = instrument.symbol.rpartition("_")
    event = f"{area}_{name.capitalize()}Update".lstrip("_")
    start = now - now % DAY_MS
    session = instrument.random.choice(_SESSIONS)
    return {"e": event, "E": now, "t": start, "T": start + 8 * HOUR_MS, "S": session}, at(now)


def index_price(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make an index price, of a pair (COIN-M: near its contract) or an underlying (options)."""
    event = "indexPriceUpdate" if stream.product == "coinm" else "indexPrice"
    if instrument.source is None:
        instrument.move()
    return head(instrument, event, now) | {"p": exact(_index_cents(instrument))}, at(now)


def _index_cents(instrument: Instrument) -> int:
    return (instrument.source or instrument).cents + INDEX_ABOVE_CENTS


def option_mark_price(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make an option's mark price and greeks; a missing side has a volatility of -1."""
    del stream
    mark, index = instrument.price(instrument.cents), exact(_index_cents(instrument))
    data = {"s": instrument.symbol, "mp": mark, "E": now, "e": "markPrice", "i": index}
    bid, ask = instrument.book().best()
    data |= {"P": "0.000", "bo": bid[0], "ao": ask[0], "bq": bid[1], "aq": ask[1]}
    data |= {"b": "-1.0", "a": "0.37578404", "hl": "5365.000", "ll": "600.000", "vo": "0.371"}
    greeks = {"rf": "0.0535", "d": "0.32489797", "t": "-29.553143", "g": "0.000023"}
    return data | greeks | {"v": "150.32834259"}, at(now)


def option_symbol(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make an option's listing."""
    del stream
    asset, _, strike, side = instrument.symbol.split("-")
    data = head(instrument, "optionSymbol", now) | {"ps": f"{asset}USDT", "qa": "USDT"}
    data |= {"d": {"C": "CALL", "P": "PUT"}[side], "sp": strike, "dt": 1_797_465_600_000}
    return data | {"u": 1, "ot": 1_569_398_400_000, "cs": "TRADING"}, at(now)


def open_interest(instrument: Instrument, stream: Stream, now: int) -> Payload:
    """Make an option's open interest."""
    del stream
    units = instrument.quantity()
    return head(instrument, "openInterest", now) | {"o": units, "h": f"{units}00000001"}, at(now)


MAKERS: dict[str, Callable[[Instrument, Stream, int], Payload]] = {
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
