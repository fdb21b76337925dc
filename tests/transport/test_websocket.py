"""A connection against the lab over real sockets."""

import asyncio
import contextlib
import math
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import pytest
import uvloop
from websockets.utils import accept_key

from connector.binance.products import LIMITS, ConnectionLimits, stream_url
from connector.errors import Retry, Unserved
from connector.lab.client_session import Session
from connector.lab.exchange import Exchange
from connector.lab.faults import LargeRequests, RefuseHandshake, Wrapper
from connector.lab.faults.payloads import WrapperForm
from connector.lab.market import Market
from connector.lab.real_kafka import free_port
from connector.lab.session_host import RequestLimits
from connector.rate_limit import SlidingWindow
from connector.transport.read_pacer import ReadPacer
from connector.transport.websocket import Connection
from tests.support.clock import StoppedTime
from tests.support.waiting import GIVE_UP_S, in_time, until

pytestmark = pytest.mark.lab


class Sink:
    """Keeps the frames of a connection but for its answers, which it takes, as a session does."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.batches: list[int] = []

    def receive(self, frames: Sequence[bytes], received_us: int, connection: Connection) -> None:
        assert received_us > 1_700_000_000_000_000
        data = [frame for frame in frames if not connection.take_control_frame(frame)]
        self.frames += data
        self.batches.append(len(data))


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    lab = Exchange(Market(1), rate=400.0)
    await lab.start()
    yield lab
    await lab.stop()


async def connect(
    exchange: Exchange, sink: Sink, limits: ConnectionLimits = LIMITS["spot"]
) -> Connection:
    url = stream_url(exchange.bases["spot"].streams[0], None)
    return await Connection.open(url, limits, sink.receive)


async def test_frames_come_by_callback_after_an_acknowledged_subscription(
    exchange: Exchange,
) -> None:
    sink = Sink()
    connection = await connect(exchange, sink)
    assert connection.first_data is None

    await connection.subscribe(["btcusdt@trade", "ethusdt@trade"])
    await until(lambda: len(sink.frames) > 20)

    names = {frame[11 : frame.index(b'"', 11)].decode() for frame in sink.frames}
    assert names == {"btcusdt@trade", "ethusdt@trade"}
    assert connection.first_data is not None
    connection.close()
    await in_time(connection.closed)


class SendingTime:
    """The module `time` for the lab's exchange: when the message it reads was sent.

    How long it was under way depends on the machine.
    """

    def __init__(self) -> None:
        self.window: SlidingWindow | None = None

    def monotonic(self) -> float:
        return 0.0 if self.window is None else self.window._taken[-1]


async def test_a_thousand_streams_are_subscribed_within_the_message_budget(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = SendingTime()
    monkeypatch.setattr("connector.lab.client_session.time", time)
    connection = await connect(exchange, Sink())
    time.window = connection._window

    await connection.subscribe([f"coin{number}usdt@trade" for number in range(1000)])

    assert not connection.closed.done()
    connection.close()


async def test_more_messages_than_a_second_allows_wait_instead_of_being_cut_off(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = SendingTime()
    monkeypatch.setattr("connector.lab.client_session.time", time)
    connection = await connect(exchange, Sink())
    time.window = connection._window

    for number in range(12):
        await connection.subscribe([f"coin{number}usdt@trade"])

    assert not connection.closed.done()
    connection.close()


async def test_a_client_without_a_budget_is_cut_off(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.lab.client_session.time", StoppedTime())
    connection = await connect(exchange, Sink(), ConnectionLimits(1000, 1024))

    names = [f"coin{number}usdt@trade" for number in range(20)]
    asked = await asyncio.gather(
        *(connection.subscribe([name]) for name in names), return_exceptions=True
    )

    assert any(isinstance(answer, Retry) for answer in asked)
    assert (await in_time(connection.closed)).code == 1008


async def test_a_request_that_its_host_reads_in_parts_is_answered_because_pings_follow(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.transport.ws_requests.PING_INTERVAL_S", 0.05)
    exchange.begin(LargeRequests(stuck=500))
    await until(lambda: exchange.delivery.request_limits)
    connection = await connect(exchange, Sink())

    await in_time(connection.subscribe([f"coin{number}usdt@trade" for number in range(100)]))

    assert not connection.closed.done()
    connection.close()


async def test_no_request_is_larger_than_the_exchange_reads_at_once(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "over_limit", lambda _session: False)
    exchange.delivery.request_limits = RequestLimits(stuck=3_992, lost=3_992)
    connection = await connect(exchange, Sink(), ConnectionLimits(1000, 1024))

    names = [f"我踏马来了{number}usdt@aggTrade" for number in range(400)]
    await in_time(connection.subscribe(names))
    await in_time(connection.unsubscribe(names))

    assert not connection.closed.done()
    connection.close()


async def test_data_proves_a_subscription_whose_answer_never_comes(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.transport.ws_requests.PING_INTERVAL_S", 0.05)
    exchange.delivery.answer_delay_s = math.inf
    connection = await connect(exchange, Sink())

    await in_time(connection.subscribe(["btcusdt@trade"]))

    assert not connection.closed.done()
    connection.close()


@pytest.mark.parametrize("form", ["extra-key", "newline", "order", "spaces"])
async def test_data_is_noticed_whatever_the_spelling_of_its_wrapper(
    exchange: Exchange, form: WrapperForm
) -> None:
    exchange.begin(Wrapper(form))
    await until(lambda: exchange.delivery.wraps)
    connection = await connect(exchange, Sink())
    await connection.subscribe(["btcusdt@trade"])

    await until(lambda: connection.first_data is not None)

    connection.close()


async def test_no_server_there_is_a_retry_that_names_the_url() -> None:
    with pytest.raises(Retry, match=r"ws://127\.0\.0\.1:9/stream: .*[Cc]onnect"):
        await Connection.open("ws://127.0.0.1:9/stream", LIMITS["spot"], Sink().receive)


@pytest.mark.parametrize(
    ("status", "retry_after", "words", "after_s"),
    [
        (451, None, "HTTP 451: the exchange does not serve this location", 300.0),
        (403, None, "HTTP 403: a firewall in front of the exchange blocks this address", 300.0),
        (202, None, "HTTP 202: a firewall in front of the exchange asks for proof", None),
        (502, None, "HTTP 502: the exchange is down or in maintenance", None),
        (418, 5.0, "HTTP 418: the exchange has banned this address", 5.0),
        (418, None, "HTTP 418: the exchange has banned this address", 120.0),
        (429, None, "HTTP 429: too many requests or connections", 300.0),
    ],
)
async def test_a_refused_handshake_has_the_words_and_the_wait_of_rests_refusals(
    exchange: Exchange, status: int, retry_after: float | None, words: str, after_s: float | None
) -> None:
    refusing = exchange.begin(RefuseHandshake(status, 1_000, retry_after))
    await until(lambda: exchange.handshakes.answers)

    with pytest.raises(Retry) as caught:
        await connect(exchange, Sink())
    refusing.cancel()

    assert f"/stream: {words}" in str(caught.value)
    assert caught.value.after_s == after_s
    assert isinstance(caught.value, Unserved) is (status == 451)


async def test_a_dropped_connection_closes_with_1006(exchange: Exchange) -> None:
    connection = await connect(exchange, Sink())
    await connection.subscribe(["btcusdt@trade"])

    await exchange.drop("spot")

    assert (await in_time(connection.closed)).code == 1006


async def test_a_shutdown_notice_is_taken_and_is_no_data(exchange: Exchange) -> None:
    sink = Sink()
    connection = await connect(exchange, sink)
    await connection.subscribe(["btcusdt@trade"])

    await exchange.server_shutdown("spot")

    await in_time(connection.shutting_down.wait())
    assert not any(b"serverShutdown" in frame for frame in sink.frames)
    await in_time(connection.closed)


async def test_pings_are_answered_so_that_the_server_keeps_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pongs: list[Session] = []

    def counting(session: Session) -> bool:
        pongs.append(session)
        return False

    monkeypatch.setattr(Session, "over_limit", counting)
    quick = Exchange(Market(1), rate=50.0, ping_interval_s=0.05, pong_deadline_s=GIVE_UP_S)
    await quick.start()
    try:
        connection = await connect(quick, Sink())
        await until(lambda: len(pongs) >= 5)

        assert not connection.closed.done()
        connection.close()
    finally:
        await quick.stop()


async def test_high_rates_are_read_many_frames_at_a_time() -> None:
    fast = Exchange(Market(1), rate=4000.0)
    await fast.start()
    try:
        sink = Sink()
        connection = await connect(fast, sink)
        await connection.subscribe(["btcusdt@trade", "ethusdt@trade", "bnbusdt@trade"])
        await until(lambda: len(sink.frames) > 2000)
        connection.close()
    finally:
        await fast.stop()

    assert len(sink.frames) / len(sink.batches) > 2


def accepted(request: bytes) -> bytes:
    """Return the answer to a client's handshake."""
    lines = dict(line.split(b": ", 1) for line in request.split(b"\r\n") if b": " in line)
    key = {name.lower(): value for name, value in lines.items()}[b"sec-websocket-key"].decode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
    )


async def test_a_black_hole_is_noticed_by_our_own_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.transport.websocket.PING_AFTER_S", 0.2)
    monkeypatch.setattr("connector.transport.websocket.PONG_WITHIN_S", 0.2)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Shake hands, then neither send nor answer anything."""
        writer.write(accepted(await reader.readuntil(b"\r\n\r\n")))
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await Connection.open(
        f"ws://127.0.0.1:{port}/stream", LIMITS["spot"], Sink().receive
    )

    await in_time(connection.closed)

    server.close()


async def test_data_that_is_read_with_the_answer_to_our_ping_is_delivered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connector.transport.websocket.PING_AFTER_S", 1.0)
    monkeypatch.setattr("connector.transport.websocket.PONG_WITHIN_S", 1.0)
    payload, sink = b'{"stream":"x","data":1}', Sink()

    async def answer_with_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepted(await reader.readuntil(b"\r\n\r\n")))
        await reader.read(1)  # the ping; its payload may be anything
        writer.write(bytes((0x81, len(payload))) + payload + bytes((0x8A, 0)))
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(answer_with_data, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream"
    connection = await Connection.open(url, LIMITS["spot"], sink.receive)
    await until(lambda: sink.frames == [payload])

    assert not connection.closed.done()
    assert connection.read_ms > 0
    connection.close()
    server.close()


async def data_then_reset() -> None:
    """Let one read bring data and a reset; the connection must deliver the data and close."""

    def shake_hands() -> socket.socket:
        client, _ = listener.accept()
        client.sendall(accepted(client.recv(4096)))
        return client

    sink = Sink()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/stream"
        opening = asyncio.create_task(Connection.open(url, LIMITS["spot"], sink.receive))
        client = await asyncio.to_thread(shake_hands)
        connection = await opening
        payload = b'{"stream":"x","data":1}'
        client.sendall(bytes((0x81, len(payload))) + payload)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

        closed = await in_time(connection.closed)

    assert (sink.frames, closed.code) == ([payload], 1006)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_reset_right_behind_data_is_noticed_before_any_ping(
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    run(data_then_reset())


async def test_connections_that_replace_one_another_take_different_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()  # that nothing has on the other addresses either
    exchange = Exchange(Market(3), rate=1.0, ports={"spot": port})
    await exchange.start()
    loop = asyncio.get_running_loop()
    asked: list[str] = []

    async def several(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (name, port)) for name in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]

    reached: list[int] = []

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(2)
        writer.close()

    other = await asyncio.start_server(note, "127.0.0.2", port)
    monkeypatch.setattr(loop, "getaddrinfo", several)
    url = f"ws://several.test:{port}/stream"
    with contextlib.suppress(Retry):  # the second address answers, and is no exchange
        await Connection.open(url, LIMITS["spot"], Sink().receive, address=1)
    other.close()
    await other.wait_closed()
    # No server on the second any more: the third, then the first.
    connection = await Connection.open(url, LIMITS["spot"], Sink().receive, address=1)

    assert reached == [2]
    assert set(asked) == {"several.test"}
    assert exchange.connections("spot") == 1
    connection.close()
    await exchange.stop()


async def _answers_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_server_without_tls_is_named_and_nothing_is_logged(
    run: Callable[[Coroutine[Any, Any, str]], str],
    hangs_up: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refused() -> str:
        lab = Exchange(Market(1))
        await lab.start()
        http = await asyncio.start_server(_answers_http, "127.0.0.1", 0)
        port = http.sockets[0].getsockname()[1]
        base = lab.bases["spot"].streams[0] if hangs_up else f"ws://127.0.0.1:{port}"
        with pytest.raises(Retry) as caught:
            await Connection.open(
                f"{base.replace('ws:', 'wss:')}/stream", LIMITS["spot"], Sink().receive
            )
        http.close()
        await lab.stop()
        return str(caught.value)

    assert run(refused()).endswith("the server does not speak TLS, it seems; write ws:// for a lab")
    assert caplog.records == []


@pytest.mark.parametrize(("interval_s", "rests"), [(60.0, True), (0.0, False)])
async def test_a_busy_connection_rests_for_the_interval_that_it_is_given(
    exchange: Exchange, interval_s: float, rests: bool
) -> None:
    sink = Sink()
    url = stream_url(exchange.bases["spot"].streams[0], None)
    pacer = ReadPacer(interval_s)
    connection = await Connection.open(url, LIMITS["spot"], sink.receive, read_pacer=pacer)
    transport = connection._transport
    assert transport is not None

    asking = asyncio.ensure_future(connection.subscribe(["btcusdt@trade"]))
    await until(lambda: connection._last_read > 0)
    await until(lambda: not transport.underlying_transport.is_reading() if rests else sink.frames)

    assert transport.underlying_transport.is_reading() is not rests
    asking.cancel()
    connection.close()
