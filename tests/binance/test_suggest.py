"""Suggestions for a name that no stream has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.catalogue import rows_of, subscribable
from connector.binance.products import PRODUCTS, Product
from connector.binance.suggest import nearest, nearest_elsewhere


@pytest.mark.parametrize(
    ("product", "name", "pattern"),
    [
        ("spot", "btcusdt@trades", "<symbol>@trade"),
        ("spot", "btcusdt@agg_trade", "<symbol>@aggTrade"),
        ("spot", "btcusdt@candle_1m", "<symbol>@kline_<interval>"),
        ("usdm", "btcusdt@liquidation", "<symbol>@forceOrder"),
        ("usdm", "btcusdt@funding", "<symbol>@markPrice[@1s]"),
        ("options", "btc-1@bbo", "<symbol>@bookTicker"),
    ],
)
def test_the_nearest_pattern_comes_first(product: Product, name: str, pattern: str) -> None:
    assert nearest(product, name)[0] == pattern


def test_the_symbol_does_not_count() -> None:
    assert nearest("spot", "trade@kline_1m") == nearest("spot", "btcusdt@kline_1m")


@given(st.sampled_from(PRODUCTS), st.text(max_size=20))
def test_three_patterns_that_can_be_subscribed_are_named(product: Product, name: str) -> None:
    known = {row.pattern for row in rows_of(product) if subscribable(row)}

    found = nearest(product, name)

    assert len(found) == 3
    assert set(found) <= known


def test_other_products_are_named_where_theirs_is_closer() -> None:
    assert nearest_elsewhere("spot", "btcusdt@forceOrders") == {
        "usdm": "<symbol>@forceOrder",
        "coinm": "<symbol>@forceOrder",
    }


@pytest.mark.parametrize("name", ["btcusdt@trades", "btcusdt@nothingOfTheKind"])
def test_no_other_product_is_named_where_none_is_closer(name: str) -> None:
    assert nearest_elsewhere("spot", name) == {}
