"""The queries of a reconciliation as data: paths, weights, windows and memory. Pure.

Source: docstrings of the official clients of 2026-10 (margin, USD-M, COIN-M), rest-api.md of
binance-spot-api-docs (2026-07-21). The exchange's own count corrects a weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connector.binance.account_events.layout import AccountProduct

QueryName = Literal[
    "account",
    "balances",
    "positions",
    "open_orders",
    "open_algo_orders",
    "income",
    "fills",
    "orders",
    "order",
    "algo_orders",
]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FUTURES_WINDOW_MS = 7 * DAY_MS - 1  # "less than 7 days"


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
    """

    path: str
    weight: int
    weight_of_all: int | None = None
    method: str = ""
    rows: int = 1000
    window_ms: int = DAY_MS
    memory_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One call. It reads, is signed, and may be made again."""

    name: QueryName
    kind: QueryKind
    params: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """Request weight of the call."""
        if "symbol" in self.params or self.kind.weight_of_all is None:
            return self.kind.weight
        return self.kind.weight_of_all


Queries = Mapping[QueryName, QueryKind]
# Unfilled orders that were cancelled or expired vanish after 3 days; fills and income after 3
# months (90 days are on the safe side).
_ORDER_MEMORY_MS, _FILL_MEMORY_MS = 3 * DAY_MS, 90 * DAY_MS
QUERIES: Mapping[AccountProduct, Queries] = {
    "spot": {
        "account": QueryKind("/api/v3/account", 20, method="account.status"),
        "open_orders": QueryKind("/api/v3/openOrders", 6, 80, "openOrders.status"),
        "fills": QueryKind("/api/v3/myTrades", 20, method="myTrades"),
        "orders": QueryKind("/api/v3/allOrders", 20, method="allOrders"),
        "order": QueryKind("/api/v3/order", 4),
    },
    "margin": {  # openOrders without a symbol weighs as much as there are symbols
        "account": QueryKind("/sapi/v1/margin/account", 10),
        "open_orders": QueryKind("/sapi/v1/margin/openOrders", 10),
        "fills": QueryKind("/sapi/v1/margin/myTrades", 10),
        "orders": QueryKind("/sapi/v1/margin/allOrders", 200, rows=500),
        "order": QueryKind("/sapi/v1/margin/order", 10),
    },
    "usdm": {
        "balances": QueryKind("/fapi/v3/balance", 5, method="v2/account.balance"),
        "positions": QueryKind("/fapi/v3/positionRisk", 5, method="v2/account.position"),
        "open_orders": QueryKind("/fapi/v1/openOrders", 1, 40),
        "open_algo_orders": QueryKind("/fapi/v1/openAlgoOrders", 1, 40),
        "income": QueryKind(
            "/fapi/v1/income", 30, window_ms=FUTURES_WINDOW_MS, memory_ms=_FILL_MEMORY_MS
        ),
        "fills": QueryKind(
            "/fapi/v1/userTrades", 5, window_ms=FUTURES_WINDOW_MS, memory_ms=_FILL_MEMORY_MS
        ),
        "orders": QueryKind(
            "/fapi/v1/allOrders", 5, window_ms=FUTURES_WINDOW_MS, memory_ms=_ORDER_MEMORY_MS
        ),
        "order": QueryKind("/fapi/v1/order", 1, memory_ms=_ORDER_MEMORY_MS),
        "algo_orders": QueryKind("/fapi/v1/allAlgoOrders", 5, window_ms=FUTURES_WINDOW_MS),
    },
    "coinm": {
        "balances": QueryKind("/dapi/v1/balance", 1, method="account.balance"),
        "positions": QueryKind("/dapi/v1/positionRisk", 1, method="account.position"),
        "open_orders": QueryKind("/dapi/v1/openOrders", 1, 40),
        "income": QueryKind(
            "/dapi/v1/income", 20, window_ms=FUTURES_WINDOW_MS, memory_ms=_FILL_MEMORY_MS
        ),
        "fills": QueryKind(
            "/dapi/v1/userTrades", 20, window_ms=FUTURES_WINDOW_MS, memory_ms=_FILL_MEMORY_MS
        ),
        "orders": QueryKind(
            "/dapi/v1/allOrders",
            20,
            rows=100,
            window_ms=FUTURES_WINDOW_MS,
            memory_ms=_ORDER_MEMORY_MS,
        ),
        "order": QueryKind("/dapi/v1/order", 1, memory_ms=_ORDER_MEMORY_MS),
    },
}
PICTURE: tuple[QueryName, ...] = (
    "account",
    "balances",
    "positions",
    "open_orders",
    "open_algo_orders",
)
PER_SYMBOL: tuple[QueryName, ...] = ("fills", "orders")


def query(product: AccountProduct, name: QueryName, **params: str | int) -> Query:
    """Return a query; KeyError: the product does not have it."""
    return Query(name, QUERIES[product][name], params)


def picture_queries(product: AccountProduct, symbols: tuple[str, ...]) -> tuple[Query, ...]:
    """Return the queries of the whole account, in their order.

    `symbols`: asked one by one where a product's open orders need a symbol.
    """
    found: list[Query] = []
    for name in PICTURE:
        kind = QUERIES[product].get(name)
        if kind is not None and name == "open_orders" and kind.weight_of_all is None:
            found += [query(product, name, symbol=symbol) for symbol in symbols]
        elif kind is not None:
            found.append(query(product, name))
    return tuple(found)


def predicted_weight(product: AccountProduct, symbols: tuple[str, ...]) -> int:
    """Return the weight of a reconciliation of one round, if every list is one page."""
    pictures = 2 * sum(each.weight for each in picture_queries(product, symbols))
    income = QUERIES[product].get("income")
    per_symbol = sum(QUERIES[product][name].weight for name in PER_SYMBOL)
    return pictures + (income.weight if income else 0) + per_symbol * len(symbols)


def memory_fault(product: AccountProduct, since_ms: int, now_ms: int) -> str | None:
    """Return what the exchange no longer shows of a break; None: it shows all of it."""
    gone = [
        f"{name} older than {kind.memory_ms // DAY_MS} days"
        for name, kind in QUERIES[product].items()
        if name in PER_SYMBOL and kind.memory_ms is not None and since_ms < now_ms - kind.memory_ms
    ]
    return f"the exchange no longer shows {', '.join(gone)}" if gone else None
