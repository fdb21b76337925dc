"""Finds, reads and checks schemas/<kind>.avsc, the single source of truth of a record.

Knows which wire key each field comes from; knows nothing about the wire's bytes (see compile.py).
"""

import functools
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from connector.errors import Refused

OUR_ATTRIBUTES = ("wire", "unit", "number", "rest")  # stripped before registering
OWN = ("marker", "progress")  # records the connector writes of its own accord: no stream's kind


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Attributes:
        name: Field name in the record.
        type: string, long, int, boolean, timestamp-millis, decimal or array.
        nullable: Whether null is allowed (and the default).
        wire: Paths of wire keys, the first present wins; empty when we fill it ourselves. Inside an
            array of pairs the path is the position.
        unit: "us" when the field wants the microseconds of its wire key, else "ms".
        number: The decimal is a JSON number on the wire, not a text.
        items: Fields of the record an array holds, else empty.
        doc: Meaning and unit.
    """

    name: str
    type: str
    nullable: bool
    wire: tuple[str | int, ...]
    unit: str
    number: bool
    items: tuple["Field", ...]
    doc: str


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind's record: its fields, the wire keys it leaves out, and the text to register."""

    kind: str
    name: str
    doc: str
    fields: tuple[Field, ...]
    ignored: tuple[str, ...]
    text: str


def folder() -> Path:
    """Return where the .avsc files lie: inside the installed package, else beside it."""
    inside = Path(str(resources.files("connector"))) / "schemas"
    return inside if inside.is_dir() else inside.parent.parent / "schemas"


def kinds() -> list[str]:
    """Return every kind of stream that has a schema, sorted; `OWN` records are none."""
    return sorted(path.stem for path in folder().glob("*.avsc") if path.stem not in OWN)


@functools.cache
def load(kind: str) -> Schema:
    """Read the schema of one kind, or of one of our `OWN` records.

    Raises:
        Refused: there is no such kind.
    """
    path = folder() / f"{kind}.avsc"
    if not path.is_file():
        there = ", ".join((*kinds(), *OWN))
        raise Refused(f"kind {kind!r} has no schema; kinds: {there}")
    return parse(kind, path.read_text(encoding="utf-8"))


def parse(kind: str, text: str) -> Schema:
    """Turn the text of an .avsc into a Schema."""
    raw = json.loads(text)
    named: dict[str, Any] = {}
    return Schema(
        kind=kind,
        name=raw["name"],
        doc=raw["doc"],
        fields=tuple(_field(field, named) for field in raw["fields"]),
        ignored=tuple(raw.get("wire", {}).get("ignored", ())),
        text=json.dumps(_stripped(raw), ensure_ascii=False, separators=(",", ":")),
    )


def _field(raw: dict[str, Any], named: dict[str, Any]) -> Field:
    avro = raw["type"]
    nullable = isinstance(avro, list)
    if nullable:
        avro = next(branch for branch in avro if branch != "null")
    wire = raw.get("wire", [])
    return Field(
        name=raw["name"],
        type=_type_name(avro),
        nullable=nullable,
        wire=tuple(wire) if isinstance(wire, list) else (wire,),
        unit=raw.get("unit", "ms"),
        number=raw.get("number", False),
        items=_items(avro, named),
        doc=raw["doc"],
    )


def _type_name(avro: Any) -> str:
    if isinstance(avro, str):
        return avro
    return str(avro.get("logicalType", avro["type"]))


def _items(avro: Any, named: dict[str, Any]) -> tuple[Field, ...]:
    """Return the fields of an array's record, looked up by name when it stands earlier.

    An array of strings has none.
    """
    if not isinstance(avro, dict) or avro["type"] != "array":
        return ()
    items = avro["items"]
    if items == "string":
        return ()
    if isinstance(items, str):
        items = named[items]
    named[items["name"]] = items
    return tuple(_field(field, named) for field in items["fields"])


def _stripped(raw: Any) -> Any:
    """Return the schema without our own attributes."""
    if isinstance(raw, dict):
        return {key: _stripped(value) for key, value in raw.items() if key not in OUR_ATTRIBUTES}
    return [_stripped(value) for value in raw] if isinstance(raw, list) else raw
