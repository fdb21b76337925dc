"""How a fault puts something into the exchange for a time, and takes it out again."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

from connector.binance.products import Product
from connector.lab.faults.target import Target
from connector.lab.message import Message


class Change:
    """A filter of the delivery: changes some messages, a number of times or until removed.

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


def drop(_message: Message) -> Sequence[Message]:
    """Return nothing in place of a message."""
    return ()


async def installed(
    items: list[Any], item: Any, seconds: float = math.inf, over: asyncio.Event | None = None
) -> None:
    """Keep an item in a list until an event or for so many seconds, then remove it."""
    items.append(item)
    try:
        await until_over(seconds, over)
    finally:
        items.remove(item)


async def until_over(seconds: float, over: asyncio.Event | None = None) -> None:
    """Return when an event is set, at the latest after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if seconds == math.inf else seconds):
            await (over or asyncio.Event()).wait()


async def through(exchange: Target, change: Change, seconds: float = math.inf) -> None:
    """Let messages pass through a change until it is over, or for so many seconds."""
    await installed(exchange.delivery.filters, change, seconds, change.over)


async def withheld(
    exchange: Target, stream: str | None, product: Product | None, seconds: float
) -> None:
    """Withhold a stream, or everything, on the present connections for so many seconds."""
    sessions = exchange.delivery.clients(product)
    for session in sessions:
        session.withhold(stream)
    try:
        await asyncio.sleep(seconds)
    finally:
        for session in sessions:
            session.release(stream)
