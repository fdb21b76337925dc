"""The queries of every product: their rows have layouts, and what is asked by id has an id."""

from typing import get_args

import pytest

from connector.binance.account_events import find_fact_layout
from connector.binance.account_events.layout import AccountProduct
from connector.binance.account_queries import QUERIES, UNKNOWABLE, QueryName, queries_of


@pytest.mark.parametrize("product", QUERIES)
def test_the_rows_of_every_product_that_is_asked_have_layouts(product: AccountProduct) -> None:
    facts: dict[QueryName, str] = {
        "orders": "order_state",
        "fills": "fill",
        "account": "balance_state",
        "balances": "balance_state",
        "positions": "position_state",
        "risk": "risk_state",
    }
    asked = {name for market in QUERIES[product] for name in market.kinds}

    missing = [
        fact
        for name, fact in facts.items()
        if name in asked and find_fact_layout(product, fact) is None
    ]

    assert missing == []


def test_every_product_is_asked_or_says_why_its_breaks_stay_open() -> None:
    products = set(get_args(AccountProduct))
    with_orders = {
        product for product in QUERIES if any(each.has_orders for each in QUERIES[product])
    }

    assert with_orders | UNKNOWABLE.keys() == products
    assert with_orders & UNKNOWABLE.keys() == set()


def test_orders_by_id_have_a_parameter_for_it() -> None:
    without = [
        (product, name)
        for product, markets in QUERIES.items()
        for market in markets
        for name, kind in market.kinds.items()
        if name in ("order", "algo_orders") and not kind.id_param
    ]

    assert without == []


def test_an_isolated_symbol_is_a_market_of_its_own() -> None:
    [asked] = queries_of("margin", "BTCUSDT")

    assert asked.market == "BTCUSDT"
    assert asked.kinds["fills"].params == {"isIsolated": "TRUE"}
    assert asked.kinds["fills"].weight == QUERIES["margin"][0].kinds["fills"].weight
