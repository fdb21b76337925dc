"""Single values against fastavro and decimal."""

import io
from decimal import Context, Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.codec import primitives
from connector.errors import BadMessage

DECIMAL = fastavro.parse_schema(
    {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 18}
)


def exact(unscaled: int) -> Decimal:
    return Decimal(unscaled).scaleb(-18, Context(prec=60))


def avro(schema: Any, value: object) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


@given(st.integers(-(2**63), 2**63 - 1))
@example(2**63 - 1)
@example(-(2**63))
@example(1_789_964_484_109)
@example(1_789_964_484_109_123)
def test_longs_are_written_as_fastavro_writes_them(value: int) -> None:
    assert primitives.encode_long(value) == avro("long", value)


@pytest.mark.parametrize("bits", range(64))
def test_every_power_of_two_is_written_as_fastavro_writes_it(bits: int) -> None:
    for value in (2**bits - 1, -(2**bits), 2**bits // 2):
        assert primitives.encode_long(value) == avro("long", value)


@given(st.text())
def test_strings_are_written_as_fastavro_writes_them(text: str) -> None:
    assert primitives.encode_string(text) == avro("string", text)


@given(
    st.integers(-(10**20) + 1, 10**20 - 1),
    st.integers(0, 18),
)
def test_decimals_are_written_as_fastavro_writes_them(digits: int, decimals: int) -> None:
    value = Decimal(digits).scaleb(-decimals)
    text = f"{value:f}"
    assert primitives.encode_decimal(text) == avro(DECIMAL, value)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-0",
        "0.00000000",
        "81250.05000000",
        "0.0000000001",  # 10 decimals are on the wire
        "999999999999.9999999999",  # 12 integer digits
        "-1.5",
        "0.000000000000000001",
        "99999999999999999999.999999999999999999",  # 38 digits
        "-99999999999999999999.999999999999999999",
        "000000000000000000000000000000000000000000000012.5",
    ],
)
def test_a_decimal_that_fits_keeps_its_exact_value(text: str) -> None:
    assert exact(primitives.unscaled(text)) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("0E-8", "0"), ("1e-7", "0.0000001"), ("1.5E+3", "1500"), ("+2", "2"), (".5", "0.5")],
)
def test_rare_spellings_of_a_number_are_read(text: str, plain: str) -> None:
    assert primitives.unscaled(text) == primitives.unscaled(plain)


def test_more_than_18_decimals_are_taken_when_they_are_zeros() -> None:
    assert primitives.unscaled("1.1" + "0" * 30) == 11 * 10**17


@pytest.mark.parametrize(
    "text",
    [
        "100000000000000000000.000000000000000000",  # 39 digits
        "1" + "0" * 5000,
        "0.0000000000000000001",  # 19 decimals, not zeros
        "",
        " 1",
        "1 ",
        "NaN",
        "Infinity",
        "1_000",
        "1,5",
        "0x10",
        "1e999999999",
        "٣",
        "--1",
    ],
)
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(BadMessage) as caught:
        primitives.encode_decimal(text)

    assert caught.value.reason == "decimal"


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_bad_message(text: str) -> None:
    try:
        value = primitives.unscaled(text)
    except BadMessage:
        return

    assert exact(value) == Decimal(text)


def test_a_lone_surrogate_is_a_bad_message() -> None:
    with pytest.raises(BadMessage):
        primitives.encode_string("\ud800")


def test_a_full_cache_starts_afresh_and_answers_the_same() -> None:
    first = primitives.encode_decimal("3.25")
    for number in range(primitives.MAX_CACHE_ENTRIES + 1):
        primitives.encode_decimal(f"{number}.75")

    assert primitives.known_decimal("3.25") is None
    assert primitives.encode_decimal("3.25") == first
