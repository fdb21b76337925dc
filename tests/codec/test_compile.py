"""Decoders and encoders against the slow oracle, over random messages."""

import json
import traceback
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.codec.compile import MAX_LEARNED_KEYS, Codec
from connector.codec.framing import prefix, receipt
from connector.codec.schema import Field, kinds, load
from connector.errors import BadMessage
from tests.support import avro_oracle
from tests.support.thorough import examples

RECEIVED_US = 1_789_964_484_123_456
HEAD = {
    "symbol": "BTCUSDT",
    "product": "spot",
    "stream_name": "btcusdt@trade",
    "receive_time": avro_oracle.at(RECEIVED_US // 1000),
    "receive_time_us": RECEIVED_US,
    "origin": "live",
    "gap_id": None,
    "extra": None,
}
OPENING = prefix(7, "BTCUSDT", "spot", "btcusdt@trade")
RECEIPT = receipt(RECEIVED_US)
TRADE = {
    "e": "trade",
    "E": 1789964484109,
    "s": "BTCUSDT",
    "t": 6697971860,
    "p": "81250.05000000",
    "q": "0.00062000",
    "T": 1789964484109,
    "m": True,
    "M": True,
}

decimals = st.decimals(
    allow_nan=False, allow_infinity=False, places=10, min_value=-(10**12), max_value=10**12
).map(lambda value: f"{value:f}")
by_type: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=12),
    "long": st.integers(-(2**63), 2**63 - 1),
    "int": st.integers(-(2**31), 2**31 - 1),
    "timestamp-millis": st.integers(0, 4_102_444_800_000),
    "boolean": st.booleans(),
    "decimal": decimals,
}


def wire_value(field: Field) -> st.SearchStrategy[Any]:
    if field.number:
        return st.integers(-(10**9), 10**9) | st.integers(-(10**6), 10**6).map(lambda n: n / 64)
    if field.type != "array":
        return by_type[field.type]
    if isinstance(field.items[0].wire[0], int):
        return st.lists(st.tuples(decimals, decimals).map(list), max_size=5)
    item = {str(inner.wire[0]): wire_value(inner) for inner in field.items}
    return st.lists(st.fixed_dictionaries(item), max_size=4)


@st.composite
def messages(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    data: dict[str, Any] = {"e": "x"} if "e" in load(kind).ignored else {}
    for field in load(kind).fields:
        if not field.wire or field.unit == "us":
            continue
        value = draw(wire_value(field))
        if field.name == "symbol":
            value = "BTCUSDT"
        elif field.nullable and draw(st.booleans()):
            value = draw(st.sampled_from([None, "absent"]))
        if value == "absent":
            continue
        *parents, key = str(field.wire[0]).split(".")
        place = data
        for parent in parents:
            place = place.setdefault(parent, {})
        place[key] = value
    return data


def encode(codec: Codec, data: dict[str, Any]) -> bytes:
    return codec.encode(codec.decode(json.dumps(data).encode()), OPENING, RECEIPT)


@pytest.mark.parametrize("kind", kinds())
@settings(max_examples=examples(100))
@given(st.data())
def test_random_messages_become_the_records_the_oracle_expects(
    kind: str, data: st.DataObject
) -> None:
    schema = load(kind)
    message = data.draw(messages(kind))

    framed = encode(Codec(schema), message)

    wanted = avro_oracle.expected(schema, message, HEAD)
    assert avro_oracle.read_avro(schema, framed) == wanted
    assert framed[5:] == avro_oracle.write_avro(schema, wanted)


def test_the_header_is_confluents() -> None:
    assert encode(Codec(load("trade")), TRADE)[:5] == b"\x00\x00\x00\x00\x07"


def test_a_missing_optional_key_is_null() -> None:
    without = {key: value for key, value in TRADE.items() if key != "M"}
    schema = load("trade")

    record = avro_oracle.read_avro(schema, encode(Codec(schema), without))

    assert record["is_best_match"] is None


def test_the_year_1970_is_null_where_a_time_may_be() -> None:
    schema = load("mark-price")
    data = {"E": 1, "s": "BTCUSDT_261225", "p": "1", "i": "1", "r": "", "T": 0}

    record = avro_oracle.read_avro(schema, encode(Codec(schema), data))

    assert (record["funding_rate"], record["next_funding_time"]) == (None, None)


def test_an_empty_text_is_null_where_a_decimal_may_be() -> None:
    schema = load("agg-trade")
    data = {"s": "X", "a": 1, "p": "1", "q": "1", "nq": "", "f": 1, "l": 1, "T": 5, "m": False}

    record = avro_oracle.read_avro(schema, encode(Codec(schema), data))

    assert record["normal_quantity"] is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "json"),
        (b"", "json"),
        (b"\xff\xfe", "json"),
        (b"[1]", "shape"),
        (b'"x"', "shape"),
        (b"{}", "field"),
        (json.dumps({**TRADE, "t": "1"}).encode(), "field"),
        (json.dumps({**TRADE, "t": 1.5}).encode(), "field"),
        (json.dumps({**TRADE, "t": 2**63}).encode(), "field"),
        (json.dumps({**TRADE, "p": 1.5}).encode(), "field"),
        (json.dumps({**TRADE, "p": None}).encode(), "field"),
        (
            json.dumps(TRADE).encode()[:-1] + b',"deep":' + b"[" * 9_999 + b"]" * 9_999 + b"}",
            "json",
        ),
    ],
)
def test_what_cannot_be_decoded_is_a_bad_message_with_its_reason(raw: bytes, reason: str) -> None:
    codec = Codec(load("trade"))
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        codec.decode(raw)

    with pytest.raises(BadMessage) as caught:
        codec.decode_slowly(raw)

    assert caught.value.reason == reason


LAST_MS = 253_402_300_799_999  # 9999-12-31


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_a_time_outside_the_calendar_is_a_bad_message_with_its_field_and_value(unit: str) -> None:
    codec = Codec(load("trade"), "trade_time", unit)
    last = LAST_MS if unit == "ms" else LAST_MS * 1000 + 999
    message = codec.decode_slowly(json.dumps(TRADE | {"E": last}).encode())
    record = avro_oracle.read_avro(load("trade"), codec.encode(message, OPENING, RECEIPT))
    assert record["event_time"] == avro_oracle.at(LAST_MS)

    for key, value in (("E", last + 1), ("T", 10**18), ("T", -(10**18)), ("E", 10**30)):
        raw = json.dumps(TRADE | {key: value}).encode()
        with pytest.raises(msgspec.DecodeError):
            codec.decode(raw)
        with pytest.raises(BadMessage, match=rf"^field: .* at `\$\.{key}`: '{value}'"):
            codec.decode_slowly(raw)


def test_a_bad_value_of_a_nested_field_is_named_and_cut() -> None:
    kline = {"e": "kline", "E": 1, "s": "BTCUSDT", "k": {"t": "x" * 500}}

    with pytest.raises(BadMessage, match=r"at `\$\.k\.t`: 'x{80}'$"):
        Codec(load("kline")).decode_slowly(json.dumps(kline).encode())


def test_unknown_keys_go_to_extra_and_are_counted() -> None:
    schema = load("trade")
    codec = Codec(schema)
    raw = json.dumps({**TRADE, "zz": {"a": [1, None]}, "new-key": "x", "a.b": 2}).encode()

    message = codec.decode_slowly(raw)
    first = codec.encode(message, OPENING, RECEIPT)
    second = codec.encode(codec.decode(raw), OPENING, RECEIPT)

    assert second == first
    record = avro_oracle.read_avro(schema, first)
    assert json.loads(record["extra"]) == {"zz": {"a": [1, None]}, "new-key": "x", "a.b": 2}
    assert record["price"] == Decimal("81250.050000000000000000")
    assert codec.unknown == {"zz": 2, "new-key": 2, "a.b": 2}


def test_a_key_that_every_message_has_is_decoded_slowly_once() -> None:
    codec, slow = Codec(load("trade")), 0

    for number in range(1000):
        raw = json.dumps({**TRADE, "t": number, "zz": number}).encode()
        try:
            message = codec.decode(raw)
        except msgspec.DecodeError:
            message = codec.decode_slowly(raw)
            slow += 1
        codec.encode(message, OPENING, RECEIPT)

    assert slow == 1
    assert codec.unknown == {"zz": 1000}


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        (b'{"s":"BTCUSDT","t":"x"}', "BTCUSDT"),
        (b'{"s":7}', None),
        (b'["BTCUSDT"]', None),
        (b"{", None),
    ],
)
def test_the_symbol_of_a_refused_payload_is_found_where_it_has_one(
    raw: bytes, symbol: str | None
) -> None:
    assert Codec(load("trade")).symbol_in(raw) == symbol


def test_a_learned_key_may_be_absent_again() -> None:
    schema = load("trade")
    codec = Codec(schema)
    codec.decode_slowly(json.dumps({**TRADE, "zz": 1}).encode())

    assert avro_oracle.read_avro(schema, encode(codec, TRADE))["extra"] is None


def test_a_number_in_an_unknown_key_keeps_its_spelling() -> None:
    schema = load("trade")
    codec = Codec(schema)
    raw = json.dumps(TRADE).encode()[:-1] + b',"fee":0.10000000000000000000001}'
    codec.decode_slowly(raw)

    record = avro_oracle.read_avro(schema, codec.encode(codec.decode(raw), OPENING, RECEIPT))

    assert record["extra"] == '{"fee":0.10000000000000000000001}'


def test_an_unknown_key_inside_a_nested_object_is_named_by_its_path() -> None:
    schema = load("kline")
    codec = Codec(schema)
    candle = dict.fromkeys("ocvhlqVQ", "1") | dict.fromkeys("tTfLn", 1)
    data = {"s": "X", "E": 1, "k": {**candle, "i": "1m", "x": True, "new": 5}}

    message = codec.decode_slowly(json.dumps(data).encode())

    record = avro_oracle.read_avro(schema, codec.encode(message, OPENING, RECEIPT))
    assert record["extra"] == '{"k.new":5}'


def test_a_flood_of_unknown_keys_is_kept_but_not_learned() -> None:
    schema = load("trade")
    codec = Codec(schema)
    for number in range(MAX_LEARNED_KEYS + 20):
        codec.decode_slowly(json.dumps({**TRADE, f"key{number}": number}).encode())
    raw = json.dumps({**TRADE, "key1": 1, "late": 2}).encode()

    message = codec.decode_slowly(raw)
    record = avro_oracle.read_avro(schema, codec.encode(message, OPENING, RECEIPT))

    assert json.loads(record["extra"]) == {"key1": 1, "late": 2}


@pytest.mark.parametrize(
    "key", ["extra_", "key_00", 'a"b', "a\\b", "a\x00", "", "é", "class", "__a"]
)
def test_a_key_of_any_spelling_is_kept(key: str) -> None:
    schema = load("trade")
    codec = Codec(schema)
    raw = json.dumps({**TRADE, key: 5}).encode()
    for _ in range(2):
        message = codec.decode_slowly(raw)
        record = avro_oracle.read_avro(schema, codec.encode(message, OPENING, RECEIPT))

        assert json.loads(record["extra"]) == {key: 5}


def test_a_key_named_as_our_own_attribute_is_kept_too() -> None:
    schema = load("trade")
    codec = Codec(schema)
    message = codec.decode_slowly(json.dumps({**TRADE, "bkc.extra": 5}).encode())

    record = avro_oracle.read_avro(schema, codec.encode(message, OPENING, RECEIPT))

    assert record["extra"] == '{"bkc.extra":5}'


def test_microsecond_connections_fill_both_units() -> None:
    schema = load("trade")
    codec = Codec(schema, "trade_time", unit="us")
    data = {**TRADE, "E": 1789964484109123, "T": 1789964484109456}

    message = codec.decode(json.dumps(data).encode())
    record = avro_oracle.read_avro(schema, codec.encode(message, OPENING, RECEIPT))

    assert (record["event_time_us"], record["trade_time_us"]) == (data["E"], data["T"])
    assert record["trade_time"] == avro_oracle.at(1789964484109)
    assert codec.record_time(message) == 1789964484109


def test_the_record_time_is_the_field_the_catalogue_names() -> None:
    codec = Codec(load("trade"), "trade_time")
    message = codec.decode(json.dumps({**TRADE, "T": 77}).encode())

    assert codec.record_time(message) == 77
    assert Codec(load("trade"), "receive_time").record_time(message) is None


def test_a_symbol_that_comes_from_the_name_need_not_be_on_the_wire() -> None:
    without = {key: value for key, value in TRADE.items() if key != "s"}
    codec = Codec(load("trade"), symbol="symbol")

    assert codec.symbol(codec.decode(json.dumps(without).encode())) is None


def test_a_traceback_shows_the_generated_line() -> None:
    codec = Codec(load("trade"))
    message = codec.decode(json.dumps({**TRADE, "p": "x"}).encode())

    with pytest.raises(BadMessage) as caught:
        codec.encode(message, OPENING, RECEIPT)

    assert "KNOWN(m.p) or DECIMAL(m.p)" in "".join(traceback.format_exception(caught.value))
