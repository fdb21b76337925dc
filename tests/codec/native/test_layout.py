"""Layouts: what compiled code is told of a codec."""

import pytest

from connector.binance.catalogue import ROWS
from connector.codec import decoder
from connector.codec.compile import Codec
from connector.codec.native.layout import FieldOp, Layout, Source, WireKey
from connector.codec.schema import kinds, load
from connector.feed.route import Codecs, codec_of

# Kinds with a decimal that is a JSON number, an array of texts, or a symbol made from the event.
LEFT_TO_PYTHON = {"contract-info", "option-symbol", "trading-session"}


def layout(kind: str, unit: str = "ms", symbol: str = "wire") -> Layout:
    made = Codec(load(kind), "event_time", unit, symbol).layout
    assert made is not None
    return made


def key(layout: Layout, name: str) -> WireKey:
    [found] = [key for key in layout.keys if key.name == name]
    return found


def op(layout: Layout, kind: str, name: str) -> FieldOp:
    """Return the op of a field behind the head."""
    after_receipt = [field.name for field in load(kind).fields].index("extra")
    position = [field.name for field in load(kind).fields].index(name)
    extra = [field.op for field in layout.fields].index("extra")
    return layout.fields[extra + position - after_receipt]


def test_all_kinds_but_the_named_ones_have_a_layout() -> None:
    codecs: Codecs = {}
    rows = [row for row in ROWS if row.status != "event"]
    without = {row.kind for row in rows if codec_of(row, "ms", codecs).layout is None}

    assert without == LEFT_TO_PYTHON
    assert {row.kind for row in rows} - without == set(kinds()) - LEFT_TO_PYTHON


def test_a_key_has_the_form_and_the_bounds_that_the_decoder_has() -> None:
    trade = layout("trade")

    assert (key(trade, "p").form, key(trade, "p").required) == ("text", True)
    assert (key(trade, "t").form, key(trade, "t").least) == ("integer", -(2**63))
    assert (key(trade, "T").least, key(trade, "T").most) == decoder.TIME_RANGES["ms"]
    assert key(trade, "m").form == "boolean"


def test_a_time_in_microseconds_is_written_in_both_units() -> None:
    in_us = layout("trade", "us")
    slot = key(in_us, "T").slot

    assert op(in_us, "trade", "trade_time").source == Source((slot,), in_us=True)
    assert op(in_us, "trade", "trade_time_us").source == Source((slot,))
    assert op(layout("trade"), "trade", "trade_time_us") == FieldOp("null", nullable=True)


def test_of_several_keys_the_slots_are_in_the_order_of_the_schema() -> None:
    for kind in set(kinds()) - LEFT_TO_PYTHON:
        made = layout(kind)
        for field in load(kind).fields:
            if len(field.wire) > 1 and field.unit == "ms" and field.name != "symbol":
                assert len(op(made, kind, field.name).source.slots) == len(field.wire)


def test_pairs_and_objects_in_arrays_have_ops_of_their_own() -> None:
    bids = key(layout("depth-diff"), "b")

    assert (bids.form, [place.form for place in bids.keys]) == ("pairs", ["text", "text"])
    assert [item.op for item in bids.items] == ["decimal", "decimal"]
    assert [item.source.slots for item in bids.items] == [(0,), (1,)]


def test_a_nested_object_has_its_keys_below_it() -> None:
    candle = key(layout("kline"), "k")

    assert (candle.form, candle.required) == ("object", True)
    assert {"t", "T", "o", "c"} <= {below.name for below in candle.keys}


def test_ignored_keys_have_no_slot_in_a_field() -> None:
    for kind in set(kinds()) - LEFT_TO_PYTHON:
        ignored = {path for path in load(kind).ignored if "." not in path}
        assert {key(layout(kind), name).form for name in ignored} <= {"ignored"}


def test_a_learned_key_makes_another_layout_with_the_key() -> None:
    codec = Codec(load("trade"), "event_time")
    before = codec.layout
    codec.decode_slowly(
        b'{"e":"trade","E":1,"s":"X","t":1,"p":"1","q":"1","T":1,"m":true,"zz":[1]}'
    )

    after = codec.layout
    assert before is not None
    assert after is not None
    assert after is not before
    slot = key(after, "zz").slot
    assert (before.learned, after.learned) == ((), (("zz", slot),))
    assert key(after, "zz").form == "learned"


@pytest.mark.parametrize(("rule", "has_symbol"), [("wire", True), ("stream", False)])
def test_the_symbol_is_read_where_the_rule_says_so(rule: str, has_symbol: bool) -> None:
    assert (layout("trade", symbol=rule).symbol is not None) == has_symbol


def test_the_ids_of_an_event_are_those_of_its_span() -> None:
    span = ("first_update_id", "last_update_id", "previous_update_id", None)
    made = Codec(load("depth-diff"), "event_time", "ms", "wire", span).layout

    assert made is not None
    ids = (made.first, made.last, made.previous)
    assert ids == tuple(Source((key(made, name).slot,)) for name in ("U", "u", "pu"))
    assert made.is_final is None
