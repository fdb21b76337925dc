"""Markers and progress, as fastavro reads them."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.codec import control, lint
from connector.codec.schema import CONTROL, kinds, load
from tests import oracle

LONGS = st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(0, 4_000_000_000_000)


def test_the_control_schemas_are_no_kinds_of_stream_records() -> None:
    assert set(CONTROL).isdisjoint(kinds())


def test_the_control_schemas_use_only_names_and_types_all_engines_read() -> None:
    fields = [field for kind in CONTROL for field in load(kind).fields]

    assert [field.name for field in fields if field.name in lint.SQL_WORDS] == []
    assert [field.name for field in fields if field.type not in lint.TYPES] == []
    assert [field.name for field in fields if not field.doc] == []


@given(
    st.one_of(st.none(), LONGS),
    st.one_of(st.none(), TIMES),
    st.one_of(st.none(), TIMES),
    st.lists(st.text(max_size=20), max_size=5),
    st.integers(0, 5),
    TIMES,
    st.integers(0, 2**40),
)
def test_progress_is_read_back_equal(
    last_id: int | None,
    last_time: int | None,
    until: int | None,
    gaps: list[str],
    epoch: int,
    written: int,
    number: int,
) -> None:
    encoder = control.ProgressEncoder(7, 2, "market", "ab12")
    head = encoder.head("spot", "btcusdt@trade", "BTCUSDT", "trade", "binance.spot.trade")

    framed = encoder.encode(head, last_id, last_time, until, gaps, epoch, written, number)

    assert framed[:5] == b"\x00\x00\x00\x00\x07"
    assert oracle.read_avro(load("progress"), framed) == {
        "product": "spot",
        "stream_name": "btcusdt@trade",
        "symbol": "BTCUSDT",
        "kind": "trade",
        "topic": "binance.spot.trade",
        "last_id": last_id,
        "last_time": None if last_time is None else oracle.at(last_time),
        "complete_until": None if until is None else oracle.at(until),
        "open_gaps": gaps,
        "id_epoch": epoch,
        "written_time": oracle.at(written),
        "shard": 2,
        "instance": "market",
        "run": "ab12",
        "commit_number": number,
    }


def test_a_marker_is_read_back_equal() -> None:
    values: dict[str, Any] = {
        field.name: {"string": "x", "boolean": True}.get(field.type, 5)
        for field in load("marker").fields
    }
    values |= {"gap_id": None, "after_id": None, "before_time": 1_700_000_000_000}

    read = oracle.read_avro(load("marker"), control.marker(7, values))

    assert read["before_time"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (read["gap_id"], read["after_id"], read["before_id"]) == (None, None, 5)
    assert read["repeats_possible"] is True
