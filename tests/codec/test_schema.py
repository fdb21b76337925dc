"""The .avsc files, and what is read from one."""

import json

import fastavro
import pytest

from connector.binance.catalogue import ROWS
from connector.codec.schema import (
    ACCOUNT_TOPICS,
    OWN,
    OWN_TOPICS,
    RestSource,
    kinds,
    load,
    own_topics,
    parse,
)
from connector.errors import Refused


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_what_is_registered_is_plain_avro(kind: str) -> None:
    text = load(kind).text

    fastavro.parse_schema(json.loads(text))
    assert not any(f'"{word}":' in text for word in ("wire", "unit", "rest"))


def test_our_own_records_are_no_kinds_of_streams() -> None:
    assert set(kinds()) == {row.kind for row in ROWS if row.kind}
    names = ["Marker", "Progress", "Checkpoint", "AccountEvent", "AccountMarker", "AccountProgress"]
    assert [load(name).name for name in OWN] == names


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


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        ("trad", "did you mean 'trade'"),
        ("nothing", "kinds: agg-trade, .*, account-progress$"),
    ],
)
def test_an_unknown_kind_is_refused_with_the_one_that_is_meant_or_all(kind: str, cure: str) -> None:
    with pytest.raises(Refused, match=f"there is no kind '{kind}'; {cure}"):
        load(kind)


def test_our_own_topics_stand_behind_the_prefix() -> None:
    assert own_topics("test.binance") == {
        "test.binance.markers": "marker",
        "test.binance.progress": "progress",
        "test.binance.checkpoints": "checkpoint",
    }
    assert (*OWN_TOPICS.values(), *ACCOUNT_TOPICS.values()) == OWN


def field(**attributes: object) -> str:
    """The text of a schema with one field."""
    fields = [{"name": "f", "type": "string", "doc": "x", **attributes}]
    return json.dumps({"type": "record", "name": "R", "doc": "d", "fields": fields})


@pytest.mark.parametrize(
    ("avro", "name", "nullable"),
    [
        ("long", "long", False),
        (["null", "string"], "string", True),
        ({"type": "long", "logicalType": "timestamp-millis"}, "timestamp-millis", False),
        (["null", {"type": "bytes", "logicalType": "decimal"}], "decimal", True),
    ],
)
def test_the_type_of_a_field_is_its_logical_one(avro: object, name: str, nullable: bool) -> None:
    [found] = parse("r", field(type=avro)).fields

    assert (found.type, found.nullable) == (name, nullable)


@pytest.mark.parametrize(
    ("rest", "sources"),
    [
        ("id", [RestSource("id")]),
        (5, [RestSource(5)]),
        (["tradeId", "id"], [RestSource("tradeId"), RestSource("id")]),
        ("<interval>", [RestSource(parameter="interval")]),
        ({"always": True}, [RestSource(always=True)]),
        ({"key": "side", "as": {"-1": "SELL"}}, [RestSource("side", values={"-1": "SELL"})]),
    ],
)
def test_every_form_of_a_rest_source_is_read(rest: object, sources: list[RestSource]) -> None:
    [found] = parse("r", field(rest=rest)).fields

    assert list(found.rest) == sources


def test_the_fields_of_a_nullable_record_are_its_items() -> None:
    [fill] = [field for field in load("account-event").fields if field.name == "fill"]

    assert (fill.type, fill.nullable) == ("record", True)
    assert [item.name for item in fill.items][:2] == ["quantity", "price"]
