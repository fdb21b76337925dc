"""Records of refused batches, each produced again in a batch of its own: one of them is poison."""

import functools
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from connector.kafka.checkpoint_barrier import Interval

SINGLE_RECORDS = {"batch.num.messages": 1, "linger.ms": 0}

# Topic, value, key, the interval it was published in, timestamp in ms.
HeldRecord = tuple[str, bytes, bytes, Interval, int]
# A record that was produced again: interval, error (None: it is stored), topic, value.
RetriedRecord = tuple[Interval, KafkaError | None, str, bytes]


class RefusedBatch:
    """Retries refused records with a client of its own, which is opened for the first of them.

    `open_client` returns a producer for these settings beside the usual ones.
    """

    def __init__(self, open_client: Callable[[Mapping[str, Any]], Client]) -> None:
        self._open_client = open_client
        self._records: deque[HeldRecord] = deque()
        self._in_flight = 0
        self._retried: list[RetriedRecord] = []
        self.client: Client | None = None

    def __len__(self) -> int:
        """Return how many records are not retried to the end yet."""
        return len(self._records) + self._in_flight + len(self._retried)

    def add(self, record: HeldRecord) -> None:
        """Take a record of a refused batch."""
        self._records.append(record)

    def poll(self) -> list[RetriedRecord]:
        """Produce the records as far as there is room; return those that are answered.

        Raises:
            KafkaException: librdkafka's producer is of no use any more.
        """
        if not len(self):
            return []
        if self.client is None:
            self.client = self._open_client(SINGLE_RECORDS)
        self._produce(self.client)
        self.client.poll(0)
        retried, self._retried = self._retried, []
        return retried

    def _produce(self, client: Client) -> None:
        while self._records:
            topic, value, key, interval, timestamp_ms = self._records[0]
            report = functools.partial(self._on_delivery, interval)
            try:
                client.produce(topic, value, key, timestamp=timestamp_ms, on_delivery=report)
                self._in_flight += 1
            except BufferError:
                return
            except KafkaException as error:
                self._retried.append((interval, error.args[0], topic, value))
            self._records.popleft()

    def _on_delivery(self, interval: Interval, error: KafkaError | None, message: Message) -> None:
        self._in_flight -= 1
        self._retried.append((interval, error, message.topic() or "", message.value() or b""))
