"""The one way into Kafka, for both workers: idempotent, a callback a record, nothing lost quietly.

A refused batch is produced again record by record, so that only the culprit is put aside. How
records are committed is decided in here alone (docs/decisions/0003-producer.md).
"""

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from connector.continuity.marker import GapReason
from connector.errors import BadMessage, Fatal, Refused
from connector.kafka import error_hints
from connector.kafka.checkpoint_barrier import CheckpointBarrier, Interval
from connector.kafka.dead_letter import POISON_RECORD, DeadLetterEncoder, Record
from connector.rate_limit import Sampler
from connector.telemetry import events
from connector.telemetry.lag import Histogram, Lag
from connector.telemetry.ledger import Ledger

SAMPLE_EVERY = 64  # one record in so many is timed from socket to acknowledgement
_RefusedRecord = tuple[str, bytes, bytes, Interval, int]  # topic, value, key, period, timestamp


class IdempotentProducer:
    """Publishes records and tells what became of each.

    Attributes:
        fatal: Set when librdkafka gave up for good: the process must end.
        trouble: What Kafka last complained of, None once records are stored again.
    """

    def __init__(
        self, conf: Mapping[str, Any], ledger: Ledger, dead_letter_topic: str, lag: Lag
    ) -> None:
        self._conf = dict(conf)
        self._ledger = ledger
        self._records = ledger.records
        self._lag = lag
        self._dead_letters = DeadLetterEncoder(dead_letter_topic)
        self._error_logs = Sampler(1)
        self._capacity = int(conf["queue.buffering.max.messages"])
        self._until_sample = SAMPLE_EVERY
        self._sampled = 0
        self._barrier = CheckpointBarrier()
        self._period = self._barrier.interval
        self._report_time = -1
        self._report = functools.partial(self._on_delivery, self._period, -1)
        self._suspects: deque[_RefusedRecord] = deque()
        self._retried = 0
        self._overflow: deque[_RefusedRecord] = deque()
        self._single_producer: Client | None = None
        self.collect: Callable[[int], Iterable[Record]] = lambda _number: ()
        self.refused: Callable[[str, bytes, GapReason], None] = lambda *_: None
        self.fenced = False  # this and what follows: only a transactional writer can
        self.commits = 0
        self.pauses = Histogram()
        self.fatal: Fatal | None = None
        self.trouble: str | None = None
        self._client = self._new_client(self._conf)
        self._produce = self._client.produce

    def _new_client(self, conf: Mapping[str, Any]) -> Client:
        try:
            return Client(
                {**conf, "error_cb": self._on_error, "logger": events.librdkafka_logger()}
            )
        except KafkaException as error:
            raise Refused(f"kafka: {error_hints.describe_exception(error)}") from error

    # Publishing

    def room(self) -> int:
        """Return how many records will be taken now."""
        if self._suspects or self._retried or self._overflow:
            return 0  # a refused batch is being sorted out: later records wait their turn
        return self._capacity - len(self._client)

    @property
    def _published(self) -> int:
        """Records published so far; each costs no count of its own."""
        return (self._sampled + 1) * SAMPLE_EVERY - self._until_sample

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Take one record: there was room. Timestamp in ms, received in us."""
        self._until_sample -= 1
        if not self._until_sample:
            self._until_sample = SAMPLE_EVERY
            self._sampled += 1
            report = functools.partial(self._on_sampled_delivery, received, self._period, timestamp)
        elif timestamp == self._report_time:
            report = self._report
        else:
            # A refused record comes back without its timestamp; the report carries it.
            report = self._report = functools.partial(self._on_delivery, self._period, timestamp)
            self._report_time = timestamp
        try:
            self._produce(topic, value, key, on_delivery=report, timestamp=timestamp)
        except BufferError:  # dead letters took the room: this record goes first when there is some
            self._overflow.append((topic, value, key, self._period, timestamp))
        except KafkaException as error:
            # The caller counts the record as produced; here it is given up or put aside.
            self._give_up(self._period, error.args[0], topic, value, received)

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        """Put aside what cannot become a record: its raw bytes, and why in the headers.

        Args:
            source: Stream or topic it was meant for.
            raw: The bytes as received.
            error: Reason and detail.
            received: When, in microseconds.
        """
        events.dead_lettered(source=source, reason=error.reason, detail=error.detail)
        record = self._dead_letters.record(source, raw, error, received, time.monotonic())
        if record is None:
            return  # counted by the caller; the flood's samples are in the topic
        topic, value, key, timestamp, headers = record
        try:
            self._produce(
                topic,
                value,
                key,
                timestamp=timestamp,
                headers=headers,
                on_delivery=self._on_dead_letter_delivery,
            )
        except (BufferError, KafkaException) as failure:
            self._ledger.delivery_errors["dead_letter"] += 1
            events.dead_letter_lost(cause=str(failure))

    # What became of it

    def _on_delivery(
        self, period: Interval, timestamp: int, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            self._records.acknowledged += 1
            period.settled += 1
        else:
            self._on_failure(period, timestamp, error, message)

    def _on_sampled_delivery(
        self,
        received: int,
        period: Interval,
        timestamp: int,
        error: KafkaError | None,
        message: Message,
    ) -> None:
        self._on_delivery(period, timestamp, error, message)
        if error is None:
            self._lag.observe(time.time_ns() // 1000, received, timestamp)

    def _on_failure(
        self, period: Interval, timestamp: int, error: KafkaError, message: Message
    ) -> None:
        topic, value, key = message.topic() or "", message.value() or b"", message.key() or b""
        if error.code() in POISON_RECORD:
            self._suspects.append((topic, value, key, period, timestamp))
        else:
            self._give_up(period, error, topic, value)

    def _give_up(
        self, period: Interval, error: KafkaError, topic: str, value: bytes, received: int = 0
    ) -> None:
        """Count and log a record Kafka did not take; put it aside when the fault is its own."""
        period.settled += 1
        self._ledger.delivery_errors[error.name()] += 1
        if error.code() in POISON_RECORD:
            self._records.dead_lettered += 1
            self._ledger.dead_letters["refused"] += 1
            self.refused(topic, value, "dead_letter")
            bad = BadMessage("refused", f"{error.name()}: {error.str()}")
            self.dead_letter(topic, value, bad, received or time.time_ns() // 1000)
            return
        self._records.failed += 1
        self.refused(topic, value, "delivery")
        self.trouble = error_hints.describe(error)
        if error.fatal():
            self._die(error)
        if self._error_logs.allows(time.monotonic()):
            events.delivery_failed(topic=topic, cause=self.trouble)

    def _on_dead_letter_delivery(self, error: KafkaError | None, _message: Message | None) -> None:
        if error is not None:
            self._ledger.delivery_errors["dead_letter"] += 1
            events.dead_letter_lost(cause=error_hints.describe(error))

    # A refused batch, record by record

    def _held(self) -> bool:
        return bool(self._suspects or self._retried or self._overflow)

    def _try_suspects(self) -> None:
        """Produce the refused records again, each a batch of its own."""
        if self._single_producer is None:
            alone = {"batch.num.messages": 1, "linger.ms": 0}
            self._single_producer = self._new_client({**self._conf, **alone})
        while self._suspects:
            topic, value, key, period, timestamp = self._suspects[0]
            report = functools.partial(self._on_verdict, period)
            try:
                self._single_producer.produce(
                    topic, value, key, timestamp=timestamp, on_delivery=report
                )
            except BufferError:
                break
            except KafkaException as error:
                self._give_up(period, error.args[0], topic, value)
            else:
                self._retried += 1
            self._suspects.popleft()

    def _on_verdict(self, period: Interval, error: KafkaError | None, message: Message) -> None:
        self._retried -= 1
        if error is None:
            self._records.acknowledged += 1
            period.settled += 1
        else:
            self._give_up(period, error, message.topic() or "", message.value() or b"")

    # Running

    def poll(self) -> None:
        """Serve callbacks; call often (every few milliseconds). Never waits, never raises."""
        stored = self._records.acknowledged
        try:
            self._client.poll(0)
            self._take_overflow()
            self._write_checkpoint()
            if self._suspects:
                self._try_suspects()
            if self._single_producer is not None:
                self._single_producer.poll(0)
        except KafkaException as error:  # a fatal error comes out of poll(), not of error_cb
            self._die(error.args[0])
        if self._records.acknowledged > stored:
            self.trouble = None

    def _write_checkpoint(self) -> None:
        """Write markers and progress once a second, after the records that they speak of."""
        if self._barrier.ready:
            self._produce_checkpoint()
        if self._barrier.due(time.monotonic()):
            self._collect_checkpoint()

    def _collect_checkpoint(self) -> None:
        self._barrier.collect(self.collect(0), self._published, time.monotonic())
        if self._period is not self._barrier.interval:
            self._period, self._report_time = self._barrier.interval, -1

    def _produce_checkpoint(self) -> None:
        waiting = self._barrier.waiting
        while waiting:
            topic, value, key, timestamp, _ = waiting[0]
            report = self._on_dead_letter_delivery
            try:
                self._produce(topic, value, key, on_delivery=report, timestamp=timestamp)
            except BufferError:
                return
            except KafkaException as error:
                report(error.args[0], None)
            waiting.popleft()

    def _take_overflow(self) -> None:
        while self._overflow:
            topic, value, key, period, timestamp = self._overflow[0]
            report = functools.partial(self._on_delivery, period, timestamp)
            try:
                self._produce(topic, value, key, on_delivery=report, timestamp=timestamp)
            except BufferError:
                return
            self._overflow.popleft()

    def _on_error(self, error: KafkaError) -> None:
        """Hear of connection trouble: not about a record, and mostly passing."""
        self.trouble = error_hints.describe(error)
        if error.fatal():
            self._die(error)
        elif self._error_logs.allows(time.monotonic()):
            events.kafka_trouble(cause=self.trouble)

    def _die(self, error: KafkaError) -> None:
        if self.fatal is None:
            self.fatal = Fatal(
                f"Kafka refused the producer for good: {error_hints.describe(error)}"
            )

    @property
    def queued(self) -> int:
        """Records and reports inside librdkafka."""
        return len(self._client) + (
            len(self._single_producer) if self._single_producer is not None else 0
        )

    def flush(self, deadline: float) -> int:
        """Serve callbacks until nothing is in flight or the monotonic deadline; blocks.

        Returns:
            How many records are still not stored.
        """
        self._serve_until_empty(deadline)
        if self._barrier.settled(self._published):
            self._collect_checkpoint()
            self._serve_until_empty(deadline)
        return self._records.in_flight

    def _serve_until_empty(self, deadline: float) -> None:
        while self._unfinished() and time.monotonic() < deadline:
            try:
                self._client.poll(0.05)
            except KafkaException as error:
                self._die(error.args[0])
            self.poll()
            if self.fatal is not None and not self._deliverable():
                break

    def _unfinished(self) -> bool:
        return bool(self.queued or self._held() or self._barrier.ready)

    def _deliverable(self) -> bool:
        """After a fatal error librdkafka purges its queue; what remains are reports to serve."""
        return self.queued > 0

    def close(self) -> None:
        """Drop what could not be stored, so that the process can end."""
        for client in filter(None, (self._client, self._single_producer)):
            client.purge()
            try:
                client.poll(0)
            except KafkaException as error:
                self._die(error.args[0])
