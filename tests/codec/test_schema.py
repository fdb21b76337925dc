"""The .avsc files themselves."""

import json

import fastavro
import pytest

from connector.binance.catalogue import KINDS
from connector.codec import lint
from connector.codec.schema import OWN, kinds, load, parse
from connector.errors import Refused


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_a_schema_keeps_every_rule(kind: str) -> None:
    assert lint.findings(load(kind)) == []


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_what_is_registered_is_plain_avro(kind: str) -> None:
    text = load(kind).text

    fastavro.parse_schema(json.loads(text))
    assert not any(f'"{word}":' in text for word in ("wire", "unit", "rest"))


def test_our_own_records_are_no_kinds_of_streams() -> None:
    assert set(kinds()) == set(KINDS)
    assert [load(name).name for name in OWN] == ["Marker", "Progress"]


def test_an_array_of_strings_has_no_fields() -> None:
    [gaps] = [field for field in load("progress").fields if field.name == "open_gaps"]

    assert (gaps.type, gaps.items) == ("array", ())


def test_the_wire_origin_of_a_field_is_read() -> None:
    by_name = {field.name: field for field in load("kline").fields}

    assert by_name["open_time"].wire == ("k.t",)
    assert (by_name["open_time_us"].wire, by_name["open_time_us"].unit) == (("k.t",), "us")


def test_an_array_named_earlier_has_the_same_items() -> None:
    by_name = {field.name: field for field in load("depth-diff").fields}

    assert by_name["asks"].items == by_name["bids"].items


def test_an_unknown_kind_is_refused_with_those_there_are() -> None:
    with pytest.raises(Refused, match="trade"):
        load("trad")


BAD = {
    "type": "record",
    "name": "Bad",
    "doc": "x",
    "fields": [
        {"name": "symbol", "type": "string", "doc": "x", "wire": "s"},
        {"name": "open", "type": "string", "doc": "", "wire": "o"},
        {"name": "priceNow", "type": "float", "doc": "x"},
        {"name": "time_us", "type": "long", "doc": "x", "wire": "T"},
    ],
}


@pytest.mark.parametrize(
    "words",
    [
        "common head",
        "open: no doc",
        "SQL word",
        "'float'",
        "priceNow: no wire",
        "snake_case",
        "time_us: microseconds",
    ],
)
def test_the_lint_bites(words: str) -> None:
    found = lint.findings(parse("bad", json.dumps(BAD)))

    assert any(words in sentence for sentence in found), found
