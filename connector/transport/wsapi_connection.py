"""One connection to the WS API: requests by id, answers, events. No state beyond the connection."""

import asyncio
import itertools
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.http11 import Response

from connector.binance import wsapi_messages
from connector.binance.api_errors import BackOff
from connector.binance.rest_errors import BANNED, PROXY_LOGIN, SLOW_DOWN, error_from_response
from connector.binance.signing import ParamValue
from connector.binance.wsapi_messages import WsApiAnswer, WsApiEvent
from connector.errors import Refused, Retry
from connector.telemetry import events
from connector.transport import connect_errors

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
PING_INTERVAL_S, PONG_WITHIN_S = 10.0, 10.0  # our own; the exchange's pings are answered as well
MAX_FRAME_BYTES = 64 * 1024 * 1024  # the answer to exchangeInfo is the largest: about 20 MB

# websockets logs whole frames at DEBUG, and requests hold signatures.
_silent = logging.Logger("bkc.wsapi", logging.CRITICAL + 1)  # noqa: LOG001 - outside the hierarchy


class Listener(Protocol):
    """What a connection reports; called in the order of the frames, and must not wait."""

    def on_event(self, event: WsApiEvent, received_us: int) -> None:
        """Take a user data event, read at this time (epoch us)."""

    def on_notice(self, connection: "ApiConnection", answer: WsApiAnswer) -> None:
        """Take an answer that belongs to no request, such as the end of a session."""


class ApiConnection:
    """An open connection.

    Attributes:
        closed: Resolves with the cause when the connection has ended.
        date_s: The exchange's time in the handshake, epoch seconds; None: it named none.
        opened: Monotonic seconds of the handshake.
    """

    def __init__(self, socket: ClientConnection, place: str, listener: Listener) -> None:
        self._socket = socket
        self._place = place
        self._listener = listener
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = loop.create_future()
        self.opened = loop.time()
        self.date_s = _date_of(socket)
        self._cause = ""  # of the end, where it is ours
        self._closing: asyncio.Task[None] | None = None
        self._reader = asyncio.create_task(self._read(), name=f"{place} reader")

    @classmethod
    async def open(
        cls,
        url: str,
        listener: Listener,
        *,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> "ApiConnection":
        """Connect.

        Raises:
            Retry: no server there, TLS trouble, refused for now; `BackOff`: with 429 or 418.
            Refused: the URL is none, or the exchange refuses it for good.
        """
        place = f"{url.partition('?')[0]}{connect_errors.via(proxy)}"
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                socket = await _connect(url, proxy, tls)
        except TimeoutError:
            raise Retry(f"{place}: no answer within {OPEN_TIMEOUT_S:.0f} s") from None
        except (OSError, WebSocketException) as error:
            raise _handshake_error(place, url, error) from None
        return cls(socket, place, listener)

    async def request(
        self,
        method: str,
        params: Mapping[str, ParamValue],
        timeout_s: float,
        on_answer: Callable[[WsApiAnswer], None] | None = None,
    ) -> WsApiAnswer:
        """Send a request and return its answer, good or bad.

        `on_answer` is called before the next frame is read: events may follow at once.

        Raises:
            Retry: no answer in time, or the connection has ended: the outcome is unknown.
        """
        if self.closed.done():
            raise Retry(
                f"{self._place}: {method}: the connection is closed: {self.closed.result()}"
            )
        number = next(self._ids)
        pending = self._pending[number] = _Pending(on_answer)
        try:
            async with asyncio.timeout(timeout_s):
                await self._socket.send(wsapi_messages.request(number, method, params), text=True)
                return await pending.answer
        except TimeoutError:
            raise Retry(f"{self._place}: {method}: no answer within {timeout_s:g} s") from None
        except ConnectionClosed:
            raise Retry(f"{self._place}: {method}: the connection closed") from None
        finally:
            del self._pending[number]

    async def close(self) -> None:
        """Close; `closed` has resolved when this returns."""
        await self._socket.close()
        await self._reader

    def end(self, cause: str) -> None:
        """Begin to close for a cause of our own."""
        self._cause = self._cause or cause
        self._closing = asyncio.create_task(self._socket.close())

    async def _read(self) -> None:
        cause = ""
        try:
            while True:
                frame = await self._socket.recv(decode=False)
                self._take(frame, time.time_ns() // 1000)
        except ConnectionClosed as error:
            close = error.rcvd
            cause = "connection lost" if close is None else f"{close.code} {close.reason}".strip()
            cause = self._cause or cause
        except Exception as error:  # noqa: BLE001 - a bug must not leave the callers waiting
            cause = f"{type(error).__name__} in the reader"
            events.task_failed(f"{self._place} reader", error)
        finally:
            self.closed.set_result(cause or "closed")
            for pending in self._pending.values():
                pending.fail(Retry(f"{self._place}: closed before the answer: {cause}"))

    def _take(self, raw: bytes, received_us: int) -> None:
        frame = wsapi_messages.parse_frame(raw)
        if isinstance(frame, WsApiEvent):
            self._listener.on_event(frame, received_us)
        elif isinstance(frame, WsApiAnswer):
            pending = self._pending.get(frame.id) if isinstance(frame.id, int) else None
            if pending is not None:
                pending.resolve(frame)
            elif frame.id is None:
                self._listener.on_notice(self, frame)


class _Pending:
    """A request that waits for its answer."""

    def __init__(self, on_answer: Callable[[WsApiAnswer], None] | None) -> None:
        self.answer: asyncio.Future[WsApiAnswer] = asyncio.get_running_loop().create_future()
        self._on_answer = on_answer

    def resolve(self, answer: WsApiAnswer) -> None:
        if not self.answer.done():
            if self._on_answer is not None:
                self._on_answer(answer)
            self.answer.set_result(answer)

    def fail(self, error: Retry) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


async def _connect(url: str, proxy: str | None, tls: ssl.SSLContext | None) -> ClientConnection:
    context = (tls or ssl.create_default_context()) if url.startswith("wss:") else None
    return await connect(
        url,
        proxy=proxy,
        compression=None,
        open_timeout=None,  # the caller's
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=PING_INTERVAL_S,
        ping_timeout=PONG_WITHIN_S,
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


def _date_of(socket: ClientConnection) -> float | None:
    header = None if socket.response is None else socket.response.headers.get("Date")
    try:
        return None if header is None else parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None
