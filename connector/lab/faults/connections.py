"""Faults of connections: reset, frozen, half open, refused, announced, cut at an age."""

import asyncio
import math
from dataclasses import dataclass

from connector.binance.products import Product
from connector.lab.faults.target import Target
from connector.lab.handshakes import HandshakeAnswer

POLL_INTERVAL_S = 0.02  # how often ages and counts are looked at


@dataclass(frozen=True, slots=True)
class Drop:
    """The TCP connections, or only the n oldest ones, are reset (RST) without a close frame."""

    product: Product | None = None
    n: int | None = None

    async def strike(self, exchange: Target) -> None:
        """Reset them."""
        sessions = exchange.delivery.clients(self.product)
        for session in sorted(sessions, key=lambda session: session.number)[: self.n]:
            await session.socket.reset()


@dataclass(frozen=True, slots=True)
class Stall:
    """The connections freeze: nothing is read, sent or ponged; then all of it comes at once."""

    seconds: float = 5.0
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Freeze the present connections; new ones are well."""
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
    """The connections are half open: nothing arrives either way, and neither side is notified."""

    seconds: float = 60.0
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Lose the present connections; new ones are well. At the end those left are cut."""
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
class AcceptThenClose:
    """Connections are cut; new ones are closed right after the handshake."""

    seconds: float = 60.0

    async def strike(self, exchange: Target) -> None:
        """Cut the present connections, and close every new one."""
        exchange.accept_then_close = True
        try:
            await Drop().strike(exchange)
            await asyncio.sleep(self.seconds)
        finally:
            exchange.accept_then_close = False


@dataclass(frozen=True, slots=True)
class RefuseHandshake:
    """The next handshakes are answered with a status and an HTML page in place of 101."""

    status: int = 451
    times: int = 1
    retry_after: float | None = None
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Refuse; it is over when so many handshakes have come."""
        answer = HandshakeAnswer(self.status, self.times, self.retry_after, self.product)
        exchange.handshakes.answers.append(answer)
        try:
            while answer.left:
                await asyncio.sleep(POLL_INTERVAL_S)
        finally:
            exchange.handshakes.answers.remove(answer)


@dataclass(frozen=True, slots=True)
class ServerShutdown:
    """The notice `serverShutdown` is sent, and after a while the connections are closed."""

    after: float = 10.0
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Announce it to the present connections, then close them."""
        await exchange.shut_down(exchange.delivery.clients(self.product), self.after)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The 24 h life of a connection, compressed: each is cut at an age."""

    age: float = 60.0
    seconds: float = math.inf
    product: Product | None = None

    async def strike(self, exchange: Target) -> None:
        """Cut every connection that is old enough."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.seconds
        while loop.time() < end:
            for session in exchange.delivery.clients(self.product):
                if session.age() >= self.age:
                    await session.socket.reset()
            await asyncio.sleep(POLL_INTERVAL_S)
