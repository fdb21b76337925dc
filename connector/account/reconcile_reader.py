"""Account reader: asks for rows page by page, a failed page again, and makes facts of them. PURE.

Generators yield a query and take its answer: the caller makes the calls, and waits between two
attempts.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Literal, TypeVar

from connector.account.progress import AccountProgress, SymbolCursor, order_number
from connector.account.reconcile_queries import Query, query
from connector.account.reconcile_rows import FACT_OF, FactRow, QueryAnswer, income_of, rows_of
from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events.rest_rows import BALANCE_STATE, POSITION_STATE
from connector.binance.account_queries import MarketQueries, QueryKind, QueryName
from connector.errors import BadMessage

MAX_ATTEMPTS = 5  # of one query
OVERLAP_MS = 1  # two fills may share a millisecond
T = TypeVar("T")
Steps = Generator[Query, QueryAnswer, T]


class AccountReader:
    """Reads an account for one reconciliation.

    Args:
        recorder: Makes the records.
        progress: Of the account.
        origin: Of the records: reconcile or snapshot.
        gap_id: Of the records.

    Attributes:
        faults: What was not answered, and why.
        is_unsettled: Asking again later may tell more.
        gone: Keys of symbols that the exchange does not list any more.
        first_ms: Of the first answer, by the exchange's clock; 0: none has come.
        now_ms: Of the newest answer.
        received_us: Of the same, by ours.
        queries: Calls made.
        weight: Request weight of them.
    """

    def __init__(
        self,
        recorder: AccountRecorder,
        progress: AccountProgress,
        origin: str,
        gap_id: str | None,
    ) -> None:
        self._recorder, self._origin, self._gap_id = recorder, origin, gap_id
        self.first_ms = 0
        self.faults: list[str] = []
        self.is_unsettled = False
        self.gone: dict[str, None] = {}  # in their order
        self.now_ms = progress.as_of_ms or 0
        self.received_us = self.queries = self.weight = 0

    def note_unsettled(self, fault: str) -> None:
        """Note what is not known now, and may be when it is asked again."""
        self.is_unsettled = True
        self.faults.append(fault)

    def fact(self, event: str, row: FactRow, happened_ms: int | None = None) -> AccountRecord:
        """Return a row as a record, as of the newest answer.

        A balance or position whose row does not say when it changed gets the time of the first
        answer: every later change comes as an event too, and goes on top, also where an answer
        lags behind.
        """
        if happened_ms is None and event in (BALANCE_STATE, POSITION_STATE):
            happened_ms = self.first_ms
        return self._recorder.fact(
            event,
            row.json,
            self.received_us,
            as_of_ms=self.now_ms,
            origin=self._origin,
            gap_id=self._gap_id,
            market=row.market,
            happened_ms=happened_ms,
        )

    def ask(self, wanted: Query) -> Steps[list[AccountRecord] | None]:
        """Return the facts of an answer, none of an unknown order; None: not answered."""

        def read(answer: QueryAnswer) -> list[AccountRecord]:
            if answer.is_gone:
                self.gone[_symbol_key(wanted)] = None
            if answer.is_unknown:
                return []
            event = FACT_OF[wanted.name]
            return [self.fact(event, row) for row in rows_of(wanted, answer.body)]

        return (yield from self._attempts(wanted, read))

    def _attempts(self, wanted: Query, read: Callable[[QueryAnswer], T]) -> Steps[T | None]:
        failure = ""
        for _attempt in range(MAX_ATTEMPTS):
            self.queries += 1
            self.weight += wanted.weight
            answer = yield wanted
            failure = answer.failure
            if failure:
                continue
            self.now_ms, self.received_us = answer.as_of_ms, answer.received_us
            self.first_ms = self.first_ms or answer.as_of_ms
            try:
                return read(answer)
            except BadMessage as bad:
                failure = bad.detail
        place = wanted.params.get("symbol")
        self.note_unsettled(f"{wanted.name}{f' of {place}' if place else ''}: {failure}")
        return None

    def pages(
        self,
        asked: MarketQueries,
        name: Literal["fills", "orders", "algo_orders"],
        symbol: str,
        cursor: SymbolCursor,
    ) -> Steps[list[AccountRecord] | None]:
        """Return all rows of a symbol beyond what is proved of it; None: not answered.

        By id where the query takes one that is known, else by time; conditional orders by the time
        at which they were placed. Fills are asked from the last id on, which a trade with oneself
        has twice.
        """
        kind = asked.kinds[name]
        oldest_ms = 0 if kind.memory_ms is None else self.now_ms - kind.memory_ms
        begin_ms = max(cursor.since_ms - OVERLAP_MS, oldest_ms)
        if not kind.id_param or name == "algo_orders":
            return (yield from self._pages_by_time(asked, name, symbol, begin_ms))
        next_id = cursor.trade_id if name == "fills" else cursor.order_id
        number_of = _trade_number if name == "fills" else order_number
        found: list[AccountRecord] = []
        while True:
            span = {"startTime": begin_ms, "endTime": begin_ms + kind.window_ms}
            params = span if next_id is None else {kind.id_param: next_id}
            rows = yield from self.ask(query(asked, name, symbol=symbol, limit=kind.rows, **params))
            if rows is None:
                return None
            found += rows
            last = max((number_of(row.fields) or 0 for row in rows), default=next_id)
            if next_id is not None and (len(rows) < kind.rows or last == next_id):
                return found
            begin_ms += kind.window_ms
            if last is None and begin_ms > self.now_ms:
                return found
            next_id = last

    def _pages_by_time(
        self, asked: MarketQueries, name: QueryName, symbol: str, begin_ms: int
    ) -> Steps[list[AccountRecord] | None]:
        """Return all rows from a time on; a window whose answer is full is asked in halves."""
        kind = asked.kinds[name]
        spans = _windows(kind, begin_ms, self.now_ms)
        found: list[AccountRecord] = []
        while spans:
            first_ms, last_ms = spans.pop(0)
            span = {"startTime": first_ms, "endTime": last_ms}
            rows = yield from self.ask(query(asked, name, symbol=symbol, limit=kind.rows, **span))
            if rows is None:
                return None
            if len(rows) < kind.rows:
                found += rows
            elif first_ms == last_ms:
                self.faults.append(f"{name} of {symbol}: over {kind.rows} in one millisecond")
                return None
            else:
                middle_ms = (first_ms + last_ms) // 2
                spans[:0] = [(first_ms, middle_ms), (middle_ms + 1, last_ms)]
        return found

    def income_symbols(self, asked: MarketQueries, since_ms: int) -> Steps[list[str]]:
        """Return the symbols that income names from a time on; none where there is no income."""
        kind = asked.kinds.get("income")
        begin_ms, symbols = since_ms - OVERLAP_MS, dict[str, None]()
        while kind is not None and begin_ms <= self.now_ms:
            span = {"startTime": begin_ms, "endTime": begin_ms + kind.window_ms}
            wanted = query(asked, "income", limit=kind.rows, **span)
            rows = yield from self._attempts(wanted, lambda answer: income_of(answer.body))
            if rows is None:
                break
            symbols |= dict.fromkeys(row.symbol for row in rows if row.symbol)
            is_full = len(rows) >= kind.rows
            last_ms = max((row.time for row in rows), default=begin_ms)
            begin_ms = max(last_ms, begin_ms + 1) if is_full else begin_ms + kind.window_ms + 1
        return list(symbols)


def _symbol_key(wanted: Query) -> str:
    """Return the key of the symbol that is asked for, as `progress.symbol_key`."""
    prefix = "" if wanted.market is None else f"{wanted.market}:"
    return f"{prefix}{wanted.params.get('symbol')}"


def _trade_number(fields: Mapping[str, Any]) -> int | None:
    number: int | None = fields.get("trade_id")
    return number


def _windows(kind: QueryKind, begin_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """Return spans that cover a time, each short enough for one query; the last may reach over."""
    starts = range(begin_ms, max(end_ms, begin_ms) + 1, kind.window_ms + 1)
    return [(start, start + kind.window_ms) for start in starts]
