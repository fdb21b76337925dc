"""A feed of accounts that runs against the lab, and what it has reported."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from connector.account.feed import AccountFeed
from connector.account.feed_context import FeedContext
from connector.account.feed_items import (
    AccountEvent,
    AccountFeedItem,
    AccountRefused,
    Interrupted,
    UnreadableEvent,
)
from connector.account.source import AccountSource, FeedTimings
from connector.binance.account_events.layout import AccountProduct
from connector.binance.private_streams import PRIVATE_STREAMS
from connector.binance.signing import Credentials, hmac_signer
from connector.lab.account.account import LabAccount
from connector.lab.account.risk_account import RiskAccount
from connector.lab.exchange import Exchange
from tests.support.account_exchange import AMOUNT, MovedTime, signed_rest
from tests.support.keys import HMAC
from tests.support.waiting import until

STRANGER = Credentials("k" * 64, hmac_signer("unknown"))
ALL = tuple(PRIVATE_STREAMS)
BY_KEY = tuple(product for product in ALL if PRIVATE_STREAMS[product].key_path)
# Nothing happens by the clock but what a test asks for.
STILL = FeedTimings(compare_s=3_600.0, grace_s=0.0, key_poll_s=0.01, retry_s=0.05)


def source(
    product: AccountProduct, alias: str = "desk-1", keys: Credentials = HMAC, **options: Any
) -> AccountSource:
    """Return a source that is subscribed in its product's default way."""
    made = AccountSource(alias, product, PRIVATE_STREAMS[product].methods[0], lambda: keys)
    return replace(made, **options)


class Reported:
    """What the feed has reported, in order."""

    def __init__(self) -> None:
        self.items: list[AccountFeedItem] = []

    def take(self, item: AccountFeedItem) -> None:
        """Take an item."""
        self.items.append(item)

    def kinds(self, alias: str = "desk-1") -> list[str]:
        """Return the class names of an account's items; of an interruption its reason."""
        return [
            item.reason if isinstance(item, Interrupted) else type(item).__name__
            for item in self.items
            if item.account == alias
        ]

    def events(self, alias: str = "desk-1", place: str | None = None) -> list[dict[str, Any]]:
        """Return an account's events, decoded; `place`: of this alone."""
        return [
            json.loads(item.payload)
            for item in self.items
            if isinstance(item, AccountEvent)
            and not isinstance(item, UnreadableEvent)
            and item.account == alias
            and place in (None, item.place)
        ]

    @property
    def interruptions(self) -> list[Interrupted]:
        """All interruptions."""
        return [item for item in self.items if isinstance(item, Interrupted)]

    @property
    def refusals(self) -> list[str]:
        """The causes of all refusals."""
        return [str(item.cause) for item in self.items if isinstance(item, AccountRefused)]

    async def covered(self, times: int = 1, alias: str = "desk-1") -> None:
        """Return once an account was covered so many times."""
        await until(lambda: self.kinds(alias).count("Covered") >= times)


@contextlib.asynccontextmanager
async def feeding(
    exchange: Exchange,
    time: MovedTime,
    sources: Sequence[AccountSource],
    timings: FeedTimings = STILL,
    reported: Reported | None = None,
) -> AsyncIterator[tuple[AccountFeed, Reported]]:
    """Run a feed; it must end without an error of its own, and report no break by its end."""
    reported = reported or Reported()
    async with signed_rest(exchange, time) as rest:
        context = FeedContext(exchange.bases, rest, timings=timings)
        feed = AccountFeed(sources, reported.take, context)
        running = asyncio.create_task(feed.run())
        try:
            yield feed, reported
        finally:
            before = len(reported.items)
            running.cancel()
            [ended] = await asyncio.gather(running, return_exceptions=True)
            assert isinstance(ended, asyncio.CancelledError)
            late = reported.items[before:]  # events may have been on their way
            assert [item for item in late if not isinstance(item, AccountEvent)] == []


def happen(exchange: Exchange, account: LabAccount) -> list[dict[str, Any]]:
    """Let something happen in an account; return its events."""
    if isinstance(account, RiskAccount):  # which tells of no transfer
        events = account.change_level("NORMAL")
    else:
        events = account.transfer("USDT", AMOUNT / 1_000)
    exchange.accounts.publish(account, events)
    return events


def paths(exchange: Exchange, part: str) -> list[str]:
    return [call.path for call in exchange.rest.asked if part in call.path]


def asked(exchange: Exchange) -> list[str]:
    """Return the methods that the present connections to the WS API have asked for."""
    return [method for client in exchange.ws_api.clients for method, _ in client.asked]


# Events


def connections(exchange: Exchange) -> set[int]:
    """Return the present connections, of the WS API and of listenKeys."""
    api = {id(client.socket) for client in exchange.ws_api.clients}
    return api | {id(session.socket) for session in exchange.delivery.clients()}
