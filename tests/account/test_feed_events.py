"""Feeds of accounts against the lab: events of every product, several accounts, URL forms."""

from dataclasses import replace
from typing import Any

import pytest

from connector.account.feed_items import Covered
from connector.binance.private_streams import AccountPlace, UrlForm
from connector.lab.account.private_urls import PRIVATE_PATH, TESTNET_FORMS
from connector.lab.exchange import Exchange
from tests.support.account_exchange import MovedTime, add_account
from tests.support.account_feed import (
    ALL,
    STILL,
    asked,
    feeding,
    happen,
    source,
)
from tests.support.keys import BY_ED25519, BY_RSA, HMAC
from tests.support.waiting import until

pytestmark = pytest.mark.lab


# Events


@pytest.mark.parametrize("product", ALL)
async def test_events_follow_the_covering_unwrapped_and_in_order(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    account = add_account(exchange, product)
    async with feeding(exchange, time, [source(product)]) as (feed, reported):
        await reported.covered()
        sent = [event for _ in range(3) for event in happen(exchange, account)]
        await until(lambda: len(reported.events()) == len(sent))

        assert reported.events() == sent
        assert reported.items[0] == Covered("desk-1", product)
        [status] = feed.statuses
        assert 0 < status.covered_us <= min(status.event_us, status.proved_us)
        assert (status.key_expires_us > 0) is (product != "spot")


async def test_accounts_on_one_connection_are_told_apart(
    exchange: Exchange, time: MovedTime
) -> None:
    names = {"hmac": HMAC, "rsa": BY_RSA, "ed25519": BY_ED25519}
    sources = [source("spot", alias, keys) for alias, keys in names.items()]
    sources.append(source("margin", "hmac-margin"))
    accounts = {name: add_account(exchange, "spot", name) for name in names}
    accounts["hmac-margin"] = add_account(exchange, "margin")
    async with feeding(exchange, time, sources) as (_, reported):
        for alias in accounts:
            await reported.covered(alias=alias)
        assert len(exchange.ws_api.clients) == 1
        sent = {alias: happen(exchange, account) for alias, account in accounts.items()}
        await until(lambda: len(reported.items) == 4 + sum(map(len, sent.values())))

        assert {alias: reported.events(alias) for alias in accounts} == sent


async def test_subscription_ids_that_begin_again_lead_to_the_same_accounts(
    exchange: Exchange, time: MovedTime
) -> None:
    first, second = (add_account(exchange, "spot", name) for name in ("hmac", "rsa"))
    sources = [source("spot", "desk-1"), source("spot", "desk-2", BY_RSA)]
    async with feeding(exchange, time, sources) as (_, reported):
        await reported.covered(alias="desk-2")
        await reported.covered()
        await exchange.ws_api.drop()
        await reported.covered(2, "desk-1")
        await reported.covered(2, "desk-2")
        sent = happen(exchange, second), happen(exchange, first)
        await until(lambda: reported.events("desk-1") and reported.events("desk-2"))

        assert reported.events("desk-2")[0] == sent[0][0]
        assert reported.events("desk-1")[0] == sent[1][0]


async def test_an_ed25519_key_logs_on_by_setting_on_a_connection_of_its_own(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "spot", "ed25519")
    logging_on = source("spot", "desk-1", BY_ED25519, method="session-logon")
    async with feeding(exchange, time, [logging_on, source("spot", "desk-2")]) as (_, reported):
        await reported.covered()
        await reported.covered(alias="desk-2")
        sent = happen(exchange, account)
        await until(lambda: len(reported.events()) == len(sent))

        assert len(exchange.ws_api.clients) == 2
        assert asked(exchange).count("session.logon") == 1


async def test_a_key_that_may_not_log_on_is_refused_with_the_cure(
    exchange: Exchange, time: MovedTime
) -> None:
    sources = [source("spot", method="session-logon")]
    async with feeding(exchange, time, sources) as (_, reported):
        await until(lambda: reported.refusals)

        assert "use userDataStream.subscribe.signature" in reported.refusals[0]


async def test_isolated_margin_shares_a_connection_and_is_told_apart(
    exchange: Exchange, time: MovedTime
) -> None:
    symbols = (None, "BTCUSDT", "ETHUSDT")
    accounts = {symbol: add_account(exchange, "margin", market=symbol) for symbol in symbols}
    sources = [source("margin", isolated_symbol=symbol) for symbol in symbols]
    async with feeding(exchange, time, sources) as (_, reported):
        await reported.covered(3)
        calls = [call for call in exchange.rest.asked if "userListenToken" in call.path]

        assert {call.query.get("symbol") for call in calls} == {*symbols}
        assert asked(exchange).count("userDataStream.subscribe.listenToken") == 3
        assert len(exchange.ws_api.clients) == 1
        sent = {
            AccountPlace("margin", symbol).name: happen(exchange, account)
            for symbol, account in accounts.items()
        }
        await until(lambda: len(reported.events()) == 6)

        for place, events in sent.items():
            assert reported.events(place=place) == events


# URL forms


@pytest.mark.parametrize(
    "form", ["private-path", "private-streams", "private-listen-key", "private-events"]
)
async def test_every_form_that_delivers_can_be_set(
    exchange: Exchange, time: MovedTime, form: UrlForm
) -> None:
    account = add_account(exchange, "usdm")
    async with feeding(exchange, time, [source("usdm", form=form)]) as (_, reported):
        await reported.covered()
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)


async def test_a_form_that_stays_silent_is_found_and_the_next_one_taken(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "usdm")
    exchange.accounts.forms["usdm"] = frozenset({PRIVATE_PATH})
    timings = replace(STILL, compare_s=0.02)
    async with feeding(exchange, time, [source("usdm")], timings) as (feed, reported):
        await reported.covered()
        covered = [item for item in reported.items if isinstance(item, Covered)]
        await until(lambda: feed._states[0].proof.seen_ms is not None)
        time.seconds += 60
        happen(exchange, account)
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)

        assert len(covered) == 1
        assert reported.kinds()[:3] == ["Covered", "mute", "Covered"]
        assert "no event came (private-streams)" in reported.interruptions[0].detail


async def test_a_form_that_was_set_is_kept_and_verdicts_become_rare(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "usdm")
    exchange.accounts.forms["usdm"] = TESTNET_FORMS
    timings = replace(STILL, compare_s=0.02)
    mute = source("usdm", form="private-path")
    async with feeding(exchange, time, [mute], timings) as (feed, reported):
        for number in range(1, 4):
            await reported.covered(number)
            await until(lambda: feed._states[0].proof.seen_ms is not None)
            time.seconds += 60
            happen(exchange, account)
        await reported.covered(4)

        assert reported.events() == []
        assert feed._states[0].proof.rest_s(1.0) == 8.0


async def test_a_comparison_that_agrees_proves_the_path(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "spot")
    timings = replace(STILL, compare_s=0.02)
    async with feeding(exchange, time, [source("spot")], timings) as (feed, reported):
        await reported.covered()
        for _ in range(3):
            time.seconds += 60
            happen(exchange, account)
            proved_us = feed.statuses[0].proved_us
            await until(lambda: feed.statuses[0].proved_us > proved_us)  # noqa: B023

        assert reported.interruptions == []


async def test_a_mute_subscription_is_replaced_and_leaves_its_neighbours_covered(
    exchange: Exchange, time: MovedTime
) -> None:
    account, _ = add_account(exchange, "spot"), add_account(exchange, "spot", "rsa")
    sources = [source("spot"), source("spot", "desk-2", BY_RSA)]
    timings = replace(STILL, compare_s=0.02)
    async with feeding(exchange, time, sources, timings) as (feed, reported):
        await reported.covered()
        await reported.covered(alias="desk-2")
        await until(lambda: feed._states[0].proof.seen_ms is not None)
        time.seconds += 60
        account.transfer("USDT", account.ledger.balances["USDT"].free)  # and no event is sent
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: sent[-1] in reported.events())  # perhaps by both connections

        assert reported.kinds()[:3] == ["Covered", "mute", "Covered"]
        assert reported.kinds("desk-2") == ["Covered"]
