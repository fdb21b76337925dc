"""What the idempotent producer writes when, with a client whose delivery reports the test gives."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord
from connector.errors import BadMessage
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.trouble import ANSWER_TIMEOUT_S, UNANSWERED
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from tests.support.clock import SteppingTime
from tests.support.tracker import GivenTracker

BAD = KafkaError(KafkaError.INVALID_TIMESTAMP)
AWAY = KafkaError(KafkaError._TIMED_OUT)
Report = Callable[..., None]


class Message:
    """A record as it comes back in its delivery report."""

    def __init__(self, topic: str, value: bytes) -> None:
        self._topic, self._value = topic, value

    def topic(self) -> str:
        return self._topic

    def value(self) -> bytes:
        return self._value

    def key(self) -> bytes:
        return b"key"


class Client:
    """librdkafka's producer as far as it is used here; the test makes the delivery reports."""

    def __init__(self) -> None:
        self.produced: list[tuple[str, bytes]] = []
        self.full = False
        self._in_flight: list[tuple[Message, Report]] = []

    def __len__(self) -> int:
        return len(self._in_flight)

    def produce(self, topic: str, value: bytes, *_: object, on_delivery: Report, **__: Any) -> None:
        if self.full:
            raise BufferError
        self.produced.append((topic, value))
        self._in_flight.append((Message(topic, value), on_delivery))

    def poll(self, seconds: float) -> int:
        del seconds
        return 0

    def report(self, topic: str, error: KafkaError | None = None) -> None:
        """Report every record of a topic that is in flight."""
        reported = [pair for pair in self._in_flight if pair[0].topic() == topic]
        self._in_flight = [pair for pair in self._in_flight if pair[0].topic() != topic]
        for message, on_delivery in reported:
            on_delivery(error, message)


class ProducerUnderTest(IdempotentProducer):
    """A producer of two such clients: the usual one, and the one for refused records."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.ledger = Ledger()
        self.tracker = GivenTracker(self._progress, lambda _: [("progress", b"0", b"key", 1, None)])
        conf = {"queue.buffering.max.messages": 100}
        super().__init__(conf, self.ledger, "dead", Lag(), self.tracker)

    def _new_client(self, more: Mapping[str, Any]) -> Any:
        del more
        self.clients.append(Client())
        return self.clients[-1]

    def _progress(self, number: int) -> list[KafkaRecord]:
        assert number > 0
        return [("progress", b"%d" % self.ledger.records.produced, b"key", 1, None)]

    def make(self, topic: str, count: int = 1, timestamp_ms: int = 5) -> None:
        for _ in range(count):
            self.publish(topic, b"value", b"key", timestamp_ms, 0)
            self.ledger.records.produced += 1

    def values(self, topic: str) -> list[bytes]:
        return [value for name, value in self.clients[0].produced if name == topic]

    @property
    def covered(self) -> list[int]:
        """How many records each progress record covers that was written."""
        return [int(value) for value in self.values("progress")]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppingTime:
    """A clock of its own: a pause of the process makes no other checkpoint due."""
    made = SteppingTime()
    for module in ("idempotent_producer", "producer"):
        monkeypatch.setattr(f"connector.kafka.{module}.time", made)
    return made


def test_progress_waits_for_a_partition_that_stands_still_while_others_go_on() -> None:
    producer = ProducerUnderTest()
    producer.make("still", 3)
    producer.poll()  # collects the progress
    producer.make("going", 10)
    producer.clients[0].report("going")
    producer.poll()
    meanwhile = producer.covered

    producer.clients[0].report("still")
    producer.poll()

    assert (meanwhile, producer.covered) == ([], [3])


def test_progress_does_not_wait_for_records_it_does_not_cover() -> None:
    producer = ProducerUnderTest()
    producer.make("early")
    producer.poll()
    producer.make("later")
    producer.clients[0].report("early")
    producer.poll()

    assert producer.covered == [1]


def test_every_64th_record_is_waited_for_as_well() -> None:
    producer = ProducerUnderTest()
    producer.make("still", 63)
    producer.clients[0].report("still")
    producer.make("still")
    producer.poll()
    producer.make("going")
    producer.clients[0].report("going")
    producer.poll()
    meanwhile = producer.covered

    producer.clients[0].report("still")
    producer.poll()

    assert (meanwhile, producer.covered) == ([], [64])


def test_a_refused_record_is_unsettled_until_it_was_retried_alone() -> None:
    producer = ProducerUnderTest()
    producer.make("bad")
    producer.poll()
    producer.make("going")
    producer.clients[0].report("going")
    producer.clients[0].report("bad", BAD)
    producer.poll()
    while_retried = producer.covered

    producer.clients[1].report("bad", BAD)
    producer.poll()

    assert (while_retried, producer.covered) == ([], [1])
    producer.clients[0].report("dead")
    assert producer.ledger.records.dead_lettered == 1


def test_a_record_that_found_no_room_is_unsettled() -> None:
    producer = ProducerUnderTest()
    [client] = producer.clients
    client.full = True
    producer.make("late")
    producer.poll()
    client.full = False
    producer.poll()
    handed_over = producer.covered

    client.report("late")
    producer.poll()

    assert (handed_over, producer.covered) == ([], [1])


def test_a_partition_without_acknowledgements_is_trouble_though_others_have_them(
    clock: SteppingTime,
) -> None:
    producer = ProducerUnderTest()
    producer.make("still")
    producer.poll()
    clock.now += ANSWER_TIMEOUT_S
    producer.make("going")
    producer.clients[0].report("going")
    producer.poll()
    while_still = producer.trouble
    producer.clients[0].report("still")

    assert (while_still, producer.trouble) == (UNANSWERED, None)


def test_progress_does_not_wait_for_a_record_that_was_given_up() -> None:
    producer = ProducerUnderTest()
    producer.make("lost")
    producer.poll()
    producer.clients[0].report("lost", AWAY)
    producer.poll()

    assert producer.covered == [1]
    assert producer.ledger.records.failed == 1


def test_at_the_end_no_progress_covers_a_record_that_is_not_stored(clock: SteppingTime) -> None:
    producer = ProducerUnderTest()
    producer.make("going")
    producer.poll()
    producer.make("still")
    producer.clients[0].report("going")

    left = producer.flush(clock.now + 0.05)

    assert (left, producer.covered) == (1, [1])


def test_at_the_end_the_last_progress_covers_all_that_is_stored(clock: SteppingTime) -> None:
    producer = ProducerUnderTest()
    producer.make("going")
    producer.poll()
    producer.clients[0].report("going")
    producer.poll()
    producer.clients[0].report("progress")
    producer.make("going", 2)
    producer.clients[0].report("going")
    producer.ledger.records.produced += 1  # decoded, and held until another connection has it, too

    left = producer.flush(clock.now + 0.05)

    assert (left, producer.covered) == (1, [1, 4])


def test_a_poison_record_becomes_a_dead_letter_and_its_neighbours_are_stored() -> None:
    producer = ProducerUnderTest()
    producer.make("bad")
    producer.make("good")
    producer.clients[0].report("bad", BAD)
    producer.clients[0].report("good", BAD)
    producer.poll()
    assert producer.room() == 0

    producer.clients[1].report("bad", BAD)
    producer.clients[1].report("good")
    producer.poll()
    producer.clients[0].report("dead")

    assert producer.room() > 0
    assert producer.values("dead") == [b"value"]
    assert producer.tracker.refused == [("bad", b"value", "dead_letter")]
    records = producer.ledger.records
    assert (records.acknowledged, records.dead_lettered, records.in_flight) == (1, 1, 0)


def test_the_neighbours_of_several_poison_records_are_produced_again_too() -> None:
    producer = ProducerUnderTest()
    for topic in ("bad", "good"):
        producer.make(topic)
    producer.clients[0].report("bad", BAD)
    producer.clients[0].report("good", KafkaError(KafkaError._INVALID_DIFFERENT_RECORD))
    producer.poll()

    producer.clients[1].report("bad", BAD)
    producer.clients[1].report("good")
    producer.poll()
    producer.clients[0].report("dead")

    records = producer.ledger.records
    assert (records.acknowledged, records.dead_lettered, records.failed) == (1, 1, 0)


def with_dead_letter(raw: bytes = b"raw") -> ProducerUnderTest:
    """Return a producer that has handed one dead letter to librdkafka."""
    producer = ProducerUnderTest()
    producer.ledger.records.produced += 1
    assert producer.dead_letter("btcusdt@trade", raw, BadMessage("json", "why"), 0)
    producer.poll()
    return producer


def test_a_dead_letter_counts_once_it_is_stored() -> None:
    producer, records = (made := with_dead_letter()), made.ledger.records
    before = records.in_flight, records.dead_lettered
    producer.clients[0].report("dead")

    assert before == (1, 0)
    assert (records.in_flight, records.dead_lettered, records.lost) == (0, 1, 0)


def test_a_dead_letter_that_kafka_refuses_counts_as_lost() -> None:
    producer, records = (made := with_dead_letter()), made.ledger.records
    producer.clients[0].report("dead", KafkaError(KafkaError.INVALID_RECORD))

    assert (records.in_flight, records.dead_lettered, records.lost) == (0, 0, 1)
    assert producer.ledger.delivery_errors == {"dead_letter": 1}


def test_a_dead_letter_that_is_too_large_is_sent_again_cut() -> None:
    producer, records = (made := with_dead_letter(b"x" * 8_000)), made.ledger.records
    producer.clients[0].report("dead", KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    producer.poll()
    producer.clients[0].report("dead")

    assert producer.values("dead") == [b"x" * 8_000, b"x" * 1_000]
    assert (records.dead_lettered, records.lost) == (1, 0)


def test_a_dead_letter_waits_while_librdkafka_has_no_room() -> None:
    producer = ProducerUnderTest()
    producer.clients[0].full = True
    producer.dead_letter("btcusdt@trade", b"raw", BadMessage("json", "why"), 0)
    producer.poll()
    while_full = producer.queued, producer.values("dead")
    producer.clients[0].full = False
    producer.poll()

    assert (while_full, producer.values("dead")) == ((1, []), [b"raw"])


def test_progress_that_kafka_refuses_is_counted() -> None:
    producer = ProducerUnderTest()
    producer.make("data")
    producer.poll()
    producer.clients[0].report("data")
    producer.poll()
    producer.clients[0].report("progress", BAD)

    assert producer.ledger.checkpoints_lost == 1
    assert producer.ledger.records.lost == 0


def test_a_record_that_kafka_gave_up_is_marked_as_missing() -> None:
    producer = ProducerUnderTest()
    producer.make("lost")
    producer.clients[0].report("lost", AWAY)

    assert producer.tracker.refused == [("lost", b"value", "delivery")]
    assert producer.values("dead") == []


def test_the_progress_taken_over_is_written_before_any_other() -> None:
    producer = ProducerUnderTest()
    producer.write_takeover(0.0)
    producer.make("data", 2)
    producer.poll()

    assert producer.covered == [0]


def test_records_of_a_topic_that_does_not_exist_are_given_up_and_marked_at_once() -> None:
    producer = ProducerUnderTest()
    producer.health.set_missing({"gone": "create it"})
    producer.make("gone")
    producer.make("going")

    records = producer.ledger.records
    assert (producer.clients[0].produced, records.failed) == ([("going", b"value")], 1)
    assert producer.tracker.refused == [("gone", b"value", "delivery")]
    assert producer.trouble == "topic gone: create it"


def test_a_dead_letter_without_a_topic_is_lost_at_once() -> None:
    producer = ProducerUnderTest()
    producer.health.set_missing({"dead": "create it"})
    producer.dead_letter("btcusdt@trade", b"raw", BadMessage("json", "why"), 0)

    assert (producer.ledger.records.lost, producer.queued) == (1, 0)
