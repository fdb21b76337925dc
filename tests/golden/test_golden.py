"""Every catalogue row that makes records has a sample: the frame, and the record it must become."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.binance.catalogue import ROWS
from connector.binance.catalogue.row import Row
from connector.binance.stream_name import parse_any
from connector.feed.pipeline import Pipeline
from connector.telemetry.ledger import Ledger
from tests.support import avro_oracle
from tests.support.pipeline import FEED, Recorder, route

pytestmark = pytest.mark.usefixtures("both_codecs")

RECEIVED_US = 1_789_967_129_123_456
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*.json"))


def sample_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def plain(value: Any) -> Any:
    """Return a read record as JSON can hold it: times in ms, decimals as text."""
    if isinstance(value, datetime):
        return round((value - avro_oracle.EPOCH).total_seconds() * 1000)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("path", SAMPLES, ids=sample_id)
def test_a_frame_becomes_the_record_key_and_timestamp_on_file(path: Path) -> None:
    sample = json.loads(path.read_text())
    target = route(path.parent.name, sample["stream"])
    recorder = Recorder()
    frame = json.dumps({"stream": sample["stream"], "data": sample["data"]}, separators=(",", ":"))

    pipeline = Pipeline(recorder, Ledger(), 1_000_000)
    routes = {sample["stream"].encode(): target}
    pipeline.receive(routes, [frame.encode()], RECEIVED_US, FEED)

    [(topic, value, key, timestamp)] = recorder.records
    assert topic == target.topic
    assert key.decode() == sample["key"]
    assert timestamp == sample["timestamp"]
    assert plain(avro_oracle.read_avro(target.codec.schema, value)) == sample["record"]


def test_every_row_that_makes_records_has_a_sample() -> None:
    covered: set[Row] = {
        parse_any(path.parent.name, json.loads(path.read_text())["stream"]).row  # type: ignore[arg-type]
        for path in SAMPLES
    }
    wanted = {row for row in ROWS if row.status != "event"}

    assert {(row.product, row.pattern) for row in wanted - covered} == set()
