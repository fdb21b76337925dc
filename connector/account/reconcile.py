"""Reconciliation: what to ask after a break, in which order, until nothing moves between. PURE.

The caller has marked the break and subscribed. It makes the queries that `steps` yields, sends each
answer back, and hands over meanwhile every live event (`buffer`). The result is written in one
transaction: its records in their order, the progress, and the closing marker. Nothing moves before.
"""

from collections.abc import Iterable

from connector.account.progress import AccountProgress, SymbolCursor, order_key, order_mark
from connector.account.reconcile_picture import (
    Pairs,
    Picture,
    absent_rows,
    landed_between,
    moved_assets,
    symbols_to_ask,
    unexplained,
)
from connector.account.reconcile_queries import (
    PER_SYMBOL,
    QUERIES,
    memory_fault,
    picture_queries,
    query,
)
from connector.account.reconcile_reader import MAX_ATTEMPTS, AccountReader, Steps
from connector.account.reconcile_result import Reconciled, ResultWriter
from connector.account.reconcile_rows import FACT_OF
from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events.rest_rows import ORDER_STATE
from connector.errors import Refused

MAX_ROUNDS = 2


class Reconciliation:
    """One reconciliation of an account and product, or its first full picture.

    Args:
        recorder: Makes the records.
        progress: Of the account; it is left as it is.
        gap_id: The break; None: the first picture.
        pairs: Base and quote assets of the exchange's symbols (spot, margin).
        budget: Request weight it may use; None: no limit.
        writes_snapshot: False: the first picture is remembered, but not written.

    Raises:
        Refused: no queries of the product are known.
    """

    def __init__(
        self,
        recorder: AccountRecorder,
        progress: AccountProgress,
        gap_id: str | None,
        pairs: Pairs,
        *,
        budget: int | None = None,
        writes_snapshot: bool = True,
    ) -> None:
        if progress.product not in QUERIES:
            raise Refused(
                f"{progress.product}: what to ask after a break is known of {', '.join(QUERIES)}"
            )
        self._progress, self._pairs, self._budget = progress, pairs, budget
        self._writes_snapshot = writes_snapshot
        origin = "snapshot" if progress.as_of_ms is None else "reconcile"
        self._reader = AccountReader(recorder, progress, origin, gap_id)
        self._live: list[AccountRecord] = []
        self._fills: dict[str, AccountRecord] = {}  # by fill key
        self._orders: dict[str, AccountRecord] = {}  # newest states, by order key
        self._asked_orders: set[str] = set()  # those asked for by id, by order key
        self._cursors: dict[str, SymbolCursor] = {}  # of symbols read to the end
        self._left: list[str] = []

    def buffer(self, event: AccountRecord) -> None:
        """Keep a live event until the states are written."""
        self._live.append(event)

    def steps(self) -> Steps[Reconciled]:
        """Yield queries, take their answers, and return what to write."""
        picture = yield from self._picture()
        since_ms = self._progress.as_of_ms
        if since_ms is not None:
            gone = memory_fault(self._progress.product, since_ms, self._reader.now_ms)
            self._reader.faults += [gone] if gone else []
            picture = yield from self._read_until_still(picture, since_ms)
            yield from self._ask_gone_orders(picture)
            self._note_unexplained(picture)
        return self._result(picture)

    def _read_until_still(self, picture: Picture, since_ms: int) -> Steps[Picture]:
        """Read fills and orders between two pictures; return the last picture."""
        moved: set[str] = set()
        for _round in range(MAX_ROUNDS):
            yield from self._ask_symbols(picture, since_ms)
            before, picture = picture, (yield from self._picture())
            moved = landed_between(before, picture, self._live)
            if not moved:
                return picture
        names = ", ".join(sorted(moved))
        self._reader.faults.append(f"the account moved during both readings: {names}")
        return picture

    def _picture(self) -> Steps[Picture]:
        picture: Picture | None = None
        for wanted in picture_queries(self._progress.product, tuple(self._progress.symbols)):
            rows = yield from self._reader.ask(wanted)
            picture = picture or Picture(self._reader.now_ms)
            if rows is None:
                picture.missing.append(wanted.name)
            elif FACT_OF[wanted.name] == ORDER_STATE:
                picture.orders += rows
                self._note_orders(rows)
            else:
                picture.states += rows
        return picture or Picture(self._reader.now_ms)

    def _ask_symbols(self, picture: Picture, since_ms: int) -> Steps[None]:
        movers = yield from self._reader.income_symbols(since_ms)
        symbols = symbols_to_ask(self._progress, picture, self._live, movers, self._pairs)
        least = sum(QUERIES[self._progress.product][name].weight for name in PER_SYMBOL)
        unpaid: list[str] = []
        failed: list[str] = []
        for symbol in symbols:
            if self._budget is not None and self._reader.weight + least > self._budget:
                unpaid.append(symbol)
                continue
            known = self._progress.symbols.get(symbol, SymbolCursor(since_ms))
            known = self._cursors.pop(symbol, known)
            cursor = yield from self._ask_symbol(symbol, known, picture.as_of_ms)
            if cursor is None:
                failed.append(symbol)
            else:
                self._cursors[symbol] = cursor
        self._left = [*unpaid, *failed]
        if unpaid:
            names = ", ".join(unpaid)
            self._reader.faults.append(f"the request weight did not suffice for {names}")

    def _ask_symbol(
        self, symbol: str, cursor: SymbolCursor, as_of_ms: int
    ) -> Steps[SymbolCursor | None]:
        """Return how far a symbol is proved now; None: no further than before."""
        trades = yield from self._ask_fills(symbol, cursor)
        orders = yield from self._reader.pages("orders", symbol, cursor.order_id, cursor.since_ms)
        if trades is None or orders is None:
            return None
        self._note_orders(orders)
        ids = [int(row.fields["order_id"]) + 1 for row in orders if "order_id" in row.fields]
        return SymbolCursor(
            as_of_ms, _highest(trades, cursor.trade_id), _highest(ids, cursor.order_id)
        )

    def _ask_fills(self, symbol: str, cursor: SymbolCursor) -> Steps[list[int] | None]:
        """Return the trade ids of a symbol; None: not answered, or the answers lag."""
        for _attempt in range(MAX_ATTEMPTS):
            awaited = {
                event.fields["fill_key"]
                for event in self._live
                if event.fields.get("symbol") == symbol
                and not self._progress.has_fill(event.fields)
            }
            rows = yield from self._reader.pages("fills", symbol, cursor.trade_id, cursor.since_ms)
            if rows is None:
                return None
            fills = {row.fields["fill_key"]: row for row in rows if "fill_key" in row.fields}
            self._fills |= fills
            if awaited <= self._fills.keys():
                return [row.fields["trade_id"] for row in fills.values()]
        self._reader.faults.append(f"fills of {symbol}: the answers lag behind the stream")
        return None

    def _ask_gone_orders(self, picture: Picture) -> Steps[None]:
        """Ask for each order that was open and is in no answer: gone is not cancelled."""
        if {"open_orders", "open_algo_orders"} & {*picture.missing}:
            return
        known = {
            order_key(row.fields) for row in (*self._live, *self._orders.values()) if _ended(row)
        }
        waiting = {key for key, mark in self._progress.orders.items() if mark.may_go_on}
        for key in sorted(waiting - picture.open_keys() - known):
            symbol, _, place = key.partition("/")
            is_algo, number = place.startswith("algo/"), int(place.removeprefix("algo/"))
            wanted = (
                query(self._progress.product, "algo_orders", symbol=symbol, algoId=number)
                if is_algo
                else query(self._progress.product, "order", symbol=symbol, orderId=number)
            )
            rows = yield from self._reader.ask(wanted)
            found = [row for row in rows or [] if order_key(row.fields) == key]
            self._note_orders(found)
            if found:
                self._asked_orders.add(key)
            elif rows is not None:
                self._reader.faults.append(f"order {key} is unknown to the exchange")

    def _note_orders(self, rows: Iterable[AccountRecord]) -> None:
        for row in rows:
            key, mark = order_key(row.fields), order_mark(row.fields)
            before = self._orders.get(key)
            known = order_mark(before.fields) if before else None
            if mark is not None and mark.is_newer_than(known):
                self._orders[key] = row

    def _note_unexplained(self, picture: Picture) -> None:
        """Note the assets that moved for no known reason; futures have income for that."""
        if "income" in QUERIES[self._progress.product] or picture.missing:
            return
        moved = moved_assets(self._progress, picture)
        seen = [*self._fills.values(), *self._live]
        names = unexplained(moved, seen, self._pairs)
        if names:
            self._reader.faults.append(
                f"what moved {', '.join(names)} is not known: a deposit, a transfer, a conversion,"
                " or a trade on a symbol that was never seen"
            )

    def _result(self, picture: Picture) -> Reconciled:
        if not picture.missing:
            absent = absent_rows(self._progress, picture)
            picture.states += [self._reader.fact(fact, row) for fact, row in absent]
        is_written = self._writes_snapshot or self._progress.as_of_ms is not None
        writer = ResultWriter(self._progress)
        writer.write(self._fills.values(), "fills", is_written=is_written)
        writer.write(self._orders.values(), "orders", is_written=is_written)
        writer.write(picture.states, "states", is_written=is_written)
        if not picture.missing:
            writer.prove(picture.as_of_ms, self._cursors, self._left, self._asked_orders)
        writer.replay(self._live)
        return writer.result(self._reader, tuple(self._left))


def _ended(record: AccountRecord) -> bool:
    mark = order_mark(record.fields)
    return mark is not None and not mark.may_go_on


def _highest(ids: list[int], before: int | None) -> int | None:
    known = [] if before is None else [before]
    return max((*ids, *known), default=None)
