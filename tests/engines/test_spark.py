"""Spark reads every topic with docs/topics/binance_topics.py, and agrees with the lab's truth."""

import asyncio
import base64
from pathlib import Path

import pytest
import pytest_asyncio

from connector.codec.export import EXPORTS
from connector.codec.export.contract import TopicContract
from connector.codec.export.sample import Sample
from tests.engines import spark
from tests.engines.truth import AVRO, EVERY, LETTER, RAW, Truth, assert_equal

STREAMS = 3  # topics that are read as streams, too


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def copies(tmp_path_factory: pytest.TempPathFactory, truth: Truth) -> Path:
    """Return the folder into which Spark has copied each topic."""
    folder = tmp_path_factory.mktemp("spark")
    module = folder / "binance_topics.py"
    module.write_text(EXPORTS["spark"](EVERY, _no_sample))
    where = (truth.bootstrap_servers, truth.registry_url, str(folder / "copies"))
    names = [topic.name for topic in (*AVRO, *RAW)]
    job = spark.HERE / "spark_job.py"
    await asyncio.to_thread(spark.run_job, job, [module], *where, str(STREAMS), *names)
    return folder / "copies"


def _no_sample(kind: str) -> Sample:
    raise AssertionError(f"no sample of {kind} is needed")


@pytest.mark.parametrize("topic", AVRO, ids=lambda topic: topic.name)
async def test_spark_reads_each_committed_record_and_every_field_of_it(
    topic: TopicContract, copies: Path, truth: Truth
) -> None:
    assert topic.schema is not None

    assert_equal(spark.rows(copies / topic.name, topic.schema.fields), truth.rows[topic.name])


@pytest.mark.parametrize("topic", AVRO[:STREAMS], ids=lambda topic: topic.name)
async def test_a_stream_of_spark_ends_with_the_same_records(
    topic: TopicContract, copies: Path, truth: Truth
) -> None:
    assert topic.schema is not None

    found = spark.rows(copies / "stream" / topic.name, topic.schema.fields)

    assert_equal(found, truth.rows[topic.name])


@pytest.mark.parametrize("topic", RAW, ids=lambda topic: topic.name)
async def test_spark_reads_dead_letters_with_their_reasons(
    topic: TopicContract, copies: Path
) -> None:
    [letter] = spark.raw_rows(copies / topic.name)

    raw, error, _ = LETTER
    assert (letter["record_key"], base64.b64decode(letter["payload"])) == ("btcusdt@trade", raw)
    headers = {each["key"]: base64.b64decode(each["value"]) for each in letter["record_headers"]}
    assert headers == {
        "reason": error.reason.encode(),
        "detail": b"why not",
        "source": b"btcusdt@trade",
        "size": str(len(raw)).encode(),
    }
