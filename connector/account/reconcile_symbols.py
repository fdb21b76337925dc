"""Symbol reader: the fills and orders of one symbol, and one order by its id. PURE."""

from collections.abc import Iterable, Sequence

from connector.account.progress import (
    LAG_MS,
    AccountProgress,
    SymbolCursor,
    id_number,
    market_and_symbol,
    order_key,
    order_mark,
    order_number,
    symbol_key,
)
from connector.account.reconcile_queries import market_of, query
from connector.account.reconcile_reader import MAX_ATTEMPTS, AccountReader, Steps
from connector.account.records import AccountRecord
from connector.binance.account_queries import MarketQueries, QueryName


class SymbolReader:
    """Reads symbols and orders for one reconciliation, and keeps what it found.

    Args:
        reader: Asks.
        progress: Of the account.
        live: Events that wait; it grows.

    Attributes:
        fills: By fill key.
        orders: The newest state of each order, by `order_key`.
        asked_orders: Orders asked for by id, by `order_key`.
    """

    def __init__(
        self, reader: AccountReader, progress: AccountProgress, live: Sequence[AccountRecord]
    ) -> None:
        self._reader, self._progress, self._live = reader, progress, live
        self.fills: dict[str, AccountRecord] = {}
        self.orders: dict[str, AccountRecord] = {}
        self.asked_orders: set[str] = set()

    def read(
        self, asked: MarketQueries, key: str, cursor: SymbolCursor, as_of_ms: int
    ) -> Steps[SymbolCursor | None]:
        """Return how far a symbol is proved now; None: no further than before."""
        trades = yield from self._ask_fills(asked, key, cursor)
        if key in self._reader.gone:
            return cursor
        symbol = market_and_symbol(key)[1]
        orders = yield from self._reader.pages(asked, "orders", symbol, cursor)
        algo_orders: list[AccountRecord] | None = []
        if "algo_orders" in asked.kinds:
            algo_orders = yield from self._reader.pages(asked, "algo_orders", symbol, cursor)
        if trades is None or orders is None or algo_orders is None:
            return None
        self.note_orders([*orders, *algo_orders])
        trade_id = _highest(trades, cursor.trade_id)
        since_ms = max(cursor.since_ms, as_of_ms - LAG_MS)  # of what is asked by time
        if not asked.kinds["orders"].id_param:  # what is asked by time proves no ids
            return SymbolCursor(since_ms, trade_id)
        numbers = (order_number(row.fields) for row in orders)
        ids = [number + 1 for number in numbers if number is not None]
        return SymbolCursor(since_ms, trade_id, _highest(ids, cursor.order_id))

    def _ask_fills(
        self, asked: MarketQueries, key: str, cursor: SymbolCursor
    ) -> Steps[list[int] | None]:
        """Return the trade ids of a symbol; None: not answered, or the answers lag."""
        symbol = market_and_symbol(key)[1]
        for _attempt in range(MAX_ATTEMPTS):
            awaited = {
                event.fields["fill_key"]
                for event in self._live
                if symbol_key(event.fields) == key and not self._progress.has_fill(event.fields)
            }
            rows = yield from self._reader.pages(asked, "fills", symbol, cursor)
            if rows is None:
                return None
            fills = {row.fields["fill_key"]: row for row in rows if "fill_key" in row.fields}
            self.fills |= fills
            if awaited <= self.fills.keys():
                return [row.fields["trade_id"] for row in fills.values()]
        self._reader.note_unsettled(f"fills of {key}: the answers lag behind the stream")
        return None

    def ask_order(self, markets: Iterable[MarketQueries], key: str) -> Steps[None]:
        """Ask for one order by its id."""
        place, _, number = key.rpartition("/")
        symbol_place, _, sort = place.partition("/")
        market, symbol = market_and_symbol(symbol_place)
        asked = market_of(markets, market)
        name: QueryName = "algo_orders" if sort else "order"
        kind = asked.kinds.get(name) if asked and sort != "strategy" else None
        order_id = id_number(number)
        if asked is None or kind is None or order_id is None:
            self._reader.faults.append(f"order {key}: no query shows it")
            return
        wanted = query(asked, name, symbol=symbol, **{kind.id_param: order_id})
        rows = yield from self._reader.ask(wanted)
        found = [row for row in rows or [] if order_key(row.fields) == key]
        self.note_orders(found)
        if found:
            self.asked_orders.add(key)
        elif rows is not None:
            self._reader.faults.append(f"order {key} is unknown to the exchange")

    def note_orders(self, rows: Iterable[AccountRecord]) -> None:
        """Keep the states that are newer than those known."""
        for row in rows:
            key, mark = order_key(row.fields), order_mark(row.fields)
            before = self.orders.get(key)
            known = order_mark(before.fields) if before else None
            if mark is not None and mark.is_newer_than(known):
                self.orders[key] = row


def _highest(ids: list[int], before: int | None) -> int | None:
    known = [] if before is None else [before]
    return max((*ids, *known), default=None)
