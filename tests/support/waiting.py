"""Waits for facts: polls a condition until it holds, never sleeps for a guess.

How fast the machine is proves nothing about the product. One deadline holds for every wait, and it
is generous: only a test that fails waits for so long.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

GIVE_UP_S = 60.0
POLL_S = 0.01
Result = TypeVar("Result")


async def until(fact: Callable[[], object]) -> None:
    """Return once `fact()` is true; fail when it is not within the deadline."""
    deadline = time.monotonic() + GIVE_UP_S
    while not fact():
        assert time.monotonic() < deadline, f"{fact} did not come true"
        await asyncio.sleep(POLL_S)


async def until_true(fact: Callable[[], Awaitable[bool]], why: Callable[[], str]) -> None:
    """Return once `fact()` is true; fail with `why()` when it is not within the deadline."""
    deadline = time.monotonic() + GIVE_UP_S
    while not await fact():
        assert time.monotonic() < deadline, why()
        await asyncio.sleep(10 * POLL_S)


async def in_time(work: Awaitable[Result]) -> Result:
    """Return what `work` returns; raise TimeoutError when it does not end within the deadline."""
    return await asyncio.wait_for(work, GIVE_UP_S)
