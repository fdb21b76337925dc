"""Texts and waiting times of connections that could not be opened."""

import asyncio
import ssl
from types import SimpleNamespace

import pytest

from connector.errors import Unserved
from connector.transport.connect_errors import (
    connect_error,
    reason,
    silence_handshake_log,
    via,
)

URL = "wss://stream.binance.com:9443/stream"
NOW = 1_795_000_030.0  # 10 s into a minute


def refusal(status: int, body: bytes = b"", retry_after: str | None = None) -> Exception:
    error = Exception(f"expected upgrade response with status 101, but received {status}")
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    error.response = SimpleNamespace(status=status, headers=headers)  # type: ignore[attr-defined]
    error.raw_body = body  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("proxy", "text"),
    [
        (None, ""),
        ("http://proxy:3128", " through the proxy proxy:3128"),
        ("http://user:secret@proxy:3128", " through the proxy proxy:3128"),
    ],
)
def test_a_proxy_is_named_without_its_password(proxy: str | None, text: str) -> None:
    assert via(proxy) == text


def test_an_error_is_named_with_its_cause() -> None:
    error = OSError("no route")
    error.__cause__ = ValueError("bad address")

    assert reason(error, "ws://host/stream") == "no route (bad address)"
    assert reason(TimeoutError(), "ws://host/stream") == "TimeoutError"


@pytest.mark.parametrize(
    ("url", "cure"), [("wss://host/stream", True), ("ws://host/stream", False)]
)
def test_a_server_that_hangs_up_in_the_handshake_has_no_tls(url: str, cure: bool) -> None:
    assert ("does not speak TLS" in reason(ConnectionResetError(), url)) is cure


def test_a_certificate_that_is_not_trusted_is_no_lack_of_tls() -> None:
    error = ssl.SSLError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.reason = "CERTIFICATE_VERIFY_FAILED"  # as OpenSSL's have it

    text = reason(error, "wss://host/stream")
    assert "does not speak TLS" not in text
    assert "name its file in ca_file, or in the variable SSL_CERT_FILE" in text


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (refusal(429), 300.0),  # the window in which connection attempts are counted
        (refusal(418), 120.0),  # the shortest ban
        (refusal(403), 300.0),
        (refusal(451), 300.0),
        (refusal(429, retry_after="17"), 17.0),
        (refusal(418, retry_after="soon"), 120.0),
        (refusal(503, retry_after="17"), 17.0),
        (refusal(202), None),
        (refusal(404), None),
        (OSError("no route"), None),
    ],
)
def test_a_refusing_server_is_left_alone_for_its_time(
    error: Exception, seconds: float | None
) -> None:
    assert connect_error("host", URL, error, NOW).after_s == seconds


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            451,
            "HTTP 451: the exchange does not serve this location; run elsewhere, or set a proxy",
        ),
        (
            403,
            "HTTP 403: a firewall in front of the exchange blocks this address or request; wait,"
            " or run elsewhere",
        ),
        (
            202,
            "HTTP 202: a firewall in front of the exchange asks for proof that a browser calls;"
            " wait, or run elsewhere",
        ),
        (502, "HTTP 502: the exchange is down or in maintenance; wait for it"),
        (
            418,
            "HTTP 418: the exchange has banned this address for going on after 429; send nothing"
            " from this address until the ban ends, then lower limits.share",
        ),
        (
            429,
            "HTTP 429: too many requests or connections from this address; wait, and lower"
            " limits.share",
        ),
        (404, "HTTP 404: no such path; check the exchange's address"),
        (500, "HTTP 500: it begins with '<html>'"),
    ],
)
def test_a_refused_handshake_is_said_as_rest_says_it(status: int, text: str) -> None:
    assert str(connect_error("host", URL, refusal(status, b"<html>"), NOW)) == f"host: {text}"


def test_a_location_that_is_not_served_is_told_from_passing_trouble() -> None:
    assert isinstance(connect_error("host", URL, refusal(451), NOW), Unserved)
    assert not isinstance(connect_error("host", URL, refusal(403), NOW), Unserved)


def test_a_wrong_answer_of_status_101_is_said_as_it_is() -> None:
    assert "but received 101" in str(connect_error("host", URL, refusal(101), NOW))


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (407, "the proxy wants a user name and password; give them in `proxy_login_file`"),
        (502, "the proxy answered 502 and made no connection"),
    ],
)
def test_a_proxys_refusal_is_said_as_rest_says_it(status: int, text: str) -> None:
    error = OSError(f"HTTP proxy rejected connection with status {status}")

    assert reason(error, URL) == text


async def test_a_failed_handshake_alone_is_kept_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    silence_handshake_log(loop)

    loop.call_exception_handler({"message": "SSL handshake failed"})
    loop.call_exception_handler({"message": "something else"})

    assert [record.message for record in caplog.records] == ["something else"]
