"""Templates filled in with symbols."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.products import Product
from connector.binance.stream_name import parse
from connector.errors import Refused
from connector.planning.templates import (
    fill,
    forms_of_listing,
    forms_of_name,
    placeholders_of,
    trial,
    with_placeholders,
)
from tests.support.plan import listing


@pytest.mark.parametrize(
    ("product", "template", "symbols", "names"),
    [
        ("spot", "depth@100ms", ["BTCUSDT", "ETHUSDT"],
         ["btcusdt@depth@100ms", "ethusdt@depth@100ms"]),
        ("spot", "kline_1M", ["BTCUSDT"], ["btcusdt@kline_1M"]),
        ("spot", "!miniTicker@arr", [], ["!miniTicker@arr"]),
        ("spot", "btcusdt@trade", [], ["btcusdt@trade"]),
        ("spot", "btcusdt@trade", ["ETHUSDT"], ["btcusdt@trade"]),
        ("usdm", "tradingSession", [], ["tradingSession"]),
        ("usdm", "assetIndex", ["BTCUSD"], ["btcusd@assetIndex"]),
        ("options", "<underlying>@optionMarkPrice", ["BTCUSDT"], ["btcusdt@optionMarkPrice"]),
        ("coinm", "<pair>_perpetual@continuousKline_1m", ["BTCUSD"],
         ["btcusd_perpetual@continuousKline_1m"]),
    ],
)  # fmt: skip
def test_a_template_becomes_wire_names(
    product: Product, template: str, symbols: list[str], names: list[str]
) -> None:
    assert fill(product, template, [forms_of_name(symbol) for symbol in symbols]) == names


def test_each_name_comes_once_in_the_order_of_the_symbols() -> None:
    contracts = ("BTCUSDT", "BTCUSDT_261225", "ETHUSDT")
    forms = [forms_of_listing(listing("usdm", symbol)) for symbol in contracts]

    assert fill("usdm", "<pair>_perpetual@continuousKline_1m", forms) == [
        "btcusdt_perpetual@continuousKline_1m",
        "ethusdt_perpetual@continuousKline_1m",
    ]


@pytest.mark.parametrize(
    ("template", "symbols", "words"),
    [
        ("trade", [], "'trade' is a stream per symbol: give symbols"),
        ("<name>@trade", ["BTCUSDT"], "has <name>, which is none of <symbol>, <pair>"),
        ("<symbol>@trade<yymmdd>", ["BTCUSDT"], "<yymmdd> of '<symbol>@trade<yymmdd>' is filled"),
    ],
)
def test_what_cannot_be_filled_is_refused(template: str, symbols: list[str], words: str) -> None:
    with pytest.raises(Refused) as refused:
        fill("spot", template, [forms_of_name(symbol) for symbol in symbols])

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("product", "template", "placeholders"),
    [
        ("spot", "trade", ("symbol",)),
        ("spot", "!miniTicker@arr", ()),
        ("spot", "btcusdt@trade", ()),
        ("spot", "BTCUSDT@trade", ()),  # a full name, which `parse` refuses
        ("usdm", "tradingSession", ()),
        ("usdm", "assetIndex", ("asset",)),
        ("coinm", "indexPrice", ("pair",)),
        ("coinm", "markPrice", ("symbol",)),  # a pair has that stream too
        ("options", "optionMarkPrice", ("underlying",)),
        ("options", "<underlying>@openInterest@<yymmdd>", ("underlying", "yymmdd")),
        ("spot", "no such thing", ("symbol",)),
    ],
)
def test_what_a_template_lacks_is_known(
    product: Product, template: str, placeholders: tuple[str, ...]
) -> None:
    assert placeholders_of(product, template) == placeholders


@given(st.text("abcdefghij0123456789", min_size=1, max_size=12))
def test_a_symbol_filled_in_is_the_streams_symbol(symbol: str) -> None:
    [name] = fill("spot", "kline_1m", [forms_of_name(symbol.upper())])

    assert parse("spot", name).parameters == {"symbol": symbol, "interval": "1m"}


def test_a_listed_contract_has_every_form_and_a_perpetual_no_expiry() -> None:
    assert forms_of_listing(listing("coinm", "BTCUSD_261225")) == {
        "symbol": "btcusd_261225",
        "pair": "btcusd",
        "underlying": "btc",
        "asset": "btcusd",
        "contractType": "current_quarter",
        "yymmdd": "261225",
    }
    assert "yymmdd" not in forms_of_listing(listing("coinm", "BTCUSD_PERP"))


def test_a_spot_symbol_has_no_contract_type() -> None:
    assert "contractType" not in forms_of_listing(listing("spot", "BTCUSDT"))


def test_only_symbols_with_what_listings_alone_say_are_kept() -> None:
    perpetual = forms_of_listing(listing("coinm", "BTCUSD_PERP"))
    quarterly = forms_of_listing(listing("coinm", "BTCUSD_261225"))

    assert list(with_placeholders(["pair", "yymmdd"], [perpetual, quarterly])) == [quarterly]
    assert list(with_placeholders(["pair"], [perpetual, quarterly])) == [perpetual, quarterly]


@pytest.mark.parametrize(
    ("product", "template", "kind"),
    [
        ("spot", "trade", "trade"),
        ("options", "<underlying>@openInterest@<yymmdd>", "open-interest"),
        ("usdm", "<pair>_<contractType>@continuousKline_1m", "continuous-kline"),
        ("coinm", "!ticker@arr", "ticker"),
    ],
)
def test_a_trial_shows_what_a_template_is(product: Product, template: str, kind: str) -> None:
    assert trial(product, template).row.kind == kind


def test_a_trial_is_refused_in_the_words_of_the_template() -> None:
    with pytest.raises(Refused, match=r"^spot has no stream 'tradde'"):
        trial("spot", "tradde")
