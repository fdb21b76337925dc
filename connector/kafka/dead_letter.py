"""What a dead letter looks like: raw bytes, and why in the headers; floods are sampled."""

from confluent_kafka import KafkaError

from connector.errors import BadMessage
from connector.rate_limit import Sampler

MAX_RECORDS_PER_S = 100  # of each reason; a flood is counted in full and sampled
MAX_VALUE_BYTES = 900_000  # of raw bytes: what a default topic takes
# The broker refused the batch for something in it: one record is the culprit.
POISON_RECORD = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
    }
)
Headers = list[tuple[str, str | bytes | None]]
# Topic, value, key, timestamp in ms, headers: a record as a producer takes it.
Record = tuple[str, bytes | None, bytes | None, int, Headers | None]


class DeadLetterEncoder:
    """Makes the records of the dead-letter topic."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._samplers: dict[str, Sampler] = {}

    def record(
        self, source: str, raw: bytes, error: BadMessage, received: int, now: float
    ) -> Record | None:
        """Return the record, or None when this second has had enough of that reason.

        Args:
            source: Stream or topic it was meant for.
            raw: The bytes as received.
            error: Reason and detail.
            received: When, in microseconds.
            now: Monotonic seconds.
        """
        sampler = self._samplers.setdefault(error.reason, Sampler(MAX_RECORDS_PER_S))
        if not sampler.allows(now):
            return None
        headers: Headers = [
            ("reason", error.reason.encode()),
            ("detail", error.detail[:1000].encode("utf-8", "replace")),
            ("source", source.encode()),
            ("size", str(len(raw)).encode()),
        ]
        return self.topic, raw[:MAX_VALUE_BYTES], source.encode() or None, received // 1000, headers
