"""Makes events of the wanted streams at a rate, whether or not anybody is connected."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.delivery import Delivery
from connector.lab.market import Event, Market
from connector.lab.message import message_of

TICK_S = 0.01
# Events of one kind for each one of another: how often the real market moves them.
WEIGHTS = {"book-ticker": 4, "trade": 3, "depth-diff": 2, "agg-trade": 2}
MOST_AT_ONCE = 500  # after so many messages the connections get their turn


class Source(Protocol):
    """Where the messages come from: the seeded market, or captures being played."""

    async def run(self, wire: Delivery, running: asyncio.Event) -> None:
        """Emit messages for ever, or until there are no more; pause while `running` is clear."""


class Trading:
    """The seeded market at a rate of `rate` events a second over all wanted streams."""

    def __init__(self, market: Market, rate: float) -> None:
        self._market = market
        self._rate = rate
        self._twins: dict[Stream, list[Stream]] = {}
        self._announced = len(market.news)

    async def run(self, wire: Delivery, running: asyncio.Event) -> None:
        """Emit events in small ticks, the streams in turn by their weights."""
        due, last = 0.0, time.monotonic()
        turns: Iterator[Stream] = iter(())
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            due, last = min(self._rate, due + (now - last) * self._rate), now
            if not running.is_set():
                due = 0.0
            else:
                self._announce(wire)
            made = 0
            while due >= 1.0 and made < MOST_AT_ONCE:
                stream = next(turns, None)
                if stream is None:
                    turns = self._turns(wire)
                    stream = next(turns, None)
                if stream is None:
                    due = 0.0
                    break
                due, made = due - 1.0, made + 1
                self._make(wire, stream)

    def _announce(self, wire: Delivery) -> None:
        """Tell what was listed or delisted since the last time, where somebody wants to hear it."""
        news = self._market.news[self._announced :]
        self._announced += len(news)
        for product, symbol in news:
            for stream in list(wire.wanted.values()):
                event = self._market.announcement(stream, product, symbol, wire.now_ms())
                if event is not None:
                    wire.emit(message_of(stream, [event]))

    def _make(self, wire: Delivery, stream: Stream) -> None:
        """Make the next message of a stream, and the like of it on streams that tell the same."""
        events = self._market.next_events(stream, wire.now_ms())
        if not events:  # delisted since the streams took their turns
            return
        wire.emit(message_of(stream, events))
        for twin in self._twins.get(stream, ()):
            echoed = [event for event in events if self._market.carries(twin, event)]
            if echoed:
                wire.emit(message_of(twin, [_under(twin, event) for event in echoed]))

    def _turns(self, wire: Delivery) -> Iterator[Stream]:
        """Return each wanted stream once for each of its weight, spread out."""
        streams = [stream for stream in wire.wanted.values() if self._market.serves(stream)]
        self._twins = _twins(streams)
        rounds = max(WEIGHTS.values())
        return iter(
            [
                stream
                for number in range(rounds)
                for stream in streams
                if WEIGHTS.get(stream.row.kind, 1) > number
            ]
        )


def _twins(streams: Sequence[Stream]) -> dict[Stream, list[Stream]]:
    """Return the streams that share ids with another: an option's trades, its underlying's.

    Ids are contiguous per symbol, so that a trade told on one of them is told on the other.
    """
    groups: dict[tuple[Product, str], list[Stream]] = {}
    for stream in streams:
        if stream.row.sequence.rule == "contiguous":
            groups.setdefault((stream.product, stream.row.kind), []).append(stream)
    return {
        one: [other for other in group if other.row is not one.row]
        for group in groups.values()
        if len({stream.row for stream in group}) > 1
        for one in group
    }


def _under(stream: Stream, event: Event) -> Event:
    return replace(event, stream=stream.name)
