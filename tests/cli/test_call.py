"""`bkc call`: methods by hand against the lab; trading is refused, secrets stay hidden."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.binance.api_errors import BackOff, ReplaceKey
from connector.cli import call_run
from connector.errors import Refused, Retry
from connector.lab.account.server import WsApiServer
from tests.cli.test_cli import run
from tests.support.keys import API_KEY, ED25519, ED25519_API_KEY, SECRET, lab_keys, pem
from tests.support.ws_api import in_a_thread

LAB = pytest.mark.lab


@pytest.fixture
def server() -> Iterator[WsApiServer]:
    found = WsApiServer()
    found.keys = lab_keys()
    with in_a_thread(found):
        yield found


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name, content in (("api-key", API_KEY), ("secret-key", SECRET)):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    return tmp_path


@LAB
def test_a_result_is_printed_as_json(server: WsApiServer) -> None:
    code, text = run("call", "spot", "time", "--url", server.url("spot"))

    assert (code, set(json.loads(text))) == (0, {"serverTime"})


@LAB
def test_a_call_is_signed_with_the_keys_of_a_directory(server: WsApiServer, secrets: Path) -> None:
    server.methods["account.status"] = lambda request: [request.account, dict(request.params)]
    arguments = ("account.status", "omitZeroBalances=true", "--secrets", str(secrets))

    _, text = run("call", "spot", *arguments, "--url", server.url("spot"))

    account, params = json.loads(text)
    assert (account, params["omitZeroBalances"]) == ("hmac", True)


@LAB
def test_keys_may_be_named_file_by_file(server: WsApiServer, tmp_path: Path) -> None:
    contents = {"k": ED25519_API_KEY, "p": pem(ED25519, "open sesame"), "w": "open sesame\n"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    options = ("--api-key-file", "k", "--private-key-file", "p", "--passphrase-file", "w")
    paths = [option if option.startswith("--") else str(tmp_path / option) for option in options]

    code, text = run("call", "spot", "session.logon", *paths, "--url", server.url("spot"))

    assert code == 0
    assert json.loads(text)["apiKey"] == "***"


@LAB
def test_a_listen_key_is_not_printed(server: WsApiServer, secrets: Path) -> None:
    arguments = ("userDataStream.start", "--secrets", str(secrets), "--url", server.url("usdm"))

    _, text = run("call", "usdm", *arguments)

    assert json.loads(text) == {"listenKey": "***"}


@LAB
def test_an_error_of_the_exchange_is_raised_with_its_code(
    server: WsApiServer, secrets: Path
) -> None:
    server.keys.clear()
    arguments = ("account.status", "--secrets", str(secrets), "--url", server.url("spot"))

    with pytest.raises(ReplaceKey, match="-2015") as caught:
        run("call", "spot", *arguments)
    assert API_KEY not in str(caught.value)


@LAB
def test_too_many_calls_are_a_reason_to_come_back(server: WsApiServer) -> None:
    server.refusals = [(429, 30.0)]

    with pytest.raises(BackOff):
        run("call", "spot", "time", "--url", server.url("spot"))


@LAB
def test_an_answer_that_does_not_come_in_time_can_be_had_later(server: WsApiServer) -> None:
    server.silent = True
    arguments = ("ping", "--timeout", "0.2", "--url", server.url("spot"))

    with pytest.raises(Retry, match="no answer within"):
        run("call", "spot", *arguments)


@pytest.mark.parametrize("method", ["order.place", "order.test", "sor.order.place"])
def test_a_trading_method_is_refused_before_anything_is_connected(method: str) -> None:
    with pytest.raises(Refused, match=f"{method}: this program reads"):
        run("call", "spot", method, "symbol=BTCUSDT", "--url", "ws://127.0.0.1:1/ws-api/v3")


@pytest.mark.parametrize(
    ("written", "params"),
    [
        ((), {}),
        (("symbol=BTCUSDT", "limit=5"), {"symbol": "BTCUSDT", "limit": 5}),
        (("price=0.10", "flag=true"), {"price": "0.10", "flag": True}),
        (('symbols=["A","B"]',), {"symbols": ["A", "B"]}),
        (('id="5"', "list=[1]", "empty="), {"id": "5", "list": "[1]", "empty": ""}),
        (("a=b=c",), {"a": "b=c"}),
    ],
)
def test_parameters_are_texts_or_json(written: tuple[str, ...], params: dict[str, Any]) -> None:
    assert call_run.params_of(written) == params


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        (("BTCUSDT",), "write key=value"),
        (("=5",), "write key=value"),
        (("a=1", "a=2"), "given twice"),
        (("apiKey=x",), "added by the client"),
        (("timestamp=1",), "added by the client"),
        (("listenToken=x",), "seen by all users"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_cure(written: tuple[str, ...], cause: str) -> None:
    with pytest.raises(Refused, match=cause):
        call_run.params_of(written)


def test_without_a_url_the_place_is_that_of_the_environment() -> None:
    assert call_run.place_of("usdm", "testnet", None).startswith("wss://testnet.binancefuture.com/")
    assert call_run.place_of("spot", "production", "ws://lab/x") == "ws://lab/x"


@pytest.mark.parametrize("url", ["https://host/x", "wss://", "wss://user:password@host/x"])
def test_a_url_that_is_no_ws_api_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="write wss://host/path"):
        call_run.place_of("spot", "production", url)


def test_options_that_name_keys_in_two_ways_are_refused(secrets: Path) -> None:
    with pytest.raises(Refused, match="--secrets names all files"):
        call_run.keys_of(secrets, Path("k"), None, None, None)
    with pytest.raises(Refused, match="need --api-key-file"):
        call_run.keys_of(None, None, Path("p"), None, None)
    with pytest.raises(Refused, match="a private key or a secret key"):
        call_run.keys_of(None, Path("k"), Path("p"), Path("s"), None)


def test_a_key_that_others_may_read_is_told_before_anything_is_connected(secrets: Path) -> None:
    (secrets / "secret-key").chmod(0o644)

    with pytest.raises(Refused, match="chmod 600"):
        run("call", "spot", "account.status", "--secrets", str(secrets), "--url", "ws://x:1/y")


def test_a_proxys_password_on_the_command_line_is_refused() -> None:
    arguments = ("--proxy", "http://user:password@proxy:1", "--url", "ws://127.0.0.1:1/x")

    with pytest.raises(Refused, match="seen by all users") as caught:
        run("call", "spot", "time", *arguments)
    assert "password@" not in str(caught.value)
