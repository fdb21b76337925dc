"""Texts and waiting times of connections that could not be opened."""

import asyncio
import ssl
from types import SimpleNamespace

import pytest

from connector.transport.connect_errors import reason, retry_after_s, silence_handshake_log, via


def refusal(status: int, **headers: str) -> Exception:
    error = Exception("rejected")
    error.response = SimpleNamespace(status=status, headers=headers)  # type: ignore[attr-defined]
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
    error = ssl.SSLError(1, "certificate verify failed")
    error.reason = "CERTIFICATE_VERIFY_FAILED"  # as OpenSSL's have it

    assert "does not speak TLS" not in reason(error, "wss://host/stream")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (refusal(429), 300.0),
        (refusal(418), 600.0),
        (refusal(429, **{"Retry-After": "17"}), 17.0),
        (refusal(418, **{"Retry-After": "soon"}), 600.0),
        (refusal(503, **{"Retry-After": "17"}), None),
        (OSError("no route"), None),
    ],
)
def test_a_refusing_server_is_left_alone_for_its_time(
    error: Exception, seconds: float | None
) -> None:
    assert retry_after_s(error) == seconds


async def test_a_failed_handshake_alone_is_kept_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    silence_handshake_log(loop)

    loop.call_exception_handler({"message": "SSL handshake failed"})
    loop.call_exception_handler({"message": "something else"})

    assert [record.message for record in caplog.records] == ["something else"]
