"""Feeds of accounts against the lab: what is reported, whatever happens to their paths."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from connector.account.feed import AccountFeed
from connector.account.feed_context import FeedContext
from connector.account.feed_items import AccountEvent, Covered
from connector.binance.private_streams import PRIVATE_STREAMS, UrlForm
from connector.binance.signing import Credentials, hmac_signer
from connector.errors import Refused
from connector.lab.account.listen_keys import LIFE_MS
from connector.lab.account.private_urls import PRIVATE_PATH, TESTNET_FORMS
from connector.lab.account.session import ApiSession
from connector.lab.exchange import Exchange
from connector.lab.faults import Drop, RefuseHandshake, ServerShutdown, Stall
from connector.lab.faults.account import KeyExpire
from connector.lab.rest import Call, Next
from connector.lab.rest.query import Complaint
from tests.support.account_exchange import MovedTime, account_exchange, add_account, signed_rest
from tests.support.account_feed import STILL, feeding, happen, source
from tests.support.keys import API_KEY, BY_ED25519, BY_RSA, ED25519_API_KEY, HMAC, lab_keys
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab
STRANGER = Credentials("k" * 64, hmac_signer("unknown"))
ALL = tuple(PRIVATE_STREAMS)
BY_KEY = tuple(product for product in ALL if PRIVATE_STREAMS[product].key_path)


@pytest.fixture
def time() -> MovedTime:
    return MovedTime()


@pytest.fixture
async def exchange(time: MovedTime) -> AsyncIterator[Exchange]:
    async with account_exchange(time) as running:
        yield running


def paths(exchange: Exchange, part: str) -> list[str]:
    return [call.path for call in exchange.rest.asked if part in call.path]


def asked(exchange: Exchange) -> list[str]:
    """Return the methods that the present connections to the WS API have asked for."""
    return [method for client in exchange.ws_api.clients for method, _ in client.asked]


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


async def test_isolated_margin_is_covered_when_every_account_of_it_is(
    exchange: Exchange, time: MovedTime
) -> None:
    isolated = source("margin", isolated_symbols=("BTCUSDT", "ETHUSDT"))
    async with feeding(exchange, time, [isolated]) as (_, reported):
        await reported.covered()
        calls = [call for call in exchange.rest.asked if "userListenToken" in call.path]

        assert [call.query.get("symbol") for call in calls] == [None, "BTCUSDT", "ETHUSDT"]
        assert asked(exchange).count("userDataStream.subscribe.listenToken") == 3
        assert reported.kinds() == ["Covered"]


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


# Breaks


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


# Keys


@pytest.mark.parametrize("product", ALL)
async def test_a_rejected_key_is_refused_until_its_file_changes(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    present = [STRANGER]
    changing = source(product, keys=HMAC)
    changing = replace(changing, keys=lambda: present[0])
    async with feeding(exchange, time, [changing]) as (_, reported):
        await until(lambda: reported.refusals)
        assert "-2015" in reported.refusals[0]
        present[0] = HMAC
        await reported.covered()

        assert reported.kinds() == ["AccountRefused", "Covered"]
        assert STRANGER.api_key not in repr(reported.items)


async def test_a_refused_account_leaves_its_neighbours_covered(
    exchange: Exchange, time: MovedTime
) -> None:
    account = add_account(exchange, "spot")
    sources = [source("spot", "bad", STRANGER), source("spot"), source("usdm", "bad", STRANGER)]
    async with feeding(exchange, time, sources) as (_, reported):
        await reported.covered()
        await until(lambda: reported.kinds("bad") == ["AccountRefused"] * 2)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)


async def test_a_key_file_that_cannot_be_read_is_refused_until_it_can(
    exchange: Exchange, time: MovedTime
) -> None:
    present: list[Credentials] = []

    def keys() -> Credentials:
        if not present:
            raise Refused("/etc/bkc/api-key: cannot read the key file: No such file")
        return present[0]

    sources = [replace(source(product), keys=keys) for product in ("spot", "usdm")]
    async with feeding(exchange, time, sources) as (_, reported):
        await until(lambda: len(reported.refusals) == 2)
        present.append(HMAC)
        await reported.covered(2)

        assert all("cannot read the key file" in cause for cause in reported.refusals)


async def test_a_revoked_session_is_reported_and_comes_back_with_another_key(
    exchange: Exchange, time: MovedTime
) -> None:
    present = [BY_ED25519]
    logging_on = replace(source("spot", method="session-logon"), keys=lambda: present[0])
    other = Credentials("f" * 64, BY_ED25519.signer)
    async with feeding(exchange, time, [logging_on]) as (_, reported):
        await reported.covered()
        exchange.ws_api.revoke(ED25519_API_KEY)
        await until(lambda: reported.refusals)
        known = lab_keys()[ED25519_API_KEY]
        exchange.ws_api.keys[other.api_key] = replace(known, api_key=other.api_key)
        present[0] = other
        await reported.covered(2)

        assert reported.kinds() == ["Covered", "revoked", "AccountRefused", "Covered"]


async def test_a_revoked_key_is_found_when_the_listen_key_is_extended(
    exchange: Exchange, time: MovedTime
) -> None:
    timings = replace(STILL, keep_alive_s=0.02)
    async with feeding(exchange, time, [source("usdm")], timings) as (_, reported):
        await reported.covered()
        exchange.ws_api.revoke(API_KEY)
        await until(lambda: reported.refusals)

        assert reported.kinds() == ["Covered", "revoked", "AccountRefused"]
        assert exchange.delivery.clients("usdm") == []


# Hand-overs, bans, and what cannot be reached


@pytest.mark.parametrize("product", ALL)
async def test_a_connection_that_grows_old_is_replaced_without_a_break(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    account = add_account(exchange, product)
    timings = replace(STILL, life_s=0.3)
    async with feeding(exchange, time, [source(product)], timings) as (_, reported):
        await reported.covered()
        first = _connections(exchange)
        await until(lambda: _connections(exchange) and not first & _connections(exchange))
        sent = happen(exchange, account)
        await until(lambda: sent[-1] in reported.events())

        assert "connection_lost" not in reported.kinds()
        assert reported.kinds().count("Covered") == 1


def _connections(exchange: Exchange) -> set[int]:
    api = {id(client.socket) for client in exchange.ws_api.clients}
    return api | {id(session.socket) for session in exchange.delivery.clients()}


@pytest.mark.parametrize("product", ALL)
async def test_an_announced_end_is_forestalled(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    account = add_account(exchange, product)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        first = _connections(exchange)
        ending = [
            asyncio.create_task(exchange.ws_api.shut_down(3_600.0)),
            asyncio.create_task(ServerShutdown(3_600.0).strike(exchange)),
        ]
        await until(lambda: _connections(exchange) and not first & _connections(exchange))
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)
        for task in ending:
            task.cancel()

        assert set(reported.kinds()) == {"Covered", "AccountEvent"}


@pytest.mark.parametrize("product", ALL)
async def test_an_announced_end_that_comes_at_once_is_named(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    add_account(exchange, product)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        refusing = asyncio.create_task(RefuseHandshake(502, 1).strike(exchange))
        await asyncio.sleep(0)
        await exchange.ws_api.shut_down(0.0)
        await ServerShutdown(0.0).strike(exchange)
        await reported.covered(2)
        await in_time(refusing)

        assert reported.kinds() == ["Covered", "server_shutdown", "Covered"]


@pytest.mark.parametrize("product", ALL)
async def test_a_refused_handshake_is_tried_again(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    refusing = asyncio.create_task(RefuseHandshake(502, 2).strike(exchange))
    await asyncio.sleep(0)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        await in_time(refusing)

        assert reported.kinds() == ["Covered"]


async def test_a_ban_is_waited_for_and_nothing_is_asked_meanwhile(
    exchange: Exchange, time: MovedTime
) -> None:
    exchange.ws_api.refusals = [(418, 30.0)]
    exchange.rest.refuse(418, 30.0, path="/fapi/")
    async with feeding(exchange, time, [source("spot"), source("usdm")]) as (_, reported):
        await until(lambda: not exchange.ws_api.refusals and paths(exchange, "/fapi/"))

        assert reported.items == []
        assert len(paths(exchange, "/fapi/")) == 1


async def test_a_short_ban_costs_no_more_than_its_time(exchange: Exchange, time: MovedTime) -> None:
    exchange.ws_api.refusals = [(418, 1.0)]
    exchange.rest.refuse(418, 1.0, path="/fapi/")
    async with feeding(exchange, time, [source("spot"), source("usdm")]) as (feed, reported):
        pools = feed._context.rest.pools
        await until(lambda: pools["spot"].banned_until and pools["futures"].banned_until)
        time.seconds += 2  # the pools count by it
        await reported.covered(2)


async def test_a_half_open_connection_is_replaced(
    exchange: Exchange, time: MovedTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = add_account(exchange, "usdm")
    monkeypatch.setattr("connector.transport.frame_reader.PING_INTERVAL_S", 0.01)
    async with feeding(exchange, time, [source("usdm")]) as (_, reported):
        await reported.covered()
        stalled = asyncio.create_task(Stall(3_600.0, "usdm").strike(exchange))
        monkeypatch.setattr("connector.transport.frame_reader.PONG_WITHIN_S", 0.2)
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)
        stalled.cancel()

        assert reported.kinds()[:3] == ["Covered", "connection_lost", "Covered"]
        assert "no pong" in reported.interruptions[0].detail


async def test_no_secret_is_in_what_is_reported_logged_or_shown(
    exchange: Exchange, time: MovedTime, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [source(product) for product in ALL]
    timings = replace(STILL, keep_alive_s=0.02, compare_s=0.02)
    made = exchange.ws_api.listen_keys
    async with feeding(exchange, time, sources, timings) as (feed, reported):
        await reported.covered(len(ALL))
        keys = {made.find(product, "hmac", 0) for product in BY_KEY} - {None}
        secrets = [API_KEY, *exchange.ws_api.tokens, *(key.text for key in keys if key)]
        made.end_all()
        made.take_ended(exchange.clock.now_ms())
        exchange.ws_api.revoke(API_KEY)
        await exchange.ws_api.drop()
        await until(lambda: len(reported.refusals) == len(ALL) - 1)  # margin's token lives on
        shown = repr(reported.items) + repr(feed.statuses) + repr(sources)
    out = capsys.readouterr()

    assert len(secrets) == len(BY_KEY) + 1  # portfolio margin pro has the key of USD-M
    for secret in secrets:
        assert secret not in shown + out.out + out.err


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


async def test_many_accounts_take_more_than_one_connection(
    exchange: Exchange, time: MovedTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.account.feed.MAX_PARTS", 2)
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
        ("margin", {"cross": False}, "margin names nothing to subscribe"),
    ],
)
async def test_a_source_that_cannot_be_is_refused(
    exchange: Exchange, time: MovedTime, product: Any, options: Any, text: str
) -> None:
    async with signed_rest(exchange, time) as rest:
        context = FeedContext(exchange.bases, rest)
        with pytest.raises(Refused, match=text):
            AccountFeed([source(product, **options)], print, context)
