"""When a connection rests after a read, and when all of them are read again."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import picows

from connector.transport.read_pacer import ReadPacer
from tests.support.waiting import until

MS = 1_000_000  # nanoseconds


class Transport:
    """Both transports of a connection: picows' and the one below it."""

    def __init__(self, note: Callable[[str], None] = lambda _state: None) -> None:
        self.reading = True
        self.is_disconnected = False
        self.underlying_transport = self
        self._note = note

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True
        self._note("resumed")


def as_transport(transport: Transport) -> picows.WSTransport:
    return cast("picows.WSTransport", cast("Any", transport))


async def test_a_read_long_after_the_last_one_is_followed_by_the_next_at_once() -> None:
    transport = Transport()

    ReadPacer(0.005).after_read(as_transport(transport), 10 * MS)

    assert transport.reading


async def test_a_read_soon_after_the_last_one_is_followed_by_a_rest_until_the_tick() -> None:
    transport = Transport()

    ReadPacer(0.005).after_read(as_transport(transport), 10 * MS - 1)

    assert not transport.reading
    await until(lambda: transport.reading)


async def test_all_connections_that_rest_are_read_again_in_one_step_of_the_loop() -> None:
    steps: list[str] = []
    transports = [Transport(steps.append) for _ in range(3)]
    pacer = ReadPacer(0.001)
    for transport in transports:
        pacer.after_read(as_transport(transport), 0)

    while not steps:
        await asyncio.sleep(0)

    assert steps == ["resumed"] * 3


async def test_a_connection_rests_again_after_the_tick() -> None:
    transport = Transport()
    pacer = ReadPacer(0.001)
    for _ in range(3):
        pacer.after_read(as_transport(transport), MS)
        assert not transport.reading
        await until(lambda: transport.reading)


async def test_a_connection_that_ended_meanwhile_is_left_alone() -> None:
    ended, other = Transport(), Transport()
    pacer = ReadPacer(0.001)
    pacer.after_read(as_transport(ended), 0)
    pacer.after_read(as_transport(other), 0)
    ended.is_disconnected = True

    await until(lambda: other.reading)

    assert not ended.reading


async def test_without_an_interval_nothing_rests() -> None:
    transport = Transport()

    ReadPacer(0.0).after_read(as_transport(transport), 0)

    assert transport.reading
