"""A tracker of series for a producer under test: the test says what its checkpoints are."""

from collections.abc import Callable

from connector.codec.framing import KafkaRecord
from connector.continuity.marker import GapReason


def no_records(number: int) -> list[KafkaRecord]:
    del number
    return []


class GivenTracker:
    """Tracker and outbox in one.

    Args:
        drain: Number of a transaction -> its markers and progress.
        takeover: The progress that was taken over.

    Attributes:
        has_markers: Whether markers wait to be written.
        refused: Topic, value and reason of each record that Kafka did not take.
    """

    def __init__(
        self,
        drain: Callable[[int], list[KafkaRecord]] = no_records,
        takeover: Callable[[int], list[KafkaRecord]] = no_records,
    ) -> None:
        self._drain, self._takeover = drain, takeover
        self.has_markers = False
        self.refused: list[tuple[str, bytes, GapReason]] = []

    @property
    def outbox(self) -> "GivenTracker":
        return self

    @property
    def is_empty(self) -> bool:
        return False

    def is_due(self, now_us: int) -> bool:
        del now_us
        return self.has_markers

    def drain(self, number: int, now_us: int, published: int) -> list[KafkaRecord]:
        del now_us, published
        return self._drain(number)

    def rewrite_progress(self, number: int, now_us: int) -> list[KafkaRecord]:
        del now_us
        return self._takeover(number)

    def on_refused(self, topic: str, value: bytes, reason: GapReason) -> None:
        self.refused.append((topic, value, reason))
