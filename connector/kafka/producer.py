"""What both producers of a worker are: their interface, and the half they have in common."""

import time
from abc import ABC, abstractmethod
from typing import Protocol

from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord
from connector.continuity.marker import GapReason
from connector.errors import BadMessage, Fatal
from connector.kafka import error_hints
from connector.kafka.dead_letter import DeadLetterEncoder, shortened
from connector.kafka.trouble import KafkaTrouble
from connector.rate_limit import Sampler
from connector.telemetry import events
from connector.telemetry.lag import Lag, histogram
from connector.telemetry.ledger import Ledger

TOPIC_MISSING = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
SAMPLE_EVERY = 64  # records; one of them is timed from socket to acknowledgement


class _CheckpointSource(Protocol):
    """Markers and progress that wait to be written: continuity/outbox.py."""

    @property
    def is_empty(self) -> bool: ...
    def is_due(self, now_us: int) -> bool: ...
    def drain(self, number: int, now_us: int, published: int) -> list[KafkaRecord]: ...
    def rewrite_progress(self, number: int, now_us: int) -> list[KafkaRecord]: ...


class SeriesTracker(Protocol):
    """What is known of the series whose records are published: continuity/gap_tracker.py."""

    @property
    def outbox(self) -> _CheckpointSource:
        """Markers and progress."""

    def on_refused(self, topic: str, value: bytes, reason: GapReason) -> None:
        """Mark a record that Kafka did not take."""


class Producer(ABC):
    """Where a worker's records, dead letters, markers and progress go.

    Args:
        ledger: Counts what becomes of each record.
        lag: Takes the latency of sampled records.
        tracker: Gives markers and progress, takes refused records; None: there are neither.
    """

    def __init__(
        self, ledger: Ledger, lag: Lag, dead_letter_topic: str, tracker: SeriesTracker | None
    ) -> None:
        self.fatal: Fatal | None = None  # Kafka refused the producer for good: the process must end
        self.fenced = False  # a later writer has taken over: this one never writes again
        self.hurried = False  # see `hurry`
        self.capacity = 0  # records that it holds at most; set by the subclass
        self.health = KafkaTrouble()
        self._missing_topics = self.health.missing_topics
        self.commits = 0  # transactions stored
        self.pauses = histogram("bkc_commit_pause_seconds")  # of publishing, for each commit
        self._ledger, self._records, self._lag = ledger, ledger.records, lag
        self._dead_letter_encoder = DeadLetterEncoder(dead_letter_topic)
        self._tracker = tracker
        self._failure_logs = Sampler(1)
        self._until_sample = SAMPLE_EVERY

    @property
    def trouble(self) -> str | None:
        """Why Kafka stores nothing now; None: it does."""
        return self.health.cause(time.monotonic(), self._unanswered_since)

    @property
    @abstractmethod
    def _unanswered_since(self) -> float | None:
        """When the oldest record was sent that is not acknowledged; None: all are. Monotonic s."""

    @abstractmethod
    def start(self, deadline: float) -> None:
        """Fence the previous writer of the shard, where there are transactions. Blocks.

        `deadline`: in monotonic seconds.

        Raises:
            Fatal: Kafka does not let us write; the text has the cause and the cure.
            Retry: Kafka has not answered by the deadline; the text has what is known of the cause.
        """

    @abstractmethod
    def write_takeover(self, deadline: float) -> None:
        """Write the progress that was taken over, before any data. Blocks; raises as `start`."""

    @property
    def start_trouble(self) -> str | None:
        """Why `start` or `write_takeover` waits; None: not known."""
        return self.trouble

    @abstractmethod
    def room(self) -> int:
        """Return how many records `publish` takes now."""

    @abstractmethod
    def publish(
        self, topic: str, value: bytes, key: bytes, timestamp_ms: int, received_us: int
    ) -> None:
        """Take one record; `room` was above 0. Both times are since 1970.

        Args:
            topic, value, key, timestamp_ms: The record.
            received_us: When its frame was received; 0: fetched by REST, its lag does not count.
        """

    @abstractmethod
    def poll(self) -> None:
        """Serve librdkafka; call every few milliseconds. Never waits, never raises."""

    @property
    @abstractmethod
    def oldest_since(self) -> float | None:
        """When the oldest record came that is not stored; None: all are. Monotonic seconds.

        Without transactions it may be up to a second older.
        """

    @property
    @abstractmethod
    def queued(self) -> int:
        """Records that are neither stored nor given up, dead letters included."""

    @abstractmethod
    def flush(self, deadline: float) -> int:
        """Write until nothing is left or the deadline (monotonic seconds) has passed. Blocks.

        Returns how many of the ledger's records are not stored.
        """

    def hurry(self) -> None:
        """End all waiting for Kafka: `flush`, under way or called later, returns within a second.

        May be called from another thread.
        """
        self.hurried = True

    @abstractmethod
    def close(self) -> None:
        """Drop what could not be stored, so that the process can end."""

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received_us: int) -> bool:
        """Send raw bytes that cannot become a record to the dead-letter topic.

        Returns True: it is counted here once it is stored or lost. False: one of a flood, of which
        the topic has samples; the caller counts it.

        Args:
            source: Stream or topic they were meant for.
            raw, received_us: The bytes, and when they were received.
            error: Reason and detail, for the headers.
        """
        events.dead_lettered(source=source, reason=error.reason, detail=error.detail)
        record = self._dead_letter_encoder.encode(source, raw, error, received_us, time.monotonic())
        if record is None:
            return False
        if record[0] in self._missing_topics:
            self._on_dead_letter_refused(record, TOPIC_MISSING)
        else:
            self._produce_dead_letter(record)
        return True

    @abstractmethod
    def _produce_dead_letter(self, record: KafkaRecord) -> None: ...

    def _reject(self, error: KafkaError, topic: str, value: bytes, received_us: int) -> None:
        """Count and mark a poison record, and send it to the dead-letter topic."""
        self._ledger.delivery_errors[error.name()] += 1
        self._ledger.not_taken[topic] += 1
        self._ledger.dead_letters_of[topic, "refused"] += 1
        self._mark_refused(topic, value, "dead_letter")
        bad = BadMessage("refused", f"{error.name()}: {error.str()}")
        if not self.dead_letter(topic, value, bad, received_us):
            self._records.dead_lettered += 1

    def _count_failed(self, error: KafkaError, topic: str, value: bytes) -> None:
        """Count and mark a record that Kafka did not take, for a reason that is not its own."""
        self._ledger.delivery_errors[error.name()] += 1
        self._ledger.not_taken[topic] += 1
        self._records.failed += 1
        self._mark_refused(topic, value, "delivery")
        if self._failure_logs.allows(time.monotonic()):
            events.delivery_failed(topic=topic, cause=error_hints.describe(error))

    def _mark_refused(self, topic: str, value: bytes, reason: GapReason) -> None:
        if self._tracker is not None:
            self._tracker.on_refused(topic, value, reason)

    def _on_dead_letter_refused(self, record: KafkaRecord, error: KafkaError) -> None:
        """Send a dead letter again that was too large, with less of its bytes; else it is lost."""
        is_large = error.code() == KafkaError.MSG_SIZE_TOO_LARGE
        shorter = shortened(record) if is_large else None
        if shorter is not None:
            self._produce_dead_letter(shorter)
            return
        self._records.lost += 1
        self._ledger.delivery_errors["dead_letter"] += 1
        events.dead_letter_lost(cause=error_hints.describe(error))

    def _count_lost_checkpoint(self, topic: str, error: KafkaError) -> None:
        """Count a marker or progress record that Kafka refused."""
        self._ledger.checkpoints_lost += 1
        self._ledger.delivery_errors["checkpoint"] += 1
        events.checkpoint_lost(topic=topic, cause=error_hints.describe(error))

    def _drain_outbox(self, number: int, published: int) -> list[KafkaRecord]:
        tracker, now_us = self._tracker, time.time_ns() // 1000
        return [] if tracker is None else tracker.outbox.drain(number, now_us, published)

    def _rewrite_progress(self, number: int) -> list[KafkaRecord]:
        tracker, now_us = self._tracker, time.time_ns() // 1000
        return [] if tracker is None else tracker.outbox.rewrite_progress(number, now_us)

    def _outbox_is_due(self) -> bool:
        return self._tracker is not None and self._tracker.outbox.is_due(time.time_ns() // 1000)

    def _on_error(self, error: KafkaError) -> None:
        """Note trouble of a connection: it concerns no single record, and mostly passes."""
        self.health.report(error_hints.describe(error))

    def _log_trouble(self) -> None:
        """Log what has changed of Kafka's trouble; `poll` calls it."""
        report = self.health.to_log(time.monotonic(), self._unanswered_since)
        if report is not None and report.cause is None:
            events.kafka_recovered(seconds=report.seconds)
        elif report is not None:
            events.kafka_trouble(cause=str(report.cause), seconds=report.seconds)

    def _set_fatal(self, error: KafkaError) -> None:
        cause = error_hints.describe(error)
        self.fatal = self.fatal or Fatal(f"Kafka refused the producer for good: {cause}")
