"""Which queries about accounts the exchange has: paths, weights and windows as data. Pure.

Weights: docstrings of the official clients of 2026-10. Those of COIN-M are since its migration of
2026-06-30.
"""

from collections.abc import Callable
from typing import Any

from connector.lab.account import queries
from connector.lab.account.queries import DAY_MS, MOST_ROWS, AccountQuery, Asked

_DAY, _WEEK, _YEAR = DAY_MS, 7 * DAY_MS, 365 * DAY_MS


def _portfolio(
    market: str | None,
    path: str,
    answer: Callable[[Asked], Any],
    weight: int,
    weight_of_all: int | None = None,
    *,
    window_ms: int = 0,
    most_rows: int = MOST_ROWS,
) -> AccountQuery:
    """Return a query of portfolio margin."""
    at = f"/papi/v1{path}"
    return AccountQuery(
        "portfolio_margin", at, "", answer, weight, weight_of_all, window_ms, market, most_rows
    )


QUERIES: tuple[AccountQuery, ...] = (
    AccountQuery("spot", "/api/v3/account", "account.status", queries.account, 20),
    AccountQuery("spot", "/api/v3/openOrders", "openOrders.status", queries.open_orders, 6, 80),
    AccountQuery("spot", "/api/v3/allOrders", "allOrders", queries.all_orders, 20, window_ms=_DAY),
    AccountQuery("spot", "/api/v3/myTrades", "myTrades", queries.trades, 20, window_ms=_DAY),
    AccountQuery("margin", "/sapi/v1/margin/account", "", queries.account, 10),
    AccountQuery("margin", "/sapi/v1/margin/openOrders", "", queries.open_orders, 10, 100),
    AccountQuery(
        "margin",
        "/sapi/v1/margin/allOrders",
        "",
        queries.all_orders,
        200,
        window_ms=_DAY,
        most_rows=500,
    ),
    AccountQuery("margin", "/sapi/v1/margin/myTrades", "", queries.trades, 10, window_ms=_DAY),
    AccountQuery("usdm", "/fapi/v3/account", "account.status", queries.account, 5),
    AccountQuery("usdm", "/fapi/v3/balance", "account.balance", queries.balance, 5),
    AccountQuery("usdm", "/fapi/v3/positionRisk", "account.position", queries.positions, 5),
    AccountQuery("usdm", "/fapi/v1/openOrders", "", queries.open_orders, 1, 40),
    AccountQuery("usdm", "/fapi/v1/openAlgoOrders", "", queries.open_algo_orders, 1, 40),
    AccountQuery("usdm", "/fapi/v1/allOrders", "", queries.all_orders, 5, window_ms=_WEEK),
    AccountQuery("usdm", "/fapi/v1/allAlgoOrders", "", queries.all_algo_orders, 5, window_ms=_WEEK),
    AccountQuery("usdm", "/fapi/v1/userTrades", "", queries.trades, 5, window_ms=_WEEK),
    AccountQuery("usdm", "/fapi/v1/income", "", queries.income, 30, window_ms=_WEEK),
    AccountQuery("coinm", "/dapi/v1/account", "account.status", queries.account, 5),
    AccountQuery("coinm", "/dapi/v1/balance", "account.balance", queries.balance, 1),
    AccountQuery("coinm", "/dapi/v1/positionRisk", "account.position", queries.positions, 1),
    AccountQuery("coinm", "/dapi/v1/openOrders", "", queries.open_orders, 1, 40),
    AccountQuery("coinm", "/dapi/v1/openAlgoOrders", "", queries.open_algo_orders, 1, 40),
    AccountQuery(
        "coinm", "/dapi/v1/allAlgoOrders", "", queries.all_algo_orders, 5, window_ms=_WEEK
    ),
    AccountQuery(
        "coinm", "/dapi/v1/allOrders", "", queries.all_orders, 5, window_ms=_WEEK, most_rows=100
    ),
    AccountQuery("coinm", "/dapi/v1/userTrades", "", queries.trades, 5, window_ms=_WEEK),
    AccountQuery("coinm", "/dapi/v1/income", "", queries.income, 20, window_ms=_YEAR),
    AccountQuery("spot", "/api/v3/order", "", queries.order, 4),
    AccountQuery("margin", "/sapi/v1/margin/order", "", queries.order, 10),
    AccountQuery("margin", "/sapi/v1/margin/isolated/account", "", queries.isolated_account, 10),
    AccountQuery("usdm", "/fapi/v1/order", "", queries.order, 1),
    AccountQuery("coinm", "/dapi/v1/order", "", queries.order, 1),
    AccountQuery("options", "/eapi/v1/marginAccount", "", queries.account, 3),
    AccountQuery("options", "/eapi/v1/position", "", queries.option_positions, 5),
    AccountQuery("options", "/eapi/v1/openOrders", "", queries.open_orders, 1, 40),
    AccountQuery("options", "/eapi/v1/historyOrders", "", queries.history_orders, 3),
    AccountQuery("options", "/eapi/v1/userTrades", "", queries.option_trades, 5),
    AccountQuery("options", "/eapi/v1/order", "", queries.order, 1),
    AccountQuery("options", "/eapi/v1/bill", "", queries.bill, 1),
    _portfolio(None, "/balance", queries.portfolio_balance, 20),
    _portfolio(None, "/account", queries.risk, 20),
    _portfolio(None, "/margin/openOrders", queries.open_orders, 5, 100),
    _portfolio(None, "/margin/allOrders", queries.all_orders, 100, window_ms=_DAY, most_rows=500),
    _portfolio(None, "/margin/myTrades", queries.trades, 5, window_ms=_DAY),
    _portfolio(None, "/margin/order", queries.order, 10),
    _portfolio("UM", "/um/positionRisk", queries.positions, 5),
    _portfolio("UM", "/um/openOrders", queries.open_orders, 1, 40),
    _portfolio("UM", "/um/algo/openAlgoOrders", queries.open_algo_orders, 1, 40),
    _portfolio("UM", "/um/algo/allAlgoOrders", queries.all_algo_orders, 5, window_ms=_WEEK),
    _portfolio("UM", "/um/allOrders", queries.all_orders, 5, window_ms=_WEEK),
    _portfolio("UM", "/um/userTrades", queries.trades, 5, window_ms=_WEEK),
    _portfolio("UM", "/um/order", queries.order, 1),
    _portfolio("UM", "/um/income", queries.income, 30, window_ms=_WEEK),
    _portfolio("CM", "/cm/positionRisk", queries.positions, 1),
    _portfolio("CM", "/cm/openOrders", queries.open_orders, 1, 40),
    _portfolio("CM", "/cm/allOrders", queries.all_orders, 20, window_ms=_WEEK, most_rows=100),
    _portfolio("CM", "/cm/userTrades", queries.trades, 20, window_ms=_DAY),
    _portfolio("CM", "/cm/order", queries.order, 1),
    _portfolio("CM", "/cm/income", queries.income, 30, window_ms=200 * _DAY),
    AccountQuery(
        "portfolio_margin_pro", "/sapi/v1/portfolio/balance", "", queries.portfolio_balance, 20
    ),
    AccountQuery("portfolio_margin_pro", "/sapi/v1/portfolio/account", "", queries.risk, 5),
)
