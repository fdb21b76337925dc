"""A schema changes in no way that a reader of a released one would suffer from."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import avro.schema
import fastavro
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from connector.codec import evolution
from connector.codec.schema import folder, load

RELEASED = sorted((folder() / "released").glob("*/*.avsc"))
BOOK, MARKER = load("depth-diff").text, load("marker").text
NEW = {"name": "venue", "type": ["null", "string"], "default": None, "doc": "x"}
Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> str:
    """Return the text of the book's schema after a change."""
    raw = json.loads(BOOK)
    change(raw)
    return json.dumps(raw)


def field(raw: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in raw["fields"] if each["name"] == name)


def level(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a price level, which stands in the type of the bids."""
    record: dict[str, Any] = field(raw, "bids")["type"]["items"]
    return record


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_was_released_is_still_read_and_reads_what_comes(path: Path) -> None:
    """A schema that no release has had yet may be kept anew: python -m tools.release_schemas."""
    present = folder() / path.name
    assert present.is_file(), f"{path.stem} was released and is gone"

    assert evolution.findings(path.stem, path.read_text(), load(path.stem).text) == []


def test_every_kind_was_released_or_is_new() -> None:
    assert {path.stem for path in RELEASED} >= {"trade", "depth-diff", "marker", "account-event"}


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["fields"].append(NEW),
        lambda raw: level(raw)["fields"].append(NEW),
        lambda raw: field(raw, "symbol").update(doc="said better"),
        lambda raw: raw.update(doc="said better"),
    ],
    ids=["a field at the end", "a field at the end of a level", "a field's doc", "a record's doc"],
)
def test_what_nobody_suffers_from_is_allowed(change: Change) -> None:
    assert evolution.findings("depth-diff", BOOK, changed(change)) == []


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (lambda raw: raw["fields"].insert(3, NEW),
         ["depth-diff.event_time: has moved; the released fields come first, in their order"]),
        (lambda raw: raw["fields"].reverse(),
         ["depth-diff.symbol: has moved; the released fields come first, in their order"]),
        (lambda raw: raw["fields"].pop(), ["depth-diff.symbol_type: was released and is gone"]),
        (lambda raw: raw["fields"].append({**NEW, "type": "string"}),
         ["depth-diff.venue: a new field is nullable with default null"]),
        (lambda raw: raw["fields"].append({**NEW, "default": "x"}),
         ["depth-diff.venue: a new field is nullable with default null"]),
        (lambda raw: field(raw, "last_update_id").update(type="string"),
         ['depth-diff.last_update_id: type "long" became "string"']),
        (lambda raw: field(raw, "last_update_id").update(type=["null", "long"]),
         ['depth-diff.last_update_id: type "long" became ["null", "long"]']),
        (lambda raw: field(raw, "symbol_type").update(type=["null", "long"]),
         ['depth-diff.symbol_type: type "int" became "long"']),
        (lambda raw: field(raw, "gap_id").pop("default"),
         ["depth-diff.gap_id: its default has changed"]),
        (lambda raw: raw.update(name="Book"), ["depth-diff: name 'DepthDiff' became 'Book'"]),
        (lambda raw: level(raw)["fields"][0]["type"].update(scale=8),
         ['depth-diff.bids.price: type {"type": "bytes", "logicalType": "decimal", "precision": '
          '38, "scale": 18} became {"type": "bytes", "logicalType": "decimal", "precision": 38,'
          ' "scale": 8}']),
        (lambda raw: level(raw)["fields"].reverse(),
         ["depth-diff.bids.price: has moved; the released fields come first, in their order"]),
    ],
)  # fmt: skip
def test_what_a_reader_would_suffer_from_is_named(change: Change, sentences: list[str]) -> None:
    found = evolution.findings("depth-diff", BOOK, changed(change))

    assert [text[:200] for text in found] == [text[:200] for text in sentences]


def compatible(reader: str, writer: str) -> bool:
    """Return what Avro's own checker says; it knows nothing of our stricter rules."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    found = checker.get_compatibility(
        reader=avro.schema.parse(reader), writer=avro.schema.parse(writer)
    )
    return found.compatibility is SchemaCompatibilityType.compatible


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_avros_own_checker_finds_the_released_schemas_fully_compatible(path: Path) -> None:
    released, present = path.read_text(), load(path.stem).text

    assert (compatible(released, present), compatible(present, released)) == (True, True)


def test_a_reader_with_a_fixed_schema_reads_a_newer_record() -> None:
    """Spark's from_avro does not look at the bytes that are left."""
    newer = json.loads(MARKER)
    newer["fields"].append(NEW)
    values: dict[str, Any] = dict.fromkeys(each["name"] for each in newer["fields"])
    for each in newer["fields"]:
        if not isinstance(each["type"], list):
            values[each["name"]] = {"string": "x", "boolean": True}.get(str(each["type"]), 7)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(newer), values | {"venue": "y"})
    out.seek(0)

    read: Any = fastavro.schemaless_reader(out, fastavro.parse_schema(json.loads(MARKER)))

    assert (read["marker_id"], read["shard"], read["detail"]) == ("x", 7, None)
    assert evolution.findings("marker", MARKER, json.dumps(newer)) == []
