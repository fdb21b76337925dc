"""What a doctor finds of API keys and clocks, against the simulated exchange."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from connector.diagnostics.doctor.api_key import check_api_key
from connector.diagnostics.doctor.clock import check_clock
from connector.lab.exchange import Exchange
from connector.lab.rest import Call, Next
from connector.transport.signed_rest import SignedRest
from tests.support.account_exchange import MovedTime, account_exchange, signed_rest
from tests.support.keys import API_KEY, HMAC

pytestmark = pytest.mark.lab


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with account_exchange(MovedTime()) as running:
        yield running


@pytest.fixture
async def rest(exchange: Exchange) -> AsyncIterator[SignedRest]:
    async with signed_rest(exchange, MovedTime()) as client:
        yield client


async def key_results(rest: SignedRest) -> dict[str, tuple[str, str]]:
    found = await check_api_key(rest, "desk-1", HMAC)
    assert not any(API_KEY in result.text + result.cure for result in found)
    return {result.check: (result.status, result.text) for result in found}


async def test_a_key_that_reads_from_listed_addresses_is_well(rest: SignedRest) -> None:
    assert await key_results(rest) == {
        "keys.desk-1.rights": ("ok", "the key may read alone"),
        "keys.desk-1.addresses": ("ok", "the key is taken from listed IP addresses alone"),
    }


@pytest.mark.parametrize(
    ("given", "status", "text"),
    [
        ({"enableWithdrawals": True}, "warn", "the key may withdraw"),
        (
            {"enableFutures": True, "enableSpotAndMarginTrading": True},
            "warn",
            "the key may trade on spot and margin, trade futures",
        ),
        (
            {"enableTeleport": True},
            "warn",
            "the key has rights that this version does not know: enableTeleport",
        ),
        (
            {"enableReading": False},
            "fail",
            "the key may not read: no account can be followed with it",
        ),
    ],
)
async def test_a_right_beyond_reading_is_named(
    exchange: Exchange, rest: SignedRest, given: dict[str, bool], status: str, text: str
) -> None:
    exchange.accounts.restrictions[API_KEY] = given

    assert (await key_results(rest))["keys.desk-1.rights"] == (status, text)


async def test_a_key_that_every_address_may_use_is_warned_of(
    exchange: Exchange, rest: SignedRest
) -> None:
    exchange.accounts.restrictions[API_KEY] = {"ipRestrict": False}

    status, text = (await key_results(rest))["keys.desk-1.addresses"]

    assert (status, text.partition(":")[0]) == (
        "warn",
        "the key is taken from every IP address",
    )


async def test_a_rejected_key_fails(exchange: Exchange, rest: SignedRest) -> None:
    exchange.ws_api.revoke(API_KEY)

    status, text = (await key_results(rest))["keys.desk-1.rights"]

    assert (status, "-2015" in text) == ("fail", True)


async def test_an_exchange_that_does_not_tell_rights_proves_nothing(
    exchange: Exchange, rest: SignedRest
) -> None:
    async def no_such_path(_call: Call, _answer: Next) -> web.Response:
        return web.Response(status=404, text="<html>no such page</html>", content_type="text/html")

    exchange.rest.interceptors.append(no_such_path)

    [result] = await check_api_key(rest, "desk-1", HMAC)

    assert (result.status, result.unreachable) == ("cannot tell", False)
    assert "the testnets and demo do not say" in result.text


async def test_an_exchange_that_is_away_proves_nothing(
    exchange: Exchange, rest: SignedRest
) -> None:
    await exchange.stop()

    [key] = await check_api_key(rest, "desk-1", HMAC)
    [clock] = await check_clock(rest.exchange_clock, ["spot"])

    assert (key.status, key.unreachable) == ("cannot tell", True)
    assert (clock.status, clock.unreachable) == ("cannot tell", True)


@pytest.mark.parametrize(("ahead_s", "status"), [(0.9, "ok"), (-30.0, "warn"), (30.0, "warn")])
async def test_a_clock_that_is_off_is_warned_of(
    exchange: Exchange, ahead_s: float, status: str
) -> None:
    ours = MovedTime()
    ours.seconds -= ahead_s
    async with signed_rest(exchange, ours) as client:
        [result] = await check_clock(client.exchange_clock, ["usdm"])

    assert (result.check, result.status) == ("exchange.clock.usdm", status)
    assert f"{ahead_s * 1000:.0f} ms" in result.text
