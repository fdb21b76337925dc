"""Faults of one connection that its successor does not have: the usual case of a muted one."""

import asyncio
from dataclasses import dataclass

from connector.binance.products import Product
from connector.lab.exchange import Exchange


@dataclass(frozen=True, slots=True)
class MuteConnections:
    """The connections there are deliver no data any more; pings are answered. New ones are well."""

    seconds: float
    product: Product | None = None

    async def strike(self, exchange: Exchange) -> None:
        """Mute those that are there."""
        sessions = exchange.wire.clients(self.product)
        for session in sessions:
            session.lost = True
        try:
            await asyncio.sleep(self.seconds)
        finally:
            for session in sessions:
                session.lost = False


@dataclass(frozen=True, slots=True)
class ForgetStream:
    """The connections there are deliver a stream no more, though it stays acknowledged."""

    stream: str
    seconds: float
    product: Product

    async def strike(self, exchange: Exchange) -> None:
        """Forget the stream on those that are there; at the end they remember."""
        forgot = []
        for session in exchange.wire.clients(self.product):
            stream = session.delivered.get(self.stream)
            if stream is not None and stream.product == self.product:
                forgot.append((session, session.delivered.pop(self.stream)))
        try:
            await asyncio.sleep(self.seconds)
        finally:
            for session, stream in forgot:
                if self.stream in session.subscribed:
                    session.delivered.setdefault(self.stream, stream)
