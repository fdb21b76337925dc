"""What a record must be, worked out the slow and plain way: json, Decimal and the schema's text.

Independent of the generated code it judges; fastavro reads the bytes.
"""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import fastavro

from connector.codec.schema import Field, Schema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUANTUM = Decimal(1).scaleb(-18)


def at(millis: int) -> datetime:
    """Return epoch milliseconds as the time fastavro reads."""
    return EPOCH + timedelta(milliseconds=millis)


def read_avro(schema: Schema, framed: bytes) -> dict[str, Any]:
    """Return what fastavro reads in a Confluent-framed record; every byte must be used."""
    body = io.BytesIO(framed[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(json.loads(schema.text)))
    assert body.read() == b""
    return dict(record)  # type: ignore[arg-type]


def write_avro(schema: Schema, record: dict[str, Any]) -> bytes:
    """Return fastavro's own bytes for a record, without header."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema.text)), record)
    return out.getvalue()


def expected(schema: Schema, data: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
    """Return the record for a wire object; `head` gives the fields that we fill ourselves."""
    record = {}
    for field in schema.fields:
        if field.name in head:
            record[field.name] = head[field.name]
        else:
            record[field.name] = _value(field, _first(data, field))
    return record


def _first(data: dict[str, Any], field: Field) -> Any:
    for path in field.wire:
        value: Any = data
        for key in str(path).split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def _value(field: Field, wire: Any) -> Any:
    if wire is None or field.unit == "us" or (wire == "" and field.type == "decimal"):
        return None
    if field.type == "timestamp-millis":
        if field.nullable and wire == 0:
            return None
        return at(wire)
    if field.type == "decimal":
        with_scale = Decimal(str(wire))
        sign, digits, exponent = with_scale.as_tuple()
        assert isinstance(exponent, int)
        return Decimal((sign, digits + (0,) * (exponent + 18), -18))
    if field.type == "array":
        return [
            {item.name: _value(item, element[item.wire[0]]) for item in field.items}
            for element in wire
        ]
    return wire
