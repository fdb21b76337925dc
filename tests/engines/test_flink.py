"""Flink reads every topic with the tables of docs/topics/flink, and agrees with the lab's truth.

Bounded, read_committed, from topics whose last offset is a commit marker.
"""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from connector.codec.export import EXPORTS, flink_ddl
from connector.codec.export.contract import TopicContract
from connector.codec.export.sample import Sample
from tests.engines import flink
from tests.engines.truth import AVRO, EVERY, LETTER, RAW, Truth, assert_equal


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def copies(tmp_path_factory: pytest.TempPathFactory, truth: Truth) -> Path:
    """Return the folder into which Flink has copied each table."""
    folder = tmp_path_factory.mktemp("flink")
    await asyncio.to_thread(flink.run_script, script(truth, folder), folder)
    return folder


def script(truth: Truth, folder: Path) -> str:
    """Return the shipped statements with this machine's addresses, then a copy of each table."""
    tables = EXPORTS["flink-ddl"](EVERY, _no_sample)
    tables = tables.replace(flink_ddl.BOOTSTRAP_SERVERS, truth.bootstrap_servers)
    tables = tables.replace(flink_ddl.REGISTRY_URL, truth.registry_url)
    names = (flink_ddl.table_name(topic.name) for topic in EVERY)
    return tables + "".join(flink.copy_statement(name, folder) for name in names)


def _no_sample(kind: str) -> Sample:
    raise AssertionError(f"no sample of {kind} is needed")


@pytest.mark.parametrize("topic", AVRO, ids=lambda topic: topic.name)
async def test_flink_reads_each_committed_record_and_every_field_of_it(
    topic: TopicContract, copies: Path, truth: Truth
) -> None:
    assert topic.schema is not None

    found = flink.rows(flink_ddl.table_name(topic.name), copies, topic.schema.fields)

    assert_equal(found, truth.rows[topic.name])


@pytest.mark.parametrize("topic", RAW, ids=lambda topic: topic.name)
async def test_flink_reads_dead_letters_with_their_reasons(
    topic: TopicContract, copies: Path
) -> None:
    [letter] = flink.raw_rows(flink_ddl.table_name(topic.name), copies)

    raw, error, _ = LETTER
    assert letter["record_key"] == "btcusdt@trade"
    assert flink.bytes_of(letter["payload"]) == raw
    shown = {name: letter[name] for name in ("reason", "detail", "source", "size")}
    assert shown == {
        "reason": error.reason,
        "detail": "why not",
        "source": "btcusdt@trade",
        "size": str(len(raw)),
    }
