"""What goes wrong, by name. Each fault is its parameters; `strike` lets it happen until it is over.

From a test: `await exchange.inflict(Skip("btcusdt@trade", 3))`, or `exchange.begin(...)` to go on
meanwhile. From the command line: `skip:btcusdt@trade,3@10s` (schedule.py). Times are seconds.
Where a fault has a `product`, None means all of them; USD-M and options share one host, so that
what breaks connections breaks both.
"""

import asyncio
import contextlib
import dataclasses
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from connector.binance.products import Product
from connector.lab.message import Message

if TYPE_CHECKING:
    from connector.lab.exchange import Exchange

LOOK_S = 0.02  # how often ages and delays are looked at


class Fault(Protocol):
    """Something that goes wrong."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]

    async def strike(self, exchange: "Exchange") -> None:
        """Let it happen; return when it is over. Cancelled, it is over at once."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The TCP connections are reset (RST), without a word."""

    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Reset them."""
        for session in exchange.wire.clients(self.product):
            await session.socket.reset()


@dataclass(frozen=True, slots=True)
class Stall:
    """The connections freeze: nothing is read, sent or ponged; then all of it comes at once."""

    seconds: float = 5.0
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Freeze those that are there; new ones are well."""
        sessions = exchange.wire.clients(self.product)
        for session in sessions:
            session.socket.freeze()
        try:
            await asyncio.sleep(self.seconds)
        finally:
            for session in sessions:
                session.thaw()


@dataclass(frozen=True, slots=True)
class BlackHole:
    """The connections are half open: nothing arrives any more either way, and no one says so."""

    seconds: float = 60.0
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Lose those that are there; new ones are well. At the end what is left of them is cut."""
        sessions = exchange.wire.clients(self.product)
        for session in sessions:
            session.lost = True
            session.socket.freeze()
        try:
            await asyncio.sleep(self.seconds)
        finally:
            for session in sessions:
                session.socket.transport.abort()


@dataclass(frozen=True, slots=True)
class AcceptThenClose:
    """Connections are cut; new ones are closed right after the handshake."""

    seconds: float = 60.0

    async def strike(self, exchange: "Exchange") -> None:
        """Cut, and close whoever comes."""
        exchange.accept_then_close = True
        try:
            await Drop().strike(exchange)
            await asyncio.sleep(self.seconds)
        finally:
            exchange.accept_then_close = False


@dataclass(frozen=True, slots=True)
class ServerShutdown:
    """The notice `serverShutdown`, and after a while the connections are closed."""

    after: float = 10.0
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Tell those that are there, then close them."""
        await exchange.shut_down(exchange.wire.clients(self.product), self.after)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The 24 h life of a connection, compressed: each is cut at an age."""

    age: float = 60.0
    seconds: float = math.inf
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Close whoever is old enough."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.seconds
        while loop.time() < end:
            for session in exchange.wire.clients(self.product):
                if session.age() >= self.age:
                    await session.socket.reset()
            await asyncio.sleep(LOOK_S)


@dataclass(frozen=True, slots=True)
class Mute:
    """Data is withheld, pings are answered; events are made all the same and are lost."""

    seconds: float = 10.0
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Withhold."""
        await _through(exchange, Change(_nothing, product=self.product), self.seconds)


@dataclass(frozen=True, slots=True)
class MuteStream:
    """One stream's data is withheld, the others flow."""

    stream: str
    seconds: float = 10.0
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Withhold."""
        await _through(exchange, Change(_nothing, self.stream, self.product), self.seconds)


@dataclass(frozen=True, slots=True)
class Skip:
    """The next n messages of a stream are never sent; their ids are spent."""

    stream: str
    n: int = 1
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Lose n messages."""
        await _through(exchange, Change(_nothing, self.stream, self.product, self.n))


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The next n messages of a stream are sent twice."""

    stream: str
    n: int = 1
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
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

    async def strike(self, exchange: "Exchange") -> None:
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
                exchange.wire.deliver(message)


@dataclass(frozen=True, slots=True)
class Slow:
    """Frames leave late, in their order."""

    delay: float = 1.0
    seconds: float = 10.0
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Hold each message for a while; at the end all that is held leaves at once."""
        loop = asyncio.get_running_loop()
        held: deque[tuple[float, Message]] = deque()

        def hold(message: Message) -> Sequence[Message]:
            held.append((loop.time() + self.delay, message))
            return ()

        async def let_go() -> None:
            while True:
                while held and held[0][0] <= loop.time():
                    exchange.wire.deliver(held.popleft()[1])
                await asyncio.sleep(LOOK_S)

        going = asyncio.create_task(let_go())
        try:
            await _through(exchange, Change(hold, product=self.product), self.seconds)
        finally:
            going.cancel()
            for _, message in held:
                exchange.wire.deliver(message)


@dataclass(frozen=True, slots=True)
class Malformed:
    """The payloads of the next n messages are cut in the middle: what they told is lost."""

    n: int = 1
    stream: str | None = None
    product: Product | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Break n messages."""

        def broken(message: Message) -> Sequence[Message]:
            half = message.payload[: len(message.payload) // 2]
            return (Message(message.product, message.name, half),)

        await _through(exchange, Change(broken, self.stream, self.product, self.n))


@dataclass(frozen=True, slots=True)
class Refuse:
    """The next calls to REST are refused with a status, all pools alike."""

    status: int = 429
    times: int = 1
    retry_after: float | None = None

    async def strike(self, exchange: "Exchange") -> None:
        """Refuse; it is over when so many calls have come."""
        exchange.rest.refuse(self.status, self.retry_after, self.times)


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """The exchange's clock is ahead of this machine's (behind it, when negative)."""

    ms: int = 1500
    seconds: float = math.inf

    async def strike(self, exchange: "Exchange") -> None:
        """Stamp events, and REST's server time, with the other clock."""
        exchange.wire.skew_ms += self.ms
        exchange.rest.skew_ms += self.ms
        try:
            await asyncio.sleep(self.seconds)
        finally:
            exchange.wire.skew_ms -= self.ms
            exchange.rest.skew_ms -= self.ms


FAULTS: dict[str, type[Fault]] = {
    "drop": Drop,
    "reset": Drop,
    "stall": Stall,
    "black-hole": BlackHole,
    "mute": Mute,
    "mute-stream": MuteStream,
    "accept-then-close": AcceptThenClose,
    "server-shutdown": ServerShutdown,
    "lifetime": Lifetime,
    "skip": Skip,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "slow": Slow,
    "malformed": Malformed,
    "refuse": Refuse,
    "clock-skew": ClockSkew,
}


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


async def _through(exchange: "Exchange", change: Change, seconds: float = math.inf) -> None:
    """Let messages pass through a change until it is over, or for so many seconds."""
    exchange.wire.filters.append(change)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                await change.over.wait()
    finally:
        exchange.wire.filters.remove(change)
