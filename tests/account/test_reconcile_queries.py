"""What is asked of each product, and what it costs."""

import pytest

from connector.account.reconcile_queries import (
    DAY_MS,
    QUERIES,
    memory_fault,
    picture_queries,
    predicted_weight,
    query,
)
from connector.binance.account_events import find_fact_layout
from connector.binance.account_events.layout import AccountProduct

NOW_MS = 1_794_000_000_000


@pytest.mark.parametrize(
    ("product", "names"),
    [
        ("spot", ["account", "open_orders"]),
        ("margin", ["account", "open_orders", "open_orders"]),
        ("usdm", ["balances", "positions", "open_orders", "open_algo_orders"]),
        ("coinm", ["balances", "positions", "open_orders"]),
    ],
)
def test_algo_orders_are_a_second_query_and_margin_names_each_symbol(
    product: AccountProduct, names: list[str]
) -> None:
    assert [each.name for each in picture_queries(product, ("A", "B"))] == names


def test_a_query_without_a_symbol_weighs_more() -> None:
    assert query("spot", "open_orders").weight == 80
    assert query("spot", "open_orders", symbol="A").weight == 6
    assert query("usdm", "fills", symbol="A").weight == 5


def test_the_weight_is_known_before() -> None:
    symbols = ("A", "B")

    assert predicted_weight("spot", symbols) == 2 * 100 + 2 * 40
    assert predicted_weight("usdm", symbols) == 2 * 90 + 30 + 2 * 10
    assert predicted_weight("margin", symbols) == 2 * 30 + 2 * 210


def test_a_break_longer_than_the_memory_is_told() -> None:
    assert memory_fault("usdm", NOW_MS - 2 * DAY_MS, NOW_MS) is None
    assert memory_fault("usdm", NOW_MS - 4 * DAY_MS, NOW_MS) == (
        "the exchange no longer shows orders older than 3 days"
    )
    assert memory_fault("usdm", NOW_MS - 91 * DAY_MS, NOW_MS) == (
        "the exchange no longer shows fills older than 90 days, orders older than 3 days"
    )
    assert memory_fault("spot", NOW_MS - 900 * DAY_MS, NOW_MS) is None


def test_the_rows_of_every_product_that_is_asked_have_layouts() -> None:
    facts = ("order_state", "fill", "balance_state")

    missing = [
        (product, fact)
        for product in QUERIES
        for fact in facts
        if find_fact_layout(product, fact) is None
    ]

    assert missing == []
