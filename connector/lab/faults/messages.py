"""Faults of messages: withheld, lost, repeated, swapped, late, broken. The market goes on."""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connector.binance.products import Product
from connector.lab.faults.target import Target
from connector.lab.message import Message

LOOK_S = 0.02  # how often delays are looked at


@dataclass(frozen=True, slots=True)
class Mute:
    """The connections that are there bring no data, pings are answered; new ones are well.

    Events are made all the same; what nobody else is sent is lost. `everybody`: the exchange
    sends nothing to anyone, new connections included.
    """

    seconds: float = 10.0
    product: Product | None = None
    everybody: bool = False

    async def strike(self, exchange: Target) -> None:
        """Withhold."""
        if self.everybody:
            await _through(exchange, Change(_nothing, product=self.product), self.seconds)
        else:
            await _withheld(exchange, None, self.product, self.seconds)


@dataclass(frozen=True, slots=True)
class MuteStream:
    """One stream's data is withheld where it is subscribed now; its siblings flow.

    Subscribed again, on the same connection or another, it flows. `everybody`: nobody gets it.
    """

    stream: str
    seconds: float = 10.0
    product: Product | None = None
    everybody: bool = False

    async def strike(self, exchange: Target) -> None:
        """Withhold."""
        if self.everybody:
            change = Change(_nothing, self.stream, self.product)
            await _through(exchange, change, self.seconds)
        else:
            await _withheld(exchange, self.stream, self.product, self.seconds)


@dataclass(frozen=True, slots=True)
class Skip:
    """The next n messages of a stream are never sent; their ids are spent."""

    stream: str
    n: int = 1
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Lose n messages."""
        await _through(exchange, Change(_nothing, self.stream, self.product, self.n))


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The next n messages of a stream are sent twice."""

    stream: str
    n: int = 1
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Repeat n messages."""

        def twice(message: Message) -> Sequence[Message]:
            return (message, message)

        await _through(exchange, Change(twice, self.stream, self.product, self.n))


@dataclass(frozen=True, slots=True)
class Reorder:
    """Of the next n pairs of messages of a stream the second is sent before the first."""

    stream: str
    n: int = 1
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Swap n pairs; a first without its second is sent at the end."""
        kept: deque[Message] = deque()

        def swap(message: Message) -> Sequence[Message]:
            if kept:
                return (message, kept.popleft())
            kept.append(message)
            return ()

        try:
            await _through(exchange, Change(swap, self.stream, self.product, 2 * self.n))
        finally:
            for message in kept:
                exchange.delivery.deliver(message)


@dataclass(frozen=True, slots=True)
class Slow:
    """Frames leave late, in their order."""

    delay: float = 1.0
    seconds: float = 10.0
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Hold each message for a while; at the end all that is held leaves at once."""
        loop = asyncio.get_running_loop()
        held: deque[tuple[float, Message]] = deque()

        def hold(message: Message) -> Sequence[Message]:
            held.append((loop.time() + self.delay, message))
            return ()

        async def let_go() -> None:
            while True:
                while held and held[0][0] <= loop.time():
                    exchange.delivery.deliver(held.popleft()[1])
                await asyncio.sleep(LOOK_S)

        going = asyncio.create_task(let_go())
        try:
            await _through(exchange, Change(hold, product=self.product), self.seconds)
        finally:
            going.cancel()
            for _, message in held:
                exchange.delivery.deliver(message)


@dataclass(frozen=True, slots=True)
class Malformed:
    """The payloads of the next n messages are cut in the middle: what they told is lost."""

    n: int = 1
    stream: str | None = None
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Break n messages."""

        def broken(message: Message) -> Sequence[Message]:
            half = message.payload[: len(message.payload) // 2]
            return (Message(message.product, message.name, half),)

        await _through(exchange, Change(broken, self.stream, self.product, self.n))


class Change:
    """A filter of the wire: does something to some messages, a number of times or until removed.

    Attributes:
        over: Set when the number is reached.
    """

    def __init__(
        self,
        change: Callable[[Message], Sequence[Message]],
        stream: str | None = None,
        product: Product | None = None,
        most: int | None = None,
    ) -> None:
        self.over = asyncio.Event()
        self._change = change
        self._stream = stream
        self._product = product
        self._left = math.inf if most is None else most

    def __call__(self, message: Message) -> Sequence[Message]:
        """Return what is sent in place of a message."""
        named = self._stream in (None, message.name) and self._product in (None, message.product)
        if not named or self._left <= 0:
            return (message,)
        self._left -= 1
        if self._left <= 0:
            self.over.set()
        return self._change(message)


def _nothing(_message: Message) -> Sequence[Message]:
    return ()


async def _through(exchange: Target, change: Change, seconds: float = math.inf) -> None:
    """Let messages pass through a change until it is over, or for so many seconds."""
    exchange.delivery.filters.append(change)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                await change.over.wait()
    finally:
        exchange.delivery.filters.remove(change)


async def _withheld(
    exchange: Target, stream: str | None, product: Product | None, seconds: float
) -> None:
    """Withhold a stream, or everything, from the connections that are there for so many seconds."""
    sessions = exchange.delivery.clients(product)
    for session in sessions:
        session.withhold(stream)
    try:
        await asyncio.sleep(seconds)
    finally:
        for session in sessions:
            session.release(stream)
