"""Answers to the queries about an account, from its ledger: windows, pages, memory. Pure.

Memory: docstrings of the official clients of 2026-10; windows: rest-api.md of binance-spot-api-docs
(2026-07-21) and the account pages of futures (2026-05-28). Which queries there are: query_table.py.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from connector.lab.account import options_rows, portfolio_rows, rows
from connector.lab.account.ledger import LabFill, LabOrder, LabProduct, Ledger, Shape, shape_of
from connector.lab.rest.query import Complaint, Query, limit_of, number, text

T = TypeVar("T")
DAY_MS = 86_400_000
MOST_ROWS, DEFAULT_ROWS = 1_000, 500
DEFAULT_INCOME_ROWS = 100
# Futures forget orders that ended without a fill after 3 days, and everything after 90; options
# list what ended within 5 days.
UNFILLED_MEMORY_MS, MEMORY_MS, OPTIONS_MEMORY_MS = 3 * DAY_MS, 90 * DAY_MS, 5 * DAY_MS
ACCOUNT_ID = 152_950_866  # Binance's own number of an account, in orders of portfolio margin
NO_ORDER = (-2013, "Order does not exist.")
TOO_OLD = (-6073, "SEARCH_WINDOW_RESTRICTED")


@dataclass(frozen=True, slots=True)
class Asked:
    """One query.

    Attributes:
        account: Product and market that it is about.
        ledger: What the exchange shows of it.
        query: Parameters as text.
        window_ms: Longest time from startTime to endTime.
        markets: What is shown of each market of the account.
        level: Its risk level.
        most_rows: Rows of an answer at most; a higher limit is not refused.
    """

    product: LabProduct
    ledger: Ledger
    query: Query
    now_ms: int
    window_ms: int
    market: str | None = None
    markets: Mapping[str | None, Ledger] = field(default_factory=dict)
    level: str = "NORMAL"
    most_rows: int = MOST_ROWS

    @property
    def shape(self) -> Shape:
        """The product whose rows those of the market look like."""
        return shape_of(self.product, self.market)

    @property
    def is_futures(self) -> bool:
        """Whether it is about futures, which forget."""
        return self.shape in ("usdm", "coinm")

    def order_row(self, order: LabOrder) -> rows.Row:
        """Return a row of an order, as this market's answers have it."""
        if self.product == "options":
            return options_rows.order_row(order)
        return self._of_market(rows.order_row(self.shape, order))

    def fill_row(self, fill: LabFill) -> rows.Row:
        """Return a row of a fill."""
        if self.product == "options":
            return options_rows.fill_row(fill)
        return self._of_market(rows.fill_row(self.shape, fill))

    def _of_market(self, row: rows.Row) -> rows.Row:
        if self.shape != "margin":
            return row
        if self.product == "portfolio_margin":
            kept = {key: value for key, value in row.items() if key != "isIsolated"}
            return kept | ({"accountId": ACCOUNT_ID} if "status" in row else {})
        return row | {"isIsolated": self.market is not None}


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """One query.

    Attributes:
        path: Of REST.
        method: Of the WS API; "": it has none.
        answer: Makes the body; raises Complaint.
        weight_of_all: Weight without a symbol; None: the same.
        window_ms: Longest time from startTime to endTime; 0: it takes none.
        market: UM or CM of portfolio margin.
        most_rows: Rows of an answer at most.
    """

    product: LabProduct
    path: str
    method: str
    answer: Callable[[Asked], Any]
    weight: int
    weight_of_all: int | None = None
    window_ms: int = 0
    market: str | None = None
    most_rows: int = MOST_ROWS

    def weigh(self, query: Mapping[str, Any]) -> int:
        """Return the weight of a call."""
        if self.path == "/api/v3/myTrades" and "orderId" in query:
            return 5
        if self.weight_of_all is not None and "symbol" not in query:
            return self.weight_of_all
        return self.weight

    def market_of(self, query: Mapping[str, Any]) -> str | None:
        """Return the market a call is about: isolated margin is asked for by its symbol."""
        if self.path == "/sapi/v1/margin/isolated/account":
            return str(query.get("symbols", ""))
        is_isolated = self.product == "margin" and query.get("isIsolated") == "TRUE"
        return text(query, "symbol") if is_isolated else self.market


def account(asked: Asked) -> Any:
    """Answer about the whole account."""
    if asked.product == "options":
        return options_rows.margin_account(asked.ledger, asked.now_ms)
    if asked.is_futures:
        return rows.futures_account(asked.shape, asked.ledger, asked.now_ms)
    made = rows.spot_account if asked.product == "spot" else rows.margin_account
    return made(asked.ledger, asked.now_ms)


def isolated_account(asked: Asked) -> Any:
    """Answer about an isolated margin account."""
    return portfolio_rows.isolated_account(asked.market or "", asked.ledger)


def portfolio_balance(asked: Asked) -> Any:
    """Answer about every asset of portfolio margin, of all its markets."""
    return portfolio_rows.balances(asked.markets)


def risk(asked: Asked) -> Any:
    """Answer about the risk of portfolio margin."""
    return portfolio_rows.risk(asked.level, asked.now_ms)


def order(asked: Asked) -> Any:
    """Answer about one order; Complaint -2013: there is none."""
    number_of = number(asked.query, "orderId")
    found = asked.ledger.orders.get(number_of or 0)
    if found is None or found.symbol != text(asked.query, "symbol"):
        raise Complaint(400, *NO_ORDER)
    if (asked.is_futures or asked.product == "options") and not _remembered(found, asked.now_ms):
        raise Complaint(400, *NO_ORDER)
    return asked.order_row(found)


def history_orders(asked: Asked) -> Any:
    """Answer about orders of options that have ended."""
    symbol = text(asked.query, "symbol")
    begin, end = _free_window(asked, asked.now_ms - OPTIONS_MEMORY_MS)
    mine = [
        found
        for found in asked.ledger.orders.values()
        if found.symbol == symbol and not found.is_open and begin <= found.update_ms <= end
    ]
    return [asked.order_row(found) for found in _page(asked, mine, from_start=False)]


def option_trades(asked: Asked) -> Any:
    """Answer about fills of options: `fromId` is of a row, which has another id than its trade."""
    symbol, first = text(asked.query, "symbol"), number(asked.query, "fromId") or 0
    oldest_ms = asked.now_ms - MEMORY_MS
    begin, end = _free_window(asked, oldest_ms)
    if begin < oldest_ms:
        raise Complaint(400, *TOO_OLD)
    mine = [
        fill
        for fill in asked.ledger.fills
        if fill.symbol == symbol and begin <= fill.time_ms <= end
    ]
    kept = [fill for fill in mine if options_rows.row_id(fill) >= first]
    return [asked.fill_row(fill) for fill in _page(asked, kept, from_start=first > 0)]


def option_positions(asked: Asked) -> Any:
    """Answer about positions of options."""
    return options_rows.positions(asked.ledger, asked.query.get("symbol"))


def bill(asked: Asked) -> Any:
    """Answer about what moved the balance of options."""
    if text(asked.query, "currency") != "USDT":
        return []
    begin, end = _free_window(asked, asked.now_ms - MEMORY_MS)
    found = [line for line in asked.ledger.income if begin <= line.time_ms <= end]
    return [options_rows.bill_row(line) for line in _page(asked, found, from_start=False)]


def _free_window(asked: Asked, oldest_ms: int) -> tuple[int, int]:
    """Return first and last time of a query whose window has no longest length."""
    begin, end = number(asked.query, "startTime"), number(asked.query, "endTime")
    return (oldest_ms if begin is None else begin), (asked.now_ms if end is None else end)


def balance(asked: Asked) -> Any:
    """Answer about the wallets of futures."""
    own = asked.ledger.balances.items()
    return [rows.futures_balance(asset, balance, asked.ledger.changed_ms) for asset, balance in own]


def positions(asked: Asked) -> Any:
    """Answer about positions of futures."""
    found = rows.position_rows(asked.shape, asked.ledger)
    symbol = asked.query.get("symbol")
    return [row for row in found if symbol in (None, row["symbol"])]


def open_orders(asked: Asked) -> Any:
    """Answer about open orders."""
    symbol = asked.query.get("symbol")
    return [
        asked.order_row(order)
        for order in asked.ledger.open_orders()
        if symbol in (None, order.symbol)
    ]


def open_algo_orders(asked: Asked) -> Any:
    """Answer about conditional orders that are open."""
    symbol = asked.query.get("symbol")
    return [
        rows.algo_row(algo)
        for algo in asked.ledger.algo_orders.values()
        if algo.is_open and symbol in (None, algo.symbol)
    ]


def all_algo_orders(asked: Asked) -> Any:
    """Answer about conditional orders: from an id on, else of a window."""
    symbol = text(asked.query, "symbol")
    first = number(asked.query, "algoId")
    begin, end = (0, asked.now_ms) if first else _window(asked, DAY_MS * 7)
    kept = [
        rows.algo_row(algo)
        for algo in asked.ledger.algo_orders.values()
        if algo.symbol == symbol and begin <= algo.time_ms <= end and algo.algo_id >= (first or 0)
    ]
    return kept[: limit_of(asked.query, min(DEFAULT_ROWS, asked.most_rows), asked.most_rows)]


def all_orders(asked: Asked) -> Any:
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
    return [asked.order_row(order) for order in page]


def _remembered(order: LabOrder, now_ms: int) -> bool:
    memory = MEMORY_MS if order.is_open or order.filled else UNFILLED_MEMORY_MS
    return order.is_open or now_ms - order.update_ms <= memory


def trades(asked: Asked) -> Any:
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
    return [asked.fill_row(fill) for fill in page]


def income(asked: Asked) -> Any:
    """Answer about what moved the wallets of futures."""
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
    limit = limit_of(asked.query, min(DEFAULT_ROWS, asked.most_rows), asked.most_rows)
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
