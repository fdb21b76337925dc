"""The header and the shared head fields, byte by byte."""

import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.codec.framing import (
    HEADER_BYTES,
    MAX_AHEAD_MS,
    MAX_BROKER_AHEAD_MS,
    header,
    max_ahead_ms,
    prefix,
    receipt,
    schema_id_of,
    timestamp_ms,
)

NOW_MS = 1_789_967_129_123


@given(st.integers(0, 2**32 - 1))
def test_the_schema_id_is_read_back_from_the_header(schema_id: int) -> None:
    framed = header(schema_id) + b"body"

    assert len(header(schema_id)) == HEADER_BYTES
    assert framed[0] == 0
    assert schema_id_of(framed) == schema_id


def read(types: list[object], data: bytes) -> list[object]:
    """What fastavro reads of a record with fields of these types; every byte must be used."""
    fields = [{"name": f"f{number}", "type": type_} for number, type_ in enumerate(types)]
    schema = fastavro.parse_schema({"type": "record", "name": "R", "fields": fields})
    body = io.BytesIO(data)
    record = fastavro.schemaless_reader(body, schema)
    assert body.read() == b""
    return list(record.values())  # type: ignore[union-attr]


def test_a_prefix_is_header_symbol_product_and_stream() -> None:
    made = prefix(7, "BTCUSDT", "spot", "btcusdt@trade")

    assert made[:HEADER_BYTES] == header(7)
    assert read(["string"] * 3, made[HEADER_BYTES:]) == ["BTCUSDT", "spot", "btcusdt@trade"]


@pytest.mark.parametrize(
    ("made", "origin", "gap_id"),
    [
        (receipt(1_795_000_000_123_456), "live", None),
        (receipt(1_795_000_000_123_456, "backfill", "00ff"), "backfill", "00ff"),
    ],
)
def test_a_receipt_is_both_times_origin_and_gap(
    made: bytes, origin: str, gap_id: str | None
) -> None:
    times = [1_795_000_000_123, 1_795_000_000_123_456]

    assert read(["long", "long", "string", ["null", "string"]], made) == [*times, origin, gap_id]


@pytest.mark.parametrize("event_ms", [1, NOW_MS, NOW_MS + MAX_AHEAD_MS])
def test_a_record_has_the_time_of_its_event(event_ms: int) -> None:
    assert timestamp_ms(event_ms, NOW_MS) == event_ms


def test_the_time_of_an_exchange_whose_clock_is_ahead_counts_as_far_as_a_broker_takes_it() -> None:
    event_ms = NOW_MS + 600_000 + MAX_AHEAD_MS
    assert timestamp_ms(event_ms, NOW_MS, max_ahead_ms(600_000)) == event_ms
    assert timestamp_ms(event_ms + 1, NOW_MS, max_ahead_ms(600_000)) == NOW_MS
    assert max_ahead_ms(7_200_000) == MAX_BROKER_AHEAD_MS
    assert max_ahead_ms(-7_200_000) == MAX_AHEAD_MS


@pytest.mark.parametrize("event_ms", [None, -1, 0, NOW_MS + MAX_AHEAD_MS + 1])
def test_the_receive_time_stands_in_for_a_time_that_a_broker_would_refuse(
    event_ms: int | None,
) -> None:
    assert timestamp_ms(event_ms, NOW_MS) == NOW_MS
