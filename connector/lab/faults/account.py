"""Faults of the scripted accounts: their events, their queries, their listenKeys."""

import asyncio
from dataclasses import dataclass

from connector.lab.account.account import Event, LabAccount
from connector.lab.account.accounts import QueryFailure
from connector.lab.faults.install import installed
from connector.lab.faults.target import Target

POLL_INTERVAL_S = 0.05
TWIN_KEY = "twin"  # of no event of the exchange


class _Repeating:
    """Sends each of the next events twice; `over` is set when all are sent."""

    def __init__(self, n: int) -> None:
        self.over = asyncio.Event()
        self._left = n

    def __call__(self, _account: LabAccount, events: list[Event]) -> list[Event]:
        sent = []
        for event in events:
            sent += [event, event] if self._left > 0 else [event]
            self._left -= 1
        if self._left <= 0:
            self.over.set()
        return sent


class _Reordering:
    """Holds an event until the next of its account is sent; `over` is set after n pairs."""

    def __init__(self, n: int) -> None:
        self.over = asyncio.Event()
        self._left = n
        self._held: dict[tuple[str, str, str | None], Event] = {}

    def __call__(self, account: LabAccount, events: list[Event]) -> list[Event]:
        key, sent = (account.product, account.name, account.market), []
        for event in events:
            if key in self._held:
                sent += [event, self._held.pop(key)]
                self._left -= 1
            elif self._left > 0:
                self._held[key] = event
            else:
                sent.append(event)
        if self._left <= 0 and not self._held:
            self.over.set()
        return sent


class _Twinning:
    """Sends behind each of the next events one that differs in one more key."""

    def __init__(self, n: int) -> None:
        self.over = asyncio.Event()
        self._left = n

    def __call__(self, _account: LabAccount, events: list[Event]) -> list[Event]:
        sent = []
        for event in events:
            sent.append(event)
            if self._left > 0:
                sent.append(event | {TWIN_KEY: self._left})
                self._left -= 1
        if self._left <= 0:
            self.over.set()
        return sent


@dataclass(frozen=True, slots=True)
class AccountTwin:
    """The next n events of accounts are followed by another one: equal but for one more key.

    What tells events apart is equal in both, and their payloads differ: neither may be dropped.
    """

    n: int = 1

    async def strike(self, exchange: Target) -> None:
        """Send them; return when they have been sent."""
        change = _Twinning(self.n)
        await installed(exchange.accounts.changes, change, over=change.over)


@dataclass(frozen=True, slots=True)
class AccountRepeat:
    """The next n events of accounts come twice."""

    n: int = 1

    async def strike(self, exchange: Target) -> None:
        """Repeat them; return when they have been sent."""
        change = _Repeating(self.n)
        await installed(exchange.accounts.changes, change, over=change.over)


@dataclass(frozen=True, slots=True)
class AccountReorder:
    """The next n pairs of events of an account come in the wrong order."""

    n: int = 1

    async def strike(self, exchange: Target) -> None:
        """Swap them; return when they have been sent."""
        change = _Reordering(self.n)
        await installed(exchange.accounts.changes, change, over=change.over)


@dataclass(frozen=True, slots=True)
class AccountMalformed:
    """The next n events of accounts are cut in the middle."""

    n: int = 1

    async def strike(self, exchange: Target) -> None:
        """Cut them; return when they have been sent."""
        exchange.accounts.cut = self.n
        try:
            while exchange.accounts.cut > 0:
                await asyncio.sleep(POLL_INTERVAL_S)
        finally:
            exchange.accounts.cut = 0


@dataclass(frozen=True, slots=True)
class QueryBehind:
    """Queries show accounts as they are now, while events go on."""

    seconds: float = 10.0

    async def strike(self, exchange: Target) -> None:
        """Freeze what queries show."""
        frozen = list(exchange.accounts.all.values())
        for account in frozen:
            account.frozen = account.ledger.copy()
        try:
            await asyncio.sleep(self.seconds)
        finally:
            for account in frozen:
                account.frozen = None


@dataclass(frozen=True, slots=True)
class QueryFail:
    """Calls of a query of accounts fail with 503, -1008: n of them, after `skip` good ones.

    name: last part of its path or its method: userTrades, myTrades, openOrders.
    """

    name: str = "userTrades"
    n: int = 1
    skip: int = 0

    async def strike(self, exchange: Target) -> None:
        """Let them fail; it is over when so many have failed."""
        failure = QueryFailure(self.name, self.skip, self.n)
        exchange.accounts.failures.append(failure)
        try:
            while failure.left > 0:
                await asyncio.sleep(POLL_INTERVAL_S)
        finally:
            exchange.accounts.failures.remove(failure)


@dataclass(frozen=True, slots=True)
class KeyExpire:
    """Every listenKey ends with `listenKeyExpired`; the connections stay open and silent."""

    async def strike(self, exchange: Target) -> None:
        """End them."""
        exchange.accounts.ws_api.listen_keys.end_all()
        exchange.accounts.announce_ended_keys()
