"""Records that Kafka refused: of every kind and origin, with every field null that may be null."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.binance.catalogue.row import Row
from connector.binance.stream_name import parse_any
from connector.codec.avro import decode_record, encode_record
from connector.codec.schema import load
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.marker import GapReason
from connector.continuity.rest_requests import SnapshotBook
from connector.continuity.series import Series
from tests.golden.test_golden import SAMPLES, plain, sample_id
from tests.support.continuity import EVERYTHING, IDS

pytestmark = pytest.mark.usefixtures("both_codecs")

OWN = {"receive_time": 1_789_967_129_123, "receive_time_us": 1_789_967_129_123_456}


def decimals(kind: Any, value: Any) -> Any:
    """Return a sample's value as Avro takes it: lists emptied, texts of decimals as Decimal."""
    if not isinstance(kind, dict):
        return value
    if kind["type"] == "array":
        return []
    return Decimal(value) if kind.get("logicalType") == "decimal" else value


class Writer:
    """A gap tracker with one series, that of a sample."""

    def __init__(self, path: Path) -> None:
        sample = json.loads(path.read_text())
        stream = parse_any(path.parent.name, sample["stream"])  # type: ignore[arg-type]
        self.kind, self.topic = stream.row.kind, f"binance.{path.parent.name}.{stream.row.kind}"
        self.tracker = GapTracker("binance", policy=EVERYTHING)
        self.tracker.begin(IDS, {})
        symbol = sample["record"]["symbol"]
        self.series: Series = self.tracker.open(
            stream, stream.row.product, symbol, self.topic, b"", b""
        )
        self.head = {"symbol": symbol, "product": stream.row.product, "stream_name": stream.name}
        self.record = sample["record"]

    def barest(self, origin: str) -> dict[str, Any]:
        """Return the sample's record without all that the schema lets be null."""
        types: dict[str, Any] = {}
        for field in json.loads(load(self.kind).text)["fields"]:
            types[field["name"]] = field["type"]
        record = {
            name: None if "null" in kind else decimals(kind, self.record[name])
            for name, kind in types.items()
        }
        return {**record, **self.head, **OWN, "origin": origin}

    def refuse(
        self, record: dict[str, Any], reason: GapReason = "dead_letter"
    ) -> list[dict[str, Any]]:
        """Have Kafka refuse a record; return the markers about it."""
        value = encode_record(load(self.kind), 7, record)
        self.tracker.on_refused(self.topic, value, reason)
        drained = self.tracker.outbox.drain_markers(OWN["receive_time_us"])
        return [plain(decode_record(load("marker"), value or b"")) for _, value, *_ in drained]


@pytest.mark.parametrize("origin", ["live", "backfill"])
@pytest.mark.parametrize("path", SAMPLES, ids=sample_id)
def test_a_refused_record_without_its_nullable_fields_is_marked(path: Path, origin: str) -> None:
    writer = Writer(path)

    [marker] = writer.refuse(writer.barest(origin))

    assert (marker["state"], marker["reason"]) == ("unfillable", "dead_letter")
    edges = [marker[name] for name in ("before_id", "before_time") if marker[name] is not None]
    assert len(edges) == 1


def row_of(path: Path) -> Row:
    return parse_any(path.parent.name, json.loads(path.read_text())["stream"]).row  # type: ignore[arg-type]


BOOKS = [path for path in SAMPLES if row_of(path).has_snapshots]


@pytest.mark.parametrize("path", BOOKS, ids=sample_id)
def test_a_refused_snapshot_leaves_no_hole_and_fewer_levels_are_requested(path: Path) -> None:
    writer = Writer(path)
    level = {"price": Decimal(1), "quantity": Decimal(1)}
    book = writer.barest("snapshot") | {"bids": [level] * 7, "asks": [level] * 9, "gap_id": "00ff"}

    assert writer.refuse(book) == []
    assert list(writer.tracker.requests) == [SnapshotBook(writer.series, "00ff", fewer_than=9)]


def test_a_snapshot_that_found_no_topic_is_not_too_large() -> None:
    writer = Writer(BOOKS[0])

    assert writer.refuse(writer.barest("snapshot"), "delivery") == []
    assert list(writer.tracker.requests) == []
