"""Waits for facts: polls a condition until it holds, never sleeps for a guess."""

import asyncio
import time
from collections.abc import Callable


async def until(fact: Callable[[], object], seconds: float = 10.0, what: str = "") -> None:
    """Return once `fact()` is true; fail when it is not within the deadline."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, what or f"{fact} did not come true"
        await asyncio.sleep(0.01)
