"""The lab's market makes every stream there is, in the shape of the golden samples."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.catalogue.row import Row
from connector.binance.stream_name import Stream, parse, parse_any
from connector.feed.pipeline import Pipeline
from connector.lab.market import Market
from connector.telemetry.ledger import Ledger
from tests.support import avro_oracle
from tests.support.pipeline import FEED, Recorder, route

pytestmark = pytest.mark.usefixtures("both_codecs")

NOW_MS = 1_795_000_000_000
SAMPLES = Path(__file__).parent.parent / "golden" / "samples"
# Names of the golden samples speak of contracts of their day; these are listed in the lab.
LISTED = {
    "spot": {"symbol": "btcusdt"},
    "usdm": {"symbol": "btcusdt", "pair": "btcusdt", "asset": "btcusd"},
    "coinm": {"symbol": "btcusd_perp", "pair": "btcusd"},
    "options": {"symbol": "btc-261225-100000-c", "underlying": "btcusdt", "yymmdd": "261225"},
}
# Keys that Binance leaves out of some messages of a stream.
SOMETIMES = {"bks", "ap", "ps", "st", "nq", "i", "s", "o.st", "o.ps"}


def samples() -> dict[Row, dict[str, Any]]:
    found = {}
    for path in SAMPLES.glob("*/*.json"):
        sample = json.loads(path.read_text())
        found[parse_any(path.parent.name, sample["stream"]).row] = sample  # type: ignore[arg-type]
    return found


def lab_stream(row: Row, sample: dict[str, Any]) -> Stream:
    known = parse(row.product, sample["stream"])
    parameters = {**known.parameters, **LISTED[row.product]}
    return Stream(row.product, row, {name: parameters[name] for name in known.parameters})


def keys(data: Any) -> set[str]:
    if isinstance(data, list):
        return keys(data[0])
    inner = {
        f"{key}.{name}"
        for key in ("k", "o")
        if isinstance(data.get(key), dict)
        for name in data[key]
    }
    return {*data, *inner}


def plain(value: Any) -> Any:
    """Return what was on the wire: a time in ms, a decimal as it is."""
    if isinstance(value, datetime):
        return round((value - avro_oracle.EPOCH).total_seconds() * 1000)
    return value


ROWS_MADE = [row for row in ROWS if subscribable(row)]


@pytest.mark.parametrize("row", ROWS_MADE, ids=lambda row: f"{row.product} {row.pattern}")
def test_a_row_is_made_in_its_shape_and_becomes_records_with_its_ids(row: Row) -> None:
    sample = samples()[row]
    stream = lab_stream(row, sample)
    market = Market(4)
    assert market.serves(stream)
    target = route(row.product, stream.name)
    recorder, ledger = Recorder(), Ledger()
    pipeline = Pipeline(recorder, ledger, 10**6)
    identities: list[tuple[Any, ...]] = []
    for number in range(20):
        events = market.next_events(stream, NOW_MS + number)
        identities += [event.identity for event in events]
        data = [event.data for event in events] if row.array else events[0].data
        assert keys(data) ^ keys(sample["data"]) <= SOMETIMES
        frame = json.dumps({"stream": stream.name, "data": data}, separators=(",", ":")).encode()
        pipeline.receive({stream.name.encode(): target}, [frame], (NOW_MS + number) * 1000, FEED)

    assert ledger.dead_letters == {}
    records = [
        avro_oracle.read_avro(target.codec.schema, value) for _, value, _, _ in recorder.records
    ]
    found = [tuple(plain(record[name]) for name in row.identity) for record in records]
    assert found == identities
    assert all(record["extra"] is None for record in records)
