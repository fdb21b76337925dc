"""Faults of connections: reset, frozen, half open, refused after the handshake, announced, aged.

And of one name: it is refused, and with it the request it stands in.
"""

import asyncio
import math
from dataclasses import dataclass

from connector.binance.products import Product
from connector.lab.faults.target import Target

LOOK_S = 0.02  # how often ages are looked at


@dataclass(frozen=True, slots=True)
class Drop:
    """The TCP connections are reset (RST), without a word."""

    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Reset them."""
        for session in exchange.delivery.clients(self.product):
            await session.socket.reset()


@dataclass(frozen=True, slots=True)
class Stall:
    """The connections freeze: nothing is read, sent or ponged; then all of it comes at once."""

    seconds: float = 5.0
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Freeze those that are there; new ones are well."""
        sessions = exchange.delivery.clients(self.product)
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

    async def strike(self, exchange: Target) -> None:
        """Lose those that are there; new ones are well. At the end what is left of them is cut."""
        sessions = exchange.delivery.clients(self.product)
        for session in sessions:
            session.lost = True
            session.socket.freeze()
        try:
            await asyncio.sleep(self.seconds)
        finally:
            for session in sessions:
                session.socket.transport.abort()


@dataclass(frozen=True, slots=True)
class RefuseStream:
    """Any SUBSCRIBE with this name is answered with an error; whoever has the stream keeps it.

    Which of the names is meant is not said.
    """

    stream: str
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Refuse."""
        refused = exchange.delivery.refused
        refused[self.stream] = (2, "Invalid request: invalid stream name")
        try:
            await asyncio.sleep(self.seconds)
        finally:
            refused.pop(self.stream, None)


@dataclass(frozen=True, slots=True)
class AcceptThenClose:
    """Connections are cut; new ones are closed right after the handshake."""

    seconds: float = 60.0

    async def strike(self, exchange: Target) -> None:
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

    async def strike(self, exchange: Target) -> None:
        """Tell those that are there, then close them."""
        await exchange.shut_down(exchange.delivery.clients(self.product), self.after)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The 24 h life of a connection, compressed: each is cut at an age."""

    age: float = 60.0
    seconds: float = math.inf
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Close whoever is old enough."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.seconds
        while loop.time() < end:
            for session in exchange.delivery.clients(self.product):
                if session.age() >= self.age:
                    await session.socket.reset()
            await asyncio.sleep(LOOK_S)
