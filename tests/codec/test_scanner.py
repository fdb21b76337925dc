"""The scanner against fastavro, over random records of every schema and over odd bytes."""

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.codec.avro import to_json
from connector.codec.compile import Codec
from connector.codec.framing import HEADER_BYTES, prefix, receipt
from connector.codec.primitives import encode_long
from connector.codec.scanner import Scanner, decode_long, prefix_of, split_prefix
from connector.codec.schema import Field, kinds, load
from connector.errors import BadMessage
from tests.codec.test_compile import RECEIVED_US, TRADE
from tests.support.avro_oracle import at
from tests.support.thorough import examples

HEADER = b"\x00\x00\x01\x86\xa1"
SCHEMA_ID = 100_001

texts = st.text(max_size=80)
by_type: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "long": st.integers(-(2**63), 2**63 - 1),
    "int": st.integers(-(2**31), 2**31 - 1),
    "timestamp-millis": st.integers(0, 4_102_444_800_000).map(at),
    "boolean": st.booleans(),
    "decimal": st.decimals(
        allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15
    ),
}


def value(field: Field) -> st.SearchStrategy[Any]:
    if field.type == "array":
        item = st.fixed_dictionaries({inner.name: value(inner) for inner in field.items})
        plain_value: st.SearchStrategy[Any] = st.lists(item, max_size=3)
    else:
        plain_value = by_type[field.type]
    return st.none() | plain_value if field.nullable else plain_value


def records(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({field.name: value(field) for field in load(kind).fields})


def framed(text: str, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(text)), record)
    return HEADER + out.getvalue()


def expected(text: str, written: bytes, wanted: list[str]) -> list[Any]:
    read = to_json(text, written)
    values = [read.get(name) for name in wanted]
    return [value.encode() if isinstance(value, str) else value for value in values]


def depth(**own: Any) -> dict[str, Any]:
    names = dict.fromkeys(field.name for field in load("depth-diff").fields)
    head = {"symbol": "X", "product": "usdm", "stream_name": "x@depth", "origin": "live"}
    times = {"receive_time": 5, "receive_time_us": 5_000}
    return {**names, **head, **times, "bids": [], "asks": [], **own}


def usual(kind: str, record: dict[str, Any], wanted: list[str]) -> bool:
    """Whether no text is long and no array stands before a wanted field."""
    fields = load(kind).fields
    last = max([2, *(n for n, field in enumerate(fields) if field.name in wanted)])
    texts = [record[field.name] for field in fields[: last + 1] if field.type == "string"]
    long = [text for text in texts if text is not None and len(text.encode()) > 63]
    return not long and all(field.type != "array" for field in fields[: last + 1])


@pytest.mark.parametrize("kind", kinds())
@settings(max_examples=examples(100))
@given(data=st.data())
def test_a_scanner_reads_what_fastavro_reads(kind: str, data: st.DataObject) -> None:
    schema = load(kind)
    scalars = [field.name for field in schema.fields[3:] if field.type not in ("array", "decimal")]
    wanted = data.draw(st.lists(st.sampled_from(scalars), unique=True, max_size=4))
    record = data.draw(records(kind))
    scanner = Scanner(SCHEMA_ID, schema.text, [*wanted, "no_such_field"])
    written = framed(schema.text, record)

    slow = scanner.scan_slowly(written)
    fast = scanner.scan(written)

    assert split_prefix(slow[0]) == (record["symbol"], record["product"], record["stream_name"])
    assert list(slow[1:]) == [*expected(schema.text, written, wanted), None]
    assert fast == (slow if usual(kind, record, wanted) else None)


def test_the_usual_trade_is_read_the_fast_way() -> None:
    codec = Codec(load("trade"), "trade_time")
    message = codec.decode(json.dumps(TRADE).encode())
    opening = prefix(SCHEMA_ID, "BTCUSDT", "spot", "btcusdt@trade")
    scanner = Scanner(SCHEMA_ID, load("trade").text, ["origin", "gap_id", "trade_id"])

    live = codec.encode(message, opening, receipt(RECEIVED_US))
    filled = codec.encode(message, opening, receipt(RECEIVED_US, "backfill", "0123456789abcdef"))

    assert scanner.scan(live) == (opening, b"live", None, TRADE["t"])
    assert scanner.scan(filled) == (opening, b"backfill", b"0123456789abcdef", TRADE["t"])


def test_fields_come_in_the_order_asked_for() -> None:
    text = load("depth-diff").text
    record = depth(first_update_id=7, last_update_id=9, previous_update_id=4)
    written = framed(text, record)
    names = ["previous_update_id", "last_update_id", "first_update_id"]

    found = Scanner(SCHEMA_ID, text, names).scan(written)

    assert found is not None
    assert found[1:] == (4, 9, 7)


def test_a_field_behind_an_array_is_read_the_slow_way() -> None:
    schema = load("depth-diff")
    record = depth(last_update_id=9, pair="BTCUSD")
    scanner = Scanner(SCHEMA_ID, schema.text, ["pair"])

    assert scanner.scan(framed(schema.text, record)) is None
    assert scanner.scan_slowly(framed(schema.text, record))[1:] == (b"BTCUSD",)


def test_a_record_of_another_schema_does_not_match() -> None:
    scanner = Scanner(SCHEMA_ID, load("trade").text, ["trade_id"])

    assert scanner.scan(b"\x00\x00\x00\x00\x07" + b"\x02x" * 40) is None
    assert scanner.scan(b"") is None


def test_all_types_of_a_foreign_schema_are_skipped() -> None:
    kinds_of_field = [
        *("string", "string", "string", "boolean", "float", "double", "int"),
        {"type": "enum", "name": "E", "symbols": ["A", "B"]},
        {"type": "fixed", "name": "F", "size": 3},
        ["null", "string", "long"],
        ["long", "null"],
        "long",
    ]
    names = ["a", "b", "c", "flag", "f", "d", "i", "e", "x", "u", "n", "id"]
    fields = [{"name": n, "type": t} for n, t in zip(names, kinds_of_field, strict=True)]
    text = json.dumps({"type": "record", "name": "R", "fields": fields})
    values = ["s", "p", "n", True, 1.5, 2.5, -3, "B", b"abc", "text", 5, 1 << 40]
    written = framed(text, dict(zip(names, values, strict=True)))

    found = Scanner(SCHEMA_ID, text, ["id", "flag", "n"]).scan(written)

    assert found == (HEADER + b"\x02s\x02p\x02n", 1 << 40, True, 5)


@given(st.integers(-(2**63), 2**63 - 1))
def test_longs_are_read_as_they_were_written(number: int) -> None:
    assert decode_long(encode_long(number)) == number


@pytest.mark.parametrize("bits", range(63))
def test_every_power_of_two_is_read(bits: int) -> None:
    for number in (1 << bits, (1 << bits) - 1, -(1 << bits)):
        assert decode_long(encode_long(number)) == number


@pytest.mark.parametrize(
    "value", [b"", b"\x00", HEADER, b'{"a":1}', HEADER + b"\x80", HEADER + b"\x10"]
)
def test_what_is_no_record_is_refused(value: bytes) -> None:
    with pytest.raises(BadMessage, match="wire format"):
        prefix_of(value)


def test_a_prefix_ends_with_the_streams_name() -> None:
    opening = prefix(7, "币安" * 30, "spot", "x@trade")

    assert prefix_of(opening + b"\x00" * 9) == opening
    assert split_prefix(opening) == ("币安" * 30, "spot", "x@trade")
    assert len(opening) > HEADER_BYTES
