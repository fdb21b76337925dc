"""Reads schemas/<kind>.avsc, the single definition of a kind's record. Pure but for the files.

Each field names its wire keys and its place in REST answers; compile.py makes the codec from them.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from connector.errors import Refused, did_you_mean

OUR_ATTRIBUTES = ("wire", "unit", "number", "rest")  # stripped before registering
# Topics of the connector's own records, behind the topic prefix.
MARKERS, PROGRESS, CHECKPOINTS = "markers", "progress", "checkpoints"
DEAD_LETTER = "dead-letter"
ACCOUNT_EVENTS, ACCOUNT_MARKERS = "account-events", "account-markers"
ACCOUNT_PROGRESS, ACCOUNT_DEAD_LETTER = "account-progress", "account-dead-letter"
OWN_TOPICS: Mapping[str, str] = {  # -> kind of its records
    MARKERS: "marker",
    PROGRESS: "progress",
    CHECKPOINTS: "checkpoint",
}
ACCOUNT_TOPICS: Mapping[str, str] = {
    ACCOUNT_EVENTS: "account-event",
    ACCOUNT_MARKERS: "account-marker",
    ACCOUNT_PROGRESS: "account-progress",
}
# Records of no stream's kind: those that the connector writes of its own accord, and of accounts.
OWN = (*OWN_TOPICS.values(), *ACCOUNT_TOPICS.values())


@dataclass(frozen=True, slots=True)
class RestSource:
    """Where to take a field's value for an event from REST: one entry of `rest`.

    Attributes:
        values: Value on the wire for each value in the answer, these as text; empty: the same.
    """

    key: str | int | None = None  # of the answer's object, or index in its array
    parameter: str = ""  # the stream's parameter with the value (`<interval>`)
    values: Mapping[str, Any] = field(default_factory=dict)
    always: Any = None  # the constant value of events from REST


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Attributes:
        type: string, long, int, boolean, timestamp-millis, decimal, array or record.
        wire: Paths of wire keys, the first present wins; empty: the connector fills the field. In
            an array of pairs the path is the position.
        unit: "us": the field has the microseconds of its wire key; else "ms".
        rest: Sources of the value in REST answers, the first present wins; empty: REST has none.
    """

    name: str
    type: str
    nullable: bool  # null is allowed, and the default
    wire: tuple[str | int, ...]
    unit: str
    number: bool  # the decimal is a JSON number on the wire, not a text
    items: tuple["Field", ...]  # fields of a record, or of the records in an array
    doc: str
    rest: tuple[RestSource, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind's record."""

    kind: str
    name: str  # of the Avro record
    doc: str
    fields: tuple[Field, ...]
    ignored: tuple[str, ...]  # paths of wire keys that no field has, on purpose
    text: str  # the schema to register: Avro alone, without our attributes


def folder() -> Path:
    """Return the folder of the .avsc files: in the installed package, else beside it."""
    inside = Path(str(resources.files("connector"))) / "schemas"
    return inside if inside.is_dir() else inside.parent.parent / "schemas"


def kinds() -> list[str]:
    """Return every kind of stream that has a schema, sorted, without the `OWN` kinds."""
    return sorted(path.stem for path in folder().glob("*.avsc") if path.stem not in OWN)


def own_topics(prefix: str) -> dict[str, str]:
    """Return the topics of the connector's own records, each with the kind of its records."""
    return {f"{prefix}.{suffix}": kind for suffix, kind in OWN_TOPICS.items()}


@functools.cache
def load(kind: str) -> Schema:
    """Return the schema of a kind, `OWN` kinds included; raises Refused for an unknown one."""
    path = folder() / f"{kind}.avsc"
    if not path.is_file():
        known = (*kinds(), *OWN)
        near = did_you_mean(kind, known)
        cure = f"did you mean {near!r}?" if near else f"kinds: {', '.join(known)}"
        raise Refused(f"there is no kind {kind!r}; {cure}")
    return parse(kind, path.read_text(encoding="utf-8"))


def parse(kind: str, text: str) -> Schema:
    """Return the Schema of an .avsc's text."""
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
        type=avro if isinstance(avro, str) else avro.get("logicalType", avro["type"]),
        nullable=nullable,
        wire=tuple(_listed(raw.get("wire", []))),
        unit=raw.get("unit", "ms"),
        number=raw.get("number", False),
        items=_items(avro, named),
        doc=raw["doc"],
        rest=tuple(_rest_source(entry) for entry in _listed(raw.get("rest", []))),
    )


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else [raw]


def _rest_source(raw: Any) -> RestSource:
    """Parse `"id"`, `5`, `"<interval>"`, `{"key": ..., "as": {...}}` or `{"always": ...}`."""
    if isinstance(raw, dict):
        return RestSource(raw.get("key"), values=raw.get("as", {}), always=raw.get("always"))
    if isinstance(raw, str) and raw.startswith("<"):
        return RestSource(parameter=raw.strip("<>"))
    return RestSource(raw)


def _items(avro: Any, named: dict[str, Any]) -> tuple[Field, ...]:
    """Return the fields of a record or of the records in an array; none of anything else.

    `named` are the record types that the schema defined so far: a later array may name one.
    """
    if not isinstance(avro, dict):
        return ()
    items = avro if avro["type"] == "record" else avro.get("items", "string")
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
