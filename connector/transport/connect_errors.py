"""Connections that could not be opened: the cause, the cure, and when to try again."""

import asyncio
import re
import ssl
from http import HTTPStatus
from typing import Any

from connector.binance.rest_errors import PROXY_LOGIN, SLOW_DOWN, error_from_response
from connector.errors import Retry
from connector.transport.tls import certificate_cure

ATTEMPTS_WINDOW_S = 300.0  # of Binance's limit on connection attempts: what a handshake's 429 means
_PROXY_STATUS = re.compile(r"HTTP proxy rejected connection with status (\d+)")  # picows 2.3


def via(proxy: str | None) -> str:
    """Return the words for an error about a proxy: host and port, never its user or password."""
    return f" through the proxy {proxy.rpartition('@')[2].rpartition('/')[2]}" if proxy else ""


def connect_error(target: str, url: str, error: BaseException, now: float) -> Retry:
    """Return the error to raise for a connection that was not opened.

    A refusal (451, 403, 202, 502, 418, 429, ...) has the words and the waits of REST's refusals.

    Args:
        target: What was connected to, for the message.
        url: The connection's.
        error: What picows raised.
        now: Wall-clock time, epoch seconds.
    """
    response: Any = getattr(error, "response", None)
    if response is None or response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return Retry(f"{target}: {reason(error, url)}")
    status, body = int(response.status), getattr(error, "raw_body", None) or b""
    retry_after = response.headers.get("Retry-After")
    refusal = error_from_response(target, status, body, retry_after, now)
    if status == SLOW_DOWN and not (retry_after or "").strip().isdecimal():
        return Retry(str(refusal), ATTEMPTS_WINDOW_S, status)
    # Wrong input ends no worker that runs: the other connections go on.
    return refusal if isinstance(refusal, Retry) else Retry(str(refusal), status=status)


def reason(error: BaseException, url: str) -> str:
    """Return the text of a failed connect, with its cause: picows wraps the socket's error."""
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    text = f"{str(error) or type(error).__name__}{cause}"
    proxy = _PROXY_STATUS.search(text)
    if proxy is not None:
        status = int(proxy[1])
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return PROXY_LOGIN
        return f"the proxy answered {status} and made no connection"
    cure = NO_TLS if url.startswith("wss:") and _is_plain(error) else certificate_cure(text)
    return f"{text}{cure}"


NO_TLS = ": the server does not speak TLS, it seems; write ws:// for a lab"
# OpenSSL's names for an answer that is no TLS; which one depends on its version.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"})


def _is_plain(error: BaseException) -> bool:
    """Return whether a TLS handshake failed as it does with a server without TLS."""
    if isinstance(error, ssl.SSLError):  # the server answered in plain text
        return error.reason in _NOT_TLS
    # It closed at once: then the error has no number.
    return isinstance(error, ConnectionResetError) and error.errno is None


def silence_handshake_log(loop: asyncio.AbstractEventLoop) -> None:
    """Keep failed handshakes out of the loop's own log: `Connection.open` raises them.

    aiofastnet 1.2 gives the loop a class where an error belongs, which logging cannot print.
    """
    if loop.get_exception_handler() is None:
        loop.set_exception_handler(_log_unless_handshake)


def _log_unless_handshake(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if context.get("message") != "SSL handshake failed":
        loop.default_exception_handler(context)
