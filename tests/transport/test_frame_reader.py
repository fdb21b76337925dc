"""Frames of an open WebSocket, and until when its path was whole; over real sockets."""

import time
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from connector.lab.client_socket import Socket
from connector.transport.frame_reader import FrameReader
from connector.transport.ws_handshake import open_socket
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab
PINGS = "connector.transport.frame_reader.PING_INTERVAL_S"
PONG = "connector.transport.frame_reader.PONG_WITHIN_S"


class World:
    """A server, the sockets it has accepted, and what a reader of it took."""

    def __init__(self, server: Server, accepted: list[Socket]) -> None:
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        self.accepted = accepted
        self.taken: list[tuple[bytes, int]] = []

    async def reader(self, take: Callable[[bytes, int], None] | None = None) -> FrameReader:
        """Open a connection and read it."""
        socket = await open_socket("lab", self.url)
        return FrameReader(socket, "lab", take or (lambda *frame: self.taken.append(frame)))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    accepted: list[Socket] = []

    async def hold(connection: ServerConnection) -> None:
        assert isinstance(connection, Socket)
        accepted.append(connection)
        await connection.wait_closed()

    async with serve(hold, "127.0.0.1", 0, create_connection=Socket, compression=None) as server:
        yield World(server, accepted)


def now_us() -> int:
    return time.time_ns() // 1000


async def test_frames_come_in_order_with_the_time_they_were_read(world: World) -> None:
    reader, begun_us = await world.reader(), now_us()
    await until(lambda: world.accepted)
    for number in range(50):
        world.accepted[0].put(b"%d" % number)
    await until(lambda: len(world.taken) == 50)
    await reader.close()

    assert [int(frame) for frame, _ in world.taken] == list(range(50))
    assert all(begun_us <= read_us <= now_us() for _, read_us in world.taken)
    assert reader.closed.result() == "1000"


async def test_a_pong_proves_what_was_sent_before_its_ping(world: World) -> None:
    reader, begun_us = await world.reader(), now_us()
    await in_time(reader.prove())

    assert begun_us <= reader.whole_until_us <= now_us()
    await reader.close()


async def test_without_a_pong_nothing_more_is_proved_and_the_connection_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PINGS, 0.001)
    reader = await world.reader()
    await until(lambda: world.accepted)
    world.accepted[0].freeze()
    frozen_us = now_us()
    monkeypatch.setattr(PONG, 0.05)

    assert await in_time(reader.closed) == "no pong within 0 s"
    assert reader.whole_until_us <= frozen_us
    await world.accepted[0].reset()


async def test_a_reset_resolves_closed_and_ends_the_pings(world: World) -> None:
    reader = await world.reader()
    await until(lambda: world.accepted)
    await world.accepted[0].reset()

    assert await in_time(reader.closed) == "connection lost"
    with pytest.raises(ConnectionClosed):
        await reader.prove()


async def test_the_cause_of_our_own_end_stands_in_closed(world: World) -> None:
    reader = await world.reader()
    reader.end("its key is gone")
    reader.end("another")

    assert await in_time(reader.closed) == "its key is gone"


async def test_a_bug_in_the_taker_ends_the_reader_and_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_frame: bytes, _received_us: int) -> None:
        raise ValueError("bug")

    reader = await world.reader(fail)
    await until(lambda: world.accepted)
    world.accepted[0].put(b"{}")

    assert await in_time(reader.closed) == "ValueError in the reader"
    assert "task_failed" in capsys.readouterr().out
    await reader.close()
