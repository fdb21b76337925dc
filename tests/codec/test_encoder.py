"""The source that is generated: one expression a field. Its bytes are judged in test_compile.py."""

import ast

import pytest

from connector.codec.encoder import NO_SPAN, encoder_source
from connector.codec.schema import kinds, load

DEPTH_SPAN = ("first_update_id", "last_update_id", "previous_update_id", None)
CANDLE_SPAN = ("open_time", "close_time", "event_time", "is_closed")


def source(kind: str, unit: str = "ms", record_time: str = "receive_time", symbol: str = "wire",
           span: tuple[str, str, str | None, str | None] = NO_SPAN, *,
           learned: bool = False) -> dict[str, str]:  # fmt: skip
    """The statements of each generated function, by its name."""
    text = encoder_source(load(kind), unit, record_time, symbol, span, learned=learned)
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.unparse(node.body[-1]) for node in functions}


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("unit", ["ms", "us"])
def test_every_kind_has_the_seven_functions(kind: str, unit: str) -> None:
    assert source(kind, unit).keys() >= {
        "encode", "symbol", "symbol_type", "record_time", "span", "observe", "offer",
    }  # fmt: skip


def test_head_fields_are_passed_in_and_the_others_encoded_in_order() -> None:
    encode = source("trade")["encode"]

    assert encode.startswith("return JOIN((prefix, ")
    assert encode.index("receipt") < encode.index("m.t") < encode.index("m.p")
    assert encode.count("prefix") == encode.count("receipt") == 1


def test_extra_is_null_at_once_until_a_key_is_learned() -> None:
    assert "b'\\x00' if m.extra_ is None else EXTRA(m)" in source("trade")["encode"]
    assert "EXTRA(m)" in source("trade", learned=True)["encode"]
    assert "m.extra_" not in source("trade", learned=True)["encode"]


@pytest.mark.parametrize(
    ("rule", "value"),
    [("wire", "return m.s"), ("symbol", "return None"), ("const:X", "return None")],
)
def test_the_symbol_is_read_where_the_rule_says_wire(rule: str, value: str) -> None:
    assert source("trade", symbol=rule)["symbol"] == value


def test_a_market_is_made_from_the_event_type() -> None:
    assert source("trading-session", symbol="event")["symbol"] == "return MARKET(m.e)"


def test_the_record_time_is_in_milliseconds_or_none() -> None:
    assert source("trade", record_time="trade_time")["record_time"] == "return m.T"
    assert source("trade", "us", "trade_time")["record_time"] == "return m.T // 1000"
    assert source("trade")["record_time"] == "return None"


def test_the_symbol_type_is_none_where_the_kind_has_none() -> None:
    assert source("trade")["symbol_type"] != "return None"
    assert source("avg-price")["symbol_type"] == "return None"


def test_ids_are_passed_without_those_that_are_missing_at_the_end() -> None:
    trade = source("trade", span=("trade_id", "trade_id", None, None))
    depth = source("depth-diff", span=DEPTH_SPAN)

    assert trade["observe"] == "return tracker.observe(m.t, m.t)"
    assert trade["offer"] == "return arbiter.offer(feed, m.t, m.t, None, item, now)"
    assert depth["observe"].endswith("m.u, m.pu)")
    assert depth["span"].endswith("m.u)")


def test_a_candle_is_observed_with_its_event_time_and_whether_it_is_closed() -> None:
    candle = source("kline", span=CANDLE_SPAN)

    assert candle["observe"] == "return tracker.observe(m.k.t, m.k.T, m.E, m.k.x)"
    assert candle["offer"] == "return arbiter.offer(feed, m.k.t, m.k.T, m.E, item, now, m.k.x)"


def test_a_kind_without_ids_is_observed_by_zeros() -> None:
    assert source("trade")["observe"] == "return tracker.observe(0, 0)"
