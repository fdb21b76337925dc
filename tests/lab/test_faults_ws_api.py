"""Faults of the WS API, as a schedule begins them, seen by our client."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from connector.binance.api_errors import BackOff, ReplaceKey
from connector.errors import Retry
from connector.lab.account.session import LabToken
from connector.lab.clock import Clock
from connector.lab.exchange import Exchange
from connector.lab.faults import schedule
from connector.lab.market import Market
from connector.transport.wsapi import WsApi
from connector.transport.wsapi_session import UserSubscription, WsApiItem
from tests.support.keys import HMAC, lab_keys
from tests.support.waiting import GIVE_UP_S, in_time, until
from tests.support.ws_api import still

pytestmark = pytest.mark.lab
FAR_OFF_MS = 4_000_000_000_000


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    running = Exchange(Market(1), clock=Clock(still))
    running.ws_api.keys = lab_keys()
    await running.start()
    yield running
    await running.stop()


def begin(exchange: Exchange, text: str) -> asyncio.Task[None]:
    return exchange.begin(schedule.parse(f"{text}@0s").fault)  # type: ignore[arg-type]


async def test_the_exchange_says_where_its_ws_api_is(exchange: Exchange) -> None:
    paths = {product: urlsplit(base.ws_api).path for product, base in exchange.bases.items()}

    assert paths == {
        "spot": "/ws-api/v3",
        "usdm": "/ws-fapi/v1",
        "coinm": "/ws-dapi/v1",
        "options": "",
    }


async def test_weight_is_shared_with_rest(exchange: Exchange) -> None:
    async with WsApi(exchange.bases["spot"].ws_api) as api:
        await api.call("ping")

        assert exchange.rest.meters["spot"].used == 2 + 1 + 1


async def test_connections_are_reset(exchange: Exchange) -> None:
    items: list[WsApiItem] = []
    async with WsApi(exchange.bases["spot"].ws_api, receive=items.append) as api:
        await in_time(begin(exchange, "api-drop"))
        await until(lambda: items)
        assert await api.call("ping") == {}


async def test_calls_are_not_answered_for_a_while(exchange: Exchange) -> None:
    async with WsApi(exchange.bases["spot"].ws_api) as api:
        fault = begin(exchange, "api-silent:3600s")
        await until(lambda: exchange.ws_api.silent)
        api._caller.timeout_s = 0.05
        with pytest.raises(Retry, match="no answer"):
            await api.call("ping")
        api._caller.timeout_s = GIVE_UP_S
        fault.cancel()
        await until(lambda: not exchange.ws_api.silent)
        assert await api.call("ping") == {}


async def test_calls_are_refused_with_the_moment_to_come_back(exchange: Exchange) -> None:
    async with WsApi(exchange.bases["spot"].ws_api) as api:
        fault = begin(exchange, "api-refuse:429,1,90s")
        await until(lambda: exchange.ws_api.refusals)
        with pytest.raises(BackOff) as caught:
            await api.call("ping")
        assert caught.value.after_s == 90.0
        await in_time(fault)


@pytest.mark.parametrize("status", [418, 429])
async def test_a_ban_refuses_calls_and_handshakes_until_its_end(
    exchange: Exchange, status: int
) -> None:
    url = exchange.bases["spot"].ws_api
    async with WsApi(url) as api:
        fault = begin(exchange, f"api-ban:3600,{status}")
        await until(lambda: exchange.ws_api.ban[0] == status)
        with pytest.raises(BackOff) as caught:
            await api.call("ping")
        assert caught.value.after_s == 3600.0
        with pytest.raises(BackOff) as caught:
            await WsApi(url).start()
        assert caught.value.after_s == 3600.0
        assert exchange.ws_api.banned_calls == 2

        with pytest.raises(Retry):  # obeyed: it is not asked again
            await api.call("ping")
        assert exchange.ws_api.banned_calls == 2
        fault.cancel()
        await asyncio.gather(fault, return_exceptions=True)
    async with WsApi(url) as api:
        assert await api.call("ping") == {}


async def test_keys_are_revoked_for_a_while(exchange: Exchange) -> None:
    async with WsApi(exchange.bases["spot"].ws_api, keys=lambda: HMAC) as api:
        fault = begin(exchange, "api-revoke:3600s")
        await until(lambda: not exchange.ws_api.keys)
        with pytest.raises(ReplaceKey):
            await api.call("account.status")
        fault.cancel()
        await until(lambda: exchange.ws_api.keys)
        await api.call("account.status")


async def test_tokens_expire(exchange: Exchange) -> None:
    items: list[WsApiItem] = []
    exchange.ws_api.tokens["t1"] = LabToken("margin", FAR_OFF_MS)
    by_token = UserSubscription("userDataStream.subscribe.listenToken", "m", {"listenToken": "t1"})
    async with WsApi(exchange.bases["spot"].ws_api, receive=items.append) as api:
        await api.subscribe(by_token)
        await in_time(begin(exchange, "api-expire"))
        await until(lambda: api.subscriptions == [])


async def test_the_end_is_announced(exchange: Exchange) -> None:
    items: list[WsApiItem] = []
    async with WsApi(exchange.bases["spot"].ws_api, receive=items.append) as api:
        fault = begin(exchange, "api-shutdown:0.1s")
        await in_time(api.shutting_down.wait())
        await in_time(fault)
        await until(lambda: len(items) == 2)

    assert [type(item).__name__ for item in items] == ["UserEvent", "ConnectionLost"]
