"""Faults of the WS API, its keys and its sessions."""

import asyncio
from dataclasses import dataclass

from connector.lab.faults.target import Target

POLL_INTERVAL_S = 0.05
NO_BAN = (200, 0.0)  # status, end


@dataclass(frozen=True, slots=True)
class ApiDrop:
    """The TCP connections of the WS API are reset."""

    async def strike(self, exchange: Target) -> None:
        """Reset them."""
        await exchange.ws_api.drop()


@dataclass(frozen=True, slots=True)
class ApiSilent:
    """Calls of the WS API are counted and not answered; events flow."""

    seconds: float = 10.0

    async def strike(self, exchange: Target) -> None:
        """Answer nothing meanwhile."""
        exchange.ws_api.silent = True
        try:
            await asyncio.sleep(self.seconds)
        finally:
            exchange.ws_api.silent = False


@dataclass(frozen=True, slots=True)
class ApiRefuse:
    """The next calls of the WS API get a status: 429, 418 (with `retryAfter`) or 5xx."""

    status: int = 429
    times: int = 1
    retry_after: float = 60.0

    async def strike(self, exchange: Target) -> None:
        """Refuse; it is over when so many calls have come."""
        refusals = exchange.ws_api.refusals
        ours = [(self.status, self.retry_after)] * self.times
        refusals += ours
        try:
            while refusals:
                await asyncio.sleep(POLL_INTERVAL_S)
        finally:
            refusals.clear()


@dataclass(frozen=True, slots=True)
class ApiBan:
    """The WS API refuses every call and handshake: 418, or 429, with the time of the end."""

    seconds: float = 10.0
    status: int = 418

    async def strike(self, exchange: Target) -> None:
        """Refuse meanwhile."""
        exchange.ws_api.ban = (self.status, exchange.clock.seconds() + self.seconds)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            exchange.ws_api.ban = NO_BAN


@dataclass(frozen=True, slots=True)
class ApiRevoke:
    """Every API key is revoked: sessions end with 401, later calls are refused (-2015)."""

    seconds: float = 10.0

    async def strike(self, exchange: Target) -> None:
        """Take the keys away, and give them back in the end."""
        keys = dict(exchange.ws_api.keys)
        for api_key in keys:
            exchange.ws_api.revoke(api_key)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            exchange.ws_api.keys.update(keys)


@dataclass(frozen=True, slots=True)
class ApiExpire:
    """Every listenToken expires: its subscriptions end with `eventStreamTerminated`."""

    async def strike(self, exchange: Target) -> None:
        """Let them expire."""
        for token in list(exchange.ws_api.tokens):
            exchange.ws_api.expire(token)


@dataclass(frozen=True, slots=True)
class ApiShutdown:
    """The WS API sends `serverShutdown`, and after a while it closes the connections."""

    after: float = 10.0

    async def strike(self, exchange: Target) -> None:
        """Announce it to the present connections, then close them."""
        await exchange.ws_api.shut_down(self.after)
