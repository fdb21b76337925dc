"""When markers and progress may be written without transactions: after all that they speak of.

Partitions answer each at its own pace, so that a count of what is settled proves nothing of any one
record: those published before a seal are counted apart from those after it. Pure.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from connector.kafka.dead_letter import Record

INTERVAL_S = 1.0


@dataclass(slots=True)
class Interval:
    """Records published between two seals.

    Attributes:
        settled: How many of them are stored or given up. The others are in flight, refused and
            being tried one by one, or waiting for room.
    """

    settled: int = 0


class CheckpointBarrier:
    """The seal that waits for what it speaks of; there is one at a time.

    Attributes:
        interval: Counts what becomes of the records published now.
        waiting: Records of the seal that are not written yet.
    """

    def __init__(self) -> None:
        self.interval = Interval()
        self.waiting: deque[Record] = deque()
        self._before = Interval()  # published before the seal was taken, and after the one before
        self._size = 0  # of that
        self._published = 0  # by then, in all
        self._taken_at = 0.0

    def due(self, now: float) -> bool:
        """Say whether it is time for the next seal."""
        return not self.waiting and now - self._taken_at >= INTERVAL_S

    def collect(self, records: Iterable[Record], published: int, now: float) -> None:
        """Take a seal, which speaks of everything published so far; the one before is written.

        Args:
            records: Markers and progress.
            published: Records published so far.
            now: Monotonic seconds.
        """
        self._taken_at = now
        self.waiting.extend(records)
        if self.waiting:
            self._before, self.interval = self.interval, Interval()
            self._size, self._published = published - self._published, published

    @property
    def ready(self) -> bool:
        """Whether a seal waits, and all that it speaks of is settled."""
        return bool(self.waiting) and self._before.settled == self._size

    def settled(self, published: int) -> bool:
        """Say whether everything published is settled."""
        late = published - self._published
        return self._before.settled == self._size and self.interval.settled == late
