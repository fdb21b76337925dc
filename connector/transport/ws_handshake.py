"""Opens a WebSocket by the `websockets` library; its failures as errors that hold no secret."""

import asyncio
import logging
import ssl
import time
from http import HTTPStatus

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.http11 import Response

from connector.binance.api_errors import BackOff
from connector.binance.rest_errors import BANNED, PROXY_LOGIN, SLOW_DOWN, error_from_response
from connector.errors import Refused, Retry
from connector.transport import connect_errors

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
MAX_FRAME_BYTES = 64 * 1024 * 1024  # the answer to exchangeInfo is the largest: about 20 MB

# websockets logs whole frames at DEBUG, and URLs: both hold secrets.
_silent = logging.Logger("bkc.websockets", logging.CRITICAL + 1)  # noqa: LOG001 - outside the hierarchy


async def open_socket(
    place: str, url: str, proxy: str | None = None, tls: ssl.SSLContext | None = None
) -> ClientConnection:
    """Connect.

    Args:
        place: The connection's name, for errors; the URL, which may hold a listenKey, is not shown.
        url: ws:// or wss://.
        proxy: URL of an HTTP proxy, may hold a user name and password.
        tls: Context of wss://; None: the system's authorities.

    Raises:
        Retry: no server there, TLS trouble, refused for now; `BackOff`: with 429 or 418.
        Refused: the URL is none, or the exchange refuses it for good.
    """
    place = f"{place}{connect_errors.via(proxy)}"
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            return await _connect(url, proxy, tls)
    except TimeoutError:
        raise Retry(f"{place}: no answer within {OPEN_TIMEOUT_S:.0f} s") from None
    except (OSError, WebSocketException) as error:
        raise _handshake_error(place, url, error) from None


async def _connect(url: str, proxy: str | None, tls: ssl.SSLContext | None) -> ClientConnection:
    context = (tls or ssl.create_default_context()) if url.startswith("wss:") else None
    return await connect(
        url,
        proxy=proxy,
        compression=None,
        open_timeout=None,  # the caller's
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=None,  # see transport/frame_reader.py
        max_size=MAX_FRAME_BYTES,
        user_agent_header=None,
        logger=_silent,
        ssl=context,
    )


def _handshake_error(place: str, url: str, error: Exception) -> Retry | Refused:
    """Return the error of a handshake; no text of a library that holds the proxy's password."""
    if isinstance(error, InvalidStatus):
        return _refusal(place, error.response)
    if isinstance(error, InvalidProxyStatus):
        status = error.response.status_code
        refused = f"the proxy answered {status} and made no connection"
        is_login = status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        return Retry(f"{place}: {PROXY_LOGIN if is_login else refused}")
    if isinstance(error, InvalidURI):
        return Refused(f"{place}: is no URL of a WebSocket: write wss://host/path")
    if isinstance(error, OSError):
        return Retry(f"{place}: {connect_errors.reason(error, url)}")
    return Retry(f"{place}: {type(error).__name__} in the handshake")


def _refusal(place: str, answer: Response) -> Retry | Refused:
    """Return the error of an answer that is not 101, in the words of REST's refusals."""
    status, wait = answer.status_code, answer.headers.get("Retry-After")
    body = bytes(answer.body or b"")
    error = error_from_response(place, status, body, wait, time.time())
    if status not in (SLOW_DOWN, BANNED):
        return error
    after_s = error.after_s if isinstance(error, Retry) else None
    if status == SLOW_DOWN and wait is None:  # of the limit on attempts, not of the minute's weight
        after_s = connect_errors.ATTEMPTS_WINDOW_S
    return BackOff(str(error), after_s)
