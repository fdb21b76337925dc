"""Who waits for request weight, for how long, and in which order."""

import asyncio
from dataclasses import dataclass

import pytest
import structlog

from connector.binance.exchange_info import RateLimit
from connector.errors import Retry
from connector.transport.weight_pool import WeightPool
from tests.support.waiting import in_time

BEGIN = 1_795_000_020.0 + 30  # in the middle of a minute


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.transport.weight_pool.POLL_INTERVAL_S", 0.01)


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is set."""

    now: float = BEGIN

    def __call__(self) -> float:
        return self.now


async def waits(pool: WeightPool, weight: int, share: float = 1.0) -> "asyncio.Task[None] | None":
    """Ask for weight; return the task if it waits, None if the call may go out."""
    task = asyncio.create_task(pool.admit(weight, share))
    done, _ = await asyncio.wait([task], timeout=0.1)
    return None if done else task


async def test_calls_of_any_weight_are_limited_as_well() -> None:
    clock = Clock()
    pool = WeightPool("spot", 6000, raw_limit=2, clock=clock)
    await pool.admit(1)
    await pool.admit(1)
    third = asyncio.create_task(pool.admit(1))
    done, _ = await asyncio.wait([third], timeout=0.1)

    clock.now += 300
    await in_time(third)

    assert (done, pool.used) == (set(), 1)


async def test_waiting_for_weight_is_logged_once() -> None:
    clock = Clock()
    pool = WeightPool("options", 100, clock=clock)
    await pool.admit(90)
    with structlog.testing.capture_logs() as lines:
        waiting = asyncio.create_task(pool.admit(20))
        await asyncio.wait([waiting], timeout=0.1)  # some looks later
        clock.now += 30
        await in_time(waiting)

    assert lines == [
        {
            "event": "rest_waits",
            "log_level": "info",
            "pool": "options",
            "used": 90,
            "limit": 100,
            "seconds": 30.0,
        }
    ]


async def test_a_share_leaves_the_rest_of_the_weight_to_others() -> None:
    clock = Clock()
    pool = WeightPool("spot", 100, clock=clock)
    await pool.admit(40, 0.5)
    waiting = await waits(pool, 20, 0.5)

    await in_time(pool.admit(30))

    assert waiting is not None
    assert pool.used == 70
    clock.now += 30
    await in_time(waiting)
    assert pool.used == 20


async def test_what_others_used_counts_within_a_share() -> None:
    pool = WeightPool("spot", 100, clock=Clock())
    await pool.admit(40)

    waiting = await waits(pool, 20, 0.5)

    assert waiting is not None
    waiting.cancel()


async def test_a_share_is_of_what_this_program_may_use() -> None:
    pool = WeightPool("spot", 100, 0.5, clock=Clock())
    await pool.admit(20, 0.5)

    waiting = await waits(pool, 6, 0.5)

    assert (pool.limit, waiting is None) == (50, False)
    assert waiting is not None
    waiting.cancel()


async def test_waiting_for_a_share_is_not_logged_while_there_is_weight() -> None:
    pool = WeightPool("spot", 100, clock=Clock())
    await pool.admit(40, 0.5)
    with structlog.testing.capture_logs() as lines:
        waiting = await waits(pool, 20, 0.5)

    assert (waiting is None, lines) == (False, [])
    assert waiting is not None
    waiting.cancel()


async def test_a_ban_ends_the_waiting_with_its_rest() -> None:
    clock = Clock()
    pool = WeightPool("spot", 100, clock=clock)
    pool.ban(429, 7.0)

    with pytest.raises(Retry, match=r"refuses calls \(spot\) for 7\.0 s more") as refused:
        await pool.admit(1)

    assert (refused.value.after_s, pool.banned_until) == (7.0, BEGIN + 7)
    clock.now += 7
    await in_time(pool.admit(1))
    assert pool.banned_until == 0.0


async def test_the_exchanges_count_includes_other_programs_and_calls_in_flight() -> None:
    pool = WeightPool("spot", 100, clock=Clock())
    await pool.admit(10)
    await pool.admit(5)
    with pool.in_flight(10), pool.in_flight(5):
        pool.on_headers({"X-MBX-USED-WEIGHT-1M": "60"}, 10)
        assert pool.used == 65
    pool.on_headers({"X-MBX-USED-WEIGHT": "70"}, 0)
    assert pool.used == 70
    pool.on_headers({}, 0)
    assert pool.used == 70


def test_of_two_products_the_lower_limit_counts() -> None:
    pool = WeightPool("futures", 2400)
    pool.set_limits("usdm", [RateLimit("REQUEST_WEIGHT", 60, 2400)])
    pool.set_limits("coinm", [RateLimit("REQUEST_WEIGHT", 60, 1200), RateLimit("ORDERS", 60, 10)])
    assert pool.limit == 1200

    pool.set_limits("coinm", [RateLimit("REQUEST_WEIGHT", 60, 6000)])
    assert pool.limit == 2400


async def test_a_limit_of_calls_follows_exchange_info() -> None:
    pool = WeightPool("spot", 6000, raw_limit=1, clock=Clock())
    pool.set_limits("spot", [RateLimit("RAW_REQUESTS", 300, 2)])
    await pool.admit(1)
    await in_time(pool.admit(1))

    waiting = await waits(pool, 1)

    assert waiting is not None
    waiting.cancel()
