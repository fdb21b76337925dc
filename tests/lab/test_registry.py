"""The small registry, used by the standard client."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.lab.faults import (
    RegistryAway,
    RegistryEmpty,
    RegistryFault,
    RegistryHtml,
    RegistryIds,
)
from connector.lab.registry import FIRST_ID, Registry
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    server = Registry()
    await server.start()
    yield server
    await server.stop()


def schema(*fields: dict[str, Any]) -> Schema:
    first = {"name": "a", "type": "long"}
    text = json.dumps({"type": "record", "name": "R", "fields": [first, *fields]})
    return Schema(text, "AVRO")


NULLABLE = {"name": "b", "type": ["null", "string"], "default": None}


async def test_the_same_schema_has_the_same_id_in_every_subject(registry: Registry) -> None:
    client = SchemaRegistryClient({"url": registry.url})

    first = await asyncio.to_thread(client.register_schema, "t1-value", schema())
    second = await asyncio.to_thread(client.register_schema, "t2-value", schema())

    assert first == second == FIRST_ID


async def test_the_standard_serialiser_and_deserialiser_round_trip(registry: Registry) -> None:
    client = SchemaRegistryClient({"url": registry.url})
    context = SerializationContext("t", MessageField.VALUE)

    def round_trip() -> Any:
        written = AvroSerializer(client, schema(NULLABLE).schema_str)({"a": 5, "b": "x"}, context)
        return AvroDeserializer(client)(written, context)

    assert await asyncio.to_thread(round_trip) == {"a": 5, "b": "x"}


@pytest.mark.parametrize(
    "newer",
    [
        schema({"name": "b", "type": "string"}),
        Schema('{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}', "AVRO"),
        Schema('{"type":"record","name":"R","fields":[]}', "AVRO"),
    ],
)
async def test_full_transitive_refuses_what_breaks_readers_or_writers(
    registry: Registry, newer: Schema
) -> None:
    client = SchemaRegistryClient({"url": registry.url})
    await asyncio.to_thread(client.set_compatibility, "t-value", "FULL_TRANSITIVE")
    await asyncio.to_thread(client.register_schema, "t-value", schema())

    with pytest.raises(SchemaRegistryError) as caught:
        await asyncio.to_thread(client.register_schema, "t-value", newer)

    assert caught.value.http_status_code == 409


async def test_full_transitive_takes_a_nullable_field_at_the_end(registry: Registry) -> None:
    client = SchemaRegistryClient({"url": registry.url})
    await asyncio.to_thread(client.set_compatibility, "t-value", "FULL_TRANSITIVE")
    await asyncio.to_thread(client.register_schema, "t-value", schema())

    number = await asyncio.to_thread(client.register_schema, "t-value", schema(NULLABLE))

    assert number == FIRST_ID + 1


async def test_what_is_not_there_is_a_404_with_the_confluent_code(registry: Registry) -> None:
    client = SchemaRegistryClient({"url": registry.url})

    with pytest.raises(SchemaRegistryError) as unknown:
        await asyncio.to_thread(client.get_latest_version, "nothing-value")

    assert (unknown.value.http_status_code, unknown.value.error_code) == (404, 40401)


async def test_the_registry_can_be_emptied(registry: Registry) -> None:
    client = SchemaRegistryClient({"url": registry.url})
    await asyncio.to_thread(client.register_schema, "t-value", schema())
    await in_time(registry.begin(RegistryEmpty(first=500)))

    assert await asyncio.to_thread(client.get_subjects) == []
    other = SchemaRegistryClient({"url": registry.url})
    assert await asyncio.to_thread(other.register_schema, "u-value", schema(NULLABLE)) == 500


async def test_schemas_can_get_other_ids(registry: Registry) -> None:
    client = SchemaRegistryClient({"url": registry.url})
    old = await asyncio.to_thread(client.register_schema, "t-value", schema())
    await in_time(registry.begin(RegistryIds(first=7)))

    other = SchemaRegistryClient({"url": registry.url})
    latest = await asyncio.to_thread(other.get_latest_version, "t-value")
    assert (old, latest.schema_id) == (FIRST_ID, 7)
    with pytest.raises(SchemaRegistryError):
        await asyncio.to_thread(other.get_schema, old)
    assert await asyncio.to_thread(other.register_schema, "t-value", schema(NULLABLE)) == 8


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [(RegistryHtml(60.0), 200, "text/html"), (RegistryAway(60.0), 503, "application/json")],
)
async def test_the_registry_answers_otherwise_for_a_time(
    registry: Registry, fault: RegistryFault, status: int, content_type: str
) -> None:
    running = registry.begin(fault)
    await until(lambda: registry.is_html or not registry.available)
    during = await subjects(registry)
    running.cancel()
    await until(lambda: registry.available and not registry.is_html)

    assert during == (status, content_type)
    assert await subjects(registry) == (200, "application/json")


async def subjects(registry: Registry) -> tuple[int, str]:
    url = f"{registry.url}/subjects"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, answer.content_type
