"""Write barrier of `delivery: idempotent`: markers and progress wait for the data before them.

Without transactions a checkpoint may only be written once every record published before it is
stored or given up. Partitions acknowledge at their own pace, so a total of settled records proves
nothing of a single one: records before a checkpoint are counted apart from those after it. Pure.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from connector.codec.framing import KafkaRecord

INTERVAL_S = 1.0  # between two checkpoints


@dataclass(slots=True)
class Interval:
    """The records published between two checkpoints."""

    settled: int = 0  # stored or given up; the others are in flight, retried or wait for room


class CheckpointBarrier:
    """Holds one checkpoint back until the records that it covers are settled."""

    def __init__(self) -> None:
        self.interval = Interval()  # since the last checkpoint was collected
        self.waiting: deque[KafkaRecord] = deque()  # records of the checkpoint not written yet
        self._covered = Interval()  # the interval that the checkpoint ends
        self._covered_size = 0  # records published in it
        self._published_before = 0  # records published up to its end, in all
        self._collected_at = 0.0

    def is_due(self, now: float) -> bool:
        """Say whether it is time to collect the next checkpoint."""
        is_over = not self.waiting and self._covered_is_settled
        return is_over and now - self._collected_at >= INTERVAL_S

    def collect(self, records: Iterable[KafkaRecord], published: int, now: float) -> None:
        """Hold back the markers and progress that cover all records published so far.

        The checkpoint before must be written. `now` is in monotonic seconds.
        """
        self._collected_at = now
        self.waiting.extend(records)
        self._covered, self.interval = self.interval, Interval()
        self._covered_size = published - self._published_before
        self._published_before = published

    @property
    def _covered_is_settled(self) -> bool:
        return self._covered.settled == self._covered_size

    @property
    def is_ready(self) -> bool:
        """Whether a checkpoint waits and every record that it covers is settled."""
        return bool(self.waiting) and self._covered_is_settled

    @property
    def unsettled_since(self) -> float | None:
        """When the checkpoint was collected that covers records not settled yet; None: none does.

        Monotonic seconds.
        """
        return None if self._covered_is_settled else self._collected_at

    def all_settled(self, published: int) -> bool:
        """Say whether every record is settled, of `published` so far."""
        late = published - self._published_before
        return self._covered_is_settled and self.interval.settled == late
