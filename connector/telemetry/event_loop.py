"""How late the event loop runs what is due: above some milliseconds, something blocks it."""

import asyncio

from connector.telemetry.lag import histogram

INTERVAL_S = 0.25  # between two measurements


class EventLoopLag:
    """Measures how late a timer of this event loop fires; `lag` has the seconds."""

    def __init__(self) -> None:
        self.lag = histogram("bkc_event_loop_lag_seconds")

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL_S
            await asyncio.sleep(INTERVAL_S)
            self.lag.observe(max(0.0, loop.time() - due))
