"""Reads whole topics fast, as a plain consumer: assigned, in no group, nothing committed.

Needs READ and DESCRIBE on the topics and nothing else; sees committed records only.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from connector.errors import Refused, Retry
from connector.kafka import error_hints
from connector.telemetry import events

REQUEST_TIMEOUT_S = 10.0
BATCH_RECORDS = 10_000
POLL_TIMEOUT_S = 0.1  # for a batch to fill: felt once at the end of each topic
MAX_SILENCE_S = 30.0  # without a record, a partition's end or an error
RETRY_DELAY_S = 0.1
# A topic made a moment ago, or a leader that moves: soon somebody answers for the partition.
_SETTLING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)
_SILENT = f"nothing arrived for {MAX_SILENCE_S:.0f} s; is a writer's transaction open for so long?"
READER = {
    "group.id": "bkc-verify",  # the library wants one; it is never joined
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
    """A partition from one offset up to another, the latter not included."""

    partition: int
    start: int
    end: int


class BulkConsumer:
    """One consumer; `close` it at the end."""

    def __init__(self, conf: Mapping[str, Any], *, committed: bool = True) -> None:
        """Make a consumer; with `committed` false the ends it tells are those of open transactions.

        Raises:
            Refused: a setting is wrong.
        """
        self._causes: list[str] = []
        level = "read_committed" if committed else "read_uncommitted"
        told = {"error_cb": self._note, "logger": events.librdkafka_logger()}
        try:
            self._consumer = Consumer({**conf, **READER, "isolation.level": level, **told})
        except KafkaException as error:
            raise Refused(f"kafka: {error_hints.describe_exception(error)}") from error

    def _note(self, error: KafkaError) -> None:
        self._causes.append(error_hints.describe(error))

    def topics(self) -> dict[str, list[int]]:
        """Return the partitions of every topic we may see.

        Raises:
            Retry: the cluster does not answer.
        """
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            try:
                found = self._consumer.list_topics(timeout=1.0).topics
            except KafkaException as error:
                self._consumer.poll(0)  # lets error_cb tell the cause
                if self._cause() or time.monotonic() >= deadline:
                    raise self._trouble(error) from error
            else:
                return {name: sorted(it.partitions) for name, it in found.items()}

    def slices(self, topic: str, partitions: Sequence[int], since: int | None) -> list[OffsetRange]:
        """Return what there is to read of a topic now: up to the last stable offset.

        Args:
            topic: Its name.
            partitions: Their numbers.
            since: Epoch milliseconds: everything before the first record so late is left out. None
                reads from the beginning.
        """
        ends = {number: self._watermarks(topic, number) for number in partitions}
        starts = {number: low for number, (low, _) in ends.items()}
        if since is not None:
            wanted = [TopicPartition(topic, number, since) for number in partitions]
            try:
                found = self._consumer.offsets_for_times(wanted, timeout=REQUEST_TIMEOUT_S)
            except KafkaException as error:
                raise self._trouble(error) from error
            # -1: no record is so late (and whatever the time, from the embedded broker).
            starts |= {
                it.partition: it.offset if it.offset >= 0 else ends[it.partition][1] for it in found
            }
        return [OffsetRange(number, starts[number], ends[number][1]) for number in partitions]

    def read(self, topic: str, slices: Sequence[OffsetRange]) -> Iterator[list[Message]]:
        """Yield the records of the slices in batches, those of each partition in order.

        Raises:
            Retry: nothing arrives any more, or the broker says no.
        """
        ends = {it.partition: it.end for it in slices if it.start < it.end}
        if not ends:
            return
        self._consumer.assign(
            [TopicPartition(topic, it.partition, it.start) for it in slices if it.partition in ends]
        )
        left = set(ends)
        heard = time.monotonic()
        try:
            while left:
                batch = self._consumer.consume(BATCH_RECORDS, POLL_TIMEOUT_S)
                if batch:
                    heard = time.monotonic()
                elif time.monotonic() - heard > MAX_SILENCE_S:
                    raise self._trouble(None)
                good = [message for message in batch if message.error() is None]
                done = self._ended(batch, ends) if len(good) < len(batch) else set()
                done |= self._passed(topic, left, ends)
                if done:
                    left -= done
                    self._consumer.pause([TopicPartition(topic, number) for number in done])
                    good = [it for it in good if _before(it, ends)]
                yield good
        finally:
            self._consumer.unassign()

    def truncated_partitions(self, topic: str, slices: Sequence[OffsetRange]) -> list[int]:
        """Return the partitions whose first records have been deleted since their slice was cut."""
        lows = {
            it.partition: self._watermarks(topic, it.partition)[0]
            for it in slices
            if it.start < it.end
        }
        return [it.partition for it in slices if lows.get(it.partition, 0) > it.start]

    def _watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """Return first offset and end of a partition.

        Raises:
            Retry: the cluster does not answer.
        """
        where = TopicPartition(topic, partition)
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            try:
                found = self._consumer.get_watermark_offsets(where, timeout=REQUEST_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() not in _SETTLING or time.monotonic() >= deadline:
                    raise self._trouble(error) from error
                self._consumer.poll(RETRY_DELAY_S)  # nothing is assigned: it only waits
                continue
            if found is None:
                raise self._trouble(None)
            return int(found[0]), int(found[1])

    def _ended(self, batch: Sequence[Message], ends: Mapping[int, int]) -> set[int]:
        """Return the partitions whose end was told: their last offsets may hold no records.

        In front of an open transaction an end is told as well, and again behind it.
        """
        done = set()
        for message in batch:
            error = message.error()
            if error is None or error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                continue  # we join no group
            if error.code() != KafkaError._PARTITION_EOF:
                raise Retry(f"Kafka: {error_hints.describe(error)}")
            if not _before(message, ends):
                done.add(int(message.partition() or 0))
        return done

    def _passed(self, topic: str, left: set[int], ends: Mapping[int, int]) -> set[int]:
        """Return the partitions that have been read up to their end, or past it."""
        asked = [TopicPartition(topic, number) for number in left]
        found = self._consumer.position(asked)
        return {it.partition for it in found if it.offset >= ends[it.partition]}

    def _cause(self) -> str | None:
        return next((text for text in self._causes if "ALL_BROKERS_DOWN" not in text), None)

    def _trouble(self, error: KafkaException | None) -> Retry:
        cause = self._cause() or (self._causes or [""])[0]
        if error is not None and not cause:
            cause = error_hints.describe_exception(error)
        return Retry(f"Kafka: {cause or _SILENT}")

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


def _before(message: Message, ends: Mapping[int, int]) -> bool:
    """Whether a record lies before its partition's end."""
    return int(message.offset() or 0) < ends[int(message.partition() or 0)]
