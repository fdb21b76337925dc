"""The transactional producer against a real broker: all of an interval or nothing, and once."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.codec.framing import KafkaRecord
from connector.config.sections import KafkaSettings
from connector.continuity.stored_state import LastWriter
from connector.kafka import client_config, poison_search
from connector.kafka.committer import WriterLookup
from connector.kafka.poison_search import Judgement
from connector.kafka.transaction_client import TransactionClient
from connector.kafka.transactional_producer import TransactionalProducer
from connector.kafka.trouble import UNANSWERED
from connector.lab.real_kafka import RealKafka
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from tests.support.servers import read_all
from tests.support.tracker import GivenTracker
from tests.support.waiting import GIVE_UP_S, in_time

HOUR_MS = 3_600_000
FAST: dict[str, Any] = {"transaction.timeout.ms": 4_000}
# No other writer, and every commit that Kafka confirmed is stored.
ALONE = WriterLookup("", lambda commits: LastWriter(other=False, commits=commits))


class Writer:
    """A producer of one topic, its ledger and its tracker."""

    def __init__(
        self,
        kafka: RealKafka,
        topic: str,
        tracker: GivenTracker | None = None,
        lookup: WriterLookup | None = None,
        **conf: Any,
    ) -> None:
        admin = AdminClient(kafka.client())
        existing = admin.list_topics(timeout=GIVE_UP_S).topics
        missing = {topic, f"{topic}.dead"} - set(existing)
        wanted = [NewTopic(name, 1, 1) for name in missing]
        for future in (admin.create_topics(wanted) if wanted else {}).values():
            future.result()
        self.kafka, self.topic, self.ledger = kafka, topic, Ledger()
        settings = client_config.transactional(
            KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), f"writer-{topic}"
        )
        self.producer = TransactionalProducer(
            settings | conf, self.ledger, f"{topic}.dead", Lag(), tracker, lookup
        )
        self.producer.start(time.monotonic() + GIVE_UP_S)

    def publish(self, value: bytes, ahead_ms: int = 0) -> None:
        now = time.time_ns() // 1000
        deadline = time.monotonic() + GIVE_UP_S
        while not self.producer.room():
            self.producer.poll()
            assert time.monotonic() < deadline
        self.producer.publish(self.topic, value, b"k", now // 1000 + ahead_ms, now)
        self.ledger.records.produced += 1

    def flush(self, seconds: float = GIVE_UP_S) -> int:
        return self.producer.flush(time.monotonic() + seconds)

    async def until(self, fact: Callable[[], object]) -> None:
        """Serve the producer, as the worker does, until something is true."""
        deadline = time.monotonic() + GIVE_UP_S
        while not fact():
            assert time.monotonic() < deadline, self.producer.trouble
            self.producer.poll()
            await asyncio.sleep(0.005)

    def values(self, topic: str = "") -> list[bytes]:
        conf = dict(self.kafka.client())
        return [value for *_, value, _ in read_all(conf, topic or self.topic)]


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [f"{number:06}".encode() for number in range(start, start + count)]


async def test_an_interval_is_stored_whole_and_in_order_and_then_counted(
    kafka: RealKafka,
) -> None:
    writer = Writer(kafka, "txn-plain")
    for value in numbered(500):
        writer.publish(value)
    assert writer.ledger.records.acknowledged == 0

    await writer.until(lambda: writer.producer.commits == 1)

    assert writer.ledger.records.acknowledged == 500
    assert writer.values() == numbered(500)
    writer.producer.close()


async def test_markers_and_progress_belong_to_the_same_transaction(kafka: RealKafka) -> None:
    numbers: list[int] = []

    def drain(number: int) -> list[KafkaRecord]:
        numbers.append(number)
        return [("txn-progress", b"progress %d" % number, b"k", 1_700_000_000_000, None)]

    writer = Writer(kafka, "txn-progress", GivenTracker(drain))
    writer.publish(b"a")
    await writer.until(lambda: writer.producer.commits == 1)
    writer.publish(b"b")
    assert writer.flush() == 0

    assert writer.values() == [b"a", b"progress 1", b"b", b"progress 2"]
    assert numbers == [1, 2]
    writer.producer.close()


class Marked(Writer):
    """A writer whose markers the test makes, as it does its data."""

    def __init__(self, kafka: RealKafka, topic: str) -> None:
        self._markers: list[bytes] = []
        self._tracker = GivenTracker(self._drain)
        super().__init__(kafka, topic, self._tracker)

    def mark(self, value: bytes) -> None:
        self._markers.append(value)
        self._tracker.has_markers = True

    def _drain(self, number: int) -> list[KafkaRecord]:
        del number
        taken, self._markers = self._markers, []
        self._tracker.has_markers = False
        return [(self.topic, value, b"k", 1_700_000_000_000, None) for value in taken]


async def test_markers_do_not_wait_for_data(kafka: RealKafka) -> None:
    writer = Marked(kafka, "txn-quiet")
    writer.mark(b"opened")
    await writer.until(lambda: writer.producer.commits == 1)
    writer.mark(b"filled")
    await writer.until(lambda: writer.producer.commits == 2)

    assert writer.values() == [b"opened", b"filled"]
    writer.producer.close()


async def test_markers_alone_are_stored_at_the_end(kafka: RealKafka) -> None:
    writer = Marked(kafka, "txn-stopped-quietly")
    writer.mark(b"stopped")

    assert writer.flush() == 0

    assert writer.values() == [b"stopped"]
    writer.producer.close()


async def test_markers_made_while_the_last_data_was_committed_are_stored_at_the_end(
    kafka: RealKafka,
) -> None:
    writer = Marked(kafka, "txn-meanwhile")
    writer.publish(b"a")
    await writer.until(lambda: not writer.producer.room())
    writer.mark(b"stopped")

    assert writer.flush() == 0

    assert writer.values() == [b"a", b"stopped"]
    writer.producer.close()


async def test_nothing_is_committed_while_nothing_waits(kafka: RealKafka) -> None:
    writer = Marked(kafka, "txn-empty")
    for _ in range(100):
        writer.producer.poll()
        assert writer.producer.room() > 0

    assert writer.flush() == 0
    assert writer.producer.commits == 0
    writer.producer.close()


async def test_a_poison_record_becomes_a_dead_letter_and_the_others_keep_their_order(
    kafka: RealKafka,
) -> None:
    writer = Writer(kafka, "txn-poison")
    values = numbered(300)
    for at, value in enumerate(values):
        writer.publish(value, 2 * HOUR_MS if at in (57, 201) else 0)
    assert writer.flush() == 0

    assert writer.values() == [v for at, v in enumerate(values) if at not in (57, 201)]
    assert writer.values("txn-poison.dead") == [values[57], values[201]]
    records = writer.ledger.records
    assert (records.acknowledged, records.dead_lettered, records.in_flight) == (298, 2, 0)
    writer.producer.close()


async def test_a_topic_that_refuses_most_records_costs_few_trials(
    kafka: RealKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = NewTopic("txn-narrow", 1, 1, config={"max.message.bytes": "600"})
    admin = AdminClient(kafka.client())
    admin.create_topics([topic])["txn-narrow"].result()
    trials, judge = Counter[str](), poison_search._judge

    def counted(trial: TransactionClient, records: Mapping[int, KafkaRecord]) -> Judgement:
        trials["made"] += 1
        return judge(trial, records)

    monkeypatch.setattr(poison_search, "_judge", counted)
    writer, noise = Writer(kafka, "txn-narrow", lookup=ALONE), random.Random(1)
    values = [noise.randbytes(size) for size in range(200, 1_000)]
    noise.shuffle(values)
    for value in values:
        writer.publish(value)
    assert writer.flush() == 0

    stored = writer.values()
    assert stored == [value for value in values if len(value) <= max(map(len, stored))]
    assert 200 <= len(stored) < 400
    records = writer.ledger.records
    assert (records.acknowledged, records.dead_lettered) == (len(stored), 800 - len(stored))
    assert trials["made"] <= 60
    writer.producer.close()


async def test_a_topic_that_takes_small_batches_alone_gets_them(kafka: RealKafka) -> None:
    topic = NewTopic("txn-small", 1, 1, config={"max.message.bytes": "8000"})
    admin = AdminClient(kafka.client())
    admin.create_topics([topic])["txn-small"].result()
    writer = Writer(kafka, "txn-small", lookup=ALONE)
    noise = random.Random(1)
    values = [noise.randbytes(400) for _ in range(200)]
    large = noise.randbytes(9_000)
    for value in (*values[:100], large, *values[100:]):
        writer.publish(value)
    assert writer.flush() == 0

    assert writer.values() == values
    assert writer.values("txn-small.dead") == [large]
    records = writer.ledger.records
    assert (records.acknowledged, records.dead_lettered) == (200, 1)
    writer.producer.close()


async def test_a_dead_letter_is_cut_where_its_topic_takes_no_more_and_else_counts_as_lost(
    kafka: RealKafka,
) -> None:
    topics = [
        NewTopic("txn-letters", 1, 1, config={"max.message.bytes": "8000"}),
        NewTopic("txn-letters.dead", 1, 1, config={"max.message.bytes": "3000"}),
        NewTopic("txn-lost.dead", 1, 1, config={"max.message.bytes": "100"}),
    ]
    admin = AdminClient(kafka.client())
    for future in admin.create_topics(topics).values():
        future.result()
    large = random.Random(1).randbytes(9_000)
    kept, lost = Writer(kafka, "txn-letters"), Writer(kafka, "txn-lost")
    for writer in (kept, lost):
        writer.publish(b"before")
        writer.publish(large, 2 * HOUR_MS)
        assert writer.flush() == 0
        assert writer.values() == [b"before"]
        writer.producer.close()

    assert kept.values("txn-letters.dead") == [large[: 9_000 // 8]]
    outcomes = [(w.ledger.records.dead_lettered, w.ledger.records.lost) for w in (kept, lost)]
    assert outcomes == [(1, 0), (0, 1)]


async def test_a_later_writer_fences_this_one_and_nothing_of_its_open_transaction_is_seen(
    kafka: RealKafka,
) -> None:
    old = Writer(kafka, "txn-fenced")
    old.publish(b"stored")
    await old.until(lambda: old.producer.commits == 1)
    old.publish(b"open")
    old.producer.poll()

    new = Writer(kafka, "txn-fenced")
    new.publish(b"new")
    assert new.flush() == 0
    await old.until(lambda: old.producer.fenced)

    assert old.producer.fatal is None
    assert old.producer.room() == 0
    assert new.values() == [b"stored", b"new"]
    old.producer.close()
    new.producer.close()


async def test_kafka_away_longer_than_a_transaction_may_be_open_costs_nothing(
    spare: RealKafka,
) -> None:
    writer = Writer(spare, "txn-away", lookup=ALONE, **FAST)
    for value in numbered(100):
        writer.publish(value)
    await writer.until(lambda: writer.producer.commits >= 1)
    for value in numbered(100, 100):
        writer.publish(value)
    await away(spare, writer)
    await writer.until(lambda: writer.ledger.records.acknowledged == 200)
    for value in numbered(100, 200):
        writer.publish(value)
    assert writer.flush() == 0

    assert writer.values() == numbered(300)
    writer.producer.close()


async def away(kafka: RealKafka, writer: Writer) -> None:
    """Freeze a broker for longer than a transaction of the writer may be open."""
    kafka.freeze()
    try:
        until = time.monotonic() + 7
        await writer.until(lambda: time.monotonic() > until)
    finally:
        kafka.thaw()


async def test_transactions_that_kafka_confirmed_and_lost_are_produced_again_first(
    spare: RealKafka,
) -> None:
    calls: list[int] = []
    lost: list[bool] = []

    def only_the_first(commits: int) -> LastWriter:
        """Of all transactions only the first is in the topic, once they are lost."""
        if not lost:
            return LastWriter(other=False, commits=commits)
        calls.append(commits)
        return LastWriter(other=False, commits=1)

    writer = Writer(spare, "txn-lost", lookup=WriterLookup("txn-lost", only_the_first), **FAST)
    for number in range(3):
        for value in numbered(10, 10 * number):
            writer.publish(value)
        assert writer.flush() == 0
    lost.append(True)
    writer.publish(b"open")
    await away(spare, writer)
    await writer.until(lambda: writer.ledger.records.acknowledged == 31)

    assert set(calls) == {3}
    assert writer.values() == [*numbered(30), *numbered(20, 10), b"open"]
    writer.producer.close()


async def test_a_broker_that_is_stopped_and_started_in_the_middle_costs_nothing(
    spare: RealKafka,
) -> None:
    writer = Writer(spare, "txn-stopped", lookup=ALONE)
    sent = 0
    for number in range(3):
        for value in numbered(200, sent):
            writer.publish(value)
        sent += 200
        if number == 0:
            await spare.pause()
        if number == 1:
            await spare.start()
        wanted = 0 if number == 0 else sent
        await writer.until(
            lambda wanted=wanted: writer.ledger.records.acknowledged >= wanted  # type: ignore[misc]
        )
    assert writer.flush() == 0

    assert writer.values() == numbered(600)
    writer.producer.close()


async def test_a_broker_that_hangs_is_trouble_until_it_answers_again(spare: RealKafka) -> None:
    writer = Writer(spare, "txn-hangs", lookup=ALONE)
    spare.freeze()
    try:
        writer.publish(b"a")
        await writer.until(lambda: writer.producer.trouble == UNANSWERED)
    finally:
        spare.thaw()
    await writer.until(lambda: writer.producer.commits == 1)

    assert writer.producer.trouble is None
    writer.producer.close()


async def test_hurried_the_producer_ends_at_once_and_counts_what_is_left(spare: RealKafka) -> None:
    writer = Writer(spare, "txn-hurried")
    writer.publish(b"a")
    spare.freeze()
    try:
        flush = asyncio.create_task(asyncio.to_thread(writer.flush, 10 * GIVE_UP_S))
        writer.producer.hurry()
        assert await in_time(flush) == 1
        writer.producer.close()
    finally:
        spare.thaw()


async def test_records_that_kafka_did_not_take_in_time_are_counted_at_the_end(
    spare: RealKafka,
) -> None:
    writer = Writer(spare, "txn-left")
    writer.publish(b"a")
    spare.freeze()
    try:
        assert await in_time(asyncio.to_thread(writer.flush, 2.0)) == 1
        writer.producer.close()
    finally:
        spare.thaw()
