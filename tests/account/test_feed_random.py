"""Feeds of accounts under faults in any order: what is missed lies in a break that was reported."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from connector.account.feed_items import AccountEvent, AccountFeedItem, Covered, Interrupted
from connector.lab.account.account import LabAccount
from connector.lab.exchange import Exchange
from connector.lab.faults import Drop, ServerShutdown
from connector.lab.faults.account import KeyExpire
from tests.support.account_exchange import MovedTime, account_exchange, add_account
from tests.support.account_feed import STILL, Reported, feeding, happen, source
from tests.support.thorough import examples
from tests.support.waiting import until

pytestmark = pytest.mark.lab
STEPS = 60
TIMINGS = replace(STILL, life_s=0.1, keep_alive_s=0.05, token_part=2e-6, retry_s=0.02)


def now_us() -> int:
    return time.time_ns() // 1000


@dataclass(slots=True)
class Break:
    """A break: its times in epoch microseconds, and the last and next event that came."""

    since_us: int
    covered_us: int
    begin: int
    end: int | None = None

    def explains(self, place: int, times: tuple[int, int]) -> bool:
        """Return whether an event was sent within it."""
        first_us, last_us = times
        in_time = self.since_us <= last_us and first_us <= self.covered_us
        return in_time and self.begin < place and (self.end is None or place < self.end)


class Timed(Reported):
    """Keeps when each item was reported, epoch microseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[int] = []

    def take(self, item: AccountFeedItem) -> None:
        """Take an item."""
        super().take(item)
        self.times.append(now_us())

    @property
    def is_covered(self) -> bool:
        """Whether the last break is over."""
        return self.kinds().count("Covered") > len(self.interruptions)

    def breaks(self, sent: list[str]) -> list[Break]:
        """Return each break, the time before the first covering too.

        Its events were sent behind the last one that came before it, and before the first one
        that came after it.
        """
        places = {event: place for place, event in enumerate(sent)}
        found, last, begin, since_us = [], -1, -1, 0
        for item, reported_us in zip(self.items, self.times, strict=True):
            match item:
                case Covered():
                    found.append(Break(since_us, reported_us, begin))
                case Interrupted():
                    begin, since_us = last, item.since_us
                case AccountEvent():
                    place = places.pop(repr(json.loads(item.payload)), -1)
                    last = max(last, place)
                    for each in found if place >= 0 else ():
                        each.end = place if each.end is None else each.end
        return found


async def terminate(exchange: Exchange) -> None:
    for client in exchange.ws_api.clients:
        client.terminate(list(client.session.subscriptions))


async def expire(exchange: Exchange) -> None:
    for token in list(exchange.ws_api.tokens):
        exchange.ws_api.expire(token)


FAULTS: dict[str, list[Callable[[Exchange], Awaitable[Any]]]] = {
    "spot": [
        lambda exchange: exchange.ws_api.drop(),
        lambda exchange: exchange.ws_api.shut_down(0.0),
        terminate,
    ],
    "margin": [lambda exchange: exchange.ws_api.drop(), expire],
    "usdm": [
        lambda exchange: Drop().strike(exchange),
        lambda exchange: ServerShutdown(0.0).strike(exchange),
        lambda exchange: KeyExpire().strike(exchange),
    ],
}


@pytest.mark.parametrize("seed", range(examples(10)))
@pytest.mark.parametrize("product", FAULTS)
async def test_what_is_missed_lies_in_a_break_that_was_reported(product: Any, seed: int) -> None:
    chance, clock, reported = random.Random(f"{product} {seed}"), MovedTime(), Timed()
    sent: dict[str, tuple[int, int]] = {}  # event -> when it was sent: not before, not after
    async with account_exchange(clock) as exchange:
        account = add_account(exchange, product)
        async with feeding(exchange, clock, [source(product)], TIMINGS, reported):
            await reported.covered()
            for _ in range(STEPS):
                clock.seconds += 0.001  # so that no two events are equal
                await step(exchange, account, chance, product, sent)
                if chance.random() < 0.2:
                    await until(lambda: reported.is_covered)
            clock.seconds += 0.001
            send(exchange, account, sent)  # behind the last fault
            await until(lambda: ended(exchange, account, clock, reported, sent))

    came = {repr(event) for event in reported.events()}
    breaks = reported.breaks(list(sent))
    assert [
        event
        for place, (event, times) in enumerate(sent.items())
        if event not in came and not any(each.explains(place, times) for each in breaks)
    ] == []


async def step(
    exchange: Exchange,
    account: LabAccount,
    chance: random.Random,
    product: str,
    sent: dict[str, tuple[int, int]],
) -> None:
    """Let something happen in the account, or to its path; then let some time pass, or none."""
    if chance.random() < 0.8:
        send(exchange, account, sent)
    else:
        await chance.choice(FAULTS[product])(exchange)
    await asyncio.sleep(chance.choice([0.0, 0.0, 0.005, 0.02]))


def send(exchange: Exchange, account: LabAccount, sent: dict[str, tuple[int, int]]) -> None:
    begun = now_us()
    events = happen(exchange, account)
    for event in events:
        sent[repr(event)] = begun, now_us()


def ended(
    exchange: Exchange,
    account: LabAccount,
    clock: MovedTime,
    reported: Timed,
    sent: dict[str, tuple[int, int]],
) -> bool:
    """Send one more event; return whether one that was sent has come while it was covered."""
    last = next(reversed(reported.kinds()))
    if last == "AccountEvent":
        return repr(reported.events()[-1]) == next(reversed(sent))
    clock.seconds += 0.001
    send(exchange, account, sent)
    return False
