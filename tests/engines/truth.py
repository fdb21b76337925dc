"""Fills topics through the connector, and says what an engine must read in them."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient

from connector.codec.export.contract import TopicContract, topics
from connector.config.sections import RegistrySettings
from connector.errors import BadMessage
from connector.kafka.dead_letter import DeadLetterEncoder
from connector.kafka.schema_registry import ensure_schemas
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from tests.engines import filled
from tests.engines.filled import KafkaRow
from tests.servers.test_worker import assert_topics_hold_what_was_sent
from tests.support.servers import config, connector, decoded, finish, read_all
from tests.support.waiting import GIVE_UP_S, until

PREFIX = "engines"
RECORDS = 1500
EVERY = topics(PREFIX)
AVRO = [topic for topic in EVERY if topic.schema is not None]
RAW = [topic for topic in EVERY if topic.schema is None]
LETTER = (b"\x00\xffnot json", BadMessage("json", "why not"), filled.NOW_MS * 1000)


@dataclass(frozen=True, slots=True)
class Truth:
    """The servers, and by topic the committed records, as the standard deserialiser has them."""

    bootstrap_servers: str
    registry_url: str
    rows: dict[str, list[KafkaRow]]


async def written(folder: Path, kafka: RealKafka, registry: RealRegistry) -> Truth:
    """Fill every topic and return what is in it."""
    await run_connector(folder, kafka, registry)
    await fill_the_rest(kafka, registry)
    rows = {
        topic.name: await asyncio.to_thread(committed, kafka, registry, topic) for topic in AVRO
    }
    return Truth(kafka.bootstrap_servers, registry.url, rows)


async def run_connector(folder: Path, kafka: RealKafka, registry: RealRegistry) -> None:
    """Let the connector write the lab's market; its records equal what the lab has sent."""
    exchange = Exchange(Market(5), rate=600.0)
    exchange.oracle.keep_payloads = True
    await exchange.start()
    try:
        settings = config(exchange, kafka.bootstrap_servers, registry.url, PREFIX)
        settings["subscriptions"] = filled.subscriptions()
        async with connector(folder, settings) as running:
            await running.until_ready()
            await until(lambda: exchange.oracle.total > RECORDS)
            await finish(exchange, running)
        conf = kafka.client()
        await asyncio.to_thread(
            assert_topics_hold_what_was_sent, exchange, PREFIX, conf, registry.url
        )
    finally:
        await exchange.stop()


async def fill_the_rest(kafka: RealKafka, registry: RealRegistry) -> None:
    """Make the topics that the connector has not made, and append the extremes to each."""
    present = AdminClient(kafka.client()).list_topics(timeout=GIVE_UP_S).topics
    await kafka.create([topic.name for topic in EVERY if topic.name not in present], 1)
    kinds = {topic.name: topic.kind for topic in AVRO}
    await ensure_schemas(RegistrySettings(url=registry.url), kinds)
    producer = await asyncio.to_thread(filled.transactional_producer, kafka.client())
    client = SchemaRegistryClient({"url": registry.url})
    for topic in AVRO:
        await asyncio.to_thread(filled.write_extremes, producer, client, topic)
    for topic in RAW:
        write_letter(kafka, topic.name)


def write_letter(kafka: RealKafka, topic: str) -> None:
    raw, error, received_us = LETTER
    letter = DeadLetterEncoder(topic).encode("btcusdt@trade", raw, error, received_us, 0.0)
    assert letter is not None
    name, value, key, timestamp_ms, headers = letter
    producer = Producer(kafka.client())
    producer.produce(name, value, key, timestamp=timestamp_ms, headers=headers or [])
    producer.flush(GIVE_UP_S)


def committed(kafka: RealKafka, registry: RealRegistry, topic: TopicContract) -> list[KafkaRow]:
    """Return a topic's records as the standard deserialiser reads them, tombstones left out."""
    messages = [each for each in read_all(kafka.client(), topic.name) if each[3]]
    records = decoded(registry.url, topic.name, messages)
    assert topic.schema is not None
    names = [field.name for field in topic.schema.fields]
    return [
        KafkaRow(
            *(partition, offset, (key or b"").decode(), timestamp_ms),
            {name: filled.plain(record[name]) for name in names},
        )
        for (partition, offset, key, _, timestamp_ms), record in zip(messages, records, strict=True)
    ]


def assert_equal(found: list[KafkaRow], truth: list[KafkaRow]) -> None:
    """Compare what an engine has read with what is in a topic: the records, then each field."""
    assert [(row.partition, row.offset) for row in found] == [
        (row.partition, row.offset) for row in truth
    ]
    for row, expected in zip(found, truth, strict=True):
        assert row == expected
