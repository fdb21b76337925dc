"""Feeds of accounts against the lab: cuts, keys and tokens that end, subscriptions that end."""

import json
from dataclasses import replace
from typing import Any

import pytest

from connector.account.feed_items import AccountEvent, UnreadableEvent
from connector.lab.account.listen_keys import LIFE_MS
from connector.lab.account.session import SESSION_METHODS
from connector.lab.exchange import Exchange
from connector.lab.faults import Drop
from connector.lab.faults.account import KeyExpire
from tests.support.account_exchange import MovedTime, add_account
from tests.support.account_feed import (
    ALL,
    BY_KEY,
    STILL,
    asked,
    feeding,
    happen,
    paths,
    source,
)
from tests.support.keys import BY_RSA
from tests.support.waiting import until

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("product", ALL)
async def test_a_cut_is_reported_with_the_last_moment_that_was_whole(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    account = add_account(exchange, product)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        happen(exchange, account)
        await until(reported.events)
        await exchange.ws_api.drop()
        await Drop().strike(exchange)
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events()[-len(sent) :] == sent)

        [lost] = reported.interruptions
        received = [item.received_us for item in reported.items if isinstance(item, AccountEvent)]
        assert lost.reason == "connection_lost"
        assert received[0] - 2_000_000 < lost.since_us < received[-1]


@pytest.mark.parametrize("product", BY_KEY)
async def test_an_expired_listen_key_is_healed_by_a_new_one(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    account = add_account(exchange, product)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        await KeyExpire().strike(exchange)
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events()[1:] == sent)

        assert reported.kinds()[:4] == ["Covered", "AccountEvent", "key_expired", "Covered"]
        assert reported.events()[0]["e"] == "listenKeyExpired"


async def test_a_listen_key_is_extended_in_time_and_never_ended(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "usdm")
    timings = replace(STILL, keep_alive_s=0.02)
    async with feeding(exchange, time, [source("usdm")], timings) as (_, reported):
        await reported.covered()
        for _ in range(3):
            time.seconds += LIFE_MS / 1000 / 2
            count = len(paths(exchange, "/fapi/v1/listenKey"))
            await until(lambda: len(paths(exchange, "/fapi/v1/listenKey")) > count + 1)  # noqa: B023
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)

    assert reported.interruptions == []
    assert exchange.ws_api.listen_keys.find("usdm", "hmac", exchange.clock.now_ms()) is not None


async def test_a_key_that_is_gone_without_a_word_is_found_when_it_is_extended(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "usdm")
    timings = replace(STILL, keep_alive_s=0.02)
    async with feeding(exchange, time, [source("usdm")], timings) as (_, reported):
        await reported.covered()
        exchange.ws_api.listen_keys.end_all()
        exchange.ws_api.listen_keys.take_ended(exchange.clock.now_ms())  # nobody hears of it
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)

        assert reported.kinds()[:3] == ["Covered", "key_expired", "Covered"]
        assert "-1125" in reported.interruptions[0].detail


async def test_a_key_that_another_program_replaced_is_found_when_it_is_extended(
    exchange: Exchange, time: MovedTime
) -> None:
    keys = exchange.ws_api.listen_keys
    timings = replace(STILL, keep_alive_s=0.02)
    async with feeding(exchange, time, [source("usdm")], timings) as (_, reported):
        await reported.covered()
        keys.end_all()
        keys.take_ended(exchange.clock.now_ms())
        keys.make("usdm", "hmac", exchange.clock.now_ms())
        await reported.covered(2)

        assert "another listenKey now" in reported.interruptions[0].detail


async def test_a_listen_token_is_renewed_on_the_same_connection_without_a_break(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "margin")
    timings = replace(STILL, token_part=1e-6)  # of a day
    async with feeding(exchange, time, [source("margin")], timings) as (_, reported):
        await reported.covered()
        await until(lambda: asked(exchange).count("userDataStream.unsubscribe") >= 2)
        sent = happen(exchange, account)
        await until(lambda: len(reported.events()) >= len(sent))

        assert len(exchange.ws_api.clients) == 1
        assert {json.dumps(event) for event in reported.events()} == {
            json.dumps(event) for event in sent
        }
        assert set(reported.kinds()) == {"Covered", "AccountEvent"}
        assert reported.kinds().count("Covered") == 1


async def test_an_expired_token_is_followed_by_a_new_one(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "margin")
    async with feeding(exchange, time, [source("margin")]) as (_, reported):
        await reported.covered()
        [token] = exchange.ws_api.tokens
        exchange.ws_api.expire(token)
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events()[1:] == sent)

        assert reported.kinds()[:4] == ["Covered", "AccountEvent", "token_expired", "Covered"]


async def test_a_token_that_expired_during_a_cut_is_followed_by_a_new_one(
    exchange: Exchange, time: MovedTime
) -> None:
    async with feeding(exchange, time, [source("margin")]) as (_, reported):
        await reported.covered()
        time.seconds += 86_400
        exchange.ws_api.tokens.clear()
        await exchange.ws_api.drop()
        await reported.covered(2)

        assert reported.kinds() == ["Covered", "connection_lost", "Covered"]


async def test_a_subscription_that_the_exchange_ends_is_made_anew(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "spot")
    async with feeding(exchange, time, [source("spot")]) as (_, reported):
        await reported.covered()
        exchange.ws_api.clients[0].terminate([0])
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events()[1:] == sent)

        assert reported.kinds()[:4] == ["Covered", "AccountEvent", "terminated", "Covered"]
        assert len(exchange.ws_api.clients) == 1


async def test_a_subscription_that_is_gone_without_a_word_is_found(
    exchange: Exchange, time: MovedTime
) -> None:
    timings = replace(STILL, compare_s=0.02)
    async with feeding(exchange, time, [source("spot")], timings) as (_, reported):
        await reported.covered()
        exchange.ws_api.clients[0].session.subscriptions.clear()
        await reported.covered(2)

        assert reported.kinds() == ["Covered", "terminated", "Covered"]
        assert "does not list it" in reported.interruptions[0].detail


async def test_a_frame_that_cannot_be_read_is_reported_for_each_account_of_the_connection(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "spot")
    sources = [source("spot"), source("spot", "desk-2", BY_RSA)]
    async with feeding(exchange, time, sources) as (_, reported):
        await reported.covered()
        await reported.covered(alias="desk-2")
        exchange.accounts.cut = 1
        happen(exchange, account)
        await until(lambda: len(reported.events()) == 1)

        odd = [item for item in reported.items if isinstance(item, UnreadableEvent)]
        assert [(item.account, item.place) for item in odd] == [
            ("desk-1", "spot"),
            ("desk-2", "spot"),
        ]
        assert odd[0].payload.startswith(b'{"subscriptionId":')
        assert reported.interruptions == []


@pytest.mark.parametrize("result", [None, {}, [1], [{"subscriptionId": None}]])
async def test_an_odd_list_of_subscriptions_proves_nothing(
    exchange: Exchange, time: MovedTime, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    asked_for: list[int] = []

    def answer(*_: object) -> Any:
        asked_for.append(1)
        return result

    monkeypatch.setitem(SESSION_METHODS, "session.subscriptions", answer)
    account = add_account(exchange, "spot")
    timings = replace(STILL, compare_s=0.01)
    async with feeding(exchange, time, [source("spot")], timings) as (_, reported):
        await reported.covered()
        await until(lambda: len(asked_for) > 2)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)

        assert reported.kinds().count("Covered") == 1
        assert (reported.interruptions, reported.refusals) == ([], [])
