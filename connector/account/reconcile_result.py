"""What a reconciliation writes: fills, states, then the live events that are newer. Pure."""

import copy
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from connector.account.identity import distinct_key
from connector.account.progress import (
    AccountProgress,
    SymbolCursor,
    amounts_of,
    order_key,
    order_mark,
    time_of,
)
from connector.account.reconcile_reader import AccountReader
from connector.account.records import AccountRecord
from connector.account.stored_progress import Earlier


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What to write, in one transaction.

    Attributes:
        records: In this order: fills, states, the live events that are newer.
        progress: In place of the one before.
        state: Of the closing marker. partial: `detail` says what is not known.
        earlier: For the next reconciliation of the same break, if this one is not whole.
        is_unpaid: The weight of this minute did not suffice.
        is_settled: Asking again would tell no more: what `detail` names stays unknown.
        counts: For the closing marker: fills, orders and states written, events replayed;
            events dropped as repeated, superseded or outlived; queries made and their weight.
    """

    records: list[AccountRecord]
    progress: AccountProgress
    state: Literal["filled", "partial"]
    detail: str
    earlier: Earlier
    counts: Mapping[str, int]
    is_settled: bool = True
    is_unpaid: bool = False

    @property
    def left(self) -> tuple[str, ...]:
        """Keys of symbols still to be read; their cursors have not moved."""
        return self.earlier.left


class ResultWriter:
    """Puts together the records of one transaction, and its progress."""

    def __init__(self, progress: AccountProgress) -> None:
        self._progress = copy.deepcopy(progress)
        self._records: list[AccountRecord] = []
        self._counts: Counter[str] = Counter()

    def write(self, facts: Iterable[AccountRecord], name: str, *, is_written: bool = True) -> None:
        """Write facts that tell more than what is written, the oldest first.

        `is_written`: False: they are remembered, and no records.
        """
        for fact in sorted(facts, key=lambda each: time_of(each.fields) or 0):
            admission = self._progress.admit(fact)
            if admission == "repeated" or not self._is_news(fact):
                continue
            kept = as_distinct(fact) if admission == "distinct" else fact
            self._progress.remember(kept)
            if is_written:
                self._counts[name] += 1
                self._records.append(kept)

    def _is_news(self, fact: AccountRecord) -> bool:
        """Say whether a fact is to be written: an empty amount that nobody has seen is not."""
        amounts, states = amounts_of(fact.fields), self._progress.states
        if amounts:
            happened = time_of(fact.fields)
            is_old = happened is not None and all(happened < states.get(key, 0) for key in amounts)
            return not is_old and any(size or key in states for key, size in amounts.items())
        if "risk" in fact.fields:
            return True
        if "fill" in fact.fields:
            return not self._progress.has_fill(fact.fields)
        mark = order_mark(fact.fields)
        if mark is None or self._progress.has_ended_order(fact.fields):
            return False
        before = self._progress.orders.get(order_key(fact.fields))
        return mark.is_newer_than(before)

    def prove(
        self,
        as_of_ms: int,
        cursors: Mapping[str, SymbolCursor],
        left: Collection[str],
        asked_orders: Collection[str],
    ) -> None:
        """Move the floors: all answers of a full picture were given.

        `asked_orders`: asked for by id: those that have ended do not go on.
        """
        progress = self._progress
        if progress.as_of_ms is None:  # the first picture: what lies before it is not asked for
            cursors = dict.fromkeys(progress.symbols, SymbolCursor(as_of_ms))
        for symbol in left:
            progress.symbols.setdefault(symbol, SymbolCursor(progress.as_of_ms or as_of_ms))
        for key in asked_orders:
            mark = progress.orders.get(key)
            if mark is not None and mark.has_ended:
                progress.orders[key] = msgspec.structs.replace(mark, may_go_on=False)
        progress.close_window(as_of_ms, cursors)

    def forget(self, symbols: Collection[str]) -> None:
        """Ask no more for symbols (their keys) that the exchange does not list any more."""
        progress = self._progress
        for key in symbols:
            progress.symbols.pop(key, None)
            progress.fills.pop(key, None)
        kept = {key: mark for key, mark in progress.orders.items() if not _is_of(key, symbols)}
        progress.orders = kept

    def replay(self, live: Iterable[AccountRecord], *, are_states_written: bool = True) -> None:
        """Write the live events that are newer than the states, in the order they came.

        `are_states_written`: False: no reader has the states, so every event is written.
        """
        for event in live:
            admission = self._progress.admit(event)
            if admission in ("repeated", "outlived"):
                self._counts[admission] += 1
            elif are_states_written and not self._progress.tells_more(event):
                self._counts["superseded"] += 1
            else:
                self._append(as_distinct(event) if admission == "distinct" else event)

    def _append(self, event: AccountRecord) -> None:
        self._progress.remember(event)
        self._counts["replayed"] += 1
        self._records.append(event)

    def result(
        self, reader: AccountReader, earlier: Earlier, *, is_unpaid: bool = False
    ) -> Reconciled:
        """Return what to write."""
        detail = "; ".join(dict.fromkeys((*earlier.faults, *reader.faults)))
        counts = {**self._counts, "queries": reader.queries, "weight": reader.weight}
        state: Literal["filled", "partial"] = "partial" if detail else "filled"
        is_settled = not reader.is_unsettled
        return Reconciled(
            self._records, self._progress, state, detail, earlier, counts, is_settled, is_unpaid
        )


def _is_of(key: str, symbols: Collection[str]) -> bool:
    """Say whether an `order_key` is of one of these symbols."""
    return key.partition("/")[0] in symbols


def as_distinct(event: AccountRecord) -> AccountRecord:
    """Return an event under a key of its own: another one with another payload has its key."""
    key = distinct_key(event.fields["dedupe_key"], event.digest)
    return replace(event, fields={**event.fields, "dedupe_key": key})
