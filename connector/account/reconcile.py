"""Reconciliation: what to ask after a break, in which order, until nothing moves between. PURE.

The caller has marked the break and subscribed. It makes the queries that `steps` yields, sends each
answer back, and hands over meanwhile every live event (`buffer`). The result is written in one
transaction: its records in their order, the progress, and the closing marker. Nothing moves before.
"""

from connector.account.progress import (
    AccountProgress,
    SymbolCursor,
    market_and_symbol,
    order_key,
    order_mark,
)
from connector.account.reconcile_picture import (
    Pairs,
    Picture,
    absent_rows,
    landed_between,
    moved_assets,
    symbols_to_ask,
    traded_pairs,
    unexplained,
)
from connector.account.reconcile_queries import (
    market_of,
    memory_fault,
    picture_queries,
    symbol_weight,
)
from connector.account.reconcile_reader import AccountReader, Steps
from connector.account.reconcile_result import Reconciled, ResultWriter
from connector.account.reconcile_rows import FACT_OF
from connector.account.reconcile_symbols import SymbolReader
from connector.account.records import AccountRecord, AccountRecorder
from connector.account.stored_progress import Earlier
from connector.binance.account_events.rest_rows import ORDER_STATE
from connector.binance.account_queries import UNKNOWABLE, queries_of

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
        earlier: What was left of the same break.

    A product without queries is asked nothing: its break is `partial`, and says why.
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
        earlier: Earlier | None = None,
    ) -> None:
        self._progress, self._pairs, self._budget = progress, pairs, budget
        self._markets = queries_of(progress.product, progress.isolated_symbol)
        self._writes_snapshot = writes_snapshot
        origin = "snapshot" if progress.as_of_ms is None else "reconcile"
        self._reader = AccountReader(recorder, progress, origin, gap_id)
        self._live: list[AccountRecord] = []
        self._found = SymbolReader(self._reader, progress, self._live)
        self._cursors: dict[str, SymbolCursor] = {}  # of symbols read to the end
        self._earlier = earlier or Earlier()
        self._left: list[str] = []
        self._is_unpaid = False
        self._lasting = [*self._earlier.faults]
        self._unexplained = self._earlier.unexplained

    def buffer(self, event: AccountRecord) -> None:
        """Keep a live event until the states are written."""
        self._live.append(event)

    def steps(self) -> Steps[Reconciled]:
        """Yield queries, take their answers, and return what to write."""
        picture = yield from self._picture()
        since_ms = self._progress.as_of_ms
        cause = UNKNOWABLE.get(self._progress.product)
        self._reader.faults += [cause] if cause and since_ms is not None else []
        if since_ms is not None and any(asked.has_orders for asked in self._markets):
            gone = memory_fault(self._markets, since_ms, self._reader.now_ms)
            self._lasting += [gone] if gone else []
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
        self._reader.note_unsettled(f"the account moved during both readings: {names}")
        return picture

    def _picture(self) -> Steps[Picture]:
        picture: Picture | None = None
        for wanted in picture_queries(self._markets, self._known_symbols()):
            rows = yield from self._reader.ask(wanted)
            picture = picture or Picture(self._reader.now_ms)
            if rows is None:
                picture.missing.append(wanted.name)
            elif FACT_OF[wanted.name] == ORDER_STATE:
                picture.orders += rows
                self._found.note_orders(rows)
            else:
                picture.states += rows
        return picture or Picture(self._newest_event_ms())

    def _known_symbols(self) -> list[str]:
        """Return the keys of the symbols seen, and the one of isolated margin."""
        pair = self._progress.isolated_symbol
        own = [] if pair is None else [f"{pair}:{pair}"]
        return list(dict.fromkeys([*own, *self._progress.symbols]))

    def _newest_event_ms(self) -> int:
        """Return the time of a picture where nothing can be asked: newer than the one before."""
        times = [record.timestamp for record in self._live]
        return max((*times, (self._progress.as_of_ms or 0) + 1))

    def _ask_symbols(self, picture: Picture, since_ms: int) -> Steps[None]:
        symbols = yield from self._symbols(picture, since_ms)
        unpaid: list[str] = []
        failed: list[str] = []
        for key in symbols:
            asked = market_of(self._markets, market_and_symbol(key)[0])
            if asked is None or not asked.has_orders:
                continue
            if self._budget is not None and self._reader.weight + symbol_weight(asked) > (
                self._budget
            ):
                unpaid.append(key)
                continue
            known = self._progress.symbols.get(key, SymbolCursor(since_ms))
            known = self._cursors.pop(key, known)
            cursor = yield from self._found.read(asked, key, known, picture.as_of_ms)
            if cursor is None:
                failed.append(key)
            else:
                self._cursors[key] = cursor
        self._left = [*unpaid, *failed]
        self._is_unpaid = bool(unpaid)
        if unpaid:
            names = ", ".join(unpaid)
            self._reader.note_unsettled(f"the request weight did not suffice for {names}")

    def _symbols(self, picture: Picture, since_ms: int) -> Steps[list[str]]:
        """Return the keys of the symbols to ask for."""
        movers: list[str] = []
        for asked in self._markets:
            names = yield from self._reader.income_symbols(asked, since_ms)
            prefix = "" if asked.market is None else f"{asked.market}:"
            movers += [f"{prefix}{name}" for name in names]
        traded = traded_pairs(self._moved(picture), self._pairs)
        found = symbols_to_ask(self._progress, picture, self._live, movers, traded)
        keys = dict.fromkeys([*self._earlier.left, *found, *self._known_symbols()])
        proved = self._earlier.proved.difference(traded)
        return [key for key in keys if key not in proved]

    def _moved(self, picture: Picture) -> set[tuple[str | None, str]]:
        """Return what moved in the markets whose income does not tell why."""
        if {"account", "balances"} & {*picture.missing}:
            return set()
        markets = [
            asked.market for asked in self._markets if asked.has_orders and not asked.names_movers
        ]
        return moved_assets(self._progress, picture, markets)

    def _ask_gone_orders(self, picture: Picture) -> Steps[None]:
        """Ask for each order that was open and is in no answer: gone is not cancelled."""
        if {"open_orders", "open_algo_orders"} & {*picture.missing}:
            return
        known = {
            order_key(row.fields)
            for row in (*self._live, *self._found.orders.values())
            if _ended(row)
        }
        waiting = {key for key, mark in self._progress.orders.items() if mark.may_go_on}
        for key in sorted(waiting - picture.open_keys() - known):
            if key.partition("/")[0] in self._reader.gone:
                continue
            yield from self._found.ask_order(self._markets, key)

    def _note_unexplained(self, picture: Picture) -> None:
        """Note the assets that moved for no known reason; futures have income for that.

        Symbols that are still to be read may tell the reason.
        """
        moved = {*self._moved(picture), *self._earlier.unexplained}
        seen = [*self._found.fills.values(), *self._live]
        self._unexplained = tuple(unexplained(moved, seen, self._pairs))
        if not self._unexplained or self._left or picture.missing:
            return
        names = ", ".join(dict.fromkeys(asset for _market, asset in self._unexplained))
        self._lasting.append(
            f"what moved {names} is not known: a deposit, a transfer, a conversion,"
            " or a trade on a symbol that was never seen"
        )
        self._unexplained = ()

    def _result(self, picture: Picture) -> Reconciled:
        self._reader.faults += [
            f"what happened last on {key}: the exchange does not list it any more"
            for key in self._reader.gone
        ]
        if not picture.missing:
            absent = absent_rows(self._progress, picture)
            picture.states += [
                self._reader.fact(each.fact, each.row, each.happened_ms) for each in absent
            ]
        is_written = self._writes_snapshot or self._progress.as_of_ms is not None
        writer = ResultWriter(self._progress)
        writer.write(self._found.fills.values(), "fills", is_written=is_written)
        writer.write(self._found.orders.values(), "orders", is_written=is_written)
        writer.write(picture.states, "states", is_written=is_written)
        if not picture.missing:
            writer.prove(picture.as_of_ms, self._cursors, self._left, self._found.asked_orders)
            writer.forget(self._reader.gone)
        writer.replay(self._live, are_states_written=is_written)
        earlier = Earlier(
            (self._earlier.proved | self._cursors.keys()).difference(self._left),
            tuple(self._left),
            self._unexplained,
            tuple(dict.fromkeys(self._lasting)),
        )
        return writer.result(self._reader, earlier, is_unpaid=self._is_unpaid)


def _ended(record: AccountRecord) -> bool:
    mark = order_mark(record.fields)
    return mark is not None and not mark.may_go_on
