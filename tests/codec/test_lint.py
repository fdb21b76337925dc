"""Every .avsc keeps the rules, and a schema that breaks one is named with its field."""

import json
from typing import Any

import pytest

from connector.codec import lint
from connector.codec.schema import OWN, folder, kinds, load, parse


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_a_schema_keeps_every_rule(kind: str) -> None:
    assert lint.findings(load(kind)) == []


def findings(**attributes: Any) -> list[str]:
    """What is found in a good schema with one more field."""
    raw = json.loads((folder() / "trade.avsc").read_text())
    field = {"name": "venue", "type": "string", "doc": "x", "wire": "v", **attributes}
    return lint.findings(parse("trade", json.dumps({**raw, "fields": [*raw["fields"], field]})))


def test_a_field_more_breaks_no_rule() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"doc": ""}, "trade.venue: no doc"),
        ({"type": "float"}, "trade.venue: a float is not exact: write a decimal"),
        ({"name": "open"}, "trade.open: the name is an SQL word Flink rejects"),
        ({"name": "venueName"}, "trade.venueName: the name is not snake_case"),
        ({"name": "venue-name"}, "trade.venue-name: the name is not snake_case"),
        ({"wire": []}, "trade.venue: no wire key"),
        ({"name": "time_us", "type": "long"},
         "trade.time_us: microseconds and the suffix _us go together"),
        ({"unit": "us"}, "trade.venue: microseconds and the suffix _us go together"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_with_its_field(attributes: dict[str, Any], sentence: str) -> None:
    assert findings(**attributes) == [sentence]


def test_a_schema_without_the_common_head_is_found() -> None:
    raw = json.loads((folder() / "trade.avsc").read_text())
    raw["fields"] = raw["fields"][1:]

    [sentence] = lint.findings(parse("trade", json.dumps(raw)))

    assert sentence.startswith("trade: does not begin with the common head, but ('product', ")


def test_the_fields_of_an_arrays_records_keep_the_rules_too() -> None:
    raw = json.loads((folder() / "depth-diff.avsc").read_text())
    [bids] = [field for field in raw["fields"] if field["name"] == "bids"]
    bids["type"]["items"]["fields"][0]["doc"] = ""

    assert lint.findings(parse("depth-diff", json.dumps(raw))) == [
        "depth-diff.bids.price: no doc",
        "depth-diff.asks.price: no doc",
    ]


def test_our_own_records_need_no_head_and_no_wire_keys() -> None:
    raw = {"type": "record", "name": "Marker", "doc": "x", "fields": [
        {"name": "state", "type": "string", "doc": "x"},
    ]}  # fmt: skip

    assert lint.findings(parse("marker", json.dumps(raw))) == []
