"""What an engine cannot read in a schema, or reads wrongly without a word. Pure.

Each rule has its case: run on Flink 1.20.0, 2.3.0 and Spark 3.5.7 to 4.3.0 (2026-11-22).
"""

import json
from dataclasses import dataclass, field
from typing import Any

PRIMITIVES = frozenset({"string", "long", "int", "boolean"})
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 18}
TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis"}
# Columns that the exports add to a table: of the record, not of its value.
RECORD_COLUMNS = frozenset(
    {"record_key", "record_time", "record_partition", "record_offset", "record_headers", "payload"}
)
# Names that Flink 2.3 rejects without back-ticks (250 tried, 2026-11-22); Spark accepts them.
FLINK_WORDS = frozenset(  # one text: a list would take sixty lines
    """array avg close condition count cross current date day default end filter group hash
    hour interval language limit local match max measures method min minute module month new next
    offset old open order parameter partition percent period position range rank raw real ref
    reset result row rows scope second set start stream sum system time timestamp to update user
    using value values when window year""".split()  # noqa: SIM905
)
# Reserved in Spark with spark.sql.ansi.enforceReservedKeywords (sql-ref-ansi-compliance.md).
SPARK_WORDS = frozenset(
    """all and any as authorization both case cast check collate column constraint create cross
    current_date current_time current_timestamp current_user distinct else end escape except false
    fetch filter for foreign from full grant group having in inner intersect into is join lateral
    leading left natural not null on only or order outer overlaps primary references right select
    session_user some table then time to trailing union unique unknown user using when where
    with""".split()  # noqa: SIM905
)
_REFUSED = {
    "enum": "Flink fails on an enum: write a string",
    "fixed": "Flink fails on a fixed: write bytes with a decimal",
    "map": "a map is no column: write an array of records",
    "float": "a float is not exact: write a decimal",
    "double": "a double is not exact: write a decimal",
    "bytes": "bytes without a decimal say nothing: write a string or a decimal",
}
_REFUSED_LOGICAL = {
    "timestamp-micros": "Flink reads microseconds as milliseconds, the year 58855: write a long",
    "local-timestamp-millis": "Spark has another type for it: write timestamp-millis",
    "decimal": "Flink and Spark read another scale as another value: write bytes, (38, 18)",
}


@dataclass(slots=True)
class _Reading:
    """A walk through a schema: what was found, and the records that have a name so far."""

    found: list[str] = field(default_factory=list)
    records: set[str] = field(default_factory=set)

    def say(self, path: str, text: str) -> None:
        self.found.append(f"{path}: {text}")


def findings(kind: str, text: str) -> list[str]:
    """Return a sentence for each broken rule, with kind and field; empty: the schema is good."""
    reading = _Reading()
    _record(json.loads(text), kind, reading, depth=0)
    return reading.found


def _record(raw: dict[str, Any], path: str, reading: _Reading, depth: int) -> None:
    if raw["name"] in reading.records:
        reading.say(path, f"the record {raw['name']!r} is defined twice")
    reading.records.add(raw["name"])
    if depth > 1:
        reading.say(path, "records inside records of records: not every sink flattens them")
    names = [each["name"].lower() for each in raw["fields"]]
    for each in raw["fields"]:
        _field(each, f"{path}.{each['name']}", reading, depth)
        if names.count(each["name"].lower()) > 1:
            reading.say(f"{path}.{each['name']}", "the name stands twice; case does not tell apart")


def _field(raw: dict[str, Any], path: str, reading: _Reading, depth: int) -> None:
    _name(raw["name"], path, reading)
    if "logicalType" in raw:
        reading.say(path, "logicalType beside the type is ignored: write it inside the type")
    if "aliases" in raw:
        reading.say(path, "Flink reads no aliases: the column would be NULL")
    avro = raw["type"]
    if isinstance(avro, list):
        if len(avro) != 2 or avro[0] != "null":  # noqa: PLR2004 - null and a type
            reading.say(path, 'a union must be ["null", one type]: Flink fails on the others')
            return
        avro = avro[1]
        if "default" not in raw or raw["default"] is not None:
            reading.say(path, "a nullable field has the default null")
    elif "default" in raw and raw["default"] != []:
        reading.say(path, "Flink ignores defaults, the column would be NULL: make it nullable")
    _type(avro, path, reading, depth)


def _name(name: str, path: str, reading: _Reading) -> None:
    if name in FLINK_WORDS:
        reading.say(path, "the name is an SQL word Flink rejects")
    elif name in SPARK_WORDS:
        reading.say(path, "the name is an SQL word Spark reserves")
    if name in RECORD_COLUMNS:
        reading.say(path, "the exports give this name to another column")


def _type(avro: Any, path: str, reading: _Reading, depth: int) -> None:
    if isinstance(avro, list):
        reading.say(path, "a union inside an array or a union")
    elif isinstance(avro, str):
        if avro not in PRIMITIVES | reading.records:
            reading.say(path, _REFUSED.get(avro, f"type {avro!r} is not one all engines read"))
    elif "logicalType" in avro:
        _logical(avro, path, reading)
    elif avro["type"] == "record":
        _record(avro, path, reading, depth + 1)
    elif avro["type"] == "array":
        _type(avro["items"], path, reading, depth)
    else:
        _type(avro["type"], path, reading, depth)


def _logical(avro: dict[str, Any], path: str, reading: _Reading) -> None:
    if avro not in (DECIMAL, TIMESTAMP):
        name = avro["logicalType"]
        why = _REFUSED_LOGICAL.get(name, f"logical type {name!r} is not one all engines read")
        reading.say(path, why)
