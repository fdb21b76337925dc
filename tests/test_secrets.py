"""No planted secret is in any output of the calls to the exchange, whatever goes wrong."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from connector.account.records import AccountRecorder
from connector.config.key_files import credentials_of, files_in
from connector.errors import Refused, Retry
from connector.lab.account.requests import ApiRequest
from connector.lab.account.server import WsApiServer
from connector.lab.exchange import Exchange
from connector.lab.rest import Call, Next
from connector.lab.rest.query import Complaint
from connector.telemetry import logs
from connector.transport.rest_session import HttpMethod
from connector.transport.signed_rest import SignedRest
from connector.transport.wsapi import WsApi
from connector.transport.wsapi_session import (
    ConnectionLost,
    UserEvent,
    UserSubscription,
    WsApiItem,
)
from tests.cli.test_cli import run
from tests.support.account_exchange import MovedTime, account_exchange, add_account, signed_rest
from tests.support.marked_secrets import MarkedAccount, Secrets, whole_text
from tests.support.waiting import until
from tests.support.ws_api import in_a_thread

pytestmark = pytest.mark.lab


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def account(secrets: Secrets, tmp_path: Path) -> MarkedAccount:
    return MarkedAccount(secrets, tmp_path)


@pytest.fixture
async def exchange(account: MarkedAccount) -> AsyncIterator[Exchange]:
    async with account_exchange(MovedTime()) as running:
        account.serve(running.ws_api)
        add_account(running, "spot", "main")
        add_account(running, "usdm", "main")
        yield running


def test_a_planted_secret_is_found_in_every_form() -> None:
    secrets = Secrets()
    planted = secrets.plant("key", "abcdefghijklmnopqrstuvwxyz0123456789+/")

    outputs: dict[str, str | bytes] = {
        "whole": f"x={planted}",
        "begin": planted[:14],
        "end": planted[-14:],
        "bytes": planted.encode(),
        "hex": planted.encode().hex(),
        "encoded": "x%2F abcdefghijklmnopqrstuvwxyz0123456789%2B%2F",
        "clean": "nothing here",
    }

    assert {leak.split(" in ")[1].split(",")[0] for leak in secrets.leaks(outputs)} == (
        outputs.keys() - {"clean"}
    )


async def echo_everything(call: Call, _answer: Next) -> web.Response:
    """Answer as a proxy does that shows the whole request on its error page."""
    body = f"<html>cannot serve {call.path}?{json.dumps(call.query)}</html>"
    return web.Response(status=502, text=body, content_type="text/html")


async def echo_in_the_message(call: Call, _answer: Next) -> web.Response:
    """Answer with an error whose text repeats the request."""
    return web.json_response({"code": -1100, "msg": f"bad: {json.dumps(call.query)}"}, status=400)


def echo_parameters(request: ApiRequest) -> object:
    """The same of the WS API."""
    raise Complaint(400, -1100, f"bad: {json.dumps(request.params)}")


async def cut(_call: Call, _answer: Next) -> web.Response:
    raise ConnectionResetError


class Attempts:
    """Makes calls that may fail, and keeps all that their errors tell."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    async def make(self, name: str, call: Callable[[], Awaitable[object]]) -> None:
        try:
            await call()
        except (Refused, Retry) as error:
            self.errors[f"{len(self.errors)} {name}"] = whole_text(error)


async def test_no_error_of_rest_tells_a_secret(
    secrets: Secrets,
    account: MarkedAccount,
    exchange: Exchange,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(json=True, level="DEBUG")
    credentials, time, attempts = credentials_of(files_in(account.folder)), MovedTime(), Attempts()
    rest = SignedRest(exchange.bases, clock=time)
    await rest.start()

    def keyed(method: HttpMethod, **params: str) -> Awaitable[bytes]:
        path = "/fapi/v1/listenKey"
        return rest.call(path, params, 1, lambda: credentials, method=method, security="key")

    listen_key = json.loads(await keyed("POST"))["listenKey"]

    async def each(fault: str) -> None:
        await attempts.make(f"listenKey: {fault}", lambda: keyed("PUT", listenKey=listen_key))
        await attempts.make(fault, lambda: rest.call("/api/v3/account", {}, 1, lambda: credentials))

    try:
        for fault in (echo_everything, echo_in_the_message, cut):
            exchange.rest.interceptors = [fault]
            await each(fault.__name__)
        exchange.rest.interceptors = []
        exchange.rest.refuse(503, times=2)
        await each("503")
        exchange.ws_api.revoke(account.api_key)
        await each("rejected")
        time.seconds += 3_600
        await each("clock")
        await exchange.rest.stop()
        await each("away")
    finally:
        await rest.close()

    secrets.note_calls(exchange.rest)
    assert len(attempts.errors) == 14
    assert secrets.leaks({**attempts.errors, "log": capsys.readouterr().err}) == []
    assert {"api key", "passphrase", "private key", "signature", "listenKey of usdm"} <= set(
        secrets.texts.values()
    )


async def test_no_error_event_or_record_of_the_ws_api_tells_a_secret(
    secrets: Secrets,
    account: MarkedAccount,
    exchange: Exchange,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(json=True, level="DEBUG")
    credentials, attempts = credentials_of(files_in(account.folder)), Attempts()
    received: list[WsApiItem] = []
    api = WsApi(
        exchange.ws_api.url("spot"),
        keys=lambda: credentials,
        receive=received.append,
        timeout_s=5.0,
        clock=MovedTime(),
    )
    async with signed_rest(exchange, MovedTime()) as rest, api:
        path = "/sapi/v1/userListenToken"
        body = await rest.call(path, {}, 1, lambda: credentials, method="POST", security="key")
        token = json.loads(body)["token"]
        answer = exchange.ws_api.methods["account.status"]
        exchange.ws_api.methods["account.status"] = echo_parameters
        await attempts.make("echoed", lambda: api.call("account.status"))
        exchange.ws_api.methods["account.status"] = answer
        await api.call("session.logon")
        await api.subscribe(UserSubscription("userDataStream.subscribe.signature", "main"))
        by_token = UserSubscription(
            "userDataStream.subscribe.listenToken", "margin", {"listenToken": token}
        )
        await api.subscribe(by_token)
        hidden = {"e": "listenKeyExpired", "E": 5, "listenKey": secrets.plant("key", "K" * 64)}
        exchange.ws_api.send_event("main", hidden)
        exchange.ws_api.expire(token)
        await attempts.make("expired token", lambda: api.subscribe(by_token))
        exchange.ws_api.refusals = [(418, 0.0)]
        await attempts.make("banned", lambda: api.call("account.status"))
        await exchange.ws_api.drop()
        await until(lambda: any(isinstance(item, ConnectionLost) for item in received))
        exchange.ws_api.revoke(account.api_key)
        await attempts.make("rejected", lambda: api.call("account.status"))
        await exchange.ws_api.stop()
        await attempts.make("away", lambda: api.call("account.status"))

    recorder = AccountRecorder("desk-1", "spot")
    payloads = [item.payload for item in received if isinstance(item, UserEvent)]
    records = {f"record {n}": recorder.record(raw, 5).encode(1) for n, raw in enumerate(payloads)}
    items = {f"item {n}": repr(item) for n, item in enumerate(received)}
    outputs: dict[str, str | bytes] = {
        **attempts.errors,
        **records,
        **items,
        "log": capsys.readouterr().err,
    }
    assert (len(attempts.errors), len(records) > 0) == (5, True)
    assert secrets.leaks(outputs) == []
    assert "listenToken" in secrets.texts.values()


def test_the_call_by_hand_prints_no_secret(
    secrets: Secrets, account: MarkedAccount, capfd: pytest.CaptureFixture[str]
) -> None:
    """What it prints when the exchange is there, and when it is not."""
    server = WsApiServer()
    account.serve(server)
    with in_a_thread(server):
        arguments = ("call", "spot", "account.status", "--url", server.url("spot"), "--secrets")
        code, well = run(*arguments, str(account.folder))
        account.folder.joinpath("passphrase").write_text("wrong")
        with pytest.raises(Refused) as wrong_passphrase:
            run(*arguments, str(account.folder))

    assert code == 0
    printed = capfd.readouterr()
    outputs = {"result": well, "error": whole_text(wrong_passphrase.value), "out": printed.out}
    assert secrets.leaks({**outputs, "log": printed.err}) == []
