"""Makes events of the subscribed streams at a rate, whether or not anybody is connected."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.delivery import Delivery
from connector.lab.instrument import Instrument
from connector.lab.market import TRADE_KINDS, Market
from connector.lab.message import message_of
from connector.lab.tape import Traded

TICK_S = 0.01
# Turns of a kind for each one of another: how often the real market moves them. A turn of trades
# is an order of `FILLS` trades, with its aggregate where that is subscribed.
WEIGHTS = {"book-ticker": 4, "trade": 2, "depth-diff": 2, "agg-trade": 2}
FILLS = (1, 1, 1, 1, 2, 3)
MAX_AT_ONCE = 500  # after so many messages the connections get their turn


class Source(Protocol):
    """What makes the messages: the seeded market, or captures being played."""

    async def run(self, delivery: Delivery, running: asyncio.Event) -> None:
        """Emit messages for ever, or until there are no more; pause while `running` is clear."""


class Generator:
    """The seeded market at a rate of `rate` messages a second over all subscribed streams.

    Trades and aggregates of a symbol are emitted together, whichever of its streams made them.
    """

    def __init__(self, market: Market, rate: float) -> None:
        self._market = market
        self._rate = rate
        self._owed = 0.0
        self._turns: Iterator[Stream] = iter(())
        self._carriers: dict[tuple[Product, str, str], list[Stream]] = {}
        self._announced = len(market.news)
        self._sent_at_ms: dict[Stream, int] = {}  # of states that are sent by the clock

    async def run(self, delivery: Delivery, running: asyncio.Event) -> None:
        """Emit what is due in small ticks."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            passed, last = now - last, now
            if running.is_set():
                self.advance(delivery, passed)
            else:
                self._owed = 0.0

    def advance(self, delivery: Delivery, seconds: float) -> None:
        """Emit what is due after some seconds, at most `MAX_AT_ONCE` messages or a little more."""
        self._announce(delivery)
        self._owed = min(self._rate, self._owed + seconds * self._rate)
        made = 0
        while self._owed >= 1.0 and made < MAX_AT_ONCE:
            stream = next(self._turns, None)
            if stream is None:
                self._turns = self._round(delivery)
                stream = next(self._turns, None)
            if stream is None:
                self._owed = 0.0
                return
            count = self._make(delivery, stream)
            self._owed, made = self._owed - max(1, count), made + count

    def _announce(self, delivery: Delivery) -> None:
        """Emit the events of listings that have changed since the last time."""
        news = self._market.news[self._announced :]
        self._announced += len(news)
        for product, symbol in news:
            for stream in list(delivery.wanted.values()):
                event = self._market.announcement(stream, product, symbol, delivery.now_ms())
                if event is not None:
                    delivery.emit(message_of(stream, [event]))

    def _make(self, delivery: Delivery, stream: Stream) -> int:
        """Emit the next message of a stream, and trades made with it; return how many."""
        now, events = delivery.now_ms(), []
        if stream.row.has_unique_times:
            if self._sent_at_ms.get(stream) == now:
                return 0
            self._sent_at_ms[stream] = now
        if stream.row.kind in TRADE_KINDS:
            self._market.order(stream, now, FILLS)
        else:
            events = self._market.next_events(stream, now)
        count = sum(self._emit_traded(delivery, *made) for made in self._market.take_traded())
        if events:  # else delisted during the round
            delivery.emit(message_of(stream, events))
        return count + bool(events)

    def _emit_traded(self, delivery: Delivery, instrument: Instrument, made: Traded) -> int:
        carriers = self._carriers.get((instrument.product, made.kind, instrument.symbol), ())
        for stream in carriers:
            event = self._market.traded_event(stream, instrument, made, delivery.now_ms())
            delivery.emit(message_of(stream, [event]))
        return len(carriers)

    def _round(self, delivery: Delivery) -> Iterator[Stream]:
        """Return each subscribed stream once for each of its weight, spread out."""
        streams = [stream for stream in delivery.made_streams() if self._market.serves(stream)]
        self._carriers = self._carriers_of(streams)
        turns = [stream for stream in streams if not self._is_carried(stream)]
        return iter(
            [
                stream
                for number in range(max(WEIGHTS.values()))
                for stream in turns
                if WEIGHTS.get(stream.row.kind, 1) > number
            ]
        )

    def _carriers_of(
        self, streams: Sequence[Stream]
    ) -> dict[tuple[Product, str, str], list[Stream]]:
        """Return the streams that show the trades or aggregates of each symbol.

        Several may: those of an option and of its underlying.
        """
        carriers: dict[tuple[Product, str, str], list[Stream]] = {}
        for stream in streams:
            if stream.row.kind in TRADE_KINDS:
                for instrument in self._market.instruments(stream):
                    key = (instrument.product, stream.row.kind, instrument.symbol)
                    carriers.setdefault(key, []).append(stream)
        return carriers

    def _is_carried(self, stream: Stream) -> bool:
        """Return whether a stream of aggregates gets its events with those of the trades."""
        return stream.row.kind == "agg-trade" and all(
            (instrument.product, "trade", instrument.symbol) in self._carriers
            for instrument in self._market.instruments(stream)
        )
