"""The seeded truth: a market whose every id is known, in the exact wire shapes of each product.

Pure: no clock, no sockets; exchange.py asks for the next event of a stream and sends it.
Shapes: frames recorded from production in 2026-09 (tests/golden/samples).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.binance.names import Stream
from connector.binance.products import Product

DEFAULT_SYMBOLS: Mapping[Product, Sequence[str]] = {
    "spot": ("BTCUSDT", "ETHUSDT", "BNBUSDT", "XRPUSDT", "SOLUSDT"),
    "usdm": ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    "coinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
    "options": (
        "BTC-261225-100000-C",
        "BTC-261225-100000-P",
        "BTC-261225-120000-C",
        "ETH-261225-4000-C",
    ),
}
_START = {"BTC": 8_125_005, "ETH": 284_212, "BNB": 91_230, "SOL": 19_844, "XRP": 251}  # cents
_DECIMALS = {"spot": (8, 8), "usdm": (2, 3), "coinm": (1, 0), "options": (3, 2)}
_INTERVALS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the market.

    Attributes:
        stream: Wire name of its stream.
        symbol: Symbol of its record.
        identity: What tells it from every other event of its series, as the catalogue row says.
        data: The wire payload.
    """

    stream: str
    symbol: str
    identity: tuple[Any, ...]
    data: dict[str, Any]


@dataclass(slots=True)
class Instrument:
    """One symbol's state: a random walk, and the ids used so far."""

    product: Product
    symbol: str
    random: random.Random
    cents: int
    trade_id: int
    agg_id: int
    update_id: int
    last_update: dict[str, int] = field(default_factory=dict)
    candles: dict[str, list[Any]] = field(default_factory=dict)

    def move(self) -> str:
        """Let the price walk one step and return it."""
        self.cents = max(100, self.cents + self.random.randint(-12, 12))
        return self.price(self.cents)

    def price(self, cents: int) -> str:
        """Return a price as the product writes it."""
        decimals = _DECIMALS[self.product][0]
        if decimals == 1:
            return f"{cents // 100}.{cents % 100 // 10}"
        return f"{cents // 100}.{cents % 100:02d}" + "0" * (decimals - 2)

    def quantity(self) -> str:
        """Return a random quantity as the product writes it."""
        decimals = _DECIMALS[self.product][1]
        units = self.random.randint(1, 500_000)
        if decimals == 0:
            return str(units % 5_000 + 1)
        return f"{units // 100_000}.{units % 100_000:05d}"[: 2 + decimals].ljust(2 + decimals, "0")


Payload = tuple[dict[str, Any], dict[str, Any]]  # the wire payload, and its ids by record field


class Market:
    """Every instrument of the four products; the same seed gives the same market."""

    def __init__(self, seed: int, symbols: Mapping[Product, Sequence[str]] | None = None) -> None:
        self.symbols = dict(DEFAULT_SYMBOLS if symbols is None else symbols)
        self._instruments = {
            (product, symbol): _instrument(seed, product, symbol)
            for product, listed in self.symbols.items()
            for symbol in listed
        }

    def serves(self, stream: Stream) -> bool:
        """Say whether the stream has a symbol that is listed and a kind that is made here."""
        return stream.row.kind in MAKERS and bool(self._symbols_of(stream))

    def _symbols_of(self, stream: Stream) -> list[str]:
        listed = self.symbols.get(stream.product, ())
        symbol = stream.parameters.get("symbol", "").upper()
        if symbol:
            return [symbol] if symbol in listed else []
        underlying = stream.parameters.get("underlying", "").upper().removesuffix("USDT")
        return [name for name in listed if name.startswith(underlying)]

    def next_event(self, stream: Stream, now_ms: int) -> Event:
        """Return the next event of a stream that `serves` accepts."""
        symbols = self._symbols_of(stream)
        first = self._instruments[stream.product, symbols[0]]
        symbol = symbols[0] if len(symbols) == 1 else first.random.choice(symbols)
        instrument = self._instruments[stream.product, symbol]
        data, ids = MAKERS[stream.row.kind](instrument, stream, now_ms)
        identity = tuple(ids[name] for name in stream.row.identity)
        return Event(stream.name, symbol, identity, data)


def _instrument(seed: int, product: Product, symbol: str) -> Instrument:
    rng = random.Random(f"{seed}/{product}/{symbol}")  # noqa: S311 - a market, not a secret
    start = next((cents for name, cents in _START.items() if symbol.startswith(name)), 10_000)
    cents = start // 20 if product == "options" else start
    return Instrument(
        product,
        symbol,
        rng,
        cents,
        trade_id=rng.randint(10**6, 10**10),
        agg_id=rng.randint(10**6, 10**9),
        update_id=rng.randint(10**9, 10**13),
    )


def _head(one: Instrument, event: str, now: int) -> dict[str, Any]:
    return {"e": event, "E": now, "s": one.symbol}


def _futures(one: Instrument) -> dict[str, Any]:
    """Return the keys futures payloads carry since 2026-06-30."""
    kind = {"usdm": 1, "coinm": 2}.get(one.product)
    return {} if kind is None else {"st": kind}


def trade(one: Instrument, stream: Stream, now: int) -> Payload:
    """Make the next trade. Ids are contiguous per symbol."""
    del stream
    one.trade_id += 1
    maker = one.random.random() < 0.5  # noqa: PLR2004 - a coin
    data = _head(one, "trade", now)
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
    data = _head(one, "aggTrade", now)
    quantity = one.quantity()
    last = one.trade_id + one.random.randint(0, 2)
    data |= {"a": one.agg_id, "p": one.move(), "q": quantity}
    data |= {"nq": quantity} if one.product == "usdm" else {}
    data |= {"f": one.trade_id, "l": last, "T": now, "m": one.random.random() < 0.5}  # noqa: PLR2004
    data |= {"M": True} if one.product == "spot" else _futures(one)
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
    data |= _futures(one)
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
    return _head(one, "kline", event_time) | {"k": candle}, {
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
    return data | sides | {"T": now, "E": now} | _futures(one), {"update_id": update}


MAKERS: dict[str, Callable[[Instrument, Stream, int], Payload]] = {
    "trade": trade,
    "agg-trade": agg_trade,
    "depth-diff": depth_diff,
    "kline": kline,
    "book-ticker": book_ticker,
}
