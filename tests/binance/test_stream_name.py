"""Wire names: parsed, printed, refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.catalogue.row import Row
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream, example, parse
from connector.binance.stream_pattern import fill_in, parameter_names
from connector.errors import Refused
from tests.support.catalogue import find
from tests.support.effort import lines_run

SERVED = [row for row in ROWS if subscribable(row)]

# Letters, digits and what non-ASCII listings bring; nothing that has an upper case here.
LETTERS = st.text("abcdefghijklmnopqrstuvwxyz0123456789币安人生", min_size=1, max_size=12)
SYMBOLS = {
    "spot": LETTERS,
    "usdm": st.one_of(LETTERS, LETTERS.map("{}_260327".format)),
    "coinm": LETTERS.map("{}_perp".format),
    "options": LETTERS.map("{}-251226-120000-c".format),
}


def refusal(product: Product, name: str) -> str:
    with pytest.raises(Refused) as caught:
        parse(product, name)
    return str(caught.value)


def a_name_of(row: Row) -> st.SearchStrategy[str]:
    values: dict[str, st.SearchStrategy[str]] = {}
    for parameter in parameter_names(row):
        if parameter in row.parameters:
            values[parameter] = st.sampled_from(row.parameters[parameter])
        elif parameter == "symbol":
            values[parameter] = SYMBOLS[row.product]
        elif parameter == "yymmdd":
            values[parameter] = st.text("0123456789", min_size=6, max_size=6)
        else:
            values[parameter] = LETTERS
    return st.fixed_dictionaries(values).map(lambda drawn: fill_in(row, drawn))


every_served_row = pytest.mark.parametrize(
    "row", SERVED, ids=lambda row: f"{row.product} {row.pattern}"
)


@every_served_row
@settings(max_examples=20)
@given(st.data())
def test_a_name_parses_to_its_row_and_prints_as_it_was(row: Row, data: st.DataObject) -> None:
    name = data.draw(a_name_of(row))
    stream = parse(row.product, name)
    assert stream.row is row
    assert stream.name == name
    assert set(stream.parameters) == set(parameter_names(row))


@every_served_row
def test_the_example_of_a_row_parses_to_that_row(row: Row) -> None:
    stream = parse(row.product, example(row))
    assert (stream.product, stream.row, stream.name) == (row.product, row, example(row))


@pytest.mark.parametrize(
    ("product", "name", "pattern", "parameters"),
    [
        ("spot", "btcusdt@depth", "<symbol>@depth[@100ms]", {"symbol": "btcusdt", "speed": ""}),
        (
            "spot",
            "btcusdt@depth20@100ms",
            "<symbol>@depth<levels>[@100ms]",
            {"symbol": "btcusdt", "levels": "20", "speed": "100ms"},
        ),
        (
            "spot",
            "btcusdt@kline_1M@+08:00",
            "<symbol>@kline_<interval>@+08:00",
            {"symbol": "btcusdt", "interval": "1M"},
        ),
        ("spot", "!ticker_4h@arr", "!ticker_<window>@arr", {"window": "4h"}),
        ("spot", "币安人生usdt@trade", "<symbol>@trade", {"symbol": "币安人生usdt"}),
        (
            "usdm",
            "btcusdt_260327@depth@0ms",
            "<symbol>@depth[@<speed>]",
            {"symbol": "btcusdt_260327", "speed": "0ms"},
        ),
        (
            "usdm",
            "btcusdt_current_quarter@continuousKline_1s",
            "<pair>_<contractType>@continuousKline_<interval>",
            {"pair": "btcusdt", "contractType": "current_quarter", "interval": "1s"},
        ),
        ("usdm", "tradingSession", "tradingSession", {}),
        ("usdm", "!markPrice@arr@1s", "!markPrice@arr[@1s]", {"speed": "1s"}),
        (
            "coinm",
            "btcusd_perp@markPrice",
            "<symbol>@markPrice[@1s]",
            {"symbol": "btcusd_perp", "speed": ""},
        ),
        (
            "coinm",
            "btcusd@markPrice@1s",
            "<pair>@markPrice[@1s]",
            {"pair": "btcusd", "speed": "1s"},
        ),
        (
            "options",
            "btc-251123-126000-c@optionTrade",
            "<symbol>@optionTrade",
            {"symbol": "btc-251123-126000-c"},
        ),
        (
            "options",
            "btcusdt@optionTrade",
            "<underlying>@optionTrade",
            {"underlying": "btcusdt"},
        ),
        (
            "options",
            "btcusdt@optionTicker@251230",
            "<underlying>@optionTicker@<yymmdd>",
            {"underlying": "btcusdt", "yymmdd": "251230"},
        ),
    ],
)
def test_a_name_means_one_row(
    product: Product, name: str, pattern: str, parameters: dict[str, str]
) -> None:
    assert parse(product, name) == Stream(product, find(product, pattern), parameters)


def test_streams_are_equal_and_hash_equal_by_name() -> None:
    names = ["btcusdt@trade", "ethusdt@trade", "btcusdt@trade"]
    assert len({parse("spot", name) for name in names}) == 2
    assert parse("spot", "btcusdt@trade") != parse("usdm", "btcusdt@trade")


def test_only_a_payload_without_symbol_takes_it_from_the_name() -> None:
    assert parse("spot", "btcusdt@depth5").symbol == "BTCUSDT"
    assert parse("spot", "btcusdt@depth").symbol is None
    assert parse("usdm", "tradingSession").symbol is None


def test_ten_thousand_names_are_parsed_in_well_under_a_second() -> None:
    names = [f"a{number}usdt@depth20@100ms" for number in range(100)]

    # 63 lines are 13 us: no search through all patterns (measured 2026-11-30).
    assert lines_run(lambda: [parse("usdm", name) for name in names]) < 150 * len(names)


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "date", "successor"),
    [
        ("!ticker@arr", "2026-03-26", "!miniTicker@arr or <symbol>@ticker"),
        ("!bookTicker", "2022-12-07", "<symbol>@bookTicker"),
    ],
)
def test_a_retired_stream_is_refused_with_date_and_successor(
    name: str, date: str, successor: str
) -> None:
    assert refusal("spot", name) == f"'{name}' was retired by Binance on {date}; use {successor}"


@pytest.mark.parametrize("name", ["!serverShutdown", "serverShutdown", "btcusdt@serverShutdown"])
@pytest.mark.parametrize("product", ["spot", "usdm"])
def test_an_event_is_no_subscription(product: Product, name: str) -> None:
    expected = f"{name!r} is an event, not a subscription: Binance sends it by itself"
    assert refusal(product, name) == expected


def test_upper_case_is_refused_with_the_name_that_works() -> None:
    assert refusal("spot", "BTCUSDT@aggTrade") == (
        "'BTCUSDT@aggTrade': write it in lower case, 'btcusdt@aggTrade'; Binance acknowledges "
        "upper case and then sends nothing"
    )


@pytest.mark.parametrize(
    ("product", "name", "nearest"),
    [
        ("usdm", "btcusdt@aggtrade", "<symbol>@aggTrade, <symbol>@trade"),
        ("spot", "aggTrade", "<symbol>@aggTrade, <symbol>@trade, <symbol>@blockTrade"),
        ("spot", "!miniticker@arr", "!miniTicker@arr"),
        ("coinm", "btcusd@indexPrice@1s", "<pair>@indexPrice"),
        ("spot", "btcusdt@kline_1m@+09:00", "<symbol>@kline_<interval>@+08:00"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_patterns(
    product: Product, name: str, nearest: str
) -> None:
    message = refusal(product, name)
    assert message.startswith(f"{product} has no stream '{name}'; nearest: {nearest}")
    assert message.count(", ") == 2


def test_a_retired_pattern_is_never_suggested() -> None:
    ours, _, others = refusal("spot", "!tickers@arr").partition(". But ")

    assert "!ticker@arr" not in ours
    assert others == "usdm has !ticker@arr and coinm has !ticker@arr"


@pytest.mark.parametrize(
    ("product", "name", "pattern"),
    [
        ("spot", "btcusdt@candle_1m", "<symbol>@kline_<interval>"),
        ("spot", "btcusdt@ohlcv_5m", "<symbol>@kline_<interval>"),
        ("spot", "btcusdt@orderbook", "<symbol>@depth[@100ms]"),
        ("spot", "btcusdt@agg_trade", "<symbol>@aggTrade"),
        ("spot", "btcusdt@bbo", "<symbol>@bookTicker"),
        ("usdm", "btcusdt@liquidations", "<symbol>@forceOrder"),
        ("usdm", "btcusdt@fundingRate", "<symbol>@markPrice[@1s]"),
    ],
)
def test_what_a_stream_is_called_elsewhere_finds_it(
    product: Product, name: str, pattern: str
) -> None:
    assert f"; nearest: {pattern}, " in refusal(product, name)


def test_a_misspelt_stream_of_another_product_is_named() -> None:
    assert refusal("spot", "btcusdt@markprice@1s").endswith(
        ". But usdm has <symbol>@markPrice[@1s] and coinm has <symbol>@markPrice[@1s]"
    )


def test_a_name_of_another_product_is_refused_with_that_product() -> None:
    assert refusal("spot", "btcusdt@forceOrder").endswith(". But usdm has it")
    assert refusal("coinm", "btcusd_perp@rpiDepth@500ms").endswith(". But usdm has it")


@pytest.mark.parametrize(
    ("product", "name", "reason"),
    [
        ("options", "btc-251226-1-c@kline_8h", "interval '8h' is none of 1m, 3m, 5m, 15m, "),
        ("usdm", "btcusdt@kline_1s", "interval '1s' is none of 1m, "),
        ("usdm", "btcusdt@depth@250ms", "speed '250ms' is none of (left out), 500ms, 100ms, 0ms"),
        ("spot", "btcusdt@depth7", "levels '7' is none of 5, 10, 20"),
        ("spot", "btcusdt@depth@100ms\n", "speed '100ms\\n' is none of (left out), 100ms"),
        ("options", "btcusdt@openInterest@25123", "expiry '25123' is not six digits yymmdd"),
        ("spot", "<symbol>@trade", "symbol '<symbol>' has '<', which no symbol has"),
        ("spot", "btc*@trade", "symbol 'btc*' has '*', which no symbol has"),
        ("spot", "btc usdt@trade", "symbol 'btc usdt' has ' ', which no symbol has"),
        ("spot", "a/b@trade", "symbol 'a/b' has '/', which no symbol has"),
        (
            "coinm",
            "btcusd@aggTrade",
            "'btcusd' is a pair, and this stream takes a symbol such as btcusd_perp",
        ),
        (
            "coinm",
            "btcusd_perp@indexPrice",
            "'btcusd_perp' is a symbol, and this stream takes a pair such as btcusd",
        ),
        (
            "options",
            "btcusdt@bookTicker",
            "'btcusdt' is an underlying, and this stream takes a symbol such as "
            "btc-251226-120000-c",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_wrong_about_it(
    product: Product, name: str, reason: str
) -> None:
    message = refusal(product, name)
    assert f"({reason}" in message
    assert "; nearest: " in message


@given(
    st.sampled_from(PRODUCTS), st.text("!@_-<>[]0159: \n\x00depthklinetradeARTİß币", max_size=30)
)
def test_any_text_is_parsed_or_refused(product: Product, text: str) -> None:
    try:
        stream = parse(product, text)
    except Refused:
        return
    assert stream.name == text


@pytest.mark.parametrize("name", ["btc/usdt@trade", "btc/usdt:usdt@trade"])
def test_a_symbol_in_another_tools_notation_is_refused_with_its_cure(name: str) -> None:
    assert "which no symbol has: write btcusdt" in refusal("usdm", name)


def test_a_name_too_long_for_any_request_is_refused() -> None:
    with pytest.raises(
        Refused, match=r"^'xxx.*'\.\.\. has 606 bytes: no stream's name has over 500"
    ):
        parse("spot", "x" * 600 + "@trade")
