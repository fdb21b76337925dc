"""What is read back of the connector's own topics, in the embedded broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from confluent_kafka import Producer

from connector.codec.avro import encode_record
from connector.codec.schema import load
from connector.errors import BadMessage, Refused
from connector.kafka.checkpoint_store import CheckpointStore
from connector.lab.embedded_broker import EmbeddedBroker
from tests.support.continuity import NOW_MS, TRADES_KEY, UNFINISHED, stored

pytestmark = pytest.mark.lab
ID = 5  # of every schema here


class Registry:
    """The schemas that a registry has: by default none, as if it had been emptied."""

    def __init__(self, texts: Mapping[int, str] | None = None) -> None:
        self._texts = texts or {}

    def text(self, schema_id: int) -> str:
        if schema_id not in self._texts:
            raise BadMessage("schema", f"schema {schema_id}: Schema not found")
        return self._texts[schema_id]


class Written:
    """Records written to the partitions that a test names."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._conf = {"bootstrap.servers": bootstrap_servers, "log_level": 0}
        self._producer = Producer(self._conf)

    def put(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        key: str = TRADES_KEY,
        headers: list[tuple[str, str | bytes | None]] | None = None,
        at_ms: int = NOW_MS,
    ) -> None:
        more: dict[str, Any] = {"headers": headers or [], "timestamp": at_ms}
        self._producer.produce(f"binance.{topic}", value, key, partition, **more)

    def progress(self, partition: int, **fields: Any) -> None:
        self.put("progress", partition, encode_record(load("progress"), ID, stored(20) | fields))

    def marker(self, partition: int, state: str, at_ms: int, **fields: Any) -> None:
        record = {
            **UNFINISHED,
            "marker_id": "m",
            "state": state,
            "kind": "trade",
            "topic": "binance.spot.trade",
            "marked_time": at_ms,
            "marked_time_us": at_ms * 1000,
            "recovered": None,
            "repeats_possible": False,
            "shard": 1,
            "instance": "market",
            "detail": None,
            **fields,
        }
        self.put("markers", partition, encode_record(load("marker"), ID, record), at_ms=at_ms)

    def checkpoint(self, partition: int, number: int, last_id: int, generation: int = 1) -> None:
        position = {"series_number": 1, "last_id": last_id, "behind_ms": 0}
        record = {
            "instance": "market",
            "shard": 1,
            "run": "r0",
            "generation": generation,
            "commit_number": number,
            "written_time": NOW_MS + number,
            "advanced": [position],
            "waiting_ms": None,
        }
        value = encode_record(load("checkpoint"), ID, record)
        self.put("checkpoints", partition, value, f"market/1/{number}")

    async def store(self, registry: Registry | None = None) -> CheckpointStore:
        await asyncio.to_thread(self._producer.flush)
        return CheckpointStore(self._conf, "binance", registry or Registry())


@pytest_asyncio.fixture
async def written() -> AsyncIterator[Written]:
    broker = EmbeddedBroker()
    await broker.start()
    await broker.create([f"binance.{name}" for name in ("progress", "markers", "checkpoints")], 4)
    yield Written(broker.bootstrap_servers)
    await broker.stop()


@pytest.mark.parametrize(("older", "newer"), [(0, 1), (1, 0)], ids=str)
async def test_of_a_key_in_two_partitions_the_record_written_last_counts(
    written: Written, older: int, newer: int
) -> None:
    written.progress(older, last_id=20, commit_number=147)
    written.progress(newer, last_id=173, commit_number=300)

    progress = (await written.store()).progress()

    assert [record["last_id"] for record in progress.values()] == [173]


async def test_a_later_writer_counts_whatever_the_number_of_its_transaction(
    written: Written,
) -> None:
    written.progress(0, last_id=20, commit_number=9_000, generation=3)
    written.progress(1, last_id=173, run="r1", commit_number=1, generation=4, written_time=7)

    state = (await written.store()).state()

    assert state.progress[TRADES_KEY]["last_id"] == 173
    assert state.generation == 4


@pytest.mark.parametrize(("number", "left"), [(300, 0), (100, 1)], ids=["newer", "older"])
async def test_a_tombstone_in_another_partition_deletes_what_is_older(
    written: Written, number: int, left: int
) -> None:
    written.progress(0, commit_number=147)
    headers = [("generation", b"1"), ("run", b"r0"), ("commit_number", b"%d" % number)]
    written.put("progress", 1, None, headers=list(headers))

    assert len((await written.store()).progress()) == left


async def test_a_series_goes_on_from_the_checkpoints_behind_its_progress(written: Written) -> None:
    written.progress(0, last_id=20, commit_number=9, series_number=1)
    written.checkpoint(1, 10, 21)
    written.checkpoint(0, 11, 22, generation=6)

    state = (await written.store()).state()

    assert state.progress[TRADES_KEY]["last_id"] == 22
    assert state.generation == 6


async def test_own_records_are_read_though_the_registry_has_been_emptied(written: Written) -> None:
    written.progress(0, last_id=20, open_gaps=["00ff"])
    written.marker(0, "opened", NOW_MS)
    written.checkpoint(0, 10, 21)

    state = (await written.store()).state()

    assert state.progress[TRADES_KEY]["last_id"] == 21
    assert [marker["gap_id"] for marker in state.unfinished] == ["00ff"]


async def test_own_records_are_read_though_their_id_is_another_schemas_now(
    written: Written,
) -> None:
    written.progress(0, last_id=20)
    foreign = Registry({ID: load("trade").text})

    assert (await written.store(foreign)).progress()[TRADES_KEY]["last_id"] == 20


async def test_progress_of_an_older_version_is_read_with_the_schema_it_was_written_with(
    written: Written,
) -> None:
    older = json.loads(load("progress").text)
    newer = ("generation", "series_number")
    older["fields"] = [each for each in older["fields"] if each["name"] not in newer]
    record = {name: value for name, value in stored(20).items() if name not in newer}
    schema = load("progress")
    text = json.dumps(older)
    value = encode_record(type(schema)(schema.kind, schema.name, "", (), (), text), ID, record)
    written.put("progress", 0, value)

    progress = (await written.store(Registry({ID: text}))).progress()

    assert (progress[TRADES_KEY]["last_id"], progress[TRADES_KEY]["generation"]) == (20, None)


@pytest.mark.parametrize("value", [b"text", b"\x00\x00\x00\x00\x05\x02", b""], ids=repr)
async def test_progress_that_cannot_be_read_refuses_the_start(
    written: Written, value: bytes
) -> None:
    written.put("progress", 0, value)

    with pytest.raises(Refused, match=r"binance\.progress, key spot/btcusdt@trade/BTCUSDT"):
        (await written.store()).state()


async def test_a_marker_of_an_open_gap_that_cannot_be_read_refuses_the_start(
    written: Written,
) -> None:
    written.progress(0, open_gaps=["00ff"])
    written.put("markers", 0, b"text")

    with pytest.raises(Refused, match=r"binance\.markers, key spot/btcusdt@trade/BTCUSDT"):
        (await written.store()).state()


async def test_a_record_of_somebody_else_is_passed_over(written: Written) -> None:
    written.put("progress", 0, b"text", "theirs")
    written.progress(0)

    assert list((await written.store()).progress()) == [TRADES_KEY]


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)], ids=str)
async def test_a_gap_whose_markers_lie_in_two_partitions_is_as_its_last_marker_says(
    written: Written, first: int, second: int
) -> None:
    written.progress(0, open_gaps=["00ff"])
    written.marker(first, "opened", NOW_MS)
    written.marker(second, "filled", NOW_MS + 500)
    store = await written.store()

    assert store.state().unfinished == []
    assert [marker["state"] for marker in store.markers(TRADES_KEY)] == ["opened", "filled"]
