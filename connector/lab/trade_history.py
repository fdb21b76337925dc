"""What the market has made, as far back as REST remembers: trades by id and by time. Pure.

Candles and books are kept by the instruments themselves (candles.py, book.py): their present state
is the answer. Here are the events that are gone once they have been sent.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.binance.products import Product

Key = tuple[Product, str, str]  # product, kind, symbol
RETENTION = 50_000
DAY_MS = 86_400_000
# Wire keys of the id, by kind: the kinds that REST gives one by one.
_IDS = {"trade": "t", "agg-trade": "a", "block-trade": "t"}


class Made(NamedTuple):
    """One trade, aggregate or block trade as REST tells it; `first` and `last` of aggregates."""

    id: int
    price: str
    quantity: str
    time: int
    maker: bool
    first: int
    last: int


class History:
    """Everything made, bounded.

    Attributes:
        retention: Rows of a series that REST still knows: an older `fromId` is answered from later
            on, without an error. Lowering it forgets.
        horizon_ms: How far back futures' aggregate trades reach.
    """

    def __init__(self, retention: int = RETENTION) -> None:
        self.retention = retention
        self.horizon_ms = DAY_MS
        self._rows: dict[Key, list[Made]] = {}

    def note(self, product: Product, kind: str, symbol: str, data: Mapping[str, Any]) -> None:
        """Remember one event that was made; ids spent without a fill are never listed."""
        key = _IDS.get(kind)
        if key is None or data.get("X", "MARKET") not in {"MARKET", "BLOCK"}:
            return
        first, last = data.get("f", 0), data.get("l", 0)
        made = Made(data[key], data["p"], data["q"], data["T"], data["m"], first, last)
        rows = self._rows.setdefault((product, kind, symbol), [])
        rows.append(made)
        if len(rows) > 2 * self.retention:  # now and then: cutting at every event would cost
            del rows[: -self.retention]

    def forget(self, product: Product, symbol: str) -> None:
        """Forget all of a symbol."""
        for key in [one for one in self._rows if one[0] == product and one[2] == symbol]:
            del self._rows[key]

    def known(self, product: Product, kind: str, symbol: str, now_ms: int) -> list[Made]:
        """Return what REST still knows of a series, oldest first."""
        rows = self._rows.get((product, kind, symbol), [])[-self.retention :]
        if kind != "agg-trade" or product == "spot":
            return rows
        return rows[bisect_left(rows, now_ms - self.horizon_ms, key=_time) :]


def from_id(rows: list[Made], number: int, limit: int) -> list[Made]:
    """Return rows from an id on, or from the oldest known one where that one is later."""
    begin = bisect_left(rows, number, key=_id)
    return rows[begin : begin + limit]


def between(rows: list[Made], start_ms: int, end_ms: int, limit: int) -> list[Made]:
    """Return the first rows of a time span, both ends included."""
    begin = bisect_left(rows, start_ms, key=_time)
    end = bisect_left(rows, end_ms + 1, key=_time)
    return rows[begin:end][:limit]


def latest(rows: list[Made], limit: int) -> list[Made]:
    """Return the newest rows, oldest first."""
    return rows[-limit:]


def _id(made: Made) -> int:
    return made.id


def _time(made: Made) -> int:
    return made.time
