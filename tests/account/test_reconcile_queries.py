"""What is asked of each product, and what it costs."""

import pytest

from connector.account.reconcile_queries import (
    memory_fault,
    picture_queries,
    predicted_weight,
    query,
)
from connector.binance.account_events.layout import AccountProduct
from connector.binance.account_queries import DAY_MS, QUERIES, queries_of

NOW_MS = 1_794_000_000_000
SPOT, USDM = QUERIES["spot"], QUERIES["usdm"]


@pytest.mark.parametrize(
    ("product", "names"),
    [
        ("spot", ["account", "open_orders"]),
        ("margin", ["account", "open_orders", "open_orders"]),
        ("usdm", ["balances", "positions", "open_orders", "open_algo_orders"]),
        ("coinm", ["balances", "positions", "open_orders", "open_algo_orders"]),
        ("options", ["account", "positions", "open_orders"]),
        ("portfolio_margin_pro", ["balances", "risk"]),
        ("margin_risk", ["risk"]),
        ("margin_uta", []),
        ("stocks", []),
    ],
)
def test_algo_orders_are_a_second_query_and_margin_names_each_symbol(
    product: AccountProduct, names: list[str]
) -> None:
    assert [each.name for each in picture_queries(queries_of(product), ("A", "B"))] == names


def test_each_market_of_portfolio_margin_is_asked() -> None:
    found = picture_queries(queries_of("portfolio_margin"), ("A", "UM:A", "CM:B"))

    assert [(each.market, each.name, dict(each.params)) for each in found] == [
        (None, "balances", {}),
        (None, "risk", {}),
        ("UM", "positions", {}),
        ("CM", "positions", {}),
        (None, "open_orders", {"symbol": "A"}),
        ("UM", "open_orders", {}),
        ("CM", "open_orders", {}),
        ("UM", "open_algo_orders", {}),
    ]


def test_an_isolated_symbol_is_asked_by_its_symbol() -> None:
    found = picture_queries(queries_of("margin", "A"), ("A:A",))

    assert [(each.name, dict(each.params)) for each in found] == [
        ("account", {"symbols": "A"}),
        ("open_orders", {"isIsolated": "TRUE", "symbol": "A"}),
    ]


def test_a_query_without_a_symbol_weighs_more() -> None:
    assert query(SPOT[0], "open_orders").weight == 80
    assert query(SPOT[0], "open_orders", symbol="A").weight == 6
    assert query(USDM[0], "fills", symbol="A").weight == 5


def test_the_weight_is_known_before() -> None:
    symbols = ("A", "B")

    assert predicted_weight("spot", symbols) == 2 * 100 + 2 * 40
    assert predicted_weight("usdm", symbols) == 2 * 90 + 30 + 2 * 15
    assert predicted_weight("margin", symbols) == 2 * 30 + 2 * 210
    assert predicted_weight("options", symbols) == 2 * 48 + 1 + 2 * 8
    markets = 20 + 20 + 5 + 45 + 41 + 40
    assert predicted_weight("portfolio_margin", ("A", "UM:A", "CM:B")) == (
        2 * markets + 60 + 105 + 15 + 40
    )


def test_a_break_longer_than_the_memory_is_told() -> None:
    assert memory_fault(USDM, NOW_MS - 2 * DAY_MS, NOW_MS) is None
    assert memory_fault(USDM, NOW_MS - 4 * DAY_MS, NOW_MS) == (
        "the exchange no longer shows orders older than 3 days"
    )
    assert memory_fault(USDM, NOW_MS - 91 * DAY_MS, NOW_MS) == (
        "the exchange no longer shows fills older than 90 days, orders older than 3 days"
    )
    assert memory_fault(SPOT, NOW_MS - 900 * DAY_MS, NOW_MS) is None
