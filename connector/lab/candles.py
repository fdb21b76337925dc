"""The candles of one stream: the open one, and those that have closed, idle ones included. Pure."""

import random
from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.binance.candles import next_open, open_time

KEPT = 5_000  # closed candles a stream remembers
# A market that was not asked for longer than this (and two candles) has gone on without a word:
# what it would have sent is history, not a burst of old events.
IDLE_MS = 3_000
_EIGHT_PLACES = Decimal("0.00000001")


@dataclass(slots=True)
class Candle:
    """One candle so far. Volumes as numbers, so that they add up exactly."""

    opened: int
    closes: int
    open: str
    close: str
    high: str
    low: str
    first_id: int = -1
    last_id: int = -1
    count: int = 0
    volume: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    bought: Decimal = Decimal(0)
    bought_value: Decimal = Decimal(0)

    def add(self, number: int, price: str, quantity: str, *, inverse: bool, bought: bool) -> None:
        """Take one trade; on inverse contracts (COIN-M) a value is base asset, 100 a contract."""
        if self.count == 0:
            self.first_id, self.open, self.high, self.low = number, price, price, price
        self.last_id, self.close, self.count = number, price, self.count + 1
        self.high = max(self.high, price, key=Decimal)
        self.low = min(self.low, price, key=Decimal)
        amount = Decimal(quantity)
        value = amount * 100 / Decimal(price) if inverse else amount * Decimal(price)
        value = value.quantize(_EIGHT_PLACES)
        self.volume, self.value = self.volume + amount, self.value + value
        if bought:
            self.bought, self.bought_value = self.bought + amount, self.bought_value + value

    def wire(self) -> dict[str, Any]:
        """Return the `k` of a stream's event, without symbol, interval and state."""
        return {
            "t": self.opened,
            "T": self.closes,
            "f": self.first_id,
            "L": self.last_id,
            "o": self.open,
            "c": self.close,
            "h": self.high,
            "l": self.low,
            "v": _plain(self.volume),
            "n": self.count,
            "q": _plain(self.value),
            "V": _plain(self.bought),
            "Q": _plain(self.bought_value),
        }


@dataclass(slots=True)
class Candles:
    """One series of candles.

    Attributes:
        interval: 1s ... 1M.
        zone_ms: How much earlier than UTC its days begin.
        last_id: Id of the last trade in any of them.
        current: The open candle.
        closed: Those that ended, by opening time, oldest first.
        asked_ms: When `next` was last called.
        event_ms: Time of the last event: the time tells events of one candle apart.
    """

    interval: str
    zone_ms: int
    last_id: int
    current: Candle
    closed: "OrderedDict[int, Candle]" = field(default_factory=OrderedDict)
    asked_ms: int = 0
    event_ms: int = 0

    def next(self, now_ms: int) -> tuple[Candle, bool]:
        """Return the candle whose turn it is, and whether it has closed.

        One call ends at most one candle, so that each one, idle ones too, has its last event;
        after a long silence the market is taken to have gone on without us.
        """
        idle, self.asked_ms = now_ms - self.asked_ms, now_ms
        behind = open_time(self.interval, now_ms, self.zone_ms)
        length = self.current.closes + 1 - self.current.opened
        if idle > IDLE_MS and behind - self.current.opened > 2 * length:
            while self.current.opened < behind:
                self._close()
        if self.current.closes < now_ms:
            return self._close(), True
        return self.current, False

    def _close(self) -> Candle:
        """End the open candle and begin the next one at its price."""
        ended = self.current
        self.closed[ended.opened] = ended
        while len(self.closed) > KEPT:
            self.closed.popitem(last=False)
        self.current = _begin(self.interval, ended.closes + 1, self.zone_ms, ended.close)
        return ended

    def between(self, start_ms: int, end_ms: int, now_ms: int) -> list[Candle]:
        """Return the candles that open in a span, both ends included, up to the one open now.

        As the stream will tell them, though it may be behind: asking changes nothing.
        """
        found = [*self.closed.values(), self.current]
        while found[-1].closes < now_ms:
            found.append(_begin(self.interval, found[-1].closes + 1, self.zone_ms, found[-1].close))
        return [one for one in found if start_ms <= one.opened <= end_ms]


def begin_candles(
    interval: str, now_ms: int, zone_ms: int, price: str, rng: random.Random
) -> Candles:
    """Return a series whose first candle is the one open now; its trades have ids of their own."""
    first = _begin(interval, open_time(interval, now_ms, zone_ms), zone_ms, price)
    return Candles(interval, zone_ms, rng.randint(10**6, 10**10), first, asked_ms=now_ms)


def _begin(interval: str, opened: int, zone_ms: int, price: str) -> Candle:
    closes = next_open(interval, opened, zone_ms) - 1
    return Candle(opened, closes, price, price, price, price)


def _plain(number: Decimal) -> str:
    return f"{number:f}"
