"""Feeds of accounts against the lab: odd answers, bugs, sources that cannot be."""

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from connector.account.feed import AccountFeed
from connector.account.feed_context import FeedContext
from connector.binance.signing import Credentials
from connector.errors import Refused
from connector.lab.account.session import ApiSession
from connector.lab.exchange import Exchange
from connector.lab.rest import Call, Next
from connector.lab.rest.query import Complaint
from tests.support.account_exchange import MovedTime, add_account, signed_rest
from tests.support.account_feed import STILL, asked, feeding, happen, source
from tests.support.keys import BY_ED25519, BY_RSA, HMAC
from tests.support.waiting import until

pytestmark = pytest.mark.lab


# Odd answers


async def test_a_subscription_whose_answer_was_lost_is_had_on_another_connection(
    exchange: Exchange, time: MovedTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, lost = add_account(exchange, "spot"), [True]
    add = ApiSession.add

    def lose_the_answer(session: ApiSession, name: str, by: str) -> Any:
        result = add(session, name, by)
        if lost:
            lost.clear()
            raise Complaint(503, -1008, "the answer is lost, not the subscription")
        return result

    monkeypatch.setattr(ApiSession, "add", lose_the_answer)
    async with feeding(exchange, time, [source("spot")]) as (_, reported):
        await reported.covered()
        await until(lambda: len(exchange.ws_api.clients) == 1)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)

        assert reported.kinds()[0] == "Covered"
        assert reported.refusals == []


async def test_two_sources_of_one_account_do_not_use_up_the_connections(
    exchange: Exchange, time: MovedTime, capsys: pytest.CaptureFixture[str]
) -> None:
    account = add_account(exchange, "spot")
    sources = [source("spot"), source("spot", "desk-2")]
    timings = replace(STILL, retry_s=3_600.0)
    async with feeding(exchange, time, sources, timings) as (_, reported):
        await until(lambda: bool(reported.refusals))
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)

        assert "another alias has a key of the same account" in reported.refusals[0]
        assert reported.kinds()[0] == "Covered"
        assert reported.kinds("desk-2") == ["AccountRefused"]
    assert capsys.readouterr().out.count("ws_api_connected") == 2


async def test_a_token_is_asked_for_signed_where_the_key_alone_is_refused(
    exchange: Exchange, time: MovedTime
) -> None:
    async def refuse(call: Call, answer: Next) -> web.Response:
        if "userListenToken" in call.path and "signature" not in call.query:
            return web.json_response({"code": -1102, "msg": "signature was not sent"}, status=400)
        return await answer(call)

    exchange.rest.interceptors.append(refuse)
    timings = replace(STILL, token_part=1e-6)
    async with feeding(exchange, time, [source("margin")], timings) as (_, reported):
        await reported.covered()
        await until(lambda: asked(exchange).count("userDataStream.unsubscribe") >= 1)
        calls = [call for call in exchange.rest.asked if "userListenToken" in call.path]

        assert ["signature" in call.query for call in calls[:3]] == [False, True, True]
        assert reported.kinds() == ["Covered"]


async def test_what_is_not_answered_interrupts_nothing(exchange: Exchange, time: MovedTime) -> None:
    account = add_account(exchange, "spot")
    timings = replace(STILL, compare_s=0.02)
    async with feeding(exchange, time, [source("spot")], timings) as (_, reported):
        await reported.covered()
        exchange.ws_api.silent = True
        exchange.rest.refuse(503, times=5, path="/api/v3/account")
        await until(lambda: asked(exchange)[-1] == "session.subscriptions")
        await until(lambda: not exchange.rest._refusals)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)

        assert reported.interruptions == []


async def test_a_bug_ends_one_feed_is_reported_and_begins_anew(
    exchange: Exchange, time: MovedTime, capsys: pytest.CaptureFixture[str]
) -> None:
    bugs = [ZeroDivisionError("bug")]

    def keys() -> Credentials:
        if bugs:
            raise bugs.pop()
        return HMAC

    sources = [replace(source("usdm"), keys=keys), source("spot", "desk-2")]
    timings = replace(STILL, refused_s=0.05)
    async with feeding(exchange, time, sources, timings) as (_, reported):
        await reported.covered()
        await reported.covered(alias="desk-2")

        assert reported.kinds() == ["AccountRefused", "Covered"]
        assert reported.refusals == ["a bug ended its feed: ZeroDivisionError('bug')"]
        assert reported.kinds("desk-2") == ["Covered"]
    assert "task_failed" in capsys.readouterr().out


async def test_a_bug_that_ends_the_feed_of_a_covered_account_is_a_break(
    exchange: Exchange, time: MovedTime
) -> None:
    bugs: list[Exception] = []

    def keys() -> Credentials:
        if bugs:
            raise bugs.pop()
        return HMAC

    timings = replace(STILL, refused_s=0.05, keep_alive_s=0.02)
    sources = [replace(source("usdm"), keys=keys)]
    async with feeding(exchange, time, sources, timings) as (_, reported):
        await reported.covered()
        bugs.append(ZeroDivisionError("bug"))
        await reported.covered(2)

        expected = ["Covered", "connection_lost", "AccountRefused", "Covered"]
        assert reported.kinds() == expected


async def test_many_accounts_take_more_than_one_connection(
    exchange: Exchange, time: MovedTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.account.feed.MAX_SHARED", 2)
    names = ("hmac", "rsa", "ed25519")
    sources = [
        source("spot", name, keys)
        for name, keys in zip(names, (HMAC, BY_RSA, BY_ED25519), strict=True)
    ]
    async with feeding(exchange, time, sources) as (_, reported):
        for name in names:
            await reported.covered(alias=name)

        assert len(exchange.ws_api.clients) == 2


# What cannot be


@pytest.mark.parametrize(
    ("product", "options", "text"),
    [
        ("usdm", {"method": "signature"}, "usdm is subscribed by listen-key"),
        ("spot", {"method": "listen-key"}, "spot is subscribed by signature or session-logon"),
    ],
)
async def test_a_source_that_cannot_be_is_refused(
    exchange: Exchange, time: MovedTime, product: Any, options: Any, text: str
) -> None:
    async with signed_rest(exchange, time) as rest:
        context = FeedContext(exchange.bases, rest)
        with pytest.raises(Refused, match=text):
            AccountFeed([source(product, **options)], print, context)
