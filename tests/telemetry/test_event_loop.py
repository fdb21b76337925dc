"""How late the event loop is."""

import asyncio
import time

from connector.telemetry.event_loop import INTERVAL_S, EventLoopLag


async def test_a_call_that_blocks_the_event_loop_shows() -> None:
    measured = EventLoopLag()
    task = asyncio.create_task(measured.run())
    await asyncio.sleep(0)  # it waits for its first timer
    blocked_until = time.monotonic() + 1.2 * INTERVAL_S
    while time.monotonic() < blocked_until:
        pass
    while not _count(measured):
        await asyncio.sleep(0)
    task.cancel()

    [metric] = measured.lag.collect()
    seconds = next(sample.value for sample in metric.samples if sample.name.endswith("_sum"))
    assert seconds >= 0.1 * INTERVAL_S


def _count(measured: EventLoopLag) -> float:
    [metric] = measured.lag.collect()
    return next(sample.value for sample in metric.samples if sample.name.endswith("_count"))
