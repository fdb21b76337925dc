"""One market connection: opens, subscribes, hands frames over by callback. Never waits for Kafka.

Frames leave here in batches, one per read of the socket; next along the way: feed/pipeline.py.
Reads are spaced (`READ_TICK_S`): at high rates the socket is left alone for a moment, so that one
wake-up, one TLS pass and one hand-over serve many frames (docs/decisions/0002-reader.md).
"""

import asyncio
import itertools
import select
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import picows
from picows.proxy import ProxyError  # type: ignore[attr-defined] # raised, and not exported

from connector.binance import ws_messages
from connector.binance.products import Limits
from connector.binance.ws_messages import Answer, is_server_shutdown, parse_answer
from connector.errors import Retry
from connector.rate_limit import SlidingWindow
from connector.transport.connect_errors import reason, stay_away, tell_handshakes_once, via

READ_TICK_S = 0.002
OPEN_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0
PING_AFTER_S = 5.0  # our own keepalive: asked after this long without a byte ...
PONG_WITHIN_S = 5.0  # ... and answered within this, else the connection is given up
LOOK_S = 0.1  # how often a connection that reads nothing is looked at: was it reset?

_legs = itertools.count(1)
Receive = Callable[[Sequence[bytes], int, "Connection"], None]


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a connection ended: `code` and `text` as the other side or the socket gave them."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class SubscriptionRejected(Retry):
    """The exchange answered a request with an error.

    Args:
        message: What happened.
        answer: The exchange's.
    """

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer


class Connection(picows.WSListener):
    """A connection to one endpoint, in combined mode.

    Attributes:
        id: Tells the connection from every other of the process.
        frames: Text frames read.
        closed: Resolves with the reason once the connection is gone.
        first_data: Monotonic seconds of the first stream frame, None before it.
        shutting_down: The exchange announced that it will close this connection.
    """

    def __init__(self, limits: Limits, receive: Receive) -> None:
        self._loop = asyncio.get_running_loop()
        self.id = next(_legs)
        self.frames = 0
        self._receive = receive
        self._window = SlidingWindow(limits.messages_per_second, 1.0)
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._next_id = 1
        self._batch: list[bytes] = []
        self._parts: list[bytes] = []  # of a message sent in several frames
        self._last_read = 0
        self._transport: picows.WSTransport | None = None
        self.closed: asyncio.Future[Closed] = self._loop.create_future()
        self.first_data: float | None = None
        self.shutting_down = asyncio.Event()

    @classmethod
    async def open(
        cls,
        url: str,
        limits: Limits,
        receive: Receive,
        proxy: str | None = None,
        address: int = 0,
    ) -> "Connection":
        """Connect to `url` (the endpoint's /stream).

        Args:
            url: Where to.
            limits: The product's.
            receive: Takes the frames.
            proxy: URL of an HTTP proxy to go through; its password never reaches an error.
            address: Which of the host's addresses to take, where it has several: connections that
                stand in for one another must not end on the same machine. 0: as the system orders.

        Raises:
            Retry: nobody there, refused (429 and 418 with the time to stay away), TLS trouble.
        """
        connection = cls(limits, receive)
        context = ssl.create_default_context() if url.startswith("wss:") else None
        tell_handshakes_once(connection._loop)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                transport, _ = await picows.ws_connect(
                    lambda: connection,
                    url,
                    ssl_context=context,
                    enable_auto_pong=False,  # sent by us, since pongs count against the limit
                    enable_auto_ping=True,
                    auto_ping_idle_timeout=PING_AFTER_S,
                    auto_ping_reply_timeout=PONG_WITHIN_S,
                    websocket_handshake_timeout=OPEN_TIMEOUT_S,
                    proxy=proxy,
                    socket_factory=_at(address) if address and proxy is None else None,
                )
        except TimeoutError as error:
            words = f"no answer within {OPEN_TIMEOUT_S:.0f} s"
            raise Retry(f"{url}{via(proxy)}: {words}") from error
        except (OSError, picows.WSError, ProxyError) as error:
            words = f"{url}{via(proxy)}: {reason(error, url)}"
            raise Retry(words, stay_away(error)) from error
        connection._transport = transport
        connection._look()
        return connection

    async def subscribe(self, names: Sequence[str]) -> None:
        """Subscribe to the named streams, in as few messages as fit, within the message budget.

        Raises:
            SubscriptionRejected: the exchange took none of the names of a request.
            Retry: a request was not answered in time, or the socket closed.
        """
        await self._request(ws_messages.subscribe, names)

    async def unsubscribe(self, names: Sequence[str]) -> None:
        """Unsubscribe from the named streams. Raises as `subscribe` does."""
        await self._request(ws_messages.unsubscribe, names)

    async def _request(
        self, build: Callable[[Sequence[str], int], bytes], names: Sequence[str]
    ) -> None:
        for chunk in ws_messages.chunks(names):
            number = self._next_id
            self._next_id += 1
            answer = self._answers[number] = self._loop.create_future()
            try:
                await self._send(build(chunk, number))
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await asyncio.wait((answer, self.closed), return_when=asyncio.FIRST_COMPLETED)
            except TimeoutError as error:
                raise Retry(f"no answer to request {number} of {len(chunk)} streams") from error
            finally:
                self._answers.pop(number, None)
            if not answer.done():
                raise Retry(f"closed before request {number} was answered: {self.closed.result()}")
            if answer.result().is_error:
                raise _refused(number, chunk, answer.result())

    async def _send(self, message: bytes) -> None:
        """Send a text message when the budget allows."""
        while wait := self._window.wait(self._loop.time()):
            await asyncio.sleep(wait)
        if self._transport is None or self.closed.done():
            raise Retry("the connection is closed")
        self._window.take(self._loop.time())
        self._transport.send(picows.WSMsgType.TEXT, message)

    def _look(self) -> None:
        """Notice a reset that came right behind data: uvloop reads the data and says nothing.

        libuv reports the hang-up without asking for a buffer, and a buffered protocol never hears
        of it (uvloop 0.23, picows 2.3: run 2026-11-25); our ping would, 5 to 10 s later.
        """
        transport = self._transport
        if self.closed.done() or transport is None or transport.is_disconnected:
            return
        idle_ns = time.time_ns() - self._last_read
        if idle_ns >= LOOK_S * 1e9 and _is_hung_up(transport.underlying_transport):
            transport.underlying_transport.abort()  # on_ws_disconnected follows
            return
        self._loop.call_later(LOOK_S, self._look)

    def close(self) -> None:
        """Say good-bye and close; `closed` resolves soon after."""
        if self._transport is not None and not self.closed.done():
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()

    def take_control_frame(self, frame: bytes) -> bool:
        """Take an answer to one of our requests or a shutdown notice; False for anything else."""
        if is_server_shutdown(frame):
            self.shutting_down.set()
            return True
        answer = parse_answer(frame)
        if answer is None:
            return False
        waiting = self._answers.get(answer.id) if isinstance(answer.id, int) else None
        if waiting is None and answer.code is not None and len(self._answers) == 1:
            waiting = next(iter(self._answers.values()))  # some errors carry no id
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
        return True

    # The rest is called by picows.

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Collect the frames of one read, then hand them over."""
        if frame.msg_type is _TEXT and frame.fin:
            self._batch.append(frame.get_payload_as_bytes())
        else:
            self._on_other(transport, frame)
        if frame.last_in_buffer:
            self._hand_over(transport)

    def _hand_over(self, transport: picows.WSTransport) -> None:
        now = time.time_ns()
        if self._batch:
            batch, self._batch = self._batch, []
            self.frames += len(batch)
            if self.first_data is None and batch[-1].startswith(b'{"stream"'):
                self.first_data = self._loop.time()
            self._receive(batch, now // 1000, self)
        if now - self._last_read < _TICK_NS:
            transport.underlying_transport.pause_reading()
            self._loop.call_later(READ_TICK_S, self._resume, transport)
        self._last_read = now

    def _resume(self, transport: picows.WSTransport) -> None:
        if not transport.is_disconnected:
            transport.underlying_transport.resume_reading()

    def _on_other(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Answer pings with their payload, join split messages, note the close."""
        kind = frame.msg_type
        if kind is picows.WSMsgType.PING:
            self._window.take(self._loop.time())
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is picows.WSMsgType.CLOSE:
            self._finish(Closed(frame.get_close_code().value, frame.get_close_reason() or ""))
            transport.disconnect()
        elif kind in (_TEXT, picows.WSMsgType.CONTINUATION):
            self._parts.append(frame.get_payload_as_bytes())
            if frame.fin:
                self._batch.append(b"".join(self._parts))
                self._parts.clear()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Hand over what was read last and note the end."""
        if self._batch:
            self._hand_over(transport)
        self._finish(Closed(1006, "connection lost"))

    def _finish(self, reason: Closed) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)


def _refused(number: int, names: Sequence[str], answer: Answer) -> SubscriptionRejected:
    first = names[0] if len(names) == 1 else f"{names[0]} ..."
    return SubscriptionRejected(
        f"request {number} refused: {answer.code} {answer.message} ({first})", answer
    )


_TEXT = picows.WSMsgType.TEXT
_TICK_NS = int(2 * READ_TICK_S * 1e9)


def _is_hung_up(transport: asyncio.BaseTransport) -> bool:
    """Say whether the kernel knows that a socket is over."""
    there = transport.get_extra_info("socket")
    if there is None or there.fileno() < 0 or not hasattr(select, "poll"):
        return False
    asked = select.poll()
    asked.register(there.fileno(), 0)  # errors and hang-ups are told in any case
    return bool(asked.poll(0))


def _at(number: int) -> Callable[[picows.WSParsedURL], Awaitable[socket.socket | None]]:
    """Return what makes the socket to one of several addresses of a host."""

    async def connect(url: picows.WSParsedURL) -> socket.socket | None:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
        if len(addresses) == 1:
            return None
        for offset in range(len(addresses)):
            family, address = addresses[(number + offset) % len(addresses)]
            made = socket.socket(family, socket.SOCK_STREAM)
            made.setblocking(False)
            try:
                await loop.sock_connect(made, address)
            except OSError:
                made.close()
                continue
            return made
        return None  # let the usual way say what is wrong

    return connect
