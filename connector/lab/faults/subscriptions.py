"""Faults of subscriptions: refused, answered late or without data, requests that are too large."""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.delivery import Delivery
from connector.lab.faults.install import installed, until_over
from connector.lab.faults.target import Target
from connector.lab.message import Message
from connector.lab.session_host import RequestLimits

SUBSCRIBE_ERROR = (2, "Invalid request: invalid stream name")


@dataclass(frozen=True, slots=True)
class RefuseStream:
    """Any SUBSCRIBE with this name is answered with an error; connections that have it keep it.

    The answer does not name the stream.
    """

    stream: str
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Refuse."""
        refused = exchange.delivery.refused
        refused[self.stream] = SUBSCRIBE_ERROR
        try:
            await asyncio.sleep(self.seconds)
        finally:
            refused.pop(self.stream, None)


@dataclass(frozen=True, slots=True)
class LateData:
    """SUBSCRIBE is acknowledged at once; data comes `delay` later, for a share `never`.

    Never: for as long as the connection lives. `new`: only on connections opened from now on, else
    also where a present connection subscribes.
    """

    delay: float = 3.0
    never: float = 0.0
    product: Product | None = None
    new: bool = False
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Delay the data of every subscription made meanwhile."""
        delivery = exchange.delivery
        present = {session.number for session in delivery.clients()} if self.new else set()
        counts = Counter[int]()

        def delay(session: int, products: Sequence[Product]) -> float | None:
            is_ours = self.product is None or self.product in products
            if not is_ours or session in present:
                return None
            before, counts[session] = counts[session], counts[session] + 1
            is_never = int((before + 1) * self.never) > int(before * self.never)
            return math.inf if is_never else self.delay

        await installed(delivery.delays, delay, self.seconds)


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Streams are acknowledged and never sent, on any connection; their siblings flow.

    `streams` is a pattern (`*@bookTicker`); of those that match it is every n-th, in the order of
    subscription. `made`: the market makes their events (ids are spent, REST has them), else not.
    """

    streams: str = "*"
    every: int = 1
    made: bool = True
    product: Product | None = None
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Withhold their messages, or let the market make none."""
        chosen = _Chosen(self, exchange.delivery)

        def unmade(stream: Stream) -> bool:
            return chosen.has(stream.product, stream.name)

        def withheld(message: Message) -> Sequence[Message]:
            return () if chosen.has(message.product, message.name) else (message,)

        if self.made:
            await installed(exchange.delivery.filters, withheld, self.seconds)
        else:
            await installed(exchange.delivery.unmade, unmade, self.seconds)


@dataclass(slots=True)
class _Chosen:
    """The streams that a fault withholds: every n-th of those that match."""

    fault: NeverSent
    delivery: Delivery
    _numbers: dict[tuple[Product, str], int] = field(default_factory=dict)

    def has(self, product: Product, name: str) -> bool:
        for key in self.delivery.wanted:
            if key not in self._numbers and self._matches(*key):
                self._numbers[key] = len(self._numbers) + 1
        number = self._numbers.get((product, name))
        return number is not None and number % self.fault.every == 0

    def _matches(self, product: Product, name: str) -> bool:
        is_product = self.fault.product in (None, product)
        return is_product and fnmatchcase(name, self.fault.streams)


@dataclass(frozen=True, slots=True)
class LargeRequests:
    """A request over `stuck` bytes waits for more bytes; over `lost` the connection is reset."""

    stuck: int = 4_090
    lost: int = 8_000
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Fail on large requests, as the host in front of the real exchange was seen to do."""
        before = exchange.delivery.request_limits
        exchange.delivery.request_limits = RequestLimits(self.stuck, self.lost)
        try:
            await until_over(self.seconds)
        finally:
            exchange.delivery.request_limits = before


@dataclass(frozen=True, slots=True)
class LateAnswers:
    """Requests are carried out at once and answered `delay` seconds later; inf: never."""

    delay: float = 15.0
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Delay the answers to all requests made meanwhile."""
        before = exchange.delivery.answer_delay_s
        exchange.delivery.answer_delay_s = self.delay
        try:
            await until_over(self.seconds)
        finally:
            exchange.delivery.answer_delay_s = before
