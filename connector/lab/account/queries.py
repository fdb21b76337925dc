"""The queries about an account: their paths, weights, windows and limits as data. Pure.

Weights and memory: docstrings of the official clients of 2026-10; windows: rest-api.md of
binance-spot-api-docs (2026-07-21) and the account pages of futures (2026-05-28). The weights of
COIN-M are those since its migration of 2026-06-30.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from connector.lab.account import rows
from connector.lab.account.ledger import OPEN_ALGO_STATUSES, LabFill, LabOrder, LabProduct, Ledger
from connector.lab.rest.query import Complaint, Query, limit_of, number, text

T = TypeVar("T")
DAY_MS = 86_400_000
MOST_ROWS, DEFAULT_ROWS = 1_000, 500
DEFAULT_INCOME_ROWS = 100
# Futures forget orders that ended without a fill after 3 days, and everything after 90.
UNFILLED_MEMORY_MS, MEMORY_MS = 3 * DAY_MS, 90 * DAY_MS


@dataclass(frozen=True, slots=True)
class Asked:
    """One query.

    Attributes:
        query: Parameters as text.
        window_ms: Longest time from startTime to endTime.
    """

    product: LabProduct
    ledger: Ledger
    query: Query
    now_ms: int
    window_ms: int

    @property
    def is_futures(self) -> bool:
        """Whether it is about USD-M or COIN-M."""
        return self.product in ("usdm", "coinm")


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """One query.

    Attributes:
        path: Of REST.
        method: Of the WS API; "": it has none.
        answer: Makes the body; raises Complaint.
        weight_of_all: Weight without a symbol; None: the same.
        window_ms: Longest time from startTime to endTime; 0: it takes none.
    """

    product: LabProduct
    path: str
    method: str
    answer: Callable[[Asked], Any]
    weight: int
    weight_of_all: int | None = None
    window_ms: int = 0

    def weigh(self, query: Mapping[str, Any]) -> int:
        """Return the weight of a call."""
        if self.path == "/api/v3/myTrades" and "orderId" in query:
            return 5
        if self.weight_of_all is not None and "symbol" not in query:
            return self.weight_of_all
        return self.weight


def _account(asked: Asked) -> Any:
    if asked.is_futures:
        return rows.futures_account(asked.product, asked.ledger, asked.now_ms)
    made = rows.spot_account if asked.product == "spot" else rows.margin_account
    return made(asked.ledger, asked.now_ms)


def _balance(asked: Asked) -> Any:
    own = asked.ledger.balances.items()
    return [rows.futures_balance(asset, balance, asked.ledger.changed_ms) for asset, balance in own]


def _positions(asked: Asked) -> Any:
    found = rows.position_rows(asked.product, asked.ledger)
    symbol = asked.query.get("symbol")
    return [row for row in found if symbol in (None, row["symbol"])]


def _open_orders(asked: Asked) -> Any:
    symbol = asked.query.get("symbol")
    return [
        rows.order_row(asked.product, order)
        for order in asked.ledger.open_orders()
        if symbol in (None, order.symbol)
    ]


def _open_algo_orders(asked: Asked) -> Any:
    symbol = asked.query.get("symbol")
    return [
        rows.algo_row(algo)
        for algo in asked.ledger.algo_orders.values()
        if algo.status in OPEN_ALGO_STATUSES and symbol in (None, algo.symbol)
    ]


def _all_algo_orders(asked: Asked) -> Any:
    symbol = text(asked.query, "symbol")
    begin, end = _window(asked, DAY_MS * 7)
    kept = [
        rows.algo_row(algo)
        for algo in asked.ledger.algo_orders.values()
        if algo.symbol == symbol and begin <= algo.time_ms <= end
    ]
    return kept[: limit_of(asked.query, DEFAULT_ROWS, MOST_ROWS)]


def _all_orders(asked: Asked) -> Any:
    """Return orders: from an id on, else of a window; newest where neither is named."""
    symbol, first = text(asked.query, "symbol"), number(asked.query, "orderId")
    mine = [
        order
        for order in asked.ledger.orders.values()
        if order.symbol == symbol and (not asked.is_futures or _remembered(order, asked.now_ms))
    ]
    if first is not None:
        mine = [order for order in mine if order.order_id >= first]
    else:
        begin, end = _window(asked, DAY_MS * 7 if asked.is_futures else None)
        mine = [order for order in mine if begin <= order.time_ms <= end]
    page = _page(asked, mine, from_start=first is not None)
    return [rows.order_row(asked.product, order) for order in page]


def _remembered(order: LabOrder, now_ms: int) -> bool:
    memory = MEMORY_MS if order.is_open or order.filled else UNFILLED_MEMORY_MS
    return order.is_open or now_ms - order.update_ms <= memory


def _trades(asked: Asked) -> Any:
    """Return fills: from a trade id on without a window, else of a window."""
    symbol, first = text(asked.query, "symbol"), number(asked.query, "fromId")
    order_id = number(asked.query, "orderId")
    mine: Iterable[LabFill] = (
        fill
        for fill in asked.ledger.fills
        if fill.symbol == symbol and order_id in (None, fill.order_id)
    )
    if asked.is_futures:
        mine = (fill for fill in mine if asked.now_ms - fill.time_ms <= MEMORY_MS)
    if first is None:
        begin, end = _window(asked, DAY_MS * 7 if asked.is_futures else None)
        mine = (fill for fill in mine if begin <= fill.time_ms <= end)
    elif {"startTime", "endTime"} & asked.query.keys():
        raise Complaint(400, -1128, "Combination of optional parameters invalid.")
    else:
        mine = (fill for fill in mine if fill.trade_id >= first)
    page = _page(asked, sorted(mine, key=lambda fill: fill.trade_id), from_start=first is not None)
    return [rows.fill_row(asked.product, fill) for fill in page]


def _income(asked: Asked) -> Any:
    symbol, kind = asked.query.get("symbol"), asked.query.get("incomeType")
    begin, end = _window(asked, DAY_MS * 7)
    begin = max(begin, asked.now_ms - MEMORY_MS)
    found = [
        rows.income_row(line)
        for line in asked.ledger.income
        if begin <= line.time_ms <= end
        and symbol in (None, line.symbol)
        and kind in (None, line.kind)
    ]
    limit = limit_of(asked.query, DEFAULT_INCOME_ROWS, MOST_ROWS)
    first = limit * ((number(asked.query, "page") or 1) - 1)
    return found[first : first + limit]


def _page(asked: Asked, mine: list[T], *, from_start: bool) -> list[T]:
    """Return a page: the first rows from an id or startTime on, else the last ones."""
    limit = limit_of(asked.query, DEFAULT_ROWS, MOST_ROWS)
    return mine[:limit] if from_start or "startTime" in asked.query else mine[-limit:]


def _window(asked: Asked, default_ms: int | None) -> tuple[int, int]:
    """Return first and last time of a query; raises Complaint for a window that is too long.

    `default_ms`: length where neither is named; None: all.
    """
    begin, end = number(asked.query, "startTime"), number(asked.query, "endTime")
    if begin is not None and end is not None and end - begin > asked.window_ms:
        hours = asked.window_ms // 3_600_000
        raise Complaint(400, -1127, f"More than {hours} hours between startTime and endTime.")
    if begin is None and end is None and default_ms is None:
        return 0, asked.now_ms
    if begin is None:
        end = asked.now_ms if end is None else end
        return end - asked.window_ms, end
    return begin, begin + asked.window_ms if end is None else end


_DAY, _WEEK, _YEAR = DAY_MS, 7 * DAY_MS, 365 * DAY_MS
QUERIES: tuple[AccountQuery, ...] = (
    AccountQuery("spot", "/api/v3/account", "account.status", _account, 20),
    AccountQuery("spot", "/api/v3/openOrders", "openOrders.status", _open_orders, 6, 80),
    AccountQuery("spot", "/api/v3/allOrders", "allOrders", _all_orders, 20, window_ms=_DAY),
    AccountQuery("spot", "/api/v3/myTrades", "myTrades", _trades, 20, window_ms=_DAY),
    AccountQuery("margin", "/sapi/v1/margin/account", "", _account, 10),
    AccountQuery("margin", "/sapi/v1/margin/openOrders", "", _open_orders, 10, 100),
    AccountQuery("margin", "/sapi/v1/margin/allOrders", "", _all_orders, 200, window_ms=_DAY),
    AccountQuery("margin", "/sapi/v1/margin/myTrades", "", _trades, 10, window_ms=_DAY),
    AccountQuery("usdm", "/fapi/v3/account", "account.status", _account, 5),
    AccountQuery("usdm", "/fapi/v3/balance", "account.balance", _balance, 5),
    AccountQuery("usdm", "/fapi/v3/positionRisk", "account.position", _positions, 5),
    AccountQuery("usdm", "/fapi/v1/openOrders", "", _open_orders, 1, 40),
    AccountQuery("usdm", "/fapi/v1/openAlgoOrders", "", _open_algo_orders, 1, 40),
    AccountQuery("usdm", "/fapi/v1/allOrders", "", _all_orders, 5, window_ms=_WEEK),
    AccountQuery("usdm", "/fapi/v1/allAlgoOrders", "", _all_algo_orders, 5, window_ms=_WEEK),
    AccountQuery("usdm", "/fapi/v1/userTrades", "", _trades, 5, window_ms=_WEEK),
    AccountQuery("usdm", "/fapi/v1/income", "", _income, 30, window_ms=_WEEK),
    AccountQuery("coinm", "/dapi/v1/account", "account.status", _account, 5),
    AccountQuery("coinm", "/dapi/v1/balance", "account.balance", _balance, 1),
    AccountQuery("coinm", "/dapi/v1/positionRisk", "account.position", _positions, 1),
    AccountQuery("coinm", "/dapi/v1/openOrders", "", _open_orders, 1, 40),
    AccountQuery("coinm", "/dapi/v1/allOrders", "", _all_orders, 5, window_ms=_WEEK),
    AccountQuery("coinm", "/dapi/v1/userTrades", "", _trades, 5, window_ms=_WEEK),
    AccountQuery("coinm", "/dapi/v1/income", "", _income, 20, window_ms=_YEAR),
)
