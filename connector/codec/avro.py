"""Whole records to and from Confluent-framed Avro, through fastavro: checks every field, slow.

For a few records a second (markers, progress) and for display. Streams of records go through
compile.py and scanner.py.
"""

import functools
import io
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import fastavro

from connector.codec.framing import HEADER_BYTES, header
from connector.codec.schema import Schema
from connector.errors import BadMessage

_MS_PER_S = 1_000
_UNREADABLE = (EOFError, IndexError, ValueError, OverflowError, fastavro.read.SchemaResolutionError)


class Schemas(Protocol):
    """Writer schemas by schema id."""

    def text(self, schema_id: int) -> str:
        """Return a schema's text; raises BadMessage for an unknown id."""


def encode_record(schema: Schema, schema_id: int, record: Mapping[str, Any]) -> bytes:
    """Return a record in Confluent's framing; times are epoch milliseconds.

    Raises:
        ValueError: a field is missing, unknown or of the wrong type.
    """
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, _parsed(schema.text), dict(record), strict=True)
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a {schema.name}: {error}") from error
    return header(schema_id) + out.getvalue()


def decode_record(schema: Schema, framed: bytes, writer: str = "") -> dict[str, Any]:
    """Return the record in Confluent-framed bytes; times as `encode_record` took them.

    Args:
        schema: The reader's schema; fields that the writer's schema lacks get their default.
        framed: Header included.
        writer: Text of the writer's schema; "": the same as `schema`.

    Raises:
        BadMessage: not a record of this schema.
    """
    body = io.BytesIO(framed[HEADER_BYTES:])
    reader = _parsed(schema.text)
    try:
        read: Any = fastavro.schemaless_reader(body, _parsed(writer) if writer else reader, reader)
    except _UNREADABLE as error:
        raise BadMessage("avro", f"not a {schema.name}: {error!r}") from error
    if not framed.startswith(b"\x00") or body.read(1):
        raise BadMessage("avro", f"not a {schema.name}: bytes before or behind it")
    return {key: _millis(value) for key, value in read.items()}


def to_json(writer: str, framed: bytes) -> dict[str, Any]:
    """Return a framed record in JSON's types: times as epoch milliseconds, decimals as exact text.

    Raises:
        Exception: fastavro's, of several types: not a record of this schema.
    """
    body = io.BytesIO(framed[HEADER_BYTES:])
    read: Any = fastavro.schemaless_reader(body, _parsed(writer))
    return {key: _json_value(value) for key, value in read.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _json_value(item) for key, item in value.items()}
    return _millis(value)


def _millis(value: Any) -> Any:
    return round(value.timestamp() * _MS_PER_S) if isinstance(value, datetime) else value


@functools.cache
def _parsed(text: str) -> Any:
    return fastavro.parse_schema(json.loads(text))
