"""Records of nullable sections, read back by another reader of Avro."""

import json
from typing import Any

import pytest

from connector.codec.record_encoder import RecordEncoder
from connector.codec.schema import Schema, parse
from tests.support import avro_oracle

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 18}
TIME = {"type": "long", "logicalType": "timestamp-millis"}


def nullable(name: str, avro: Any) -> dict[str, Any]:
    return {"name": name, "type": ["null", avro], "default": None, "doc": "x"}


def section(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


FIELDS = [
    {"name": "key", "type": "string", "doc": "x"},
    nullable("number", "long"),
    nullable("flag", "boolean"),
    nullable("time", TIME),
    nullable("amount", DECIMAL),
    nullable("part", section("Part", nullable("a", "string"), nullable("b", "int"))),
    {
        "name": "items",
        "type": {"type": "array", "items": section("Item", nullable("c", "string"))},
        "default": [],
        "doc": "x",
    },
]
SCHEMA: Schema = parse(
    "example", json.dumps({"type": "record", "name": "Example", "doc": "x", "fields": FIELDS})
)


@pytest.mark.parametrize(
    ("record", "read"),
    [
        ({"key": "k"}, {}),
        ({"key": "k", "part": {}}, {"part": {"a": None, "b": None}}),
        (
            {"key": "k", "number": -5, "flag": False, "part": {"b": 7}, "items": [{}, {"c": "x"}]},
            {
                "number": -5,
                "flag": False,
                "part": {"a": None, "b": 7},
                "items": [{"c": None}, {"c": "x"}],
            },
        ),
        (
            {"key": "k", "items": [], "flag": True, "number": 2**63 - 1},
            {"flag": True, "number": 2**63 - 1},
        ),
    ],
)
def test_what_is_left_out_is_null_and_the_rest_reads_back(
    record: dict[str, Any], read: dict[str, Any]
) -> None:
    nulls = {"key": "k", "items": []} | dict.fromkeys(("number", "flag", "time", "amount", "part"))

    framed = RecordEncoder(SCHEMA).encode(3, record)

    assert framed[:5] == b"\x00\x00\x00\x00\x03"
    assert avro_oracle.read_avro(SCHEMA, framed) == nulls | read


def test_times_and_decimals_are_encoded_as_the_schema_says() -> None:
    minus_one = (-(10**18)).to_bytes(8, "big", signed=True)

    framed = RecordEncoder(SCHEMA).encode(0, {"key": "k", "time": 1_000, "amount": minus_one})

    read = avro_oracle.read_avro(SCHEMA, framed)
    assert (read["time"].timestamp(), read["amount"]) == (1.0, -1)


def test_a_field_that_must_be_there_and_is_not_is_an_error() -> None:
    with pytest.raises(TypeError):
        RecordEncoder(SCHEMA).encode(0, {})
