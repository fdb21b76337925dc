"""What REST still has of trades, aggregates and block trades, by id and by time. Pure.

Candles are on the tape (tape.py), books with the instruments (order_book.py).
"""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from connector.binance.candles import DAY_MS
from connector.binance.products import Product

Key = tuple[Product, str, str]  # product, kind, symbol
RETENTION = 50_000  # rows of a series


class TradeRow(NamedTuple):
    """One trade, aggregate or block trade.

    Attributes:
        time: Epoch milliseconds.
        maker: The buyer is the maker.
        first: Id of an aggregate's first trade.
        last: Id of an aggregate's last trade.
        is_listed: REST has it; False for USD-M ids spent without a fill.
    """

    id: int
    price: str
    quantity: str
    time: int
    maker: bool
    first: int = 0
    last: int = 0
    is_listed: bool = True


class History:
    """The rows of every series, bounded.

    Attributes:
        retention: Rows of a series that REST still has: an older `fromId` is answered from later
            on, without an error. A smaller value drops rows.
        horizon_ms: How far back futures' aggregate trades reach.
    """

    def __init__(self, retention: int = RETENTION) -> None:
        self.retention = retention
        self.horizon_ms = DAY_MS
        self._rows: dict[Key, list[TradeRow]] = {}

    def note(self, product: Product, kind: str, symbol: str, row: TradeRow) -> None:
        """Keep one row; one that REST never lists is left out."""
        if not row.is_listed:
            return
        rows = self._rows.setdefault((product, kind, symbol), [])
        rows.append(row)
        if len(rows) > 2 * self.retention:  # now and then: to cut at every event would cost
            del rows[: -self.retention]

    def forget(self, product: Product, symbol: str) -> None:
        """Drop all rows of a symbol."""
        for key in [row for row in self._rows if row[0] == product and row[2] == symbol]:
            del self._rows[key]

    def known(self, product: Product, kind: str, symbol: str, now_ms: int) -> list[TradeRow]:
        """Return what REST still has of a series, oldest first."""
        rows = self._rows.get((product, kind, symbol), [])[-self.retention :]
        if kind != "agg-trade" or product == "spot":
            return rows
        return rows[bisect_left(rows, now_ms - self.horizon_ms, key=_time) :]


def until(rows: list[TradeRow], at_ms: int) -> list[TradeRow]:
    """Return the rows that are not later than a moment."""
    return rows[: bisect_right(rows, at_ms, key=_time)]


def from_id(rows: list[TradeRow], number: int, limit: int) -> list[TradeRow]:
    """Return rows from an id on, or from the oldest one where that is later."""
    begin = bisect_left(rows, number, key=_id)
    return rows[begin : begin + limit]


def between(rows: list[TradeRow], start_ms: int, end_ms: int, limit: int) -> list[TradeRow]:
    """Return the first rows of a time span, both ends included."""
    begin = bisect_left(rows, start_ms, key=_time)
    end = bisect_left(rows, end_ms + 1, key=_time)
    return rows[begin:end][:limit]


def latest(rows: list[TradeRow], limit: int) -> list[TradeRow]:
    """Return the newest rows, oldest first."""
    return rows[-limit:]


def _id(row: TradeRow) -> int:
    return row.id


def _time(row: TradeRow) -> int:
    return row.time
