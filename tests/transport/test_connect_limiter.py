"""Connection attempts, handover slots and bans, by host."""

import asyncio

import pytest

from connector.planning.model import ConnectionPlan
from connector.transport.connect_limiter import ConnectLimiter
from tests.support.waiting import in_time

SPOT = ConnectionPlan("spot-1", "spot", "wss://a/stream", ())
SIBLING = ConnectionPlan("spot-2", "spot", "wss://a/stream", ())
ELSEWHERE = ConnectionPlan("coinm-1", "coinm", "wss://b/stream", ())


async def test_attempts_to_connect_keep_to_our_share() -> None:
    limiter = ConnectLimiter(share=0.005)  # 1.5 of 300: one

    await in_time(limiter.acquire(SPOT))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(limiter.acquire(SIBLING), 0.2)
    await in_time(limiter.acquire(ELSEWHERE))


async def test_no_connection_is_opened_to_a_host_that_bans_us() -> None:
    limiter, loop = ConnectLimiter(), asyncio.get_running_loop()

    limiter.ban(SPOT, 600.0)
    limiter.ban(SIBLING, 0.1)  # the longer one holds
    banned = asyncio.create_task(limiter.acquire(SIBLING))
    began = loop.time()
    limiter.ban(ELSEWHERE, 0.3)
    await in_time(limiter.acquire(ELSEWHERE))

    assert loop.time() - began >= 0.3
    assert [limiter.try_acquire_probe(plan) for plan in (SIBLING, ELSEWHERE)] == [False, True]
    assert not banned.done()
    banned.cancel()
    await asyncio.gather(banned, return_exceptions=True)


async def test_probes_keep_to_a_tenth_of_the_attempts() -> None:
    limiter = ConnectLimiter(share=0.07)  # 21 of 300, for probes 2.1: two

    assert [limiter.try_acquire_probe(SPOT) for _ in range(3)] == [True, True, False]
    assert limiter.try_acquire_probe(ELSEWHERE)
    await in_time(limiter.acquire(SPOT))


async def test_no_handover_slot_is_taken_while_the_host_bans_us() -> None:
    limiter = ConnectLimiter()

    limiter.ban(SPOT, 600.0)
    waiting = [asyncio.create_task(limiter.acquire_handover(SPOT)) for _ in range(2)]
    await in_time(limiter.acquire_handover(ELSEWHERE))
    await in_time(limiter.acquire_handover(ELSEWHERE))

    assert [task.done() for task in waiting] == [False, False]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_two_connections_of_a_host_are_handed_over_at_a_time() -> None:
    limiter = ConnectLimiter()
    await in_time(limiter.acquire_handover(SPOT))
    await in_time(limiter.acquire_handover(SIBLING))
    third = asyncio.create_task(limiter.acquire_handover(SPOT))
    await in_time(limiter.acquire_handover(ELSEWHERE))

    assert not third.done()
    limiter.handover_slots(SIBLING).release()
    await in_time(third)
