"""Patterns matched against wire names and filled in again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.catalogue import ROWS
from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.binance.stream_pattern import fill_in, keyword, match, parameter_names, tail
from tests.support.catalogue import find


@pytest.mark.parametrize(
    ("name", "rest", "word"),
    [
        ("btcusdt@depth5@100ms", "depth5@100ms", "depth"),
        ("btcusdt@kline_1m", "kline_1m", "kline"),
        ("!ticker@arr", "!ticker@arr", "!ticker"),
        ("tradingSession", "tradingSession", "tradingSession"),
        ("btcusdt@", "btcusdt@", "btcusdt"),
        ("@", "@", ""),
    ],
)
def test_a_name_is_indexed_by_the_word_after_its_symbol(name: str, rest: str, word: str) -> None:
    assert (tail(name), keyword(name)) == (rest, word)


@pytest.mark.parametrize(
    ("product", "pattern", "names"),
    [
        ("spot", "<symbol>@depth<levels>[@100ms]", ("symbol", "levels", "speed")),
        ("spot", "!miniTicker@arr", ()),
        ("options", "<underlying>@openInterest@<yymmdd>", ("underlying", "yymmdd")),
    ],
)
def test_parameters_stand_from_left_to_right(
    product: Product, pattern: str, names: tuple[str, ...]
) -> None:
    assert parameter_names(find(product, pattern)) == names


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("btcusdt@depth20", {"symbol": "btcusdt", "levels": "20", "speed": ""}),
        ("btcusdt@depth20@100ms", {"symbol": "btcusdt", "levels": "20", "speed": "100ms"}),
        ("BTC*@depthX@7s", {"symbol": "BTC*", "levels": "X", "speed": "7s"}),  # values unchecked
        ("btcusdt@depth20@100ms@1s", None),
        ("a@b@depth20", None),
        ("btcusdt@trade", None),
    ],
)
def test_a_pattern_takes_a_name_apart_or_does_not_match(
    name: str, values: dict[str, str] | None
) -> None:
    assert match(find("spot", "<symbol>@depth<levels>[@100ms]"), name) == values


@pytest.mark.parametrize(
    ("speed", "name"), [("", "btcusdt@depth"), ("100ms", "btcusdt@depth@100ms")]
)
def test_an_optional_parameter_may_be_left_out(speed: str, name: str) -> None:
    row = find("usdm", "<symbol>@depth[@<speed>]")

    assert fill_in(row, {"symbol": "btcusdt", "speed": speed}) == name


@given(st.sampled_from(ROWS), st.data())
def test_what_is_filled_in_is_matched_again(row: Row, data: st.DataObject) -> None:
    texts = st.text("abcdefghij0123456789币", min_size=1, max_size=8)
    values = {name: data.draw(texts, label=name) for name in parameter_names(row)}
    if "levels" in values:  # digits behind a word: `depth` and `5`
        values["levels"] = data.draw(st.sampled_from(row.parameters["levels"]))

    assert match(row, fill_in(row, values)) == values
