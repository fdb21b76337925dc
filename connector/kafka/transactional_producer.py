"""The exactly-once way into Kafka: one transaction an interval, all of it stored or none of it.

Data, markers and progress of an interval commit together; a writer that starts later under the same
`transactional.id` fences this one. The records of the open transaction are kept until it is stored,
so that whatever Kafka does to it, they are produced again, in order (docs/delivery.md).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from connector.continuity.marker import GapReason
from connector.errors import BadMessage, Fatal
from connector.kafka import error_hints
from connector.kafka.committer import (
    CALL_TIMEOUT_S,
    FENCED,
    Committer,
    DeadlineExceeded,
    LastWriter,
    PoisonRecords,
    ProducerLost,
)
from connector.kafka.dead_letter import POISON_RECORD, DeadLetterEncoder, Record
from connector.rate_limit import Sampler
from connector.telemetry import events
from connector.telemetry.lag import Histogram, Lag
from connector.telemetry.ledger import Ledger

SAMPLE_EVERY = 64  # one record in so many is timed from socket to commit
COMMIT_S = 0.1  # a read_committed reader sees a record that much later, and the commit itself
COMMIT_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Batch:
    """The records of one transaction.

    Attributes:
        records: In the order published.
        made: How many of them, the first ones, the ledger counts as made: the rest are dead
            letters, markers and progress.
        size: Bytes of their values.
        samples: (received us, record time ms) of the records that are timed.
        broken: Why librdkafka took no more of it: it must be produced again, whole.
    """

    records: list[Record] = field(default_factory=list)
    made: int = 0
    size: int = 0
    samples: list[tuple[int, int]] = field(default_factory=list)
    broken: KafkaError | None = None


class TransactionalProducer:
    """Publishes records exactly once; the counterpart of Producer for clusters with transactions.

    Attributes:
        fatal: Set when Kafka refused us for good: the process must end.
        fenced: Another writer has taken over: this one never writes again.
        trouble: What Kafka last complained of, None once a transaction is stored.
        refused: Told of each record that Kafka will not take: topic, value, why it is missing.
        collect: Asked before a commit, with its number: the markers and progress that belong to it.
        has_markers: Asked whether markers wait for a commit: on a quiet market there may be no
        data. commits: Transactions stored. pauses: How long each commit held publishing up.
    """

    def __init__(
        self, conf: Mapping[str, Any], ledger: Ledger, dead_letter_topic: str, lag: Lag
    ) -> None:
        self._ledger = ledger
        self._lag = lag
        self._dead_letters = DeadLetterEncoder(dead_letter_topic)
        self._error_logs = Sampler(1)
        self._capacity = int(conf["queue.buffering.max.messages"]) // 2
        self._until_sample = SAMPLE_EVERY
        self._batch = Batch()
        self._aside: list[Record] = []
        self._commit_at = 0.0
        self._committing: Future[PoisonRecords] | None = None
        self._paused_at = 0.0
        self._thread = ThreadPoolExecutor(1, "kafka-commit")
        self.collect: Callable[[int], Iterable[Record]] = lambda _number: ()
        self.has_markers: Callable[[], bool] = lambda: False
        self.refused: Callable[[str, bytes, GapReason], None] = lambda *_: None
        self.fatal: Fatal | None = None
        self.fenced = False
        self.trouble: str | None = None
        self.commits = 0
        self.pauses = Histogram()
        self._committer = Committer(conf, self._on_error)

    def ask_newest(self, newest: Callable[[], LastWriter], told_in: str = "") -> None:
        """Set who is asked (in a thread, when a transaction broke) who has written last.

        Args:
            newest: Who is asked; blocks.
            told_in: The topic it knows that from: a transaction without a record there is not told.
        """
        self._committer.newest, self._committer.progress_topic = newest, told_in

    def start(self) -> None:
        """Take over from whoever wrote before under our transactional id; blocks.

        Raises:
            Fatal: Kafka does not let us write transactions; the text has the cause and the cure.
        """
        try:
            self._committer.start()
        except ProducerLost as broken:
            raise Fatal(
                f"Kafka refused the producer: {error_hints.describe(broken.error)}"
            ) from broken

    def write(self, records: list[Record]) -> None:
        """Store the first transaction of this writer, before any data; blocks.

        Raises:
            Fatal: Kafka does not let us write.
        """
        try:
            self._committer.write(records, self.commits)
        except ProducerLost as broken:
            raise Fatal(
                f"Kafka refused the producer: {error_hints.describe(broken.error)}"
            ) from broken
        self.commits += 1

    # Publishing

    def room(self) -> int:
        """Return how many records will be taken now: none while a transaction is committed."""
        return self._capacity - len(self._batch.records) if self._open() else 0

    def _open(self) -> bool:
        return self._committing is None and not self.fenced and self.fatal is None

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Take one record: there was room. Timestamp in ms, received in us."""
        batch = self._batch
        if not batch.records:
            self._begin()
        try:
            self._committer.client.produce(topic, value, key, timestamp=timestamp)
        except BufferError:  # `librdkafka:` made its queue smaller than two of our transactions
            batch.broken = batch.broken or KafkaError(KafkaError._QUEUE_FULL)
            self._commit_at = 0.0
        except KafkaException as error:
            if error.args[0].code() in POISON_RECORD:
                self._count_dead_letter(error.args[0], topic, value, received)
                return  # the caller counts it as made, we as dead-lettered
            batch.broken = batch.broken or error.args[0]
            self._commit_at = 0.0
        batch.records.append((topic, value, key, timestamp, None))
        batch.made += 1
        batch.size += len(value)
        self._until_sample -= 1
        if not self._until_sample:
            self._until_sample = SAMPLE_EVERY
            batch.samples.append((received, timestamp))

    def _begin(self) -> None:
        self._committer.client.begin_transaction()
        self._commit_at = time.monotonic() + COMMIT_S

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        """Put aside what cannot become a record: its raw bytes, and why in the headers."""
        events.dead_lettered(source=source, reason=error.reason, detail=error.detail)
        record = self._dead_letters.record(source, raw, error, received, time.monotonic())
        if record is not None:
            self._aside.append(record)

    def _count_dead_letter(
        self, error: KafkaError, topic: str, value: bytes, received: int
    ) -> None:
        self._ledger.delivery_errors[error.name()] += 1
        self._ledger.records.dead_lettered += 1
        self._ledger.dead_letters["refused"] += 1
        self.refused(topic, value, "dead_letter")
        bad = BadMessage("refused", f"{error.name()}: {error.str()}")
        self.dead_letter(topic, value, bad, received)

    # Running

    def poll(self) -> None:
        """Serve librdkafka, commit when it is time, take up what came of it. Never waits."""
        if self._committing is not None:
            if self._committing.done():
                self._finish_commit()
            return
        self._serve()
        if self._is_time(time.monotonic()):
            self._commit()

    def _is_time(self, now: float) -> bool:
        """Say whether to commit: the data of an interval, or what waits though there is none."""
        if self._batch.records:
            return now >= self._commit_at or self._batch.size >= COMMIT_BYTES
        return bool(self._aside) or (now >= self._commit_at and self.has_markers())

    def _serve(self) -> None:
        try:
            self._committer.client.poll(0)
        except KafkaException as error:
            self.trouble = error_hints.describe(error.args[0])

    def _commit(self) -> None:
        """Close the transaction: from now on it is the thread's, until it is stored."""
        if not self._open():
            return
        batch = self._batch
        if not batch.records:
            self._begin()
        late = [*self._aside, *self.collect(self.commits + 1)]
        self._aside = []
        self._paused_at = time.monotonic()
        self._committing = self._thread.submit(
            self._committer.store, batch.records, late, self.commits, batch.broken
        )

    def _finish_commit(self) -> None:
        """Note what became of a transaction and make room for the next."""
        settling, batch = self._committing, self._batch
        self._committing, self._batch = None, Batch()
        assert settling is not None  # noqa: S101 - the caller looked
        try:
            culprits = settling.result()
        except DeadlineExceeded:
            self._batch = batch  # not stored: what is left is counted from it
            self._committing = None
            return
        except ProducerLost as broken:
            self._end(broken.error)
            return
        self.commits += 1
        self.trouble = None
        self.pauses.add(time.monotonic() - self._paused_at)
        self._count(batch, culprits)

    def _count(self, batch: Batch, culprits: PoisonRecords) -> None:
        now = time.time_ns() // 1000
        refused = sum(position < batch.made for position in culprits)
        self._ledger.records.acknowledged += batch.made - refused
        for received, timestamp in batch.samples:
            self._lag.observe(now, received, timestamp)
        for position, error in culprits.items():
            topic, value, *_ = batch.records[position]
            if position < batch.made:
                self._count_dead_letter(error, topic, value or b"", now)
            else:
                self._ledger.delivery_errors["dead_letter"] += 1
                events.dead_letter_lost(cause=error_hints.describe(error))

    def _end(self, error: KafkaError) -> None:
        """Stop writing for good: somebody newer writes, or Kafka refused us."""
        if error.code() in FENCED:
            self.fenced = True
            events.fenced(cause=error_hints.describe(error))
        elif self.fatal is None:
            self.fatal = Fatal(
                f"Kafka refused the producer for good: {error_hints.describe(error)}"
            )

    def _on_error(self, error: KafkaError) -> None:
        """Hear of connection trouble: not about a record, and mostly passing."""
        self.trouble = error_hints.describe(error)
        if not error.fatal() and self._error_logs.allows(time.monotonic()):
            events.kafka_trouble(cause=self.trouble)

    # Ending

    @property
    def queued(self) -> int:
        """Records that are not stored yet."""
        return len(self._batch.records) + len(self._aside)

    def flush(self, deadline: float) -> int:
        """Commit what is left, until done or the monotonic deadline; blocks.

        Returns:
            How many records are still not stored.
        """
        self._committer.give_up_at = deadline
        stored = self._committing is None or self._wait(deadline)
        while (
            stored and self._open() and (self._batch.records or self._aside or self.has_markers())
        ):
            self._commit()
            stored = self._wait(deadline)
        return self._ledger.records.in_flight

    def _wait(self, deadline: float) -> bool:
        """Wait for the thread; say whether its transaction is stored."""
        assert self._committing is not None  # noqa: S101 - the caller looked
        before = self.commits
        try:
            self._committing.exception(max(0.0, deadline + CALL_TIMEOUT_S - time.monotonic()))
        except TimeoutError:
            return False
        self._finish_commit()
        return self.commits > before

    def close(self) -> None:
        """Drop what could not be stored, so that the process can end."""
        self._committer.give_up_at = 0.0
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._committer.client.purge()
