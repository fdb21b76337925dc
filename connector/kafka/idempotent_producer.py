"""Producer of `delivery: idempotent`: librdkafka's idempotent producer, a delivery report a record.

When Kafka refuses a batch for one record in it, every record of the batch is produced again in a
batch of its own, so that only the poison record becomes a dead letter (refused_batch.py). Decision:
docs/decisions/0003-producer.md.
"""

import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client
from typing_extensions import override

from connector.codec.framing import KafkaRecord
from connector.kafka import error_hints
from connector.kafka.checkpoint_barrier import CheckpointBarrier, Interval
from connector.kafka.client import open_client
from connector.kafka.dead_letter import NEIGHBOUR_OF_POISON, POISON_RECORD
from connector.kafka.producer import SAMPLE_EVERY, TOPIC_MISSING, Producer, SeriesTracker
from connector.kafka.refused_batch import HeldRecord, RefusedBatch
from connector.kafka.side_records import SideRecords
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger


class IdempotentProducer(Producer):
    """Publishes each record at once and counts its delivery report; `conf` is librdkafka's."""

    def __init__(
        self,
        conf: Mapping[str, Any],
        ledger: Ledger,
        dead_letter_topic: str,
        lag: Lag,
        tracker: SeriesTracker | None = None,
    ) -> None:
        super().__init__(ledger, lag, dead_letter_topic, tracker)
        self._conf = dict(conf)
        self.capacity = int(conf["queue.buffering.max.messages"])
        self._sampled = 0
        self._checkpoints = 0  # collected so far: what other writers number by transactions
        self._barrier = CheckpointBarrier()
        self._interval = self._barrier.interval
        # One report serves the records of an interval that have the same timestamp.
        self._report = partial(self._on_delivery, self._interval, -1)
        self._report_ms = -1
        self._refused = RefusedBatch(self._new_client)
        self._side = SideRecords()
        self._overflow: deque[HeldRecord] = deque()  # librdkafka's queue was full
        self._client = self._new_client({})
        self._produce = self._client.produce

    def _new_client(self, more: Mapping[str, Any]) -> Client:
        return open_client(Client, {**self._conf, **more}, self._on_error)

    @override
    def start(self, deadline: float) -> None:
        pass  # without transactions nobody is fenced

    @override
    def write_takeover(self, deadline: float) -> None:
        self._checkpoints += 1
        self._hold(self._rewrite_progress(self._checkpoints))

    @override
    def room(self) -> int:
        if self._refused or self._overflow:
            return 0  # the records that are held go first
        return self.capacity - len(self._client)

    @property
    def _published(self) -> int:
        """Records published so far; derived, so that a record costs no count of its own."""
        return (self._sampled + 1) * SAMPLE_EVERY - self._until_sample

    @override
    def publish(
        self, topic: str, value: bytes, key: bytes, timestamp_ms: int, received_us: int
    ) -> None:
        if self._missing_topics and topic in self._missing_topics:
            self._count_failed(TOPIC_MISSING, topic, value)
            return
        self._until_sample -= 1
        if not self._until_sample:
            self._until_sample = SAMPLE_EVERY
            self._sampled += 1
            report = partial(self._on_sampled_delivery, received_us, self._interval, timestamp_ms)
        elif timestamp_ms == self._report_ms:
            report = self._report
        else:
            # A refused record comes back without its timestamp; the report carries it.
            report = self._report = partial(self._on_delivery, self._interval, timestamp_ms)
            self._report_ms = timestamp_ms
        try:
            self._produce(topic, value, key, on_delivery=report, timestamp=timestamp_ms)
        except BufferError:  # dead letters took the room
            self._overflow.append((topic, value, key, self._interval, timestamp_ms))
        except KafkaException as error:
            # The caller counts the record as produced; here it is counted as given up.
            self._give_up(self._interval, error.args[0], topic, value, received_us)

    @override
    def _produce_dead_letter(self, record: KafkaRecord) -> None:
        self._side.add(record, partial(self._on_dead_letter_result, record))

    def _on_dead_letter_result(self, record: KafkaRecord, error: KafkaError | None) -> None:
        if error is None:
            self._records.dead_lettered += 1
        else:
            self._on_dead_letter_refused(record, error)

    def _on_delivery(
        self, interval: Interval, timestamp_ms: int, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            self._records.acknowledged += 1
            interval.settled += 1
            return
        topic, value, key = message.topic() or "", message.value() or b"", message.key() or b""
        if error.code() in POISON_RECORD or error.code() == NEIGHBOUR_OF_POISON:
            self._refused.add((topic, value, key, interval, timestamp_ms))
        else:
            self._give_up(interval, error, topic, value)

    def _on_sampled_delivery(
        self,
        received_us: int,
        interval: Interval,
        timestamp_ms: int,
        error: KafkaError | None,
        message: Message,
    ) -> None:
        self._on_delivery(interval, timestamp_ms, error, message)
        if error is None and received_us:
            topic = message.topic() or ""
            self._lag.observe(topic, time.time_ns() // 1000, received_us, timestamp_ms)

    def _give_up(
        self, interval: Interval, error: KafkaError, topic: str, value: bytes, received_us: int = 0
    ) -> None:
        """Count a record that Kafka did not take; a poison record becomes a dead letter."""
        interval.settled += 1
        if error.code() in POISON_RECORD:
            self._reject(error, topic, value, received_us or time.time_ns() // 1000)
            return
        self._count_failed(error, topic, value)
        self.health.report(error_hints.describe(error))
        if error.fatal():
            self._set_fatal(error)

    def _on_checkpoint_result(self, record: KafkaRecord, error: KafkaError | None) -> None:
        if error is not None:
            self._count_lost_checkpoint(record[0], error)

    def _retry_refused(self) -> None:
        for interval, error, topic, value in self._refused.poll():
            if error is None:
                self._records.acknowledged += 1
                interval.settled += 1
            else:
                self._give_up(interval, error, topic, value)

    def _produce_overflow(self) -> None:
        while self._overflow:
            topic, value, key, interval, timestamp_ms = self._overflow[0]
            report = partial(self._on_delivery, interval, timestamp_ms)
            try:
                self._produce(topic, value, key, on_delivery=report, timestamp=timestamp_ms)
            except BufferError:
                return
            self._overflow.popleft()

    @override
    def poll(self) -> None:
        self._log_trouble()
        acknowledged = self._records.acknowledged
        try:
            self._client.poll(0)
            self._produce_overflow()
            self._retry_refused()
            if self._barrier.is_ready:
                self._produce_checkpoint()
            self._side.produce(self._client)
            if self._barrier.is_due(time.monotonic()):
                self._hold(self._next_checkpoint())
        except KafkaException as error:  # a fatal error comes out of poll(), not of error_cb
            self._set_fatal(error.args[0])
        if self._records.acknowledged > acknowledged:
            self.health.clear()

    def _next_checkpoint(self) -> list[KafkaRecord]:
        """Return the markers and progress that cover what was published so far; often none."""
        if self._tracker is None or (self._tracker.outbox.is_empty and not self._outbox_is_due()):
            return []
        self._checkpoints += 1
        return self._drain_outbox(self._checkpoints, self._published)

    def _hold(self, checkpoint: list[KafkaRecord]) -> None:
        """Hold a checkpoint back until everything published so far is settled."""
        self._barrier.collect(checkpoint, self._published, time.monotonic())
        self._interval, self._report_ms = self._barrier.interval, -1

    def _produce_checkpoint(self) -> None:
        for record in self._barrier.waiting:
            self._side.add(record, partial(self._on_checkpoint_result, record))
        self._barrier.waiting.clear()

    @override
    def _on_error(self, error: KafkaError) -> None:
        super()._on_error(error)
        if error.fatal():
            self._set_fatal(error)

    @property
    @override
    def _unanswered_since(self) -> float | None:
        return self._barrier.unsettled_since

    @property
    @override
    def oldest_since(self) -> float | None:
        return self._barrier.unsettled_since

    @property
    @override
    def queued(self) -> int:
        return sum(map(len, self._clients())) + len(self._side)

    def _clients(self) -> list[Client]:
        return [c for c in (self._client, self._refused.client) if c is not None]

    @override
    def flush(self, deadline: float) -> int:
        self._serve_until_empty(deadline)
        if self._barrier.all_settled(self._published):
            self._hold(self._next_checkpoint())
            self._serve_until_empty(deadline)
        return self._records.in_flight

    def _serve_until_empty(self, deadline: float) -> None:
        while self._is_unfinished() and time.monotonic() < deadline and not self.hurried:
            try:
                self._client.poll(0.05)
            except KafkaException as error:
                self._set_fatal(error.args[0])
            self.poll()
            if self.fatal is not None and not any(map(len, self._clients())):
                return  # librdkafka has purged its queue and reported every record of it

    def _is_unfinished(self) -> bool:
        return bool(self.queued or self._refused or self._overflow or self._barrier.is_ready)

    @override
    def close(self) -> None:
        for client in self._clients():
            client.purge()
            try:
                client.poll(0)
            except KafkaException as error:
                self._set_fatal(error.args[0])
