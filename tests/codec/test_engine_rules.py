"""What an engine cannot read in a schema, or reads wrongly, is named with its field."""

import json
from typing import Any

import pytest

from connector.codec import engine_rules
from connector.codec.export import flink_ddl
from connector.codec.schema import OWN, kinds, load

DECIMAL = engine_rules.DECIMAL


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_every_engine_reads_our_schemas(kind: str) -> None:
    assert engine_rules.findings(kind, load(kind).text) == []


def findings(**attributes: Any) -> list[str]:
    """Return what is found in a record of one field `f`."""
    raw = {"type": "record", "name": "R", "fields": [{"name": "f", **attributes}]}
    return [text.removeprefix("kind.") for text in engine_rules.findings("kind", json.dumps(raw))]


def record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [*fields]}


@pytest.mark.parametrize(
    "type_",
    [
        "string",
        "int",
        DECIMAL,
        engine_rules.TIMESTAMP,
        {"type": "string"},
        {"type": "array", "items": "string"},
        {"type": "array", "items": record("Level", {"name": "price", "type": DECIMAL})},
    ],
    ids=str,
)
def test_what_all_engines_read_is_allowed(type_: Any) -> None:
    assert findings(type=type_) == []
    assert findings(type=["null", type_], default=None) == []


@pytest.mark.parametrize(
    ("type_", "why"),
    [
        ({"type": "enum", "name": "Side", "symbols": ["BUY"]}, "Flink fails on an enum"),
        ({"type": "fixed", "name": "F", "size": 16}, "Flink fails on a fixed"),
        ({"type": "fixed", "name": "F", "size": 16, "logicalType": "decimal", "precision": 38,
          "scale": 18}, "Flink and Spark read another scale as another value"),
        ({**DECIMAL, "scale": 8}, "Flink and Spark read another scale as another value"),
        ({**DECIMAL, "precision": 39}, "Flink and Spark read another scale as another value"),
        ({"type": "long", "logicalType": "timestamp-micros"}, "Flink reads microseconds as"),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, "Spark has another type"),
        ({"type": "string", "logicalType": "uuid"}, "logical type 'uuid' is not one all engines"),
        ({"type": "map", "values": "string"}, "a map is no column"),
        ("float", "a float is not exact"),
        ("double", "a double is not exact"),
        ("bytes", "bytes without a decimal say nothing"),
        ({"type": "bytes"}, "bytes without a decimal say nothing"),
        ("null", "type 'null' is not one all engines read"),
        ("Level", "type 'Level' is not one all engines read"),
        ({"type": "array", "items": ["null", "string"]}, "a union inside an array or a union"),
        ({"type": "array", "items": {"type": "map", "values": "long"}}, "a map is no column"),
    ],
)  # fmt: skip
def test_a_type_that_an_engine_does_not_read_is_named(type_: Any, why: str) -> None:
    for attributes in ({"type": type_}, {"type": ["null", type_], "default": None}):
        [sentence] = findings(**attributes)
        assert sentence.startswith(f"f: {why}")


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"type": ["null", "string", "long"], "default": None}, "f: a union must be"),
        ({"type": ["string", "null"]}, "f: a union must be"),
        ({"type": ["null"], "default": None}, "f: a union must be"),
        ({"type": ["null", "string"]}, "f: a nullable field has the default null"),
        ({"type": ["null", "string"], "default": "x"}, "f: a nullable field has the default null"),
        ({"type": "string", "default": "x"}, "f: Flink ignores defaults"),
        ({"type": "long", "logicalType": "timestamp-millis"}, "f: logicalType beside the type"),
        ({"type": "string", "aliases": ["g"]}, "f: Flink reads no aliases"),
        ({"name": "open", "type": "string"}, "open: the name is an SQL word Flink rejects"),
        ({"name": "some", "type": "string"}, "some: the name is an SQL word Spark reserves"),
        ({"name": "record_time", "type": "string"}, "record_time: the exports give this name"),
    ],
)
def test_a_field_that_would_be_read_wrongly_is_named(attributes: dict[str, Any], why: str) -> None:
    [sentence] = findings(**attributes)

    assert sentence.startswith(why)


def test_two_names_that_differ_in_case_alone_are_one_column() -> None:
    fields = [{"name": name, "type": "string"} for name in ("price", "Price")]
    found = engine_rules.findings("kind", json.dumps(record("R", *fields)))

    assert found == [
        f"kind.{name}: the name stands twice; case does not tell apart"
        for name in ("price", "Price")
    ]


def test_records_are_nested_once_and_named_once() -> None:
    inner = record("Inner", {"name": "price", "type": "string"})
    middle = record("Middle", {"name": "deeper", "type": inner})

    assert findings(type=middle) == [
        "f.deeper: records inside records of records: not every sink flattens them"
    ]
    assert findings(type=record("R", {"name": "price", "type": "string"})) == [
        "f: the record 'R' is defined twice"
    ]


def test_every_column_that_the_exports_add_is_reserved() -> None:
    added = {column.split("`")[1] for column in flink_ddl.RECORD_COLUMNS}

    assert {*added, "record_key", "payload"} == engine_rules.RECORD_COLUMNS
