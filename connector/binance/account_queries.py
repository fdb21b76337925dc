"""Queries about an account as data: paths, weights, windows and memory. Pure.

Source: docstrings of the official clients of 2026-10 (margin 8.9.0, USD-M 18.1.0, COIN-M 14.1.0,
options 8.7.0, portfolio margin 16.1.0 and pro 9.1.0), rest-api.md of binance-spot-api-docs
(2026-07-21); most rows of an answer: account pages of developers.binance.com (2026-01). The
exchange's own count corrects a weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from connector.binance.account_events.layout import AccountProduct

QueryName = Literal[
    "account",
    "balances",
    "risk",
    "positions",
    "open_orders",
    "open_algo_orders",
    "income",
    "fills",
    "orders",
    "order",
    "algo_orders",
]
DAY_MS = 24 * 3_600_000
FUTURES_WINDOW_MS = 7 * DAY_MS - 1  # "less than 7 days"
# Futures: unfilled orders that were cancelled or expired vanish after 3 days; fills and income
# after 3 months (90 days are on the safe side). Options list what ended within 5 days.
_ORDER_MEMORY_MS, _FILL_MEMORY_MS, _OPTIONS_ORDER_MEMORY_MS = 3 * DAY_MS, 90 * DAY_MS, 5 * DAY_MS
_ISOLATED: Mapping[str, str | int] = {"isIsolated": "TRUE"}


@dataclass(frozen=True, slots=True)
class QueryKind:
    """What one query costs, and how far back it sees.

    Attributes:
        path: Of REST.
        method: Of the WS API; "": only REST has it (order.status is not called: see
            binance/wsapi_methods.py).
        weight: Request weight of a call.
        weight_of_all: Weight of a call without a symbol; None: it needs a symbol, or takes none.
        rows: Most rows in an answer.
        window_ms: Longest time between `startTime` and `endTime`.
        memory_ms: What is older is not shown; None: no end is known.
        id_param: Parameter of the first id that is wanted; "": rows are asked for by time alone.
        params: Sent with every call.
        is_certain: False: the pages of 2026-11 do not describe it. Where its path turns out not to
            exist (404), there are no such rows.
    """

    path: str
    weight: int
    weight_of_all: int | None = None
    method: str = ""
    rows: int = 1000
    window_ms: int = DAY_MS
    memory_ms: int | None = None
    id_param: str = ""
    params: Mapping[str, str | int] = field(default_factory=dict)
    is_certain: bool = True


Queries = Mapping[QueryName, QueryKind]


@dataclass(frozen=True, slots=True)
class MarketQueries:
    """The queries of one market of a product.

    Attributes:
        market: UM or CM of portfolio margin, the symbol of isolated margin; None: the product has
            one market, or its margin part.
    """

    market: str | None
    kinds: Queries

    @property
    def has_orders(self) -> bool:
        """Whether orders and fills can be asked for."""
        return "fills" in self.kinds

    @property
    def names_movers(self) -> bool:
        """Whether income names the symbols that something happened on."""
        return "income" in self.kinds


def _fills(path: str, weight: int, method: str = "", **options: int) -> QueryKind:
    return QueryKind(path, weight, method=method, id_param="fromId", **options)  # type: ignore[arg-type]


def _orders(path: str, weight: int, method: str = "", **options: int) -> QueryKind:
    return QueryKind(path, weight, method=method, id_param="orderId", **options)  # type: ignore[arg-type]


def _futures(base: str, *, is_coinm: bool, fills_window_ms: int) -> Queries:
    """Return what USD-M, COIN-M and the futures of portfolio margin have in common."""
    weight, rows = (20, 100) if is_coinm else (5, 1000)
    week, memory = FUTURES_WINDOW_MS, _FILL_MEMORY_MS
    return {
        "open_orders": QueryKind(f"{base}/openOrders", 1, 40),
        "income": QueryKind(f"{base}/income", 30, window_ms=week, memory_ms=memory),
        "fills": _fills(f"{base}/userTrades", weight, window_ms=fills_window_ms, memory_ms=memory),
        "orders": _orders(
            f"{base}/allOrders", weight, rows=rows, window_ms=week, memory_ms=_ORDER_MEMORY_MS
        ),
        "order": _orders(f"{base}/order", 1, memory_ms=_ORDER_MEMORY_MS),
    }


def _algo(base: str, *, is_certain: bool = True) -> Queries:
    """Return the queries of conditional orders; open ones are not in openOrders."""
    return {
        "open_algo_orders": QueryKind(f"{base}/openAlgoOrders", 1, 40, is_certain=is_certain),
        "algo_orders": QueryKind(
            f"{base}/allAlgoOrders",
            5,
            window_ms=FUTURES_WINDOW_MS,
            id_param="algoId",
            is_certain=is_certain,
        ),
    }


# openOrders without a symbol weighs as much as there are symbols.
_MARGIN: Queries = {
    "account": QueryKind("/sapi/v1/margin/account", 10),
    "open_orders": QueryKind("/sapi/v1/margin/openOrders", 10),
    "fills": _fills("/sapi/v1/margin/myTrades", 10),
    "orders": _orders("/sapi/v1/margin/allOrders", 200, rows=500),
    "order": _orders("/sapi/v1/margin/order", 10),
}
_PORTFOLIO_MARGIN: Queries = {
    "balances": QueryKind("/papi/v1/balance", 20),  # of all three markets
    "risk": QueryKind("/papi/v1/account", 20),
    "open_orders": QueryKind("/papi/v1/margin/openOrders", 5),
    "fills": _fills("/papi/v1/margin/myTrades", 5),
    "orders": _orders("/papi/v1/margin/allOrders", 100, rows=500),
    "order": _orders("/papi/v1/margin/order", 10),
}
QUERIES: Mapping[AccountProduct, tuple[MarketQueries, ...]] = {
    "spot": (
        MarketQueries(
            None,
            {
                "account": QueryKind("/api/v3/account", 20, method="account.status"),
                "open_orders": QueryKind("/api/v3/openOrders", 6, 80, "openOrders.status"),
                "fills": _fills("/api/v3/myTrades", 20, "myTrades"),
                "orders": _orders("/api/v3/allOrders", 20, "allOrders"),
                "order": _orders("/api/v3/order", 4),
            },
        ),
    ),
    "margin": (MarketQueries(None, _MARGIN),),
    "margin_risk": (MarketQueries(None, {"risk": QueryKind("/sapi/v1/margin/account", 10)}),),
    "usdm": (
        MarketQueries(
            None,
            {
                "balances": QueryKind("/fapi/v3/balance", 5, method="v2/account.balance"),
                "positions": QueryKind("/fapi/v3/positionRisk", 5, method="v2/account.position"),
                **_futures("/fapi/v1", is_coinm=False, fills_window_ms=FUTURES_WINDOW_MS),
                **_algo("/fapi/v1"),
            },
        ),
    ),
    "coinm": (
        MarketQueries(
            None,
            {
                "balances": QueryKind("/dapi/v1/balance", 1, method="account.balance"),
                "positions": QueryKind("/dapi/v1/positionRisk", 1, method="account.position"),
                **_futures("/dapi/v1", is_coinm=True, fills_window_ms=FUTURES_WINDOW_MS),
                # Conditional orders are algo orders here, too, since 2026-06-30 (CM-UM integration
                # notice, which names openAlgoOrders; allAlgoOrders: Binance.Net of 2026).
                **_algo("/dapi/v1", is_certain=False),
                "income": QueryKind(
                    "/dapi/v1/income", 20, window_ms=FUTURES_WINDOW_MS, memory_ms=_FILL_MEMORY_MS
                ),
            },
        ),
    ),
    # `fromId` counts by the ids of rows, which are not the trade ids of events: by time, then.
    "options": (
        MarketQueries(
            None,
            {
                "account": QueryKind("/eapi/v1/marginAccount", 3),
                "positions": QueryKind("/eapi/v1/position", 5),
                "open_orders": QueryKind("/eapi/v1/openOrders", 1, 40),
                "income": QueryKind(
                    "/eapi/v1/bill",
                    1,
                    window_ms=FUTURES_WINDOW_MS,
                    memory_ms=_FILL_MEMORY_MS,
                    params={"currency": "USDT"},
                ),
                "fills": QueryKind(
                    "/eapi/v1/userTrades",
                    5,
                    window_ms=FUTURES_WINDOW_MS,
                    memory_ms=_FILL_MEMORY_MS,
                ),
                "orders": QueryKind(  # those that have ended
                    "/eapi/v1/historyOrders",
                    3,
                    window_ms=FUTURES_WINDOW_MS,
                    memory_ms=_OPTIONS_ORDER_MEMORY_MS,
                ),
                "order": _orders("/eapi/v1/order", 1, memory_ms=_ORDER_MEMORY_MS),
            },
        ),
    ),
    "portfolio_margin": (
        MarketQueries(None, _PORTFOLIO_MARGIN),
        MarketQueries(
            "UM",
            {
                "positions": QueryKind("/papi/v1/um/positionRisk", 5),
                **_futures("/papi/v1/um", is_coinm=False, fills_window_ms=FUTURES_WINDOW_MS),
                **_algo("/papi/v1/um/algo"),
            },
        ),
        MarketQueries(
            "CM",
            {
                "positions": QueryKind("/papi/v1/cm/positionRisk", 1),
                **_futures("/papi/v1/cm", is_coinm=True, fills_window_ms=DAY_MS),
            },
        ),
    ),
    "portfolio_margin_pro": (
        MarketQueries(
            None,
            {
                "balances": QueryKind("/sapi/v1/portfolio/balance", 20),
                "risk": QueryKind("/sapi/v1/portfolio/account", 5),
            },
        ),
    ),
}
# Why a break of a product never closes as `filled`.
UNKNOWABLE: Mapping[AccountProduct, str] = {
    "margin_risk": "margin calls and borrowing meanwhile are in no query",
    "margin_uta": "no query about the margin of a unified account is known",
    "portfolio_margin_pro": "what the risk level was meanwhile is in no query",
    "stocks": "no query about orders of stocks is known",
}


def queries_of(
    product: AccountProduct, isolated_symbol: str | None = None
) -> tuple[MarketQueries, ...]:
    """Return the queries of each market of a product; none: none is known.

    `isolated_symbol`: symbol of an isolated margin account, which is asked for by its symbol.
    """
    if isolated_symbol is None:
        return QUERIES.get(product, ())
    kinds = {name: replace(kind, params=_ISOLATED) for name, kind in _MARGIN.items()}
    own = {"symbols": isolated_symbol}
    kinds["account"] = QueryKind("/sapi/v1/margin/isolated/account", 10, params=own)
    return (MarketQueries(isolated_symbol, kinds),)
