"""Clocks that a slow machine does not upset."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class AwakeClock:
    """Monotonic seconds without the process's pauses: two readings are `most_s` apart at most.

    For deadlines that are read all the time, of things that other parts of this process do: a
    process that stood still has done none of them meanwhile.
    """

    most_s: float = 0.05
    now: float = 0.0
    _read: float = field(default_factory=time.monotonic)

    def __call__(self) -> float:
        read = time.monotonic()
        self.now += min(read - self._read, self.most_s)
        self._read = read
        return self.now


class StoppedTime:
    """The module `time` in a moment that lasts: whatever happens, happens within one second."""

    @staticmethod
    def monotonic() -> float:
        return 1_000.0


class SteppingTime:
    """The module `time`, whose monotonic clock goes on by a millisecond whenever it is read."""

    time_ns = staticmethod(time.time_ns)

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now
