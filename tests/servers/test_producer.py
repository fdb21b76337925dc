"""The producer against a real broker: refused batches, sizes, times."""

import random
import time

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.codec.framing import KafkaRecord
from connector.config.sections import KafkaSettings
from connector.kafka import client_config
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.lab.real_kafka import RealKafka
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from tests.support.servers import read_all
from tests.support.tracker import GivenTracker
from tests.support.waiting import GIVE_UP_S

HOUR_MS = 3_600_000


def make(
    kafka: RealKafka, topic: str, *, tracker: GivenTracker | None = None, max_bytes: int = 0
) -> tuple[IdempotentProducer, Ledger]:
    admin = AdminClient(kafka.client())
    config = {"max.message.bytes": str(max_bytes)} if max_bytes else {}
    wanted = [NewTopic(topic, 1, 1, config=config), NewTopic(f"{topic}.dead", 1, 1)]
    for future in admin.create_topics(wanted).values():
        future.result()
    ledger = Ledger()
    conf = client_config.producer(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))
    return IdempotentProducer(conf, ledger, f"{topic}.dead", Lag(), tracker), ledger


def publish(
    producer: IdempotentProducer, ledger: Ledger, topic: str, value: bytes, ahead_ms: int = 0
) -> None:
    now = time.time_ns() // 1000
    deadline = time.monotonic() + GIVE_UP_S
    while not producer.room():
        producer.poll()
        assert time.monotonic() < deadline
    producer.publish(topic, value, b"key", now // 1000 + ahead_ms, now)
    ledger.records.produced += 1


def values(kafka: RealKafka, topic: str) -> list[bytes]:
    return [value for *_, value, _ in read_all(dict(kafka.client()), topic)]


async def test_records_with_a_future_time_become_dead_letters_and_their_neighbours_are_stored(
    kafka: RealKafka,
) -> None:
    producer, ledger = make(kafka, "poisoned")
    values_sent = [f"{number}".encode() for number in range(200)]

    for number, value in enumerate(values_sent):
        publish(producer, ledger, "poisoned", value, 2 * HOUR_MS if number in (100, 103) else 0)
    assert producer.flush(time.monotonic() + GIVE_UP_S) == 0
    producer.close()

    assert sorted(values(kafka, "poisoned")) == sorted(set(values_sent) - {b"100", b"103"})
    assert sorted(values(kafka, "poisoned.dead")) == [b"100", b"103"]
    assert (ledger.records.acknowledged, ledger.records.dead_lettered) == (198, 2)
    assert ledger.records.in_flight == ledger.records.failed == 0


async def test_a_record_too_large_for_the_topic_becomes_a_dead_letter_and_its_neighbours_are_stored(
    kafka: RealKafka,
) -> None:
    producer, ledger = make(kafka, "large", max_bytes=5_000)
    large = random.Random(1).randbytes(10_000)  # lz4 cannot make noise smaller

    for value in (b"before", large, b"after"):
        publish(producer, ledger, "large", value)
    assert producer.flush(time.monotonic() + GIVE_UP_S) == 0
    producer.close()

    assert sorted(values(kafka, "large")) == [b"after", b"before"]
    assert values(kafka, "large.dead") == [large]
    assert (ledger.records.acknowledged, ledger.records.dead_lettered) == (2, 1)


async def test_a_record_too_large_for_librdkafka_becomes_a_dead_letter_at_once(
    kafka: RealKafka,
) -> None:
    producer, ledger = make(kafka, "huge")

    publish(producer, ledger, "huge", b"x" * 1_500_000)
    assert producer.flush(time.monotonic() + GIVE_UP_S) == 0
    producer.close()

    [(_, _, _, kept, _)] = read_all(dict(kafka.client()), "huge.dead")
    assert len(kept) == 900_000
    assert ledger.dead_letters == {"refused": 1}


async def test_after_a_refusal_the_producer_goes_on(kafka: RealKafka) -> None:
    producer, ledger = make(kafka, "going")

    publish(producer, ledger, "going", b"bad", 2 * HOUR_MS)
    assert producer.flush(time.monotonic() + GIVE_UP_S) == 0
    for number in range(50):
        publish(producer, ledger, "going", f"{number:02}".encode())
    assert producer.flush(time.monotonic() + GIVE_UP_S) == 0
    producer.close()

    assert values(kafka, "going") == [f"{number:02}".encode() for number in range(50)]
    assert producer.fatal is None


async def test_progress_waits_for_a_topic_that_is_not_there_yet(kafka: RealKafka) -> None:
    progress: list[bytes] = []

    def drain(_number: int) -> list[KafkaRecord]:
        progress.append(b"after %d" % ledger.records.produced)
        return [("going-on", progress[-1], b"key", time.time_ns() // 10**6, None)]

    producer, ledger = make(kafka, "going-on", tracker=GivenTracker(drain))
    publish(producer, ledger, "still", b"1")
    producer.poll()
    for number in range(2, 12):
        publish(producer, ledger, "going-on", b"%d" % number)
    deadline = time.monotonic() + GIVE_UP_S
    while ledger.records.acknowledged < 10 or producer.queued > 1:
        producer.poll()
        assert time.monotonic() < deadline
    meanwhile = values(kafka, "going-on")
    admin = AdminClient(kafka.client())
    admin.create_topics([NewTopic("still", 1, 1)])["still"].result()
    assert producer.flush(time.monotonic() + GIVE_UP_S) == 0
    producer.close()

    assert meanwhile == [b"%d" % number for number in range(2, 12)]
    assert values(kafka, "still") == [b"1"]
    assert values(kafka, "going-on") == meanwhile + progress
    assert (progress[0], progress[-1]) == (b"after 1", b"after 11")


async def test_records_time_and_key_are_stored_as_given(kafka: RealKafka) -> None:
    producer, ledger = make(kafka, "stamped")
    del ledger

    producer.publish("stamped", b"value", b"BTCUSDT", 1_700_000_000_123, time.time_ns() // 1000)
    producer.flush(time.monotonic() + GIVE_UP_S)
    producer.close()

    [(partition, offset, key, value, timestamp)] = read_all(dict(kafka.client()), "stamped")
    assert (partition, offset, key, value) == (0, 0, b"BTCUSDT", b"value")
    assert timestamp == 1_700_000_000_123
