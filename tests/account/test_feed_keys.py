"""Feeds of accounts against the lab: keys that are rejected, changed, revoked, never shown."""

from dataclasses import replace
from typing import Any

import pytest

from connector.binance.signing import Credentials
from connector.errors import Refused
from connector.lab.exchange import Exchange
from tests.support.account_exchange import MovedTime, add_account
from tests.support.account_feed import ALL, BY_KEY, STILL, STRANGER, feeding, happen, source
from tests.support.keys import API_KEY, BY_ED25519, ED25519_API_KEY, HMAC, lab_keys
from tests.support.waiting import until

pytestmark = pytest.mark.lab


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
