"""The reconciler's calls, against the lab's REST: failures, bans, unknown orders, void answers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from connector.account.feed_items import AccountEvent, Interrupted
from connector.account.outbox import AccountOutbox
from connector.account.progress import AccountProgress
from connector.account.stored_progress import StoredProgress
from connector.account.tracker import AccountTracker
from connector.lab.account.account import LabAccount
from connector.lab.account.accounts import QueryFailure
from connector.lab.account.ledger import LabProduct
from connector.lab.exchange import Exchange
from connector.worker import account_reconciler
from connector.worker.account_reconciler import AccountReconciler
from tests.support.account_exchange import MovedTime, account_exchange, add_account, signed_rest
from tests.support.account_truth import SpotTruth
from tests.support.keys import HMAC
from tests.support.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.asyncio]
NOW_US = 1_795_000_020_000_000


@dataclass
class Asked:
    """A reconciler beside the exchange; its time moves by a second a call."""

    exchange: Exchange
    account: LabAccount
    tracker: AccountTracker
    reconciler: AccountReconciler

    async def until_completed(self) -> list[str]:
        """Return the event types of what is to be published."""
        await until(lambda: self.tracker.has_completed)
        return [record.fields["event_type"] for record in self.tracker.take_completed()]


@pytest_asyncio.fixture
async def asked(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Asked]:
    product: LabProduct = getattr(request, "param", "spot")
    monkeypatch.setattr(account_reconciler, "FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(account_reconciler, "LONGEST_DELAY_S", 0.001)
    moved = MovedTime()
    async with account_exchange(moved) as exchange, signed_rest(exchange, moved) as rest:
        account = add_account(exchange, product)
        outbox = AccountOutbox("t", "account", "r")
        stored = StoredProgress(AccountProgress("desk-1", product))
        outbox.begin({"account-marker": 1, "account-progress": 2}, 1)
        outbox.add_account(stored)
        tracker = AccountTracker(stored, outbox, "t", {})
        reconciler = AccountReconciler(tracker, rest, lambda: HMAC, lambda: NOW_US)
        running = asyncio.create_task(reconciler.run())
        yield Asked(exchange, account, tracker, reconciler)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_nothing_is_asked_before_the_account_is_covered(asked: Asked) -> None:
    asked.tracker.on_covered(NOW_US)

    assert await asked.until_completed() == ["balance_state"]
    assert asked.tracker.is_right
    assert asked.reconciler.trouble == ""


async def test_a_query_that_fails_is_asked_again(asked: Asked) -> None:
    failure = QueryFailure("account", 0, 2)
    asked.exchange.accounts.failures.append(failure)

    asked.tracker.on_covered(NOW_US)

    assert await asked.until_completed() == ["balance_state"]
    assert (failure.left, asked.tracker.is_right) == (0, True)


async def test_what_fails_again_and_again_is_not_known(asked: Asked) -> None:
    asked.exchange.accounts.failures.append(QueryFailure("account", 0, 1_000))

    asked.tracker.on_covered(NOW_US)
    await asked.until_completed()

    assert not asked.tracker.is_right
    assert "/api/v3/account" in asked.reconciler.trouble


@pytest.mark.parametrize(
    ("asked", "path", "is_right"),
    [
        ("coinm", "/dapi/v1/openAlgoOrders", True),
        ("coinm", "/dapi/v1/openOrders", False),
        ("usdm", "/fapi/v1/openAlgoOrders", False),
    ],
    indirect=["asked"],
)
async def test_a_query_that_may_not_exist_and_does_not_has_no_rows(
    asked: Asked, path: str, *, is_right: bool
) -> None:
    asked.exchange.rest.refuse(404, times=1_000, path=path)

    asked.tracker.on_covered(NOW_US)
    await asked.until_completed()

    assert asked.tracker.is_right == is_right
    assert ("HTTP 404: -5000" in asked.reconciler.trouble) == (not is_right)


@pytest.mark.parametrize("ahead_s", [600.0, 0.9])  # refused by the exchange; taken by it
async def test_a_picture_is_stamped_by_the_exchanges_clock(asked: Asked, ahead_s: float) -> None:
    rest = asked.reconciler._rest
    exchange_ms = asked.exchange.clock.now_ms()
    ahead = MovedTime()
    ahead.seconds += ahead_s
    rest._clock = rest.exchange_clock._clock = ahead

    asked.tracker.on_covered(NOW_US)
    await asked.until_completed()

    assert asked.tracker.stored.progress.as_of_ms == exchange_ms


async def test_a_symbol_that_is_not_listed_any_more_is_asked_for_once(asked: Asked) -> None:
    asked.tracker.on_covered(NOW_US)
    await asked.until_completed()
    asked.tracker.on_event(AccountEvent("desk-1", "spot", SpotTruth().place("BTCUSDT")[0], NOW_US))
    asked.exchange.accounts.unlisted.add("BTCUSDT")
    for _ in range(2):
        asked.reconciler._rest._clock.seconds += 1.0  # type: ignore[attr-defined]
        asked.tracker.on_interrupted(Interrupted("desk-1", "spot", NOW_US, "mute", ""))
        asked.tracker.on_covered(NOW_US)
        await asked.until_completed()
        assert asked.tracker.is_right

    paths = [call.path for call in asked.exchange.rest.asked]
    assert (paths.count("/api/v3/myTrades"), paths.count("/api/v3/allOrders")) == (1, 0)
    assert (asked.tracker.results["partial"], asked.tracker.results["filled"]) == (1, 1)


async def test_nothing_more_is_asked_once_the_exchange_wants_a_long_pause(asked: Asked) -> None:
    asked.exchange.rest.refuse(503, times=1, path="/api/v3/account")  # -1003: until the next minute

    asked.tracker.on_covered(NOW_US)
    await asked.until_completed()

    paths = [call.path for call in asked.exchange.rest.asked]
    assert paths == ["/api/v3/time", "/api/v3/account"]
    assert "HTTP 503: -1003" in asked.reconciler.trouble


async def test_a_long_ban_holds_up_no_events(asked: Asked) -> None:
    pool = asked.reconciler._rest.pools["spot"]
    asked.tracker.on_covered(NOW_US)
    await asked.until_completed()
    asked.tracker.on_interrupted(Interrupted("desk-1", "spot", NOW_US, "mute", ""))
    pool.ban(418, 3_600.0)
    asked.tracker.on_covered(NOW_US)
    await asked.until_completed()

    event = AccountEvent("desk-1", "spot", SpotTruth().place("BTCUSDT")[0], NOW_US)
    published = asked.tracker.on_event(event)

    assert [record.fields["event_type"] for record in published] == ["executionReport"]
    assert not asked.tracker.is_right
    assert "the exchange refuses calls (spot)" in asked.reconciler.trouble
    asked_again_us = asked.tracker._schedule.retry_us - time.monotonic_ns() // 1000
    assert 3_500_000_000 < asked_again_us <= 3_600_000_000


async def test_answers_to_questions_before_a_new_break_are_left(asked: Asked) -> None:
    failure = QueryFailure("account", 0, 1)
    asked.exchange.accounts.failures.append(failure)
    asked.tracker.on_covered(NOW_US)
    await until(lambda: failure.left == 0)  # the first picture is being asked for

    asked.tracker.on_interrupted(Interrupted("desk-1", "spot", NOW_US, "mute", ""))
    asked.tracker.on_covered(NOW_US)

    assert await asked.until_completed() == ["balance_state"]
    assert asked.tracker.results == {"started": 1}
