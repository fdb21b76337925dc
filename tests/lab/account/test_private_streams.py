"""Scripted accounts on sockets: private streams, signed queries, listenKeys, tokens, faults."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect

from connector.binance import signing
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.ledger import LabProduct
from connector.lab.account.listen_keys import LIFE_MS
from connector.lab.account.private_urls import TESTNET_FORMS
from connector.lab.account.risk_account import RiskAccount
from connector.lab.account.script import AccountScript, scripted_accounts
from connector.lab.account.spot_account import SpotAccount
from connector.lab.clock import Clock
from connector.lab.exchange import Exchange
from connector.lab.faults import schedule
from connector.lab.market import Market
from tests.support.keys import API_KEY, BY_RSA, HMAC, lab_keys
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab
NOW_S = 1_795_000_020.0
NOW_MS = int(NOW_S * 1000)
HEADER = {"X-MBX-APIKEY": API_KEY}
LOT, PRICE = Decimal("0.1"), Decimal(50_000)


class Time:
    """The exchange's time, moved by the test."""

    seconds = NOW_S

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def exchange(time: Time) -> AsyncIterator[Exchange]:
    running = Exchange(Market(1), clock=Clock(time))
    running.ws_api.keys = lab_keys()
    await running.start()
    yield running
    await running.stop()


def spot(exchange: Exchange, product: LabProduct = "spot") -> SpotAccount:
    account = SpotAccount("hmac", 1, {"BTC": Decimal(5)}, exchange.clock, product)
    exchange.accounts.add(account)
    return account


def futures(exchange: Exchange, product: LabProduct = "usdm") -> FuturesAccount:
    account = FuturesAccount("hmac", 1, {"USDT": Decimal(5_000)}, exchange.clock, product)
    exchange.accounts.add(account)
    return account


async def call(
    exchange: Exchange, path: str, method: str = "GET", headers: Any = None, **query: Any
) -> tuple[int, Any]:
    """Return status and body of a call without a signature."""
    url = exchange.rest.url + path
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, params=query, headers=headers or HEADER) as answer,
    ):
        return answer.status, await answer.json()


async def query(
    exchange: Exchange, path: str, credentials: signing.Credentials = HMAC, **params: Any
) -> tuple[int, Any]:
    """Return status and body of a signed call."""
    text = signing.signed_query(params, credentials, exchange.clock.now_ms())
    headers = {"X-MBX-APIKEY": credentials.api_key}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{exchange.rest.url}{path}?{text}", headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def listen_key(exchange: Exchange, path: str = "/fapi/v1/listenKey") -> str:
    _, body = await call(exchange, path, "POST")
    return str(body["listenKey"])


@contextlib.asynccontextmanager
async def opened(
    exchange: Exchange, target: str, product: LabProduct = "usdm"
) -> AsyncIterator[ClientConnection]:
    base = exchange.bases[product].streams[0]  # type: ignore[index] # usdm or coinm
    async with connect(base + target, proxy=None) as socket:
        yield socket


async def read(socket: ClientConnection) -> Any:
    return json.loads(await in_time(socket.recv()))


async def silent(socket: ClientConnection) -> bool:
    """Return whether nothing came: what was sent before is read before a pong."""
    await in_time(await socket.ping())
    try:
        async with asyncio.timeout(0):
            await socket.recv()
    except TimeoutError:
        return True
    return False


async def subscribed(exchange: Exchange, socket: ClientConnection) -> Any:
    params = dict(signing.signed({}, HMAC, exchange.clock.now_ms()))
    request = {"id": 1, "method": "userDataStream.subscribe.signature", "params": params}
    await socket.send(json.dumps(request))
    return (await read(socket))["result"]


def begin(exchange: Exchange, text: str) -> asyncio.Task[None]:
    return exchange.begin(schedule.parse(f"{text}@0s").fault)  # type: ignore[arg-type]


async def test_spot_events_come_on_the_subscription(exchange: Exchange) -> None:
    account = spot(exchange)
    for _ in range(2):  # ids begin again on each connection
        async with connect(exchange.ws_api.url("spot"), proxy=None) as socket:
            assert await subscribed(exchange, socket) == {"subscriptionId": 0}
            events = account.place("BTCUSDT", "SELL", LOT, PRICE)
            exchange.accounts.publish(account, events)
            wrapped = [{"subscriptionId": 0, "event": event} for event in events]
            assert [await read(socket), await read(socket)] == wrapped


async def test_margin_events_come_to_the_listen_tokens_subscription(exchange: Exchange) -> None:
    account = spot(exchange, "margin")
    status, token = await call(exchange, "/sapi/v1/userListenToken", "POST", validity=1_000)
    assert (status, token["expirationTime"]) == (200, NOW_MS + 1_000)
    async with connect(exchange.ws_api.url("spot"), proxy=None) as socket:
        params = {"listenToken": token["token"]}
        method = "userDataStream.subscribe.listenToken"
        await socket.send(json.dumps({"id": 1, "method": method, "params": params}))
        assert (await read(socket))["status"] == 200
        events = account.place("BTCUSDT", "SELL", LOT, PRICE)
        exchange.accounts.publish(account, events)
        assert (await read(socket))["event"] == events[0]
    assert exchange.rest.account_meters["/sapi/"].used == 1


async def test_a_token_of_an_isolated_symbol_brings_its_events_alone(exchange: Exchange) -> None:
    cross = spot(exchange, "margin")
    balances = {"BTC": Decimal(5)}
    isolated = SpotAccount("hmac", 1, balances, exchange.clock, "margin", "BTCUSDT")
    exchange.accounts.add(isolated)
    path = "/sapi/v1/userListenToken"
    asked: dict[str, Any] = {"isIsolated": "TRUE", "symbol": "BTCUSDT"}
    _, token = await call(exchange, path, "POST", **asked)
    assert (await call(exchange, path, "POST", isIsolated="TRUE"))[1]["code"] == -1102
    async with connect(exchange.ws_api.url("spot"), proxy=None) as socket:
        params = {"listenToken": token["token"]}
        method = "userDataStream.subscribe.listenToken"
        await socket.send(json.dumps({"id": 1, "method": method, "params": params}))
        assert (await read(socket))["status"] == 200
        exchange.accounts.publish(cross, cross.transfer("BTC", LOT))
        events = isolated.place("BTCUSDT", "SELL", LOT, PRICE)
        exchange.accounts.publish(isolated, events)
        assert (await read(socket))["event"] == events[0]
    _, rows = await query(exchange, "/sapi/v1/margin/openOrders", **asked)
    assert [(row["orderId"], row["isIsolated"]) for row in rows] == [(isolated.last_order_id, True)]
    assert await query(exchange, "/sapi/v1/margin/openOrders", symbol="BTCUSDT") == (200, [])
    _, body = await query(exchange, "/sapi/v1/margin/isolated/account", symbols="BTCUSDT")
    assert body["assets"][0]["baseAsset"]["locked"] == "0.10000000"


# Product, path of its listenKey, host, a URL that delivers.
KEYED: list[tuple[LabProduct, str, LabProduct, str]] = [
    ("options", "/eapi/v1/listenKey", "options", "/private/ws/{}"),
    ("portfolio_margin", "/papi/v1/listenKey", "usdm", "/pm/ws/{}"),
    ("portfolio_margin_pro", "/fapi/v1/listenKey", "usdm", "/pm-classic/ws/{}"),
    ("margin_risk", "/sapi/v1/margin/listen-key", "spot", "/ws/{}"),
    ("margin_uta", "/sapi/v2/margin/listen-key", "usdm", "/private/ws/{}"),
]


@pytest.mark.parametrize(("product", "path", "host", "form"), KEYED, ids=str)
async def test_every_product_has_a_listen_key_and_a_stream(
    exchange: Exchange, product: LabProduct, path: str, host: LabProduct, form: str
) -> None:
    scripts = [
        script
        for script in scripted_accounts("hmac", 1, exchange.clock)
        if script.account.product == product
    ]
    for script in scripts:
        exchange.accounts.add(script.account)
    key = await listen_key(exchange, path)
    async with opened(exchange, form.format(key), host) as socket:
        for script in scripts:
            events = script.step()
            exchange.accounts.publish(script.account, events)
            assert [await read(socket) for _ in events] == events
        await in_time(begin(exchange, "key-expire"))
        assert (await read(socket))["e"] == "listenKeyExpired"
        exchange.accounts.publish(scripts[0].account, scripts[0].step())
        assert await silent(socket)


async def test_the_put_of_a_margin_key_names_it(exchange: Exchange) -> None:
    path = "/sapi/v1/margin/listen-key"
    key = await listen_key(exchange, path)
    assert (await call(exchange, path, "PUT"))[1]["code"] == -1102
    assert (await call(exchange, path, "PUT", listenKey="made-up"))[1]["code"] == -1125
    assert await call(exchange, path, "PUT", listenKey=key) == (200, {"listenKey": key})


async def test_portfolio_margin_has_queries_and_a_pool_of_weight(exchange: Exchange) -> None:
    um = FuturesAccount("hmac", 1, {"USDT": Decimal(9)}, exchange.clock, "portfolio_margin", "UM")
    exchange.accounts.add(um)
    um.place("BTCUSDT", "BUY", LOT, PRICE)
    status, rows = await query(exchange, "/papi/v1/balance")
    assert (status, rows[0]["umWalletBalance"]) == (200, "9.00000000")
    _, orders = await query(exchange, "/papi/v1/um/openOrders")
    assert [row["orderId"] for row in orders] == [um.last_order_id]
    assert await query(exchange, "/papi/v1/cm/openOrders", symbol="BTCUSD_PERP") == (200, [])
    assert exchange.rest.account_meters["/papi/"].used == 20 + 40 + 1
    missing = await query(exchange, "/papi/v1/um/order", symbol="BTCUSDT", orderId=1)
    assert missing == (400, {"code": -2013, "msg": "Order does not exist."})


async def test_a_listen_token_ends_its_subscription_in_time(exchange: Exchange, time: Time) -> None:
    account = spot(exchange, "margin")
    _, token = await call(exchange, "/sapi/v1/userListenToken", "POST", validity=1_000)
    async with connect(exchange.ws_api.url("spot"), proxy=None) as socket:
        params = {"listenToken": token["token"]}
        method = "userDataStream.subscribe.listenToken"
        await socket.send(json.dumps({"id": 1, "method": method, "params": params}))
        assert (await read(socket))["status"] == 200
        time.seconds += 1
        exchange.accounts.publish(account, account.transfer("BTC", LOT))
        assert (await read(socket))["event"]["e"] == "eventStreamTerminated"
        assert await silent(socket)


@pytest.mark.parametrize(
    ("form", "is_wrapped"),
    [
        ("/private/stream?streams={}", True),
        ("/private/ws/{}", False),
        ("/private/ws?listenKey={}", False),
        ("/private/ws?listenKey={}&events=ACCOUNT_UPDATE/ORDER_TRADE_UPDATE", False),
        ("/private/stream?listenKey={}&events=ACCOUNT_UPDATE", True),
    ],
)
async def test_a_form_that_delivers(exchange: Exchange, form: str, is_wrapped: bool) -> None:
    account, key = futures(exchange), await listen_key(exchange)
    async with opened(exchange, form.format(key)) as socket:
        events = account.transfer("USDT", Decimal(1))
        exchange.accounts.publish(account, events)
        expected = {"stream": key, "data": events[0]} if is_wrapped else events[0]
        assert await read(socket) == expected


@pytest.mark.parametrize(
    "form",
    [
        "/ws/{}",
        "/stream?streams={}",
        "/private/ws/made-up",
        "/private/ws?listenKey={}&events=ORDER_TRADE_UPDATE",
    ],
)
async def test_a_form_that_stays_silent(exchange: Exchange, form: str) -> None:
    account, key = futures(exchange), await listen_key(exchange)
    async with opened(exchange, form.format(key)) as socket:
        exchange.accounts.publish(account, account.transfer("USDT", Decimal(1)))
        assert await silent(socket)


async def test_forms_of_a_testnet_and_of_coinm(exchange: Exchange) -> None:
    exchange.accounts.forms["usdm"] = TESTNET_FORMS
    for product, path in (("usdm", "/fapi/v1/listenKey"), ("coinm", "/dapi/v1/listenKey")):
        account = futures(exchange, product)  # type: ignore[arg-type]
        key = await listen_key(exchange, path)
        async with opened(exchange, f"/ws/{key}", account.product) as socket:
            exchange.accounts.publish(account, account.transfer("USDT", Decimal(1)))
            assert (await read(socket))["e"] == "ACCOUNT_UPDATE"


async def test_a_listen_key_is_kept_extended_and_ended(exchange: Exchange, time: Time) -> None:
    path = "/fapi/v1/listenKey"
    assert await call(exchange, path, "PUT") == (
        400,
        {"code": -1125, "msg": "This listenKey does not exist."},
    )
    key = await listen_key(exchange)
    async with opened(exchange, f"/private/ws/{key}") as socket:
        time.seconds += LIFE_MS / 1000 - 1
        assert await call(exchange, path, "PUT") == (200, {"listenKey": key})
        time.seconds += LIFE_MS / 1000 - 1
        assert await listen_key(exchange) == key
        assert await call(exchange, path, "DELETE") == (200, {})
        expired = {"e": "listenKeyExpired", "E": exchange.clock.now_ms(), "listenKey": key}
        assert await read(socket) == expired
    assert (await call(exchange, path, "PUT"))[0] == 400
    assert await listen_key(exchange) != key


async def test_an_expired_key_says_so_once_and_is_silent(exchange: Exchange, time: Time) -> None:
    account, key = futures(exchange), await listen_key(exchange)
    async with opened(exchange, f"/private/ws/{key}") as socket:
        time.seconds += LIFE_MS / 1000
        exchange.accounts.publish(account, account.transfer("USDT", Decimal(1)))
        assert (await read(socket))["e"] == "listenKeyExpired"
        assert await silent(socket)


async def test_the_key_of_the_ws_api_is_that_of_rest(exchange: Exchange) -> None:
    async with connect(exchange.ws_api.url("usdm"), proxy=None) as socket:
        method = "userDataStream.start"
        await socket.send(json.dumps({"id": 1, "method": method, "params": {"apiKey": API_KEY}}))
        assert (await read(socket))["result"] == {"listenKey": await listen_key(exchange)}


async def test_signed_queries_answer_and_weigh(exchange: Exchange) -> None:
    account = spot(exchange)
    account.place("BTCUSDT", "SELL", LOT, PRICE)
    status, rows = await query(exchange, "/api/v3/openOrders", symbol="BTCUSDT")
    assert (status, [row["orderId"] for row in rows]) == (200, [account.last_order_id])
    assert exchange.rest.meters["spot"].used == 6
    assert await query(exchange, "/api/v3/openOrders", BY_RSA) == (200, [])
    assert exchange.rest.meters["spot"].used == 6 + 80


async def test_a_query_that_is_not_signed_well_is_refused(exchange: Exchange) -> None:
    path, time = "/fapi/v1/userTrades", str(NOW_MS)
    refused = [
        await call(exchange, path, headers={"X-MBX-APIKEY": "short"}),
        await call(exchange, path, headers={"X-MBX-APIKEY": "x" * 64}),
        await call(exchange, path, timestamp=str(NOW_MS - 5_001), signature="00"),
        await call(exchange, path, timestamp=time),
        await call(exchange, path, timestamp=time, signature="00" * 32),
        await query(exchange, path),
    ]
    codes = [(status, body["code"]) for status, body in refused]
    assert codes == [
        (401, -2014),
        (401, -2015),
        (400, -1021),
        (400, -1102),
        (400, -1022),
        (400, -1102),
    ]


async def test_the_ws_api_answers_the_same_rows_as_rest(exchange: Exchange) -> None:
    account = spot(exchange)
    account.place("BTCUSDT", "SELL", LOT)
    account.fill(account.last_order_id, (LOT, PRICE))
    async with connect(exchange.ws_api.url("spot"), proxy=None) as socket:
        params = dict(signing.signed({"symbol": "BTCUSDT", "fromId": 0}, HMAC, NOW_MS))
        await socket.send(json.dumps({"id": 1, "method": "myTrades", "params": params}))
        answered = (await read(socket))["result"]
    assert (200, answered) == await query(exchange, "/api/v3/myTrades", symbol="BTCUSDT", fromId=0)
    assert len(answered) == 1


async def test_events_are_repeated_and_reordered(exchange: Exchange) -> None:
    account, key = futures(exchange), await listen_key(exchange)
    account.place("BTCUSDT", "BUY", LOT)
    async with opened(exchange, f"/private/ws/{key}") as socket:
        repeating = begin(exchange, "account-repeat:1")
        await until(lambda: bool(exchange.accounts.changes))
        exchange.accounts.publish(account, account.transfer("USDT", Decimal(1)))
        assert await read(socket) == await read(socket)
        await in_time(repeating)
        reordering = begin(exchange, "account-reorder:1")
        await until(lambda: bool(exchange.accounts.changes))
        events = account.fill(account.last_order_id, (LOT, PRICE))
        exchange.accounts.publish(account, events)
        came = [await read(socket) for _ in events]
        assert came == [events[1], events[0], events[2]]
        await in_time(reordering)


async def test_an_event_has_a_twin_with_another_payload(exchange: Exchange) -> None:
    account, key = futures(exchange), await listen_key(exchange)
    async with opened(exchange, f"/private/ws/{key}") as socket:
        twinning = begin(exchange, "account-twin:1")
        await until(lambda: bool(exchange.accounts.changes))
        exchange.accounts.publish(account, account.transfer("USDT", Decimal(1)))
        await in_time(twinning)
        event, twin = await read(socket), await read(socket)

    assert twin == event | {"twin": 1}


async def test_an_event_is_cut_in_the_middle(exchange: Exchange) -> None:
    account, key = futures(exchange), await listen_key(exchange)
    async with opened(exchange, f"/private/ws/{key}") as socket:
        cutting = begin(exchange, "account-malformed:1")
        await until(lambda: exchange.accounts.cut == 1)
        [event] = account.transfer("USDT", Decimal(1))
        exchange.accounts.publish(account, [event, event])
        await in_time(cutting)
        whole = json.dumps(event, separators=(",", ":"))
        assert [await in_time(socket.recv()) for _ in range(2)] == [whole[: len(whole) // 2], whole]


async def test_a_query_lags_behind_the_stream_and_catches_up(exchange: Exchange) -> None:
    account = futures(exchange)
    lagging = begin(exchange, "query-behind:60")
    await until(lambda: account.frozen is not None)
    account.place("BTCUSDT", "BUY", LOT, PRICE)
    assert await query(exchange, "/fapi/v1/openOrders") == (200, [])
    lagging.cancel()
    await asyncio.gather(lagging, return_exceptions=True)
    assert len((await query(exchange, "/fapi/v1/openOrders"))[1]) == 1


async def test_the_second_page_of_fills_fails_once(exchange: Exchange) -> None:
    futures(exchange)
    failing = begin(exchange, "query-fail:userTrades,n=1,skip=1")
    await until(lambda: bool(exchange.accounts.failures))
    path = "/fapi/v1/userTrades"
    answers = [await query(exchange, path, symbol="BTCUSDT", fromId=0) for _ in range(3)]
    assert [status for status, _ in answers] == [200, 503, 200]
    assert answers[1][1]["code"] == -1008
    await in_time(failing)


async def test_a_fault_ends_every_key(exchange: Exchange) -> None:
    key = await listen_key(exchange)
    async with opened(exchange, f"/private/ws/{key}") as socket:
        await in_time(begin(exchange, "key-expire"))
        assert (await read(socket))["e"] == "listenKeyExpired"


async def test_scripts_act_while_the_exchange_runs() -> None:
    running = Exchange(Market(1))
    running.ws_api.keys = lab_keys()
    for script in scripted_accounts("hmac", 1, running.clock):
        running.accounts.add(script.account)
        running.accounts.scripts.append((script, 1_000.0))
    await running.start()
    try:
        every = running.accounts.all.values()
        trading = [own for own in every if not isinstance(own, RiskAccount)]
        await until(lambda: all(own.ledger.fills for own in trading))
        assert list(running.accounts.all) == [
            ("spot", "hmac"),
            ("margin", "hmac"),
            ("margin", "hmac.BTCUSDT"),
            ("usdm", "hmac"),
            ("coinm", "hmac"),
            ("options", "hmac"),
            ("portfolio_margin", "hmac"),
            ("portfolio_margin", "hmac.UM"),
            ("portfolio_margin", "hmac.CM"),
            ("portfolio_margin_pro", "hmac"),
            ("margin_risk", "hmac"),
            ("margin_uta", "hmac"),
        ]
    finally:
        await running.stop()


async def test_a_client_that_was_told_everything_has_the_truth(exchange: Exchange) -> None:
    account, key = futures(exchange), await listen_key(exchange)
    script = AccountScript(account, 3)
    async with opened(exchange, f"/private/stream?streams={key}") as socket:
        events = [event for _ in range(300) for event in script.step()]
        exchange.accounts.publish(account, events)
        came = [(await read(socket))["data"] for _ in events]
    fills = [event["o"]["t"] for event in came if event["e"] == "ORDER_TRADE_UPDATE"]
    wallet = [event["a"]["B"][0]["wb"] for event in came if event["e"] == "ACCOUNT_UPDATE"]
    assert [trade for trade in fills if trade] == [fill.trade_id for fill in account.ledger.fills]
    assert Decimal(wallet[-1]) == account.ledger.balances["USDT"].free
