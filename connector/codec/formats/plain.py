"""A framed record as JSON: times in epoch milliseconds, decimals as exact text."""

import functools
import io
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import fastavro

from connector.codec.framing import HEADER_BYTES
from connector.codec.schema import Schema


def record(schema: Schema, framed: bytes) -> dict[str, Any]:
    """Return a Confluent-framed record as JSON can hold it."""
    return decoded(schema.text, framed)


def decoded(text: str, framed: bytes) -> dict[str, Any]:
    """Return a framed record, read with the schema it was written with."""
    body = io.BytesIO(framed[HEADER_BYTES:])
    read: Any = fastavro.schemaless_reader(body, _parsed(text))
    return {key: _plain(value) for key, value in read.items()}


@functools.cache
def _parsed(text: str) -> Any:
    return fastavro.parse_schema(json.loads(text))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
