"""Topics for engines to read: what the connector wrote of the lab's market, and the extremes.

Every record is in a transaction, so that the last offset of each partition is a commit marker.
"""

import io
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema as RegisteredSchema
from confluent_kafka.schema_registry import SchemaRegistryClient

from connector.binance.catalogue import ROWS, is_merged, subscribable
from connector.binance.stream_name import example
from connector.codec.export.contract import TopicContract
from connector.codec.schema import Field, Schema
from tests.support.waiting import GIVE_UP_S

# As texts: arithmetic would round them to 28 digits.
LARGEST, LOWEST = (Decimal(f"{sign}{'9' * 20}.{'9' * 18}") for sign in ("", "-"))
CLOSEST_TO_ZERO = Decimal("1E-18")
TEXT = "币安人生USDT 🚀 'quoted' \"twice\" \\"
TIME_MS = 1_795_000_000_123
NOW_MS = round(time.time() * 1000)  # an older record is deleted when its topic's retention ends
AHEAD = {"name": "added_later", "type": ["null", "string"], "default": None, "doc": "x"}


@dataclass(frozen=True, slots=True)
class KafkaRow:
    """A record as every engine must show it: times in epoch ms, bytes as they are."""

    partition: int
    offset: int
    key: str
    timestamp_ms: int
    fields: dict[str, Any]


def subscriptions() -> list[dict[str, Any]]:
    """Return one stream for each topic.

    Left out are those that carry rows of both futures products (contract-info): only a count of
    dropped rows would tell what their topics must hold. These have the extremes alone.
    """
    chosen: dict[tuple[str, str], str] = {}
    for row in ROWS:
        name = example(row).replace("251226-120000", "261225-100000").replace("251226", "261225")
        if subscribable(row) and not is_merged(row):
            chosen.setdefault((row.product, row.kind), name)
    products = dict.fromkeys(product for product, _ in chosen)
    return [
        {"product": product, "streams": [name for key, name in chosen.items() if key[0] == product]}
        for product in products
    ]


def extreme_records(schema: Schema) -> list[dict[str, Any]]:
    """Return records with every field at its largest, at its smallest, and as null as can be."""
    return [
        {field.name: _value(field, size) for field in schema.fields}
        for size in ("largest", "smallest", "null")
    ]


def _value(field: Field, size: str) -> Any:
    if field.nullable and size == "null":
        return None
    if field.type == "array":
        if size == "null":
            return []
        inner = _record(field, size) if field.items else TEXT
        return [inner, inner]
    if field.type == "record":
        return _record(field, size)
    is_large = size == "largest"
    return {
        "string": TEXT if is_large else "",
        "long": 2**63 - 1 if is_large else -(2**63),
        "int": 2**31 - 1 if is_large else -(2**31),
        "boolean": is_large,
        "timestamp-millis": TIME_MS if is_large else 1,
        "decimal": {"largest": LARGEST, "smallest": LOWEST}.get(size, CLOSEST_TO_ZERO),
    }[field.type]


def _record(field: Field, size: str) -> dict[str, Any]:
    return {item.name: _value(item, size) for item in field.items}


def transactional_producer(client: Mapping[str, Any]) -> Producer:
    """Return a producer that is ready to begin transactions."""
    producer = Producer({**client, "transactional.id": "extremes"})
    producer.init_transactions(GIVE_UP_S)
    return producer


def write_extremes(
    producer: Producer, registry: SchemaRegistryClient, topic: TopicContract
) -> None:
    """Append an aborted transaction, the extreme records, and two of them by a newer schema."""
    assert topic.schema is not None
    newer = json.loads(topic.schema.text)
    newer["fields"].append(AHEAD)
    texts = (topic.schema.text, json.dumps(newer))
    ids = [
        registry.register_schema(f"{topic.name}-value", RegisteredSchema(text, "AVRO"))
        for text in texts
    ]
    records = extreme_records(topic.schema)
    values = [_framed(ids[0], texts[0], record) for record in records]
    values += [_framed(ids[1], texts[1], record | {"added_later": "x"}) for record in records[:2]]
    _transact(producer, topic.name, [b"not committed"], commit=False)
    _transact(producer, topic.name, values, commit=True)


def _transact(producer: Producer, topic: str, values: list[bytes], *, commit: bool) -> None:
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, TEXT.encode(), partition=0, timestamp=NOW_MS)
    producer.flush(GIVE_UP_S)
    if commit:
        producer.commit_transaction(GIVE_UP_S)
    else:
        producer.abort_transaction(GIVE_UP_S)


def _framed(schema_id: int, text: str, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(text)), record)
    return b"\x00" + schema_id.to_bytes(4, "big") + out.getvalue()


def plain(value: Any) -> Any:
    """Return what the standard deserialiser gave, with times as epoch milliseconds."""
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def kafka_rows(
    raws: Iterable[Mapping[str, Any]], fields: Sequence[Field], millis: Callable[[str], int]
) -> list[KafkaRow]:
    """Return an engine's rows in the order of the topic; `millis` reads its texts of times."""
    found = [
        KafkaRow(
            *(raw["record_partition"], raw["record_offset"], raw["record_key"]),
            millis(raw["record_time"]),
            {field.name: field_value(field, raw[field.name], millis) for field in fields},
        )
        for raw in raws
    ]
    return sorted(found, key=lambda row: (row.partition, row.offset))


def field_value(field: Field, raw: Any, millis: Callable[[str], int]) -> Any:
    """Return a field's value of an engine's JSON."""
    if raw is None:
        return None
    if field.type == "array" and not field.items:
        return raw
    if field.type == "array":
        return [_nested(field, item, millis) for item in raw]
    if field.type == "record":
        return _nested(field, raw, millis)
    if field.type == "decimal":
        return Decimal(raw)
    return millis(raw) if field.type == "timestamp-millis" else raw


def _nested(field: Field, raw: dict[str, Any], millis: Callable[[str], int]) -> dict[str, Any]:
    return {item.name: field_value(item, raw.get(item.name), millis) for item in field.items}
