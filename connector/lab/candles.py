"""Candles of one symbol and interval, built from its trades; and each stream's place in them. Pure.

One series serves every stream and the REST path of its interval, so that they agree.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.binance.candles import next_open, open_time

KEPT = 5_000  # candles with trades that a series keeps
# A stream that made no event for longer than this, and for more than two candles, continues with
# the open candle: the candles in between are history, not a burst of late events.
IDLE_MS = 3_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """A trade's price, quantity and value as numbers, computed once for all series."""

    price: Decimal
    quantity: Decimal
    value: Decimal
    bought: bool


@dataclass(slots=True)
class Candle:
    """One candle; prices as on the wire, volumes as numbers so that they add up exactly.

    Attributes:
        first_id: Trade id; -1 while the candle has no trade.
        last_id: Trade id; -1 while the candle has no trade.
        value: Volume in the quote asset (COIN-M: in the base asset).
        bought: Taker buy volume.
    """

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

    def add(self, number: int, price: str, amounts: Amounts) -> None:
        """Add one trade."""
        if self.count == 0:
            self.first_id, self.open, self.high, self.low = number, price, price, price
        self.last_id, self.close, self.count = number, price, self.count + 1
        if amounts.price > Decimal(self.high):
            self.high = price
        elif amounts.price < Decimal(self.low):
            self.low = price
        self.volume, self.value = self.volume + amounts.quantity, self.value + amounts.value
        if amounts.bought:
            self.bought += amounts.quantity
            self.bought_value += amounts.value

    def merge(self, later: "Candle") -> None:
        """Add the trades of a later candle that has some."""
        if self.count == 0:
            self.first_id, self.open = later.first_id, later.open
            self.high, self.low = later.high, later.low
        self.last_id, self.close, self.count = later.last_id, later.close, self.count + later.count
        self.high = max(self.high, later.high, key=Decimal)
        self.low = min(self.low, later.low, key=Decimal)
        self.volume, self.value = self.volume + later.volume, self.value + later.value
        self.bought += later.bought
        self.bought_value += later.bought_value

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
            "v": f"{self.volume:f}",
            "n": self.count,
            "q": f"{self.value:f}",
            "V": f"{self.bought:f}",
            "Q": f"{self.bought_value:f}",
        }


@dataclass(slots=True)
class CandleSeries:
    """Every candle of one interval. Only candles with trades are stored.

    Attributes:
        interval: 1s ... 1M.
        zone_ms: How much earlier than UTC its days begin.
        start_price: Price of the candles before the first trade.
    """

    interval: str
    zone_ms: int
    start_price: str
    _opens: list[int] = field(default_factory=list)
    _candles: dict[int, Candle] = field(default_factory=dict)

    def open_time(self, at_ms: int) -> int:
        """Return the open time of the candle that contains a moment."""
        return open_time(self.interval, at_ms, self.zone_ms)

    def close_time(self, opened: int) -> int:
        """Return the last millisecond of the candle that opens at `opened`."""
        return next_open(self.interval, opened, self.zone_ms) - 1

    def add(self, at_ms: int, number: int, price: str, amounts: Amounts) -> None:
        """Add one trade; when the clock has stepped back, to the newest candle."""
        self._candle(at_ms).add(number, price, amounts)

    def merge(self, candle: Candle) -> None:
        """Add the trades of a shorter candle that lies within one of this series."""
        self._candle(candle.opened).merge(candle)

    def _candle(self, at_ms: int) -> Candle:
        opened = self.open_time(at_ms)
        if self._opens and opened < self._opens[-1]:
            opened = self._opens[-1]
        if opened not in self._candles:
            self._candles[opened] = self.at(opened)
            insort(self._opens, opened)
            if len(self._opens) > KEPT:
                del self._candles[self._opens.pop(0)]
        return self._candles[opened]

    def at(self, opened: int) -> Candle:
        """Return the candle with this open time; without trades it has the last price before."""
        candle = self._candles.get(opened)
        if candle is not None:
            return candle
        price = self.price_before(opened)
        return Candle(opened, self.close_time(opened), price, price, price, price)

    def price_before(self, at_ms: int) -> str:
        """Return the close of the last candle with trades that opens before a moment."""
        index = bisect_left(self._opens, at_ms)
        return self._candles[self._opens[index - 1]].close if index else self.start_price

    def traded(self, since_ms: int) -> list[Candle]:
        """Return the stored candles that open at `since_ms` or later, oldest first."""
        opens = self._opens[bisect_left(self._opens, since_ms) :]
        return [self._candles[opened] for opened in opens]

    def open_times(self, start_ms: int) -> Iterator[int]:
        """Yield open times without end, from the first one that is not before `start_ms`."""
        opened = self.open_time(start_ms)
        if opened < start_ms:
            opened = self.close_time(opened) + 1
        while True:
            yield opened
            opened = self.close_time(opened) + 1

    def back_from(self, at_ms: int) -> Iterator[int]:
        """Yield open times without end, backwards from the candle that contains a moment."""
        opened = self.open_time(at_ms)
        while True:
            yield opened
            opened = self.open_time(opened - 1)


@dataclass(slots=True)
class CandleCursor:
    """Where one stream is in its series: each candle, idle ones too, has its closing event once.

    Attributes:
        opened: Open time of the candle whose closing event comes next.
        asked_ms: Time of the last event made.
        event_ms: Event time of the last event; events of one candle differ by it.
        count: Trades of the open candle at the last event.
    """

    opened: int
    asked_ms: int
    event_ms: int = 0
    count: int = 0

    def next(self, series: CandleSeries, now_ms: int) -> tuple[int, bool]:
        """Return the open time of the event's candle, and whether this is its closing event.

        One call closes at most one candle.
        """
        idle, self.asked_ms = now_ms - self.asked_ms, now_ms
        current = series.open_time(now_ms)
        length = series.close_time(self.opened) + 1 - self.opened
        if idle > IDLE_MS and current - self.opened > 2 * length:
            self.opened, self.count = current, 0
        opened = self.opened
        if series.close_time(opened) >= now_ms:
            return opened, False
        self.opened, self.count = series.close_time(opened) + 1, 0
        return opened, True
