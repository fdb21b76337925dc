"""`bkc verify` on a real broker and registry: transactions, times, a copy that left things out."""

import asyncio
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from connector.kafka.bulk_consumer import BulkConsumer
from connector.lab.real_kafka import RealKafka, RealRegistry
from tests.support.servers import read_all
from tests.support.verify import BEGAN_MS, Topics, verdict


async def topics_of(kafka: RealKafka, registry: RealRegistry, prefix: str, **conf: Any) -> Topics:
    """Create the topics of a prefix."""
    await kafka.create([f"{prefix}.{name}" for name in ("spot.trade", "markers", "progress")], 1)
    return Topics(kafka.bootstrap_servers, registry.url, prefix, conf)


async def run(topics: Topics, folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    return await asyncio.to_thread(verdict, topics.file(folder), *arguments)


def write_with_a_marked_hole(topics: Topics) -> None:
    """Write 1..100 without 41..43, and the marker that says so."""
    for number in [*range(1, 41), 44]:
        topics.trade(number, gap="gap-a" if number == 44 else None)
    for state in ("opened", "unfillable"):
        topics.marker(state, "gap-a", before_id=40, after_id=44, missing=3)
    for number in range(45, 101):
        topics.trade(number)
    topics.progress(BEGAN_MS + 100)
    topics.flush()


async def test_a_copy_without_one_record_and_its_marker_is_found_out(
    kafka: RealKafka, registry: RealRegistry, tmp_path: Path
) -> None:
    whole = await topics_of(kafka, registry, "whole")
    await asyncio.to_thread(write_with_a_marked_hole, whole)

    code, found = await run(whole, tmp_path)
    [series] = found["series"]
    assert (code, series["records"], series["holes"]) == (0, 97, {"unfillable": 1})
    assert series["complete_until"] == BEGAN_MS + 100

    copy = await topics_of(kafka, registry, "copy")
    records = await asyncio.to_thread(read_all, dict(kafka.client()), "whole.spot.trade")
    for _, offset, key, value, time in records:
        if offset != 70:
            copy.producer.produce("copy.spot.trade", value, key, timestamp=time)
    # The markers say whose topic they are about: the copy has none of its own.
    await asyncio.to_thread(copy.flush)

    code, found = await run(copy, tmp_path)

    [series] = found["series"]
    assert (code, found["unmarked"], series["records"]) == (1, 2, 96)
    # Offset 70 held trade 74: three of the first 44 ids are missing.
    spans = [(hole["first"], hole["last"], hole["state"]) for hole in series["examples"]]
    assert spans == [(41, 43, "unmarked"), (74, 74, "unmarked")]


async def test_what_a_transaction_took_back_is_not_counted(
    kafka: RealKafka, registry: RealRegistry, tmp_path: Path
) -> None:
    topics = await topics_of(kafka, registry, "taken", **{"transactional.id": "taken"})

    def write() -> None:
        producer = topics.producer
        producer.init_transactions(30)
        for numbers, kept in ((range(1, 11), True), ((11, 12), False), ((11, 12, 13), True)):
            producer.begin_transaction()
            for number in numbers:
                topics.trade(number)
            topics.flush()
            if kept:
                producer.commit_transaction(30)
            else:
                producer.abort_transaction(30)

    await asyncio.to_thread(write)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, series["records"], series["repeats"], series["last_id"]) == (0, 13, 0, 13)


async def test_a_transaction_that_is_still_open_ends_the_reading(
    kafka: RealKafka, registry: RealRegistry, tmp_path: Path
) -> None:
    topics = await topics_of(kafka, registry, "open", **{"transactional.id": "open"})

    def write() -> None:
        topics.producer.init_transactions(30)
        topics.producer.begin_transaction()
        topics.trade(1)
        topics.producer.commit_transaction(30)
        topics.producer.begin_transaction()
        topics.trade(5)
        topics.flush()

    await asyncio.to_thread(write)
    code, found = await run(topics, tmp_path)
    await asyncio.to_thread(topics.producer.abort_transaction, 30)

    assert (code, found["read"], found["series"][0]["last_id"]) == (0, 1, 1)


async def test_markers_of_a_transaction_under_way_are_waited_for(
    kafka: RealKafka, registry: RealRegistry, tmp_path: Path
) -> None:
    other = await topics_of(kafka, registry, "waited", **{"transactional.id": "waited"})
    data = Topics(kafka.bootstrap_servers, registry.url, "waited")
    for number in (1, 2, 5):
        data.trade(number)
    await asyncio.to_thread(data.flush)

    def begin() -> None:
        other.producer.init_transactions(30)
        other.producer.begin_transaction()
        other.marker("unfillable", "gap-a", before_id=2, after_id=5)
        other.flush()

    await asyncio.to_thread(begin)
    verifying = asyncio.create_task(run(data, tmp_path))
    done, _ = await asyncio.wait([verifying], timeout=3)
    assert not done
    await asyncio.to_thread(other.producer.commit_transaction, 30)

    code, found = await verifying
    assert (code, found["series"][0]["holes"]) == (0, {"unfillable": 1})


async def test_a_window_of_time_takes_in_what_was_filled_later(
    kafka: RealKafka, registry: RealRegistry, tmp_path: Path
) -> None:
    topics = await topics_of(kafka, registry, "late")

    def write() -> None:
        for number in [n for n in range(1, 2_001) if n not in (500, 501)]:
            topics.trade(number)
        topics.marker("filled", "gap-a", before_id=499, after_id=502, before_time=BEGAN_MS + 499)
        for number in (500, 501):
            topics.trade(number, gap="gap-a", origin="backfill")
        topics.flush()

    await asyncio.to_thread(write)

    since, until = str(BEGAN_MS + 400), str(BEGAN_MS + 600)
    code, found = await run(topics, tmp_path, "--from", since, "--to", until)

    [series] = found["series"]
    assert (code, series["records"], series["backfilled"]) == (0, 200, 2)
    assert (series["first_id"], series["last_id"], series["gaps"]) == (400, 599, {"filled": 1})
    assert found["read"] < 1_700

    code, found = await run(topics, tmp_path, "--from", str(BEGAN_MS + 9_999))
    assert (code, found["read"]) == (1, 0)
    assert found["notes"] == ["nobody has read anything: the topic of markers tells of no coverage"]


async def test_records_deleted_during_the_run_are_told(
    kafka: RealKafka, registry: RealRegistry
) -> None:
    topics = await topics_of(kafka, registry, "trimmed")
    for number in range(1, 11):
        topics.trade(number)
    await asyncio.to_thread(topics.flush)
    bulk = BulkConsumer(kafka.client())
    [cut] = await asyncio.to_thread(bulk.ranges, "trimmed.spot.trade", [0], None)
    assert await asyncio.to_thread(bulk.truncated_partitions, "trimmed.spot.trade", [cut]) == []

    admin = AdminClient(kafka.client())
    for future in admin.delete_records([TopicPartition("trimmed.spot.trade", 0, 4)]).values():
        await asyncio.to_thread(future.result)

    assert (cut.start, cut.end) == (0, 10)
    assert await asyncio.to_thread(bulk.truncated_partitions, "trimmed.spot.trade", [cut]) == [0]
    bulk.close()
