"""Our own records: written and read back, and judged by fastavro's plain reader."""

import io
import json
from typing import Any

import fastavro
import pytest

from connector.codec.avro import decode_record, encode_record
from connector.codec.schema import load
from connector.errors import BadMessage
from tests.support import avro_oracle

PROGRESS: dict[str, Any] = {
    "product": "spot",
    "stream_name": "btcusdt@trade",
    "symbol": "BTCUSDT",
    "kind": "trade",
    "topic": "binance.spot.trade",
    "last_id": 7,
    "last_time": 1_795_000_000_123,
    "complete_until": None,
    "open_gaps": ["00ff", "11ee"],
    "id_epoch": 0,
    "written_time": 1_795_000_000_456,
    "shard": 0,
    "instance": "market",
    "run": "r1",
    "commit_number": 3,
    "fillings": [],
    "generation": 2,
    "series_number": 41,
}


def test_a_record_comes_back_as_it_went() -> None:
    framed = encode_record(load("progress"), 5, PROGRESS)

    assert framed[:5] == b"\x00\x00\x00\x00\x05"
    assert decode_record(load("progress"), framed) == PROGRESS
    read = avro_oracle.read_avro(load("progress"), framed)
    assert read["last_time"] == avro_oracle.at(1_795_000_000_123)


@pytest.mark.parametrize(
    "change",
    [{"shard": "0"}, {"open_gaps": None}, {"last_id": 1.5}, {"more": 1}],
    ids=str,
)
def test_a_record_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        encode_record(load("progress"), 5, PROGRESS | change)


def test_a_record_without_one_of_its_fields_is_refused() -> None:
    short = {key: value for key, value in PROGRESS.items() if key != "complete_until"}

    with pytest.raises(ValueError, match="complete_until"):
        encode_record(load("progress"), 5, short)


@pytest.mark.parametrize("cut", [0, 4, 5, 20, -1])
def test_bytes_cut_short_are_no_record(cut: int) -> None:
    framed = encode_record(load("progress"), 5, PROGRESS)

    with pytest.raises(BadMessage, match="not a Progress"):
        decode_record(load("progress"), framed[:cut])


def test_bytes_too_many_are_no_record() -> None:
    framed = encode_record(load("progress"), 5, PROGRESS)

    with pytest.raises(BadMessage, match="not a Progress"):
        decode_record(load("progress"), framed + b"x")


def test_a_record_of_an_older_schema_has_the_default_of_what_came_since() -> None:
    older = json.loads(load("progress").text)
    newer: dict[str, Any] = {"fillings": [], "generation": None, "series_number": None}
    older["fields"] = [field for field in older["fields"] if field["name"] not in newer]
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(older), PROGRESS)
    framed = b"\x00\x00\x00\x00\x05" + body.getvalue()

    assert decode_record(load("progress"), framed, json.dumps(older)) == PROGRESS | newer
    with pytest.raises(BadMessage, match="not a Progress"):
        decode_record(load("progress"), framed)
