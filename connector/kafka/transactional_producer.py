"""Producer of `delivery: exactly_once`: one transaction an interval, stored whole or not at all.

Data, markers and progress of an interval are committed together; a writer that starts later with
the same `transactional.id` fences this one. The records of the open transaction are kept until it
is stored: whatever Kafka does to it, they are produced again, in order (docs/delivery.md).
"""

import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from typing_extensions import override

from connector.codec.framing import KafkaRecord
from connector.errors import Fatal, Retry
from connector.kafka import error_hints
from connector.kafka.committer import FENCED, Committer, WriterLookup
from connector.kafka.dead_letter import POISON_RECORD
from connector.kafka.poison_search import PoisonRecords
from connector.kafka.producer import SAMPLE_EVERY, TOPIC_MISSING, Producer, SeriesTracker
from connector.kafka.transaction import Transaction
from connector.kafka.transaction_client import DeadlineExceeded, ProducerLost, TransactionClient
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger

COMMIT_INTERVAL_S = 0.1  # a read_committed reader sees a record so much later, and the commit
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024  # of values; then the commit comes early


class TransactionalProducer(Producer):
    """Publishes records in transactions; there is no delivery report a record.

    `conf` is librdkafka's. Without `lookup` a fenced writer is fenced for good. With `heartbeat_s`
    a transaction is stored at least so often, though nothing is published.
    """

    def __init__(
        self,
        conf: Mapping[str, Any],
        ledger: Ledger,
        dead_letter_topic: str,
        lag: Lag,
        tracker: SeriesTracker | None = None,
        lookup: WriterLookup | None = None,
        heartbeat_s: float = math.inf,
    ) -> None:
        super().__init__(ledger, lag, dead_letter_topic, tracker)
        self.capacity = int(conf["queue.buffering.max.messages"]) // 2
        self._open = Transaction()
        self._dead_letters: list[KafkaRecord] = []  # of the next commit
        self._commit_at = 0.0
        self._heartbeat_s, self._heartbeat_at = heartbeat_s, math.inf
        self._committing: Future[PoisonRecords] | None = None
        self._paused_at = 0.0
        self._thread = ThreadPoolExecutor(1, "kafka-commit")
        self._client = TransactionClient(conf, self._on_error)
        self._committer = Committer(self._client, lookup, self.health)

    @override
    def start(self, deadline: float) -> None:
        with self._until(deadline, "the transaction coordinator"):
            self._client.init()

    @override
    def write_takeover(self, deadline: float) -> None:
        progress = self._rewrite_progress(self.commits + 1)
        self._client.begin()
        with self._until(deadline, "the first commit"):
            self._committer.store([], progress, self.commits)
        self._note_commit()

    @contextmanager
    def _until(self, deadline: float, awaited: str) -> Iterator[None]:
        """End the wait for what the start awaits at a deadline."""
        self._client.deadline = deadline
        try:
            yield
        except ProducerLost as lost:
            cause = error_hints.describe(lost.error)
            raise Fatal(f"Kafka refused the producer: {cause}") from lost
        except DeadlineExceeded:
            raise Retry(f"{awaited}: {self.start_trouble or 'no answer'}") from None
        self._client.deadline = None

    @property
    @override
    def start_trouble(self) -> str | None:
        known, error = self.trouble or self._client.no_coordinator, self._client.last_error
        return known or (None if error is None else error_hints.describe(error))

    @override
    def room(self) -> int:
        return self.capacity - len(self._open.records) if self._may_write() else 0

    def _may_write(self) -> bool:
        """Say whether librdkafka may be used here: not while the commit thread has it."""
        return self._committing is None and not self.fenced and self.fatal is None

    @override
    def publish(
        self, topic: str, value: bytes, key: bytes, timestamp_ms: int, received_us: int
    ) -> None:
        if self._missing_topics and topic in self._missing_topics:
            self._count_failed(TOPIC_MISSING, topic, value)
            return
        transaction = self._open
        if not transaction.records:
            self._begin()
        try:
            self._client.producer.produce(topic, value, key, timestamp=timestamp_ms)
        except BufferError:  # `librdkafka:` made its queue smaller than two of our transactions
            transaction.broken = transaction.broken or KafkaError(KafkaError._QUEUE_FULL)
            self._commit_at = 0.0
        except KafkaException as error:
            if error.args[0].code() in POISON_RECORD:
                # The caller counts the record as produced; here it is counted as dead-lettered.
                self._reject(error.args[0], topic, value, received_us or time.time_ns() // 1000)
                return
            transaction.broken = transaction.broken or error.args[0]
            self._commit_at = 0.0
        transaction.records.append((topic, value, key, timestamp_ms, None))
        transaction.data += 1
        transaction.size += len(value)
        self._until_sample -= 1
        if not self._until_sample:
            self._until_sample = SAMPLE_EVERY
            if received_us:
                transaction.samples.append((topic, received_us, timestamp_ms))

    def _begin(self) -> None:
        self._client.begin()
        self._open.began = time.monotonic()
        self._commit_at = self._open.began + COMMIT_INTERVAL_S

    @override
    def _produce_dead_letter(self, record: KafkaRecord) -> None:
        self._dead_letters.append(record)

    @override
    def poll(self) -> None:
        self._log_trouble()
        if self._committing is not None:
            if self._committing.done():
                self._finish_commit(self._committing)
            return
        try:
            self._client.producer.poll(0)
        except KafkaException as error:
            self.health.report(error_hints.describe(error.args[0]))
        if self._commit_is_due(time.monotonic()) and self._may_write():
            self._commit()

    def _commit_is_due(self, now: float) -> bool:
        """Say whether the data is to be committed, or something else waits and there is none."""
        if self._open.records:
            return now >= self._commit_at or self._open.size >= MAX_TRANSACTION_BYTES
        if self._dead_letters or now >= self._heartbeat_at:
            return True
        return now >= self._commit_at and self._outbox_is_due()

    def _commit(self) -> "Future[PoisonRecords]":
        """Hand the transaction to the commit thread; it has librdkafka until it is stored."""
        transaction = self._open
        if not transaction.records:
            self._begin()
        transaction.dead_letters = len(self._dead_letters)
        published = self._records.acknowledged + transaction.data
        late = [*self._dead_letters, *self._drain_outbox(self.commits + 1, published)]
        self._dead_letters = []
        self._paused_at = time.monotonic()
        self._committing = self._thread.submit(
            self._committer.store, transaction.records, late, self.commits, transaction.broken
        )
        return self._committing

    def _finish_commit(self, commit: "Future[PoisonRecords]") -> None:
        """Count what became of the transaction and make room for the next one."""
        transaction, self._committing = self._open, None
        try:
            poison = commit.result()
        except DeadlineExceeded:
            return  # not stored: its records are counted as queued
        except ProducerLost as error:
            self._open = Transaction()
            if error.error.code() in FENCED:  # a later writer has taken over
                self.fenced = True
                self.health.clear()
                events.fenced(cause=error_hints.describe(error.error))
            else:
                self._set_fatal(error.error)
            return
        self._open = Transaction()
        self._note_commit()
        self.health.clear()
        self.pauses.observe(time.monotonic() - self._paused_at)
        self._count(transaction, poison)

    def _note_commit(self) -> None:
        self.commits += 1
        self._heartbeat_at = time.monotonic() + self._heartbeat_s

    def _count(self, transaction: Transaction, poison: PoisonRecords) -> None:
        now_us = time.time_ns() // 1000
        data, dead_letters = transaction.stored(poison)
        self._records.acknowledged += data
        self._records.dead_lettered += dead_letters
        for topic, received_us, timestamp_ms in transaction.samples:
            self._lag.observe(topic, now_us, received_us, timestamp_ms)
        for position, error in poison.items():
            record = transaction.records[position]
            topic, value = record[0], record[1] or b""
            part = transaction.part_of(position)
            if part == "data" and error.code() in POISON_RECORD:
                self._reject(error, topic, value, now_us)
            elif part == "data":
                self._count_failed(error, topic, value)
            elif part == "dead letters":
                self._on_dead_letter_refused(record, error)
            else:
                self._count_lost_checkpoint(topic, error)

    @property
    @override
    def _unanswered_since(self) -> float | None:
        return None if self._committing is None else self._paused_at

    @property
    @override
    def oldest_since(self) -> float | None:
        return self._open.began if self._open.records else None

    @property
    @override
    def queued(self) -> int:
        return len(self._open.records) + len(self._dead_letters)

    @override
    def flush(self, deadline: float) -> int:
        self._client.deadline = deadline
        if self.hurried:  # maybe in this moment, by another thread
            self._client.deadline = 0.0
        stored = self._committing is None or self._finish_before(deadline, self._committing)
        while stored and self._may_write() and (self.queued or self._outbox_is_due()):
            stored = self._finish_before(deadline, self._commit())
        return self._records.in_flight

    def _finish_before(self, deadline: float, commit: "Future[PoisonRecords]") -> bool:
        """Wait for the commit thread; say whether the transaction is stored."""
        before = self.commits
        try:
            commit.exception(max(0.0, deadline + self._client.CALL_TIMEOUT_S - time.monotonic()))
        except TimeoutError:
            return False
        self._finish_commit(commit)
        return self.commits > before

    @override
    def hurry(self) -> None:
        super().hurry()
        self._client.deadline = 0.0

    @override
    def close(self) -> None:
        self._client.deadline = 0.0
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._client.producer.purge()
