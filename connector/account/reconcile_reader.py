"""Account reader: asks for rows page by page, a failed page again, and makes facts of them. PURE.

Generators yield a query and take its answer: the caller makes the calls, and waits between two
attempts.
"""

from collections.abc import Callable, Generator
from typing import Literal, TypeVar

from connector.account.progress import AccountProgress
from connector.account.reconcile_queries import QUERIES, Query, query
from connector.account.reconcile_rows import FACT_OF, QueryAnswer, income_of, rows_of
from connector.account.records import AccountRecord, AccountRecorder
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
        now_ms: Of the newest answer, by the exchange's clock.
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
        self._product = progress.product
        self.faults: list[str] = []
        self.now_ms = progress.as_of_ms or 0
        self.received_us = self.queries = self.weight = 0

    def fact(self, event: str, row: bytes) -> AccountRecord:
        """Return a row as a record, as of the newest answer."""
        return self._recorder.fact(
            event,
            row,
            self.received_us,
            as_of_ms=self.now_ms,
            origin=self._origin,
            gap_id=self._gap_id,
        )

    def ask(self, wanted: Query) -> Steps[list[AccountRecord] | None]:
        """Return the facts of an answer, none of an unknown order; None: not answered."""

        def read(answer: QueryAnswer) -> list[AccountRecord]:
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
            try:
                return read(answer)
            except BadMessage as bad:
                failure = bad.detail
        place = wanted.params.get("symbol")
        self.faults.append(f"{wanted.name}{f' of {place}' if place else ''}: {failure}")
        return None

    def pages(
        self, name: Literal["fills", "orders"], symbol: str, first_id: int | None, since_ms: int
    ) -> Steps[list[AccountRecord] | None]:
        """Return all rows of a symbol from an id on, else from a time on; None: not answered.

        Fills are asked from the last id on, which a trade with oneself has twice.
        """
        kind, next_id, begin_ms = QUERIES[self._product][name], first_id, since_ms - OVERLAP_MS
        id_param, id_field = ("fromId", "trade_id") if name == "fills" else ("orderId", "order_id")
        found: list[AccountRecord] = []
        while True:
            span = {"startTime": begin_ms, "endTime": begin_ms + kind.window_ms}
            params = span if next_id is None else {id_param: next_id}
            rows = yield from self.ask(
                query(self._product, name, symbol=symbol, limit=kind.rows, **params)
            )
            if rows is None:
                return None
            found += rows
            last = max((int(row.fields.get(id_field, 0)) for row in rows), default=next_id)
            if next_id is not None and (len(rows) < kind.rows or last == next_id):
                return found
            begin_ms += kind.window_ms
            if last is None and begin_ms > self.now_ms:
                return found
            next_id = last

    def income_symbols(self, since_ms: int) -> Steps[list[str]]:
        """Return the symbols that income names from a time on; none where there is no income."""
        kind = QUERIES[self._product].get("income")
        begin_ms, symbols = since_ms - OVERLAP_MS, dict[str, None]()
        while kind is not None and begin_ms <= self.now_ms:
            span = {"startTime": begin_ms, "endTime": begin_ms + kind.window_ms}
            wanted = query(self._product, "income", limit=kind.rows, **span)
            rows = yield from self._attempts(wanted, lambda answer: income_of(answer.body))
            if rows is None:
                break
            symbols |= dict.fromkeys(row.symbol for row in rows if row.symbol)
            is_full = len(rows) >= kind.rows
            last_ms = max((row.time for row in rows), default=begin_ms)
            begin_ms = max(last_ms, begin_ms + 1) if is_full else begin_ms + kind.window_ms + 1
        return list(symbols)
