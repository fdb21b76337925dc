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

from connector.continuity.marker import Reason
from connector.errors import BadMessage, Fatal, Refused
from connector.kafka import error_hints
from connector.kafka.checkpoint_barrier import Period, Seals
from connector.kafka.dead_letter import CULPRIT, DeadLetters, Record
from connector.rate_limit import Sampler
from connector.telemetry import events
from connector.telemetry.lag import Histogram, Lag
from connector.telemetry.ledger import Ledger

SAMPLE_EVERY = 64  # one record in so many is timed from socket to acknowledgement
Suspect = tuple[str, bytes, bytes, Period, int]  # topic, value, key, period, timestamp


class Producer:
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
        self._dead_letters = DeadLetters(dead_letter_topic)
        self._error_logs = Sampler(1)
        self._capacity = int(conf["queue.buffering.max.messages"])
        self._until_sample = SAMPLE_EVERY
        self._sampled = 0
        self._seals = Seals()
        self._period = self._seals.period
        self._report_time = -1
        self._report = functools.partial(self._on_delivery, self._period, -1)
        self._suspects: deque[Suspect] = deque()
        self._on_trial = 0
        self._overflow: deque[Suspect] = deque()
        self._singly: Client | None = None
        self.seal: Callable[[int], Iterable[Record]] = lambda _number: ()
        self.refused: Callable[[str, bytes, Reason], None] = lambda *_: None
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
            raise Refused(f"kafka: {error_hints.creation(error)}") from error

    # Publishing

    def room(self) -> int:
        """Return how many records will be taken now."""
        if self._suspects or self._on_trial or self._overflow:
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
        self, period: Period, timestamp: int, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            self._records.acknowledged += 1
            period.settled += 1
        else:
            self._on_failure(period, timestamp, error, message)

    def _on_sampled_delivery(
        self,
        received: int,
        period: Period,
        timestamp: int,
        error: KafkaError | None,
        message: Message,
    ) -> None:
        self._on_delivery(period, timestamp, error, message)
        if error is None:
            self._lag.observe(time.time_ns() // 1000, received, timestamp)

    def _on_failure(
        self, period: Period, timestamp: int, error: KafkaError, message: Message
    ) -> None:
        topic, value, key = message.topic() or "", message.value() or b"", message.key() or b""
        if error.code() in CULPRIT:
            self._suspects.append((topic, value, key, period, timestamp))
        else:
            self._give_up(period, error, topic, value)

    def _give_up(
        self, period: Period, error: KafkaError, topic: str, value: bytes, received: int = 0
    ) -> None:
        """Count and log a record Kafka did not take; put it aside when the fault is its own."""
        period.settled += 1
        self._ledger.delivery_errors[error.name()] += 1
        if error.code() in CULPRIT:
            self._records.dead_lettered += 1
            self._ledger.dead_letters["refused"] += 1
            self.refused(topic, value, "dead_letter")
            bad = BadMessage("refused", f"{error.name()}: {error.str()}")
            self.dead_letter(topic, value, bad, received or time.time_ns() // 1000)
            return
        self._records.failed += 1
        self.refused(topic, value, "delivery")
        self.trouble = error_hints.text(error)
        if error.fatal():
            self._die(error)
        if self._error_logs.allows(time.monotonic()):
            events.delivery_failed(topic=topic, cause=self.trouble)

    def _on_dead_letter_delivery(self, error: KafkaError | None, _message: Message | None) -> None:
        if error is not None:
            self._ledger.delivery_errors["dead_letter"] += 1
            events.dead_letter_lost(cause=error_hints.text(error))

    # A refused batch, record by record

    def _held(self) -> bool:
        return bool(self._suspects or self._on_trial or self._overflow)

    def _try_suspects(self) -> None:
        """Produce the refused records again, each a batch of its own."""
        if self._singly is None:
            alone = {"batch.num.messages": 1, "linger.ms": 0}
            self._singly = self._new_client({**self._conf, **alone})
        while self._suspects:
            topic, value, key, period, timestamp = self._suspects[0]
            report = functools.partial(self._on_verdict, period)
            try:
                self._singly.produce(topic, value, key, timestamp=timestamp, on_delivery=report)
            except BufferError:
                break
            except KafkaException as error:
                self._give_up(period, error.args[0], topic, value)
            else:
                self._on_trial += 1
            self._suspects.popleft()

    def _on_verdict(self, period: Period, error: KafkaError | None, message: Message) -> None:
        self._on_trial -= 1
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
            self._write_seal()
            if self._suspects:
                self._try_suspects()
            if self._singly is not None:
                self._singly.poll(0)
        except KafkaException as error:  # a fatal error comes out of poll(), not of error_cb
            self._die(error.args[0])
        if self._records.acknowledged > stored:
            self.trouble = None

    def _write_seal(self) -> None:
        """Write markers and progress once a second, after the records that they speak of."""
        if self._seals.ready:
            self._produce_sealed()
        if self._seals.due(time.monotonic()):
            self._take_seal()

    def _take_seal(self) -> None:
        self._seals.take(self.seal(0), self._published, time.monotonic())
        if self._period is not self._seals.period:
            self._period, self._report_time = self._seals.period, -1

    def _produce_sealed(self) -> None:
        waiting = self._seals.waiting
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
        self.trouble = error_hints.text(error)
        if error.fatal():
            self._die(error)
        elif self._error_logs.allows(time.monotonic()):
            events.kafka_trouble(cause=self.trouble)

    def _die(self, error: KafkaError) -> None:
        if self.fatal is None:
            self.fatal = Fatal(f"Kafka refused the producer for good: {error_hints.text(error)}")

    @property
    def queued(self) -> int:
        """Records and reports inside librdkafka."""
        return len(self._client) + (len(self._singly) if self._singly is not None else 0)

    def flush(self, deadline: float) -> int:
        """Serve callbacks until nothing is in flight or the monotonic deadline; blocks.

        Returns:
            How many records are still not stored.
        """
        self._serve_until_empty(deadline)
        if self._seals.settled(self._published):
            self._take_seal()
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
        return bool(self.queued or self._held() or self._seals.ready)

    def _deliverable(self) -> bool:
        """After a fatal error librdkafka purges its queue; what remains are reports to serve."""
        return self.queued > 0

    def close(self) -> None:
        """Drop what could not be stored, so that the process can end."""
        for client in filter(None, (self._client, self._singly)):
            client.purge()
            try:
                client.poll(0)
            except KafkaException as error:
                self._die(error.args[0])
