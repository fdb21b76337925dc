"""REST calls of accounts against the lab: signatures, listenKeys, clock, weights, secrets."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from connector.binance.api_errors import BackOff, NewListenKey, ReplaceKey, SyncClock
from connector.binance.products import ENVIRONMENTS, Bases
from connector.binance.rest_calls import family_of
from connector.binance.signing import Credentials, ParamValue, hmac_signer
from connector.errors import Refused, Retry
from connector.lab.exchange import Exchange
from connector.lab.rest import Call, Next
from connector.transport.signed_rest import SignedRest, base_of
from tests.support.account_exchange import (
    MovedTime,
    account_exchange,
    add_account,
    signed_rest,
)
from tests.support.keys import API_KEY, BY_ED25519, BY_RSA, HMAC

pytestmark = pytest.mark.lab
KEY_PATH = "/fapi/v1/listenKey"


@pytest.fixture
def time() -> MovedTime:
    return MovedTime()


@pytest.fixture
async def exchange(time: MovedTime) -> AsyncIterator[Exchange]:
    async with account_exchange(time) as running:
        yield running


@pytest.fixture
async def rest(exchange: Exchange, time: MovedTime) -> AsyncIterator[SignedRest]:
    async with signed_rest(exchange, time) as client:
        yield client


async def make_key(rest: SignedRest, credentials: Credentials = HMAC) -> str:
    body = await rest.call(KEY_PATH, {}, 1, lambda: credentials, method="POST", security="key")
    return str(json.loads(body)["listenKey"])


@pytest.mark.parametrize("credentials", [HMAC, BY_RSA, BY_ED25519], ids=["hmac", "rsa", "ed25519"])
async def test_a_query_is_signed_with_every_kind_of_key(
    exchange: Exchange, rest: SignedRest, credentials: Credentials
) -> None:
    for product, name in (("spot", "hmac"), ("usdm", "hmac"), ("coinm", "hmac")):
        add_account(exchange, product, name)  # type: ignore[arg-type] # three of them
    for path in ("/api/v3/account", "/fapi/v3/balance", "/dapi/v1/balance"):
        assert json.loads(await rest.call(path, {}, 5, lambda: credentials)) is not None


async def test_parameters_are_signed_as_they_are_sent(exchange: Exchange, rest: SignedRest) -> None:
    add_account(exchange, "spot")
    params: dict[str, ParamValue] = {"symbol": "币安人生USDT", "limit": 10, "left_out": None}

    assert json.loads(await rest.call("/api/v3/myTrades", params, 20, lambda: HMAC)) == []
    assert exchange.rest.asked[-1].query["symbol"] == "币安人生USDT"
    assert "left_out" not in exchange.rest.asked[-1].query


async def test_a_listen_key_is_made_once_and_kept_with_the_key_alone(
    exchange: Exchange, rest: SignedRest
) -> None:
    made = await make_key(rest)
    body = await rest.call(KEY_PATH, {}, 1, lambda: HMAC, method="PUT", security="key")

    assert await make_key(rest) == json.loads(body)["listenKey"] == made
    assert exchange.rest.asked[-1].query == {}


async def test_a_listen_key_that_is_gone_is_to_be_made_anew(rest: SignedRest) -> None:
    with pytest.raises(NewListenKey, match=r"fapi/v1/listenKey: HTTP 400: -1125"):
        await rest.call(KEY_PATH, {}, 1, lambda: HMAC, method="PUT", security="key")


async def test_a_rejected_key_and_a_wrong_secret_are_keys_to_replace(rest: SignedRest) -> None:
    stranger = Credentials("k" * 64, HMAC.signer)
    wrong = Credentials(API_KEY, hmac_signer("another"))
    for credentials, code in ((stranger, "-2015"), (wrong, "-1022")):
        with pytest.raises(ReplaceKey, match=code) as caught:
            await rest.call("/api/v3/account", {}, 20, lambda used=credentials: used)  # type: ignore[misc]
        assert credentials.api_key not in str(caught.value)


async def test_a_clock_that_is_off_is_measured_and_the_call_made_again(
    exchange: Exchange, time: MovedTime
) -> None:
    rest = SignedRest(exchange.bases, clock=lambda: time.seconds - 60)
    await rest.start()
    assert json.loads(await rest.call("/fapi/v3/balance", {}, 5, lambda: HMAC)) == []
    paths = [call.path for call in exchange.rest.asked]
    await rest.call("/fapi/v3/balance", {}, 5, lambda: HMAC)
    await rest.close()

    assert paths == ["/fapi/v3/balance", "/fapi/v1/time", "/fapi/v3/balance"]
    assert rest.exchange_clock.offset_ms("usdm") == 60_000
    assert len(exchange.rest.asked) == 4


async def test_a_time_that_stays_refused_is_raised_after_one_more_call(
    exchange: Exchange, rest: SignedRest
) -> None:
    async def refuse(call: Call, answer: Next) -> web.Response:
        if call.path.endswith("time"):
            return await answer(call)
        return web.json_response({"code": -1021, "msg": "outside of the recvWindow"}, status=400)

    exchange.rest.interceptors.append(refuse)
    with pytest.raises(SyncClock):
        await rest.call("/fapi/v3/balance", {}, 5, lambda: HMAC)
    assert [call.path for call in exchange.rest.asked].count("/fapi/v3/balance") == 2


async def test_a_ban_of_one_family_leaves_the_others(exchange: Exchange, rest: SignedRest) -> None:
    exchange.rest.refuse(418, 77, path="/fapi/")
    with pytest.raises(BackOff) as caught:
        await rest.call("/fapi/v3/balance", {}, 5, lambda: HMAC)
    with pytest.raises(Retry, match="refuses calls"):
        await rest.call("/dapi/v1/balance", {}, 1, lambda: HMAC)

    assert caught.value.after_s == 77.0
    assert await rest.call("/api/v3/account", {}, 20, lambda: HMAC)
    assert [call.path for call in exchange.rest.asked] == ["/fapi/v3/balance", "/api/v3/account"]


async def test_weight_is_counted_in_the_pool_of_the_path(rest: SignedRest) -> None:
    await rest.call("/api/v3/account", {}, 20, lambda: HMAC)
    await rest.call("/sapi/v1/margin/account", {}, 10, lambda: HMAC)
    used = {name: pool.used for name, pool in rest.pools.items()}

    assert used["spot"] == 20
    assert used["sapi"] == 10
    assert used["futures"] == 0


async def test_what_a_refusal_repeats_of_the_call_is_not_shown(
    exchange: Exchange, rest: SignedRest
) -> None:
    listen_key = await make_key(rest)

    async def repeat(call: Call, _answer: Next) -> web.Response:
        text = f"bad {call.query.get('listenKey')} {call.query.get('signature')} {API_KEY}"
        return web.json_response({"code": -1130, "msg": text}, status=400)

    exchange.rest.interceptors.append(repeat)
    for path, security in (("/sapi/v1/margin/account", "signed"), (KEY_PATH, "key")):
        method = "GET" if security == "signed" else "PUT"
        with pytest.raises(Refused) as caught:
            await rest.call(
                path,
                {"listenKey": listen_key},
                1,
                lambda: HMAC,
                method=method,  # type: ignore[arg-type] # one of the two
                security=security,  # type: ignore[arg-type]
            )
        asked = exchange.rest.asked[-1].query
        for secret in (listen_key, API_KEY, asked.get("signature", API_KEY)):
            assert secret not in f"{caught.value!r} {caught.value.__cause__!r}"
        assert str(caught.value).count("***") >= 2


async def test_a_product_without_an_address_is_refused_with_the_cure() -> None:
    with pytest.raises(Refused, match=r"set exchange\.usdm\.rest"):
        await SignedRest({}).call("/papi/v1/balance", {}, 20, lambda: HMAC)


@pytest.mark.parametrize(
    ("bases", "host"),
    [
        (ENVIRONMENTS["production"]["usdm"], "https://papi.binance.com"),
        (Bases((), "http://127.0.0.1:1"), "http://127.0.0.1:1"),
    ],
)
def test_portfolio_margin_has_a_host_of_its_own_in_production(bases: Bases, host: str) -> None:
    assert base_of({"usdm": bases}, family_of("/papi/v1/balance")) == host
