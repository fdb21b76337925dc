"""One market connection: opens, subscribes, hands its frames to a callback. Never waits for Kafka.

Frames come in batches, one per read of the socket. `read_pacer.py` spaces the reads at high rates.
"""

import asyncio
import itertools
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import picows
from picows.proxy import ProxyError  # type: ignore[attr-defined] # raised, and not exported

from connector.binance import ws_messages
from connector.binance.envelope import is_data
from connector.binance.products import ConnectionLimits
from connector.binance.ws_messages import is_server_shutdown, parse_answer
from connector.errors import Retry
from connector.rate_limit import SlidingWindow
from connector.transport import connect_errors
from connector.transport.read_pacer import ReadPacer
from connector.transport.sockets import is_hung_up, socket_factory
from connector.transport.ws_requests import BuildRequest, PendingRequests, RequestPace

OPEN_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0  # the first one, see RequestPace
PING_AFTER_S = 5.0  # our own keepalive: sent after this long without a byte ...
PONG_WITHIN_S = 5.0  # ... and answered within this, else the connection is closed
RESET_CHECK_INTERVAL_S = 0.1  # of a connection that reads nothing

_ids = itertools.count(1)
_TEXT = picows.WSMsgType.TEXT
Receive = Callable[[Sequence[bytes], int, "Connection"], None]


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a connection ended: close code and text of the other side; 1006 where it sent none."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class Connection(picows.WSListener):
    """A connection to one endpoint, in combined mode. Its `id` is unique in this process."""

    def __init__(
        self,
        limits: ConnectionLimits,
        receive: Receive,
        pace: RequestPace | None = None,
        read_pacer: ReadPacer | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.id = next(_ids)
        self.frames = 0  # text frames read
        self._receive = receive
        self._window = SlidingWindow(limits.messages_per_second, 1.0)
        self._requests = PendingRequests(pace or RequestPace())
        self._read_pacer = read_pacer or ReadPacer()
        self._batch: list[bytes] = []
        self._parts: list[bytes] = []  # of a message sent in several frames
        self._last_read = self._last_pong = 0  # epoch nanoseconds
        self._transport: picows.WSTransport | None = None
        self.closed: asyncio.Future[Closed] = self._loop.create_future()
        self.first_data: float | None = None  # monotonic seconds of the first stream frame
        self.shutting_down = asyncio.Event()  # the exchange announced that it will close this one

    @classmethod
    async def open(
        cls,
        url: str,
        limits: ConnectionLimits,
        receive: Receive,
        proxy: str | None = None,
        address: int = 0,
        pace: RequestPace | None = None,
        tls: ssl.SSLContext | None = None,
        read_pacer: ReadPacer | None = None,
    ) -> "Connection":
        """Connect to `url`, the endpoint's /stream.

        Args:
            url: Of the endpoint.
            limits: The product's.
            receive: Called with the frames, the time (epoch us) and the connection of each read.
            proxy: URL of an HTTP proxy to go through; its password never reaches an error.
            address: Which of the host's addresses to take, where it has several: connections that
                replace one another must not share a machine. 0: as the system orders.
            pace: Of its requests; connections to one exchange share one.
            tls: Whom to trust, for wss: and for a proxy of https:. None: the system's authorities.
            read_pacer: Spaces its reads; connections of one process share one.

        Raises:
            Retry: no server there, refused (with the time to wait where it is known), TLS trouble.
        """
        connection = cls(limits, receive, pace, read_pacer)
        target = f"{url}{connect_errors.via(proxy)}"
        connect_errors.silence_handshake_log(connection._loop)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                connection._transport = await _connect(connection, url, proxy, address, tls)
        except TimeoutError as error:
            raise Retry(f"{target}: no answer within {OPEN_TIMEOUT_S:.0f} s") from error
        except (OSError, picows.WSError, ProxyError) as error:
            raise connect_errors.connect_error(target, url, error, time.time()) from error
        connection._check_reset()
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

    async def _request(self, build: BuildRequest, names: Sequence[str]) -> None:
        await self._requests.make(self, build, names, ANSWER_TIMEOUT_S)

    async def send(self, message: bytes) -> None:
        """Send a text message when the budget allows. Raises Retry if the connection is closed."""
        while wait := self._window.wait(self._loop.time()):
            await asyncio.sleep(wait)
        if self._transport is None or self.closed.done():
            raise Retry("the connection is closed")
        self._window.take(self._loop.time())
        self._transport.send(_TEXT, message)

    def send_ping(self) -> None:
        """Send a ping, if the connection is open and the message budget allows."""
        now = self._loop.time()
        if self._transport is not None and not self.closed.done() and not self._window.wait(now):
            self._window.take(now)
            self._transport.send_ping()

    def _check_reset(self) -> None:
        """Notice a reset that came right behind data: uvloop reads the data and reports no reset.

        libuv reports the hang-up without asking for a buffer, and a buffered protocol is not called
        (uvloop 0.23, picows 2.3: run 2026-11-25); our ping would notice it 5 to 10 s later.
        """
        transport = self._transport
        if self.closed.done() or transport is None or transport.is_disconnected:
            return
        idle_ns = time.time_ns() - self._last_read
        if idle_ns >= RESET_CHECK_INTERVAL_S * 1e9 and is_hung_up(transport.underlying_transport):
            transport.underlying_transport.abort()  # on_ws_disconnected follows
            return
        self._loop.call_later(RESET_CHECK_INTERVAL_S, self._check_reset)

    @property
    def read_ms(self) -> int:
        """When something was read last, an answer to our ping included; epoch milliseconds."""
        return max(self._last_read, self._last_pong) // 1_000_000

    def close(self) -> None:
        """Send a close frame and close; `closed` resolves soon after."""
        if self._transport is not None and not self.closed.done():
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()

    def take_control_frame(self, frame: bytes) -> bool:
        """Take an answer to one of our requests or a shutdown notice; False for anything else."""
        if is_server_shutdown(frame):
            self.shutting_down.set()
        elif (answer := parse_answer(frame)) is not None:
            self._requests.resolve(answer)
        else:
            return False
        return True

    # Called by picows

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Collect the frames of one read, then deliver them."""
        if frame.msg_type is _TEXT and frame.fin:
            self._batch.append(frame.get_payload_as_bytes())
        else:
            self._on_other(transport, frame)
        if frame.last_in_buffer:
            self._deliver(transport)

    def is_user_specific_pong(self, frame: picows.WSFrame) -> bool:
        """Take the answer to our ping: picows calls this in place of `on_ws_frame`."""
        is_pong = frame.msg_type is picows.WSMsgType.PONG
        if is_pong and self._transport is not None:
            if self._batch:  # read with it, and no frame behind them ends the batch
                self._deliver(self._transport)
            self._last_pong = time.time_ns()
        return is_pong

    def _deliver(self, transport: picows.WSTransport) -> None:
        now = time.time_ns()
        if self._batch:
            batch, self._batch = self._batch, []
            self.frames += len(batch)
            if self.first_data is None and is_data(batch[-1]):
                self.first_data = self._loop.time()
            if self._requests.unproved:
                self._requests.note_data(batch)
            self._receive(batch, now // 1000, self)
        self._read_pacer.after_read(transport, now - self._last_read)
        self._last_read = now

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
        """Deliver what was read last and note the end."""
        if self._batch:
            self._deliver(transport)
        self._finish(Closed(1006, "connection lost"))

    def _finish(self, reason: Closed) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)


async def _connect(
    connection: Connection,
    url: str,
    proxy: str | None,
    address: int,
    tls: ssl.SSLContext | None,
) -> picows.WSTransport:
    transport, _ = await picows.ws_connect(
        lambda: connection,
        url,
        ssl_context=(tls or ssl.create_default_context()) if url.startswith("wss:") else None,
        proxy_ssl_context=tls if proxy is not None and proxy.startswith("https:") else None,
        enable_auto_pong=False,  # sent by us, since pongs count against the limit
        enable_auto_ping=True,
        auto_ping_idle_timeout=PING_AFTER_S,
        auto_ping_reply_timeout=PONG_WITHIN_S,
        websocket_handshake_timeout=OPEN_TIMEOUT_S,
        proxy=proxy,
        socket_factory=socket_factory(address) if address and proxy is None else None,
    )
    return transport
