"""Finds, reads and checks schemas/<kind>.avsc, the single source of truth of a record.

Knows which wire key each field comes from; knows nothing about the wire's bytes (see compile.py).
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from connector.errors import Refused

OUR_ATTRIBUTES = ("wire", "unit", "number", "rest")  # stripped before registering


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a field stands in a REST answer: one of the ways that `rest` names.

    Attributes:
        key: Key of the answer's object, or index in its array; None when it does not say.
        parameter: The stream's own parameter that says it (`<interval>`); "" when none does.
        values: The wire's value for each of the answer's, those as text; empty: as it stands.
        always: What it always is in a REST answer; None when that varies.
    """

    key: str | int | None = None
    parameter: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    always: Any = None


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
        rest: Where it stands in a REST answer, the first that is there wins; empty when REST
            does not carry it.
    """

    name: str
    type: str
    nullable: bool
    wire: tuple[str | int, ...]
    unit: str
    number: bool
    items: tuple["Field", ...]
    doc: str
    rest: tuple[Origin, ...] = ()


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
    """Return every kind that has a schema, sorted."""
    return sorted(path.stem for path in folder().glob("*.avsc"))


@functools.cache
def load(kind: str) -> Schema:
    """Read one kind's schema.

    Raises:
        Refused: there is no such kind.
    """
    path = folder() / f"{kind}.avsc"
    if not path.is_file():
        raise Refused(f"kind {kind!r} has no schema; kinds: {', '.join(kinds())}")
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
    return Field(
        name=raw["name"],
        type=_type_name(avro),
        nullable=nullable,
        wire=tuple(_listed(raw.get("wire", []))),
        unit=raw.get("unit", "ms"),
        number=raw.get("number", False),
        items=_items(avro, named),
        doc=raw["doc"],
        rest=tuple(_origin(one) for one in _listed(raw.get("rest", []))),
    )


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else [raw]


def _origin(raw: Any) -> Origin:
    """Read `"id"`, `5`, `"<interval>"`, `{"key": ..., "as": {...}}` or `{"always": ...}`."""
    if isinstance(raw, dict):
        return Origin(raw.get("key"), values=raw.get("as", {}), always=raw.get("always"))
    if isinstance(raw, str) and raw.startswith("<"):
        return Origin(parameter=raw.strip("<>"))
    return Origin(raw)


def _type_name(avro: Any) -> str:
    if isinstance(avro, str):
        return avro
    return str(avro.get("logicalType", avro["type"]))


def _items(avro: Any, named: dict[str, Any]) -> tuple[Field, ...]:
    """Return the fields of an array's record, looked up by name when it stands earlier."""
    if not isinstance(avro, dict) or avro["type"] != "array":
        return ()
    items = avro["items"]
    if isinstance(items, str):
        items = named[items]
    named[items["name"]] = items
    return tuple(_field(field, named) for field in items["fields"])


def _stripped(raw: Any) -> Any:
    """Return the schema without our own attributes."""
    if isinstance(raw, dict):
        return {key: _stripped(value) for key, value in raw.items() if key not in OUR_ATTRIBUTES}
    return [_stripped(value) for value in raw] if isinstance(raw, list) else raw
