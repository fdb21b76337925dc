"""Faults of messages: withheld, lost, repeated, swapped, late. The market goes on."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from connector.binance.products import Product
from connector.lab.client_session import Session
from connector.lab.faults.install import Change, drop, through, withheld
from connector.lab.faults.target import Target
from connector.lab.message import Message

POLL_INTERVAL_S = 0.02  # how often delays are looked at


@dataclass(frozen=True, slots=True)
class Mute:
    """The present connections get no data, pings are answered; new connections are well.

    What nobody else is sent is lost. `everybody`: new connections get nothing either.
    """

    seconds: float = 10.0
    product: Product | None = None
    everybody: bool = False

    async def strike(self, exchange: Target) -> None:
        """Withhold."""
        if self.everybody:
            await through(exchange, Change(drop, product=self.product), self.seconds)
        else:
            await withheld(exchange, None, self.product, self.seconds)


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
            await through(exchange, Change(drop, self.stream, self.product), self.seconds)
        else:
            await withheld(exchange, self.stream, self.product, self.seconds)


@dataclass(frozen=True, slots=True)
class Skip:
    """The next n messages of a stream are never sent; their ids are spent."""

    stream: str
    n: int = 1
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Lose n messages."""
        await through(exchange, Change(drop, self.stream, self.product, self.n))


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The next n messages of a stream are sent twice, at once or `after` seconds later."""

    stream: str
    n: int = 1
    product: Product | None = None
    after: float = 0.0

    async def strike(self, exchange: Target) -> None:
        """Repeat n messages."""
        copies: list[Message] = []

        def twice(message: Message) -> Sequence[Message]:
            if not self.after:
                return (message, message)
            copies.append(message)
            return (message,)

        await through(exchange, Change(twice, self.stream, self.product, self.n))
        if self.after:
            await asyncio.sleep(self.after)
        for message in copies:
            exchange.delivery.deliver(message)


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
            await through(exchange, Change(swap, self.stream, self.product, 2 * self.n))
        finally:
            for message in kept:
                exchange.delivery.deliver(message)


@dataclass(frozen=True, slots=True)
class Slow:
    """Frames are sent late, in their order; on every connection or every n-th one."""

    delay: float = 1.0
    seconds: float = 10.0
    product: Product | None = None
    every: int = 1

    async def strike(self, exchange: Target) -> None:
        """Hold each message for a while; at the end all that is held is sent at once."""
        loop = asyncio.get_running_loop()
        held: deque[tuple[float, Message]] = deque()
        deliver = exchange.delivery.deliver

        def hold(message: Message) -> Sequence[Message]:
            deliver(message, lambda session: not self._is_late(session))
            held.append((loop.time() + self.delay, message))
            return ()

        async def release() -> None:
            while True:
                while held and held[0][0] <= loop.time():
                    deliver(held.popleft()[1], self._is_late)
                await asyncio.sleep(POLL_INTERVAL_S)

        releasing = asyncio.create_task(release())
        try:
            await through(exchange, Change(hold, product=self.product), self.seconds)
        finally:
            releasing.cancel()
            for _, message in held:
                deliver(message, self._is_late)

    def _is_late(self, session: Session) -> bool:
        return session.number % self.every == self.every - 1
