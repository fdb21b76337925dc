"""Reads whole topics fast, as a plain consumer: assigned, in no group, no offset committed.

Needs READ and DESCRIBE on the topics and nothing else; sees committed records, unless told to see
all.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.errors import Retry
from connector.kafka import error_hints
from connector.kafka.client import ConnectionErrors, metadata, open_client

REQUEST_TIMEOUT_S = 10.0
BATCH_RECORDS = 10_000
BATCH_TIMEOUT_S = 0.1  # for a batch to fill: felt once at the end of each topic
MAX_SILENCE_S = 30.0  # without a record, a partition's end or an error
RETRY_DELAY_S = 0.1
_SETTLING = (  # a topic made a moment ago, or a leader that moves: the request soon succeeds
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
_SILENT = "nothing arrived for {:.0f} s; is a writer's transaction open for so long?"
CONSUMER = {
    "group.id": "bkc-verify",  # librdkafka requires one; it is never joined
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "allow.auto.create.topics": False,
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 4_096,  # of each partition: this bounds the memory
    "fetch.queue.backoff.ms": 5,  # ask again soon once a partition has been read empty
}


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets of a partition, from `start` up to `end`, the latter not included."""

    partition: int
    start: int
    end: int


class BulkConsumer:
    """One consumer; `close` it at the end.

    Every method blocks, and raises Retry when the cluster does not answer.

    Args:
        conf: How to reach the cluster, in librdkafka's names. A wrong setting raises Refused.
        committed: False: open and aborted transactions are read, too.
        request_s, silence_s: Seconds after which a request, and a read in which nothing arrives,
            count as not answered.
    """

    def __init__(
        self,
        conf: Mapping[str, Any],
        *,
        committed: bool = True,
        request_s: float = REQUEST_TIMEOUT_S,
        silence_s: float = MAX_SILENCE_S,
    ) -> None:
        self._errors = ConnectionErrors()
        self._request_s, self._silence_s = request_s, silence_s
        level = {"isolation.level": "read_committed" if committed else "read_uncommitted"}
        self._consumer = open_client(Consumer, {**conf, **CONSUMER, **level}, self._errors.note)

    def topics(self) -> dict[str, list[int]]:
        """Return the partitions of every topic we may see."""
        try:
            topics = metadata(self._consumer, self._errors, self._request_s).topics
        except KafkaException as error:
            raise self._retry(error) from error
        return {name: sorted(topic.partitions) for name, topic in topics.items()}

    def ranges(self, topic: str, partitions: Sequence[int], since: int | None) -> list[OffsetRange]:
        """Return what there is to read of a topic now: up to the last stable offset.

        Args:
            topic, partitions: Its name and partition numbers.
            since: Epoch milliseconds; the first record so late is where to start. None: from the
                beginning.
        """
        ranges = [OffsetRange(number, *self._watermarks(topic, number)) for number in partitions]
        if since is None:
            return ranges
        wanted = [TopicPartition(topic, number, since) for number in partitions]
        try:
            found = self._consumer.offsets_for_times(wanted, timeout=self._request_s)
        except KafkaException as error:
            raise self._retry(error) from error
        # -1: no record is so late (and whatever the time, from the embedded broker).
        starts = {first.partition: first.offset for first in found if first.offset >= 0}
        return [replace(part, start=starts.get(part.partition, part.end)) for part in ranges]

    def read(self, topic: str, ranges: Sequence[OffsetRange]) -> Iterator[list[Message]]:
        """Yield the records of the ranges in batches, those of each partition in order.

        Raises Retry also when nothing arrives any more, or the broker refuses.
        """
        ends = {part.partition: part.end for part in ranges if part.start < part.end}
        if not ends:
            return
        starts = {part.partition: part.start for part in ranges}
        self._consumer.assign([TopicPartition(topic, number, starts[number]) for number in ends])
        unread, active_at = set(ends), time.monotonic()
        try:
            while unread:
                batch = self._consumer.consume(BATCH_RECORDS, BATCH_TIMEOUT_S)
                if batch:
                    active_at = time.monotonic()
                elif time.monotonic() - active_at > self._silence_s:
                    raise self._retry(None)
                good = [message for message in batch if message.error() is None]
                done = _ended(batch, ends) if len(good) < len(batch) else set()
                done |= self._read_up(topic, unread, ends)
                if done:
                    unread -= done
                    self._consumer.pause([TopicPartition(topic, number) for number in done])
                    good = [message for message in good if _is_before_end(message, ends)]
                yield good
        finally:
            self._consumer.unassign()

    def truncated_partitions(self, topic: str, ranges: Sequence[OffsetRange]) -> list[int]:
        """Return the partitions whose first records have been deleted since `ranges` was called."""
        return [
            part.partition
            for part in ranges
            if part.start < part.end and self._watermarks(topic, part.partition)[0] > part.start
        ]

    def _watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return first offset and end of a partition."""
        place = TopicPartition(topic, partition)
        deadline = time.monotonic() + self._request_s
        while True:
            try:
                found = self._consumer.get_watermark_offsets(place, timeout=self._request_s)
            except KafkaException as error:
                if error.args[0].code() not in _SETTLING or time.monotonic() >= deadline:
                    raise self._retry(error) from error
                self._consumer.poll(RETRY_DELAY_S)  # nothing is assigned: it only waits
                continue
            if found is None:
                raise self._retry(None)
            return int(found[0]), int(found[1])

    def _read_up(self, topic: str, unread: set[int], ends: Mapping[int, int]) -> set[int]:
        """Return the partitions that have been read up to their end, or past it."""
        places = self._consumer.position([TopicPartition(topic, number) for number in unread])
        return {place.partition for place in places if place.offset >= ends[place.partition]}

    def _retry(self, error: KafkaException | None) -> Retry:
        silent = _SILENT.format(self._silence_s)
        return Retry(f"Kafka: {self._errors.explain(error) or silent}")

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


def _ended(batch: Sequence[Message], ends: Mapping[int, int]) -> set[int]:
    """Return the partitions whose end was reported: their last offsets may hold no records.

    An end is reported in front of an open transaction, too, and again behind it.
    Any other error in the batch is raised as Retry.
    """
    ended = set()
    for message in batch:
        error = message.error()
        if error is None or error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            continue  # no group is joined
        if error.code() != KafkaError._PARTITION_EOF:
            raise Retry(f"Kafka: {error_hints.describe(error)}")
        if not _is_before_end(message, ends):
            ended.add(int(message.partition() or 0))
    return ended


def _is_before_end(message: Message, ends: Mapping[int, int]) -> bool:
    return int(message.offset() or 0) < ends[int(message.partition() or 0)]


def by_partition(batch: Iterable[Message]) -> dict[int, list[Message]]:
    """Return the records of each partition, in their order."""
    records: dict[int, list[Message]] = {}
    for message in batch:
        records.setdefault(message.partition() or 0, []).append(message)
    return records
