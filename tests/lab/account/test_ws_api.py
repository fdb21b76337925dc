"""The lab's WS API, spoken to by a plain websockets client: codes, texts, limits, events."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from connector.binance import signing
from connector.binance.wsapi_methods import WsApiProduct
from connector.lab.account.server import WsApiServer
from connector.lab.account.session import LabToken
from connector.lab.clock import Clock
from connector.lab.rest.limits import PATIENCE
from tests.support.keys import API_KEY, BY_ED25519, BY_RSA, HMAC
from tests.support.ws_api import ws_api_server

pytestmark = pytest.mark.lab
NOW_S = 1_795_000_020.0
NOW_MS = int(NOW_S * 1000)
OK = 200
SIGNED = "userDataStream.subscribe.signature"


@pytest.fixture
async def server() -> AsyncIterator[WsApiServer]:
    async with ws_api_server(Clock(lambda: NOW_S)) as running:
        yield running


@contextlib.asynccontextmanager
async def connected(
    server: WsApiServer, product: WsApiProduct = "spot", query: str = ""
) -> AsyncIterator[ClientConnection]:
    async with connect(server.url(product) + query, proxy=None) as socket:
        yield socket


async def ask(socket: ClientConnection, method: str, params: Any = None) -> dict[str, Any]:
    await socket.send(json.dumps({"id": "a1", "method": method, "params": params or {}}))
    answer: dict[str, Any] = json.loads(await socket.recv())
    return answer


async def fault(socket: ClientConnection, method: str, params: Any = None) -> tuple[int, int]:
    """Return status and code of an error."""
    answer = await ask(socket, method, params)
    return answer["status"], answer["error"]["code"]


def signed(credentials: signing.Credentials = HMAC, **changed: Any) -> dict[str, Any]:
    params = dict(signing.signed({}, credentials, changed.pop("timestamp", NOW_MS)))
    return params | changed


async def test_an_answer_carries_id_status_result_and_limits(server: WsApiServer) -> None:
    async with connected(server) as socket:
        assert await ask(socket, "time") == {
            "id": "a1",
            "status": OK,
            "result": {"serverTime": NOW_MS},
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": 6_000,
                    "count": 3,  # 2 of the connection
                }
            ],
        }


async def test_limits_may_be_left_out_by_url_or_by_request(server: WsApiServer) -> None:
    async with connected(server, query="?returnRateLimits=false") as socket:
        assert "rateLimits" not in await ask(socket, "ping")
    async with connected(server) as socket:
        assert "rateLimits" not in await ask(socket, "ping", {"returnRateLimits": False})


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        (signed(signature="00" * 32), 400, -1022),
        (signed() | {"apiKey": "x" * 64}, 401, -2015),
        (signed() | {"apiKey": "bad format"}, 401, -2014),
        (signed(timestamp=NOW_MS + 1_000), 400, -1021),
        (signed(timestamp=NOW_MS - 5_001), 400, -1021),
        ({"apiKey": API_KEY, "timestamp": NOW_MS}, 400, -1102),
        ({"apiKey": API_KEY, "signature": "00"}, 400, -1102),
        ({"timestamp": NOW_MS, "signature": "00"}, 400, -1102),
        (signed() | {"recvWindow": 60_001}, 400, -1102),
        (signed(timestamp=str(NOW_MS)), 400, -1102),
    ],
)
async def test_a_signed_call_that_is_wrong_gets_its_code(
    server: WsApiServer, params: dict[str, Any], status: int, code: int
) -> None:
    async with connected(server) as socket:
        assert await fault(socket, SIGNED, params) == (status, code)


async def test_times_at_the_edges_of_the_window_are_accepted(server: WsApiServer) -> None:
    for timestamp in (NOW_MS + 999, NOW_MS - 5_000):
        async with connected(server) as socket:
            assert (await ask(socket, SIGNED, signed(timestamp=timestamp)))["status"] == OK


async def test_a_changed_parameter_breaks_the_signature(server: WsApiServer) -> None:
    params = signing.signed({"symbol": "BTCUSDT"}, BY_RSA, NOW_MS) | {"symbol": "ETHUSDT"}
    async with connected(server) as socket:
        assert await fault(socket, "allOrders", params) == (400, -1022)


async def test_only_an_ed25519_key_logs_on(server: WsApiServer) -> None:
    async with connected(server) as socket:
        for credentials in (HMAC, BY_RSA):
            assert await fault(socket, "session.logon", signed(credentials)) == (400, -2028)
        assert await fault(socket, "userDataStream.subscribe") == (401, -1193)
        answer = await ask(socket, "session.logon", signed(BY_ED25519))
        assert answer["result"]["authorizedSince"] == NOW_MS
        assert (await ask(socket, "account.status", {"timestamp": NOW_MS}))["status"] == OK


async def test_one_subscription_an_account_and_its_events(server: WsApiServer) -> None:
    async with connected(server) as socket:
        assert (await ask(socket, SIGNED, signed()))["result"] == {"subscriptionId": 0}
        assert await fault(socket, SIGNED, signed()) == (400, -2035)
        assert (await ask(socket, SIGNED, signed(BY_RSA)))["result"] == {"subscriptionId": 1}
        assert server.send_event("rsa", {"e": "x"}) == 1
        assert json.loads(await socket.recv()) == {"subscriptionId": 1, "event": {"e": "x"}}
        subscriptions = await ask(socket, "session.subscriptions")
        assert subscriptions["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]


async def test_ids_begin_again_on_every_connection(server: WsApiServer) -> None:
    for _ in range(2):
        async with connected(server) as socket:
            assert (await ask(socket, SIGNED, signed()))["result"] == {"subscriptionId": 0}


async def test_what_is_unsubscribed_ends_with_its_event(server: WsApiServer) -> None:
    async with connected(server) as socket:
        await ask(socket, SIGNED, signed())
        assert await fault(socket, "userDataStream.unsubscribe", {"subscriptionId": 7}) == (
            400,
            -2036,
        )
        answer = await ask(socket, "userDataStream.unsubscribe", {"subscriptionId": 0})
        assert answer["result"] == {}
        assert json.loads(await socket.recv()) == {
            "subscriptionId": 0,
            "event": {"e": "eventStreamTerminated", "E": NOW_MS},
        }


async def test_logging_out_ends_the_sessions_subscription_alone(server: WsApiServer) -> None:
    async with connected(server) as socket:
        await ask(socket, "session.logon", signed(BY_ED25519))
        await ask(socket, "userDataStream.subscribe")
        await ask(socket, SIGNED, signed())
        assert (await ask(socket, "session.logout"))["result"]["apiKey"] is None
        assert json.loads(await socket.recv())["subscriptionId"] == 0
        assert (await ask(socket, "session.subscriptions"))["result"] == [{"subscriptionId": 1}]


async def test_a_token_subscribes_until_it_expires(server: WsApiServer) -> None:
    server.tokens["t1"] = LabToken("margin", NOW_MS + 1)
    server.tokens["t2"] = LabToken("margin", NOW_MS)
    by_token = "userDataStream.subscribe.listenToken"
    async with connected(server) as socket:
        answer = await ask(socket, by_token, {"listenToken": "t1"})
        assert answer["result"] == {"subscriptionId": 0, "expirationTime": NOW_MS + 1}
        assert await fault(socket, by_token, {"listenToken": "t2"}) == (400, -1209)
        assert await fault(socket, by_token, {"listenToken": "none"}) == (400, -1209)
        server.expire("t1")
        assert json.loads(await socket.recv())["event"]["e"] == "eventStreamTerminated"


async def test_a_revoked_key_ends_the_session_without_an_id(server: WsApiServer) -> None:
    async with connected(server) as socket:
        await ask(socket, "session.logon", signed(BY_ED25519))
        server.revoke(BY_ED25519.api_key)
        assert json.loads(await socket.recv()) == {
            "id": None,
            "status": 401,
            "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
        }
        assert await fault(socket, "account.status", signed(BY_ED25519)) == (401, -2015)


async def test_a_method_that_takes_no_key_refuses_one(server: WsApiServer) -> None:
    async with connected(server) as socket:
        assert await fault(socket, "time", signed()) == (400, -1101)


@pytest.mark.parametrize(
    ("product", "method"), [("spot", "userDataStream.start"), ("usdm", SIGNED), ("spot", "none")]
)
async def test_a_method_of_another_product_is_unknown(
    server: WsApiServer, product: WsApiProduct, method: str
) -> None:
    async with connected(server, product) as socket:
        assert await fault(socket, method, signed()) == (400, -1020)


async def test_a_listen_key_is_made_kept_and_stopped(server: WsApiServer) -> None:
    key = {"apiKey": API_KEY}
    async with connected(server, "usdm") as socket:
        assert await fault(socket, "userDataStream.ping", key) == (400, -1125)
        first = await ask(socket, "userDataStream.start", key)
        assert await ask(socket, "userDataStream.start", key) == first | {
            "rateLimits": [first["rateLimits"][0] | {"count": 8}]
        }
        assert (await ask(socket, "userDataStream.stop", key))["result"] == {}
        assert await fault(socket, "userDataStream.ping", key) == (400, -1125)


async def test_text_that_is_no_request_gets_an_error_without_an_id(server: WsApiServer) -> None:
    async with connected(server) as socket:
        for text in ("{", "[]", "{}", '{"method":1,"params":5}'):
            await socket.send(text)
            answer = json.loads(await socket.recv())
            assert (answer["id"], answer["error"]["code"]) == (None, -1135)


async def test_calls_beyond_the_limit_get_429_and_those_who_go_on_are_banned() -> None:
    async with ws_api_server(Clock(lambda: NOW_S), limit=3) as server:
        async with connected(server) as socket:
            assert (await ask(socket, "ping"))["status"] == OK
            for _ in range(PATIENCE):
                answer = await ask(socket, "ping")
                assert (answer["status"], answer["error"]["code"]) == (429, -1003)
                assert answer["error"]["data"] == {
                    "serverTime": NOW_MS,
                    "retryAfter": NOW_MS + 60_000 - NOW_MS % 60_000,
                }
            answer = await ask(socket, "ping")
            assert (answer["status"], answer["error"]["data"]["retryAfter"]) == (
                418,
                NOW_MS + 120_000,
            )
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        with pytest.raises(InvalidStatus) as caught:
            async with connected(server):
                pass
        assert caught.value.response.status_code == 418
        assert caught.value.response.headers["Retry-After"] == "120"


async def test_the_handshake_carries_the_exchanges_time() -> None:
    clock = Clock(lambda: NOW_S)
    clock.skew_ms = 3_600_000
    async with ws_api_server(clock) as server, connected(server) as socket:
        assert socket.response is not None
        assert socket.response.headers["Date"] == "Wed, 18 Nov 2026 12:07:00 GMT"
