"""The exchange's clock: this machine's time or a test's own, plus an offset. No I/O of its own."""

import time
from collections.abc import Callable


class Clock:
    """Time of the simulated exchange; stream and REST share one.

    Args:
        seconds: Returns seconds since 1970; a test passes its own and moves it.

    Attributes:
        skew_ms: Offset added to every time stamp; negative: the exchange is behind.
    """

    def __init__(self, seconds: Callable[[], float] = time.time) -> None:
        self.skew_ms = 0
        self._seconds = seconds

    def seconds(self) -> float:
        """Return seconds since 1970 without the offset, to measure durations."""
        return self._seconds()

    def now_ms(self) -> int:
        """Return the exchange's time in epoch milliseconds."""
        return int(self._seconds() * 1000) + self.skew_ms
