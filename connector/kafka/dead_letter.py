"""Records of the dead-letter topic: raw bytes, and why in the headers. Floods are sampled. Pure."""

from confluent_kafka import KafkaError

from connector.codec.framing import Headers, KafkaRecord
from connector.errors import BadMessage
from connector.rate_limit import Sampler

MAX_RECORDS_PER_S = 100  # of each reason; the rest of a flood is only counted
MAX_VALUE_BYTES = 900_000  # of the raw bytes: librdkafka takes 1,000,000 with key and headers
MIN_VALUE_BYTES = 1_000  # a value is cut no further, though its topic takes no more
MAX_DETAIL_CHARACTERS = 1_000
# The broker refuses a whole batch with one of these: one record in it is the poison record.
POISON_RECORD = (
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_MSG_SIZE,
)
# Of the others in such a batch, when the broker names several poison records.
NEIGHBOUR_OF_POISON = KafkaError._INVALID_DIFFERENT_RECORD


class DeadLetterEncoder:
    """Makes the records of the dead-letter topic."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._samplers: dict[str, Sampler] = {}  # by reason

    def encode(
        self, source: str, raw: bytes, error: BadMessage, received_us: int, now: float
    ) -> KafkaRecord | None:
        """Return the record; None: this second already has enough of this reason.

        `source`: stream or topic the raw bytes were meant for. `now`: monotonic seconds.
        """
        sampler = self._samplers.setdefault(error.reason, Sampler(MAX_RECORDS_PER_S))
        if not sampler.allows(now):
            return None
        # Never without a key: a compacted topic refuses such records.
        key = source.encode() or error.reason.encode()
        headers: Headers = [
            ("reason", error.reason.encode()),
            ("detail", error.detail[:MAX_DETAIL_CHARACTERS].encode("utf-8", "replace")),
            ("source", source.encode()),
            ("size", str(len(raw)).encode()),
        ]
        return self._topic, raw[:MAX_VALUE_BYTES], key, received_us // 1000, headers


def shortened(record: KafkaRecord) -> KafkaRecord | None:
    """Return a dead letter with less of the raw bytes; None: it is as short as it may be."""
    topic, value, key, timestamp_ms, headers = record
    if value is None or len(value) <= MIN_VALUE_BYTES:
        return None
    return topic, value[: max(MIN_VALUE_BYTES, len(value) // 8)], key, timestamp_ms, headers
