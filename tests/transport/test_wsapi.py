"""The WS API client against the lab's server: calls, sessions, reconnects, limits, the clock."""

import asyncio
import logging
import ssl
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connector.binance.api_errors import (
    BackOff,
    LogOn,
    NewToken,
    ReplaceKey,
    SubscribeBySignature,
    SyncClock,
)
from connector.binance.rest_errors import PROXY_LOGIN
from connector.binance.signing import Credentials, hmac_signer
from connector.errors import Fatal, Refused, Retry
from connector.lab.account.server import WsApiServer
from connector.lab.account.session import SESSION_METHODS, LabToken
from connector.lab.certificates import Authority
from connector.lab.clock import Clock
from connector.lab.handshakes import HandshakeAnswer, Handshakes
from connector.lab.http_proxy import Proxy
from connector.transport.wsapi import WsApi
from connector.transport.wsapi_caller import ApiCaller
from connector.transport.wsapi_session import (
    ApiRefused,
    Subscribed,
    UserEvent,
    UserSubscription,
    WsApiItem,
)
from tests.support.keys import API_KEY, BY_ED25519, BY_RSA, ED25519_API_KEY, HMAC, SECRET
from tests.support.waiting import GIVE_UP_S, in_time, until
from tests.support.ws_api import NOW_S, Received, client, still, ws_api_server

pytestmark = pytest.mark.lab
SIGNED = "userDataStream.subscribe.signature"
BY_TOKEN = "userDataStream.subscribe.listenToken"
EVENT = {"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "0.10", "T": 1}


@pytest.fixture
async def server() -> AsyncIterator[WsApiServer]:
    async with ws_api_server() as running:
        yield running


async def test_a_call_without_a_key_returns_its_result(server: WsApiServer) -> None:
    async with client(server) as api:
        assert set(await api.call("time")) == {"serverTime"}


async def test_calls_in_flight_get_their_own_answers(server: WsApiServer) -> None:
    server.methods["avgPrice"] = lambda request: request.params["symbol"]
    async with client(server) as api:
        calls = [api.call("avgPrice", symbol=f"S{number}") for number in range(50)]

        assert await asyncio.gather(*calls) == [f"S{number}" for number in range(50)]


@pytest.mark.parametrize("credentials", [HMAC, BY_RSA, BY_ED25519], ids=["hmac", "rsa", "ed25519"])
async def test_a_signed_call_is_accepted_with_every_kind_of_key(
    server: WsApiServer, credentials: Credentials
) -> None:
    server.methods["account.status"] = lambda request: request.account
    async with client(server, credentials) as api:
        assert await api.call("account.status", omitZeroBalances=True) in {"hmac", "rsa", "ed25519"}


async def test_futures_are_called_on_their_own_paths(server: WsApiServer) -> None:
    for product in ("usdm", "coinm"):
        async with client(server, HMAC, product=product) as api:
            listen_key = (await api.call("userDataStream.start"))["listenKey"]
            assert (await api.call("userDataStream.ping"))["listenKey"] == listen_key
            assert await api.call("account.balance") == []


async def test_a_wrong_secret_is_a_key_to_replace(server: WsApiServer) -> None:
    wrong = Credentials(API_KEY, hmac_signer("another"))
    async with client(server, wrong) as api:
        with pytest.raises(ReplaceKey, match="-1022 Signature for this request is not valid"):
            await api.call("account.status")


@pytest.mark.parametrize(("api_key", "code"), [("k" * 64, -2015), ("short", -2014)])
async def test_a_key_that_the_exchange_does_not_know_is_a_key_to_replace(
    server: WsApiServer, api_key: str, code: int
) -> None:
    async with client(server, Credentials(api_key, HMAC.signer)) as api:
        with pytest.raises(ReplaceKey, match=str(code)) as caught:
            await api.call("account.status")
        assert api_key not in str(caught.value)


async def test_an_hmac_key_cannot_log_on_but_subscribes_by_signature(server: WsApiServer) -> None:
    async with client(server, HMAC) as api:
        with pytest.raises(SubscribeBySignature, match="-2028"):
            await api.call("session.logon")
        with pytest.raises(LogOn, match="-1193"):
            await api.call("userDataStream.subscribe")

        assert await api.call(SIGNED) == {"subscriptionId": 0}


async def test_events_come_with_the_subscription_they_belong_to(server: WsApiServer) -> None:
    received = Received()
    async with client(server, HMAC, received) as api:
        await api.subscribe(UserSubscription(SIGNED, "desk-1"))
        await api.subscribe(UserSubscription(SIGNED, "desk-2", keys=lambda: BY_RSA))
        server.send_event("rsa", EVENT | {"a": "ETH"})
        server.send_event("hmac", msgspec.Raw(b'{"e":"x", "n":1.10}'))
        await until(lambda: len(received.items) == 4)

    assert [event["a"] for event in received.events("desk-2")] == ["ETH"]
    assert received.items[-1].payload == b'{"e":"x", "n":1.10}'  # type: ignore[union-attr]


async def test_an_event_right_behind_the_acknowledgement_is_not_lost(server: WsApiServer) -> None:
    received = Received()
    async with client(server, HMAC, received) as api:
        subscribing = asyncio.create_task(api.subscribe(UserSubscription(SIGNED, "desk-1")))
        while not server.send_event("hmac", EVENT):  # in the same moment as the answer
            await asyncio.sleep(0)
        await subscribing
        await until(lambda: len(received.items) == 2)

    assert received.kinds == ["Subscribed", "UserEvent"]
    assert received.events("desk-1") == [EVENT]


async def test_after_a_cut_it_logs_on_and_subscribes_again_freshly_signed() -> None:
    now_s, received = [NOW_S], Received()
    async with (
        ws_api_server(Clock(lambda: now_s[0])) as server,
        client(server, BY_ED25519, received, clock=lambda: now_s[0]) as api,
    ):
        await api.call("session.logon")
        await api.subscribe(UserSubscription("userDataStream.subscribe", "desk-1"))
        await api.subscribe(UserSubscription(SIGNED, "desk-2", keys=lambda: HMAC))
        now_s[0] += 3_600  # what was signed before is too old now
        await server.drop()
        await until(lambda: received.kinds.count("Subscribed") == 4)
        [again] = server.clients
        assert [method for method, _ in again.asked] == [
            "time",
            "session.logon",
            "userDataStream.subscribe",
            SIGNED,
        ]
        assert server.send_event("ed25519", EVENT) == 1
        await until(lambda: received.events("desk-1") == [EVENT])

    assert received.kinds[2:5] == ["ConnectionLost", "Subscribed", "Subscribed"]


async def test_ids_that_begin_again_still_lead_to_their_subscriptions(server: WsApiServer) -> None:
    received = Received()
    async with client(server, HMAC, received) as api:
        first = UserSubscription(SIGNED, "desk-1")
        second = UserSubscription(SIGNED, "desk-2", keys=lambda: BY_RSA)
        await api.subscribe(first)
        await api.subscribe(second)
        await api.call("userDataStream.unsubscribe", subscriptionId=0)
        await server.drop()
        await until(lambda: received.kinds.count("Subscribed") == 3)

        assert [(own.label, own.id) for own in api.subscriptions] == [("desk-2", 0)]


async def test_a_key_file_that_changed_is_used_at_the_next_log_on(server: WsApiServer) -> None:
    present = [BY_ED25519]
    received = Received()
    receive = received.items.append
    async with WsApi(
        server.url("spot"), keys=lambda: present[0], receive=receive, clock=still
    ) as api:
        await api.call("session.logon")
        present[0] = BY_RSA  # may not log on: so the exchange tells that it was used
        await server.drop()
        await until(lambda: received.kinds[-1:] == ["ApiRefused"])
        with pytest.raises(SubscribeBySignature):
            await api.call("session.status")


async def test_a_revoked_session_is_logged_on_again_and_refused_for_good(
    server: WsApiServer,
) -> None:
    received = Received()
    async with client(server, BY_ED25519, received) as api:
        await api.call("session.logon")
        server.revoke(ED25519_API_KEY)
        await until(lambda: received.kinds == ["ConnectionLost", "ApiRefused"])
        with pytest.raises(ReplaceKey, match="-2015"):
            await api.call("account.status")
        assert server.clients == []

    assert isinstance(received.items[1], ApiRefused)


async def test_a_subscription_that_is_refused_after_a_cut_is_reported_and_left(
    server: WsApiServer,
) -> None:
    received = Received()
    server.tokens["t" * 20] = LabToken("margin", 4_000_000_000_000)
    by_token = UserSubscription(BY_TOKEN, "margin", {"listenToken": "t" * 20})
    async with client(server, HMAC, received) as api:
        await api.subscribe(by_token)
        await api.subscribe(UserSubscription(SIGNED, "desk-1"))
        server.tokens.clear()
        await server.drop()
        await until(lambda: len(received.kinds) == 5)

        assert received.kinds[2:] == ["ConnectionLost", "SubscriptionFailed", "Subscribed"]
        assert [own.label for own in api.subscriptions] == ["desk-1"]
        with pytest.raises(NewToken, match="-1209"):
            await api.subscribe(by_token)
    assert "t" * 20 not in repr(received.items)


async def test_trouble_while_subscribing_again_loses_no_subscription_and_no_gap(
    server: WsApiServer,
) -> None:
    """What came between the first subscription and the trouble is followed by another gap."""
    received: list[WsApiItem] = []

    def receive(item: WsApiItem) -> None:
        received.append(item)
        if len([each for each in received if isinstance(each, Subscribed)]) == 3:
            server.refusals = [(503, 0.0)]  # for the second one, after the first is back

    async with WsApi(server.url("spot"), keys=lambda: HMAC, receive=receive, clock=still) as api:
        await api.subscribe(UserSubscription(SIGNED, "desk-1"))
        await api.subscribe(UserSubscription(SIGNED, "desk-2", keys=lambda: BY_RSA))
        await server.drop()
        await until(lambda: len(received) == 7)

        assert [own.label for own in api.subscriptions] == ["desk-1", "desk-2"]
    assert [type(item).__name__ for item in received[2:]] == [
        "ConnectionLost",
        "Subscribed",
        "ConnectionLost",
        "Subscribed",
        "Subscribed",
    ]


async def test_a_bug_while_reconnecting_is_logged_and_told_to_the_callers(
    server: WsApiServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    received = Received()
    async with client(server, HMAC, received) as api:
        monkeypatch.setattr(ApiCaller, "measure", broken)
        await server.drop()
        await until(lambda: received.kinds == ["ConnectionLost", "ApiRefused"])
        with pytest.raises(Fatal, match="a bug ended it"):
            await api.call("ping")
    assert "task_failed" in capsys.readouterr().out


async def test_an_expired_token_ends_its_subscription_alone(server: WsApiServer) -> None:
    received = Received()
    server.tokens["old"] = LabToken("margin", 4_000_000_000_000)
    async with client(server, HMAC, received) as api:
        await api.subscribe(
            UserSubscription(
                "userDataStream.subscribe.listenToken", "margin", {"listenToken": "old"}
            )
        )
        await api.subscribe(UserSubscription(SIGNED, "desk-1"))
        server.expire("old")
        await until(lambda: received.events("margin"))

        assert received.events("margin")[0]["e"] == "eventStreamTerminated"
        assert [own.label for own in api.subscriptions] == ["desk-1"]


async def test_an_announced_shutdown_is_noted_and_passed_on(server: WsApiServer) -> None:
    received = Received()
    async with client(server, HMAC, received) as api:
        closing = asyncio.create_task(server.shut_down(3_600.0))
        await in_time(api.shutting_down.wait())
        closing.cancel()

    assert received.kinds == ["UserEvent"]
    assert received.items[0].subscription is None  # type: ignore[union-attr]


async def test_a_call_that_is_not_answered_in_time_may_be_repeated(server: WsApiServer) -> None:
    async with client(server) as api:
        server.silent = True
        api._caller.timeout_s = 0.05  # not from the start: connecting may take its time
        with pytest.raises(Retry, match=r"time: no answer within 0\.05 s"):
            await api.call("time")
        server.silent = False
        api._caller.timeout_s = GIVE_UP_S
        assert await api.call("ping") == {}


async def test_a_call_in_flight_ends_when_the_connection_does(server: WsApiServer) -> None:
    async with client(server) as api:
        server.silent = True
        call = asyncio.create_task(api.call("ping"))
        await until(lambda: server.clients[0].asked[-1][0] == "ping")
        server.silent = False
        await server.drop()
        with pytest.raises(Retry, match="closed before the answer"):
            await call
        assert await api.call("ping") == {}  # waits for the next connection


async def test_limits_and_used_weight_come_from_the_answers(server: WsApiServer) -> None:
    async with client(server) as api:
        await api.call("time")

        assert (api.pool.limit, api.pool.used) == (6_000, 4)  # connect 2, time twice 1


async def test_a_lower_limit_than_the_documented_one_is_learned() -> None:
    async with ws_api_server(limit=500) as server, client(server) as api:
        assert api.pool.limit == 500


async def test_429_lets_no_call_out_before_its_time(server: WsApiServer) -> None:
    async with client(server) as api:
        server.refusals = [(429, 30.0)]
        with pytest.raises(BackOff) as caught:
            await api.call("time")
        assert caught.value.after_s == pytest.approx(30.0)
        asked = len(server.clients[0].asked)
        with pytest.raises(Retry, match="refuses calls"):
            await api.call("time")
        assert len(server.clients[0].asked) == asked


async def test_a_ban_cuts_the_connection_and_is_waited_for() -> None:
    async with ws_api_server(limit=20) as server:
        received = Received()
        async with client(server, None, received) as api:
            server.refusals = [(418, 3_600.0)]
            with pytest.raises(BackOff, match="418") as caught:
                await api.call("time")
            assert caught.value.after_s == pytest.approx(3_600.0)
            await until(lambda: received.kinds == ["ConnectionLost"])
            with pytest.raises(BackOff, match="refuses calls"):
                await api.call("time")
        assert server.clients == []


@pytest.mark.parametrize("skew_ms", [-90_400, 90_400])
@pytest.mark.parametrize(("product", "error_ms"), [("spot", 0), ("usdm", -999)])
async def test_a_clock_that_is_off_is_measured_and_corrected(
    skew_ms: int, product: Any, error_ms: int
) -> None:
    clock = Clock(still)
    clock.skew_ms = skew_ms
    async with ws_api_server(clock) as server, client(server, HMAC, product=product) as api:
        await api.call("account.status")

        assert error_ms <= api.offset_ms - skew_ms <= 0  # a date has whole seconds


@pytest.mark.parametrize("product", ["spot", "usdm"])
async def test_a_clock_that_jumps_is_measured_again_and_the_call_repeated(product: Any) -> None:
    clock = Clock(still)
    async with ws_api_server(clock) as server, client(server, HMAC, product=product) as api:
        clock.skew_ms = 90_000
        await api.call("account.status")

        assert api.offset_ms == 90_000


async def test_a_clock_that_cannot_be_corrected_is_reported() -> None:
    clock = Clock(still)
    async with ws_api_server(clock) as server, client(server, HMAC) as api:
        server.methods["time"] = lambda _: {"serverTime": 1}
        clock.skew_ms = 90_000
        with pytest.raises(SyncClock, match="this machine's clock is off"):
            await api.call("account.status")


async def test_a_method_that_needs_a_key_is_not_sent_without_one(server: WsApiServer) -> None:
    async with client(server) as api:
        with pytest.raises(Refused, match=r"account\.status needs an API key"):
            await api.call("account.status")
        assert [method for method, _ in server.clients[0].asked] == ["time"]


async def test_a_server_that_is_not_there_is_a_reason_to_try_later() -> None:
    with pytest.raises(Retry, match=r"ws://127\.0\.0\.1:1/ws-api/v3: .*"):
        await WsApi("ws://127.0.0.1:1/ws-api/v3").start()


async def test_a_path_that_is_not_there_is_refused_with_its_cure(server: WsApiServer) -> None:
    with pytest.raises(Refused, match="no such path"):
        await WsApi(server.url("spot") + "/none").start()


@pytest.mark.parametrize(
    ("status", "retry_after_s", "kind", "after_s"),
    [
        (429, 7.0, BackOff, 7.0),
        (429, None, BackOff, 300.0),
        (418, 90.0, BackOff, 90.0),
        (403, None, Retry, 300.0),
        (502, None, Retry, None),
    ],
)
async def test_a_refused_handshake_says_when_to_come_back(
    status: int, retry_after_s: float | None, kind: type[Retry], after_s: float | None
) -> None:
    handshakes = Handshakes(300)
    handshakes.answers.append(HandshakeAnswer(status, 1, retry_after_s))
    server = WsApiServer(handshakes=handshakes)
    await server.start()
    api = WsApi(server.url("spot"))
    with pytest.raises(Retry, match=f"HTTP {status}") as caught:
        await api.start()
    assert (type(caught.value), caught.value.after_s) == (kind, after_s)
    assert (api.pool.banned_until > 0) == (kind is BackOff)
    await server.stop()


async def test_a_bug_of_the_receiver_costs_a_connection_and_is_logged(
    server: WsApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    received: list[WsApiItem] = []

    def receive(item: WsApiItem) -> None:
        received.append(item)
        assert not isinstance(item, UserEvent), "a bug"

    async with WsApi(server.url("spot"), keys=lambda: HMAC, receive=receive, clock=still) as api:
        await api.call(SIGNED)
        server.send_event("hmac", EVENT)
        await until(lambda: len(received) == 4)
        kinds = [type(item).__name__ for item in received]  # the end may report its loss, too

    assert kinds == ["Subscribed", "UserEvent", "ConnectionLost", "Subscribed"]
    assert "task_failed" in capsys.readouterr().out


async def test_it_goes_through_a_proxy_whose_password_no_error_shows(server: WsApiServer) -> None:
    password = "s3" + "cret"  # not as one text: tracebacks show source
    proxy = Proxy(f"bkc:{password}")
    await proxy.start()
    right = proxy.url.replace("//", f"//bkc:{password}@")
    async with client(server, proxy=right) as api:
        assert await api.call("ping") == {}
    assert proxy.seen[-1] == server.url("spot").split("/")[2]
    with pytest.raises(Retry, match="through the proxy") as caught:
        await WsApi(server.url("spot"), proxy=right.replace("@", "x@")).start()
    assert PROXY_LOGIN in str(caught.value)
    assert password not in "".join(traceback.format_exception(caught.value))
    await proxy.stop()


async def test_it_speaks_tls_with_the_authorities_it_is_given(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    server = WsApiServer(tls=context)
    await server.start()
    trusting = ssl.create_default_context(cafile=str(authority.path))
    async with WsApi(server.url("spot"), tls=trusting) as api:
        assert await api.call("ping") == {}
    with pytest.raises(Retry, match="certificate verify failed"):
        await WsApi(server.url("spot")).start()
    await server.stop()


async def test_no_log_shows_a_key_or_a_signature(
    server: WsApiServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with client(server, HMAC) as api:
        await api.call(SIGNED)
        signature = dict(server.clients[0].asked)[SIGNED]["signature"]
        server.keys.clear()
        with pytest.raises(ReplaceKey) as caught:
            await api.call("account.status")
        await server.drop()
        await until(lambda: not server.clients or server.clients[0].asked == [])

    printed = capsys.readouterr()
    shown = caplog.text + printed.out + printed.err + repr(caught.value) + repr(api.__dict__)
    assert [secret for secret in (API_KEY, SECRET, signature) if secret in shown] == []


async def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="write wss://host/path"):
        await WsApi("https://ws-api.binance.com").start()


@pytest.mark.parametrize("result", [None, {}, [1], {"subscriptionId": "zero"}])
async def test_an_answer_that_names_no_subscription_is_no_subscription(
    server: WsApiServer, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    method, items = "userDataStream.subscribe.signature", list[WsApiItem]()
    async with WsApi(server.url("spot"), keys=lambda: HMAC, receive=items.append) as api:
        monkeypatch.setitem(SESSION_METHODS, method, lambda *_: result)
        with pytest.raises(Retry, match="an answer that is none"):
            await api.subscribe(UserSubscription(method))

        assert (items, api.subscriptions) == ([], [])


@pytest.mark.parametrize("result", [None, [], {"serverTime": "now"}])
async def test_a_time_that_is_none_is_a_reason_to_try_later(
    server: WsApiServer, result: Any
) -> None:
    server.methods["time"] = lambda _request: result

    with pytest.raises(Retry, match="time: an answer that is none"):
        await WsApi(server.url("spot")).start()
