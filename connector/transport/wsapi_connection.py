"""One connection to the WS API: requests by id, answers, events. No state beyond the connection."""

import asyncio
import itertools
import ssl
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from connector.binance import wsapi_messages
from connector.binance.signing import ParamValue
from connector.binance.wsapi_messages import WsApiAnswer, WsApiEvent
from connector.errors import Retry
from connector.transport import connect_errors
from connector.transport.frame_reader import FrameReader
from connector.transport.ws_handshake import open_socket


class Listener(Protocol):
    """What a connection reports; called in the order of the frames, and must not wait."""

    def on_event(self, event: WsApiEvent, received_us: int) -> None:
        """Take a user data event, read at this time (epoch us)."""

    def on_notice(self, connection: "ApiConnection", answer: WsApiAnswer) -> None:
        """Take an answer that belongs to no request, such as the end of a session."""

    def on_unreadable(self, frame: bytes, received_us: int) -> None:
        """Take a frame that is neither answer nor event, or no JSON: it may hold an event."""


class ApiConnection:
    """An open connection.

    Attributes:
        closed: Resolves with the cause when the connection has ended.
        date_s: The exchange's time in the handshake, epoch seconds; None: it named none.
        opened: Monotonic seconds of the handshake.
        is_revoked: The exchange ended the session: its key may have been taken away.
    """

    def __init__(self, socket: ClientConnection, place: str, listener: Listener) -> None:
        self._socket = socket
        self._place = place
        self._listener = listener
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self.date_s = _date_of(socket)
        self.is_revoked = False
        self._reader = FrameReader(socket, place, self._take)
        self.closed, self.opened = self._reader.closed, self._reader.opened
        self.closed.add_done_callback(self._fail_pending)

    @classmethod
    async def open(
        cls,
        url: str,
        listener: Listener,
        *,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> "ApiConnection":
        """Connect. Raises as `open_socket`."""
        place = url.partition("?")[0]
        socket = await open_socket(place, url, proxy, tls)
        return cls(socket, f"{place}{connect_errors.via(proxy)}", listener)

    @property
    def whole_until_us(self) -> int:
        """As `FrameReader.whole_until_us`."""
        return self._reader.whole_until_us

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
        await self._reader.close()

    def end(self, cause: str, *, is_revoked: bool = False) -> None:
        """Begin to close for a cause of our own."""
        self.is_revoked = is_revoked
        self._reader.end(cause)

    def _fail_pending(self, closed: asyncio.Future[str]) -> None:
        for pending in self._pending.values():
            pending.fail(Retry(f"{self._place}: closed before the answer: {closed.result()}"))

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
        else:
            self._listener.on_unreadable(raw, received_us)


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


def _date_of(socket: ClientConnection) -> float | None:
    header = None if socket.response is None else socket.response.headers.get("Date")
    try:
        return None if header is None else parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None
