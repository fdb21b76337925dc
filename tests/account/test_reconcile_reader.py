"""Pages of an account: by id, by time, again where they failed."""

import json
from collections.abc import Callable
from typing import Any

from connector.account.progress import AccountProgress, SymbolCursor
from connector.account.reconcile_queries import Query, query
from connector.account.reconcile_reader import MAX_ATTEMPTS, AccountReader, Steps, T
from connector.account.reconcile_rows import FactRow, QueryAnswer
from connector.account.records import AccountRecorder
from connector.binance.account_events.layout import AccountProduct
from connector.binance.account_queries import DAY_MS, QUERIES
from tests.support.account import ACCOUNT, RECEIVED_US

NOW_MS = 1_794_000_000_000
SPOT, USDM, OPTIONS = (QUERIES[name][0] for name in ("spot", "usdm", "options"))


def reader(product: AccountProduct = "spot") -> AccountReader:
    progress = AccountProgress(ACCOUNT, product, as_of_ms=NOW_MS)
    return AccountReader(AccountRecorder(ACCOUNT, product), progress, "reconcile", "gap-1")


def rows(found: list[Any]) -> QueryAnswer:
    return QueryAnswer(NOW_MS, RECEIVED_US, json.dumps(found).encode())


def run(steps: Steps[T], answer: Callable[[Query], QueryAnswer]) -> tuple[T, list[dict[str, Any]]]:
    made: list[dict[str, Any]] = []
    try:
        wanted = next(steps)
        while True:
            made.append(dict(wanted.params))
            wanted = steps.send(answer(wanted))
    except StopIteration as end:
        return end.value, made


def fill(number: int, order: int = 1) -> dict[str, Any]:
    return {"symbol": "A", "id": number, "orderId": order, "qty": "1", "time": NOW_MS}


def test_a_full_page_is_followed_by_the_next_one_from_its_last_id() -> None:
    pages = iter([[fill(number) for number in range(1, 1001)], [fill(1000), fill(1000, 2)]])

    found, made = run(
        reader().pages(SPOT, "fills", "A", SymbolCursor(NOW_MS, 1)),
        lambda _query: rows(next(pages)),
    )

    assert found is not None
    assert len({row.fields["fill_key"] for row in found}) == 1001
    assert [params["fromId"] for params in made] == [1, 1000]


def test_without_an_id_time_is_asked_window_by_window_with_an_overlap() -> None:
    since_ms = NOW_MS - DAY_MS - 5

    found, made = run(
        reader().pages(SPOT, "fills", "A", SymbolCursor(since_ms)), lambda _query: rows([])
    )

    assert found == []
    first = since_ms - 1
    assert [(params["startTime"], params["endTime"]) for params in made] == [
        (first, first + DAY_MS),
        (first + DAY_MS, first + 2 * DAY_MS),
    ]


def test_a_page_that_never_comes_is_a_fault_after_some_attempts() -> None:
    account = reader()

    found, made = run(account.ask(query(SPOT, "fills", symbol="A")), lambda _query: rows([5]))

    assert (found, len(made)) == (None, MAX_ATTEMPTS)
    assert (account.queries, account.weight) == (5, 100)
    assert account.faults == ["fills of A: a int where an object was expected"]


def test_an_order_that_is_unknown_is_no_row() -> None:
    asked = reader().ask(query(SPOT, "order", symbol="A", orderId=1))

    found, _made = run(asked, lambda _query: QueryAnswer(NOW_MS, RECEIVED_US, is_unknown=True))

    assert found == []


def test_income_names_symbols_page_by_page() -> None:
    full = [{"symbol": "A", "time": NOW_MS - 9}] * 1000
    pages = iter([full, [{"symbol": "B", "time": NOW_MS}, {"symbol": "", "time": NOW_MS}]])

    found, made = run(
        reader("usdm").income_symbols(USDM, NOW_MS - 100), lambda _query: rows(next(pages))
    )

    assert found == ["A", "B"]
    assert [params["startTime"] for params in made] == [NOW_MS - 101, NOW_MS - 9]


def test_spot_has_no_income() -> None:
    assert run(reader().income_symbols(SPOT, NOW_MS), lambda _query: rows([])) == ([], [])


def test_a_fact_is_stamped_by_the_newest_answer() -> None:
    account = reader()
    run(account.ask(query(SPOT, "fills", symbol="A")), lambda _query: rows([]))

    fields = account.fact("balance_state", FactRow(None, b'{"asset":"A","free":"1"}')).fields

    assert (fields["as_of"], fields["origin"], fields["gap_id"]) == (NOW_MS, "reconcile", "gap-1")
    assert fields["transaction_time"] == NOW_MS  # of the first answer: the row has none


def option_fill(number: int, time_ms: int) -> dict[str, Any]:
    return {"symbol": "A", "tradeId": number, "orderId": 1, "quantity": "1", "time": time_ms}


def test_rows_without_ids_to_ask_by_are_asked_in_halves_of_a_full_window() -> None:
    trades = [option_fill(number, NOW_MS - number % 7) for number in range(1, 1_501)]

    def answer(asked: Query) -> QueryAnswer:
        first, last = int(asked.params["startTime"]), int(asked.params["endTime"])
        shown = [row for row in trades if first <= row["time"] <= last]
        return rows(shown[-1000:])

    account = reader("options")
    account.now_ms = NOW_MS
    cursor = SymbolCursor(NOW_MS - 6, 5)
    found, made = run(account.pages(OPTIONS, "fills", "A", cursor), answer)

    assert found is not None
    assert {row.fields["trade_id"] for row in found} == set(range(1, 1_501))
    assert (made[0]["startTime"], len(made) > 2) == (NOW_MS - 7, True)
    assert not any("fromId" in params for params in made)


def test_more_rows_in_one_millisecond_than_an_answer_has_are_a_fault() -> None:
    full = [option_fill(number, NOW_MS) for number in range(1_000)]

    def answer(asked: Query) -> QueryAnswer:
        first, last = int(asked.params["startTime"]), int(asked.params["endTime"])
        return rows(full if first <= NOW_MS <= last else [])

    account = reader("options")
    account.now_ms = NOW_MS
    found, _made = run(account.pages(OPTIONS, "fills", "A", SymbolCursor(NOW_MS)), answer)

    assert found is None
    assert account.faults == ["fills of A: over 1000 in one millisecond"]


def test_nothing_older_than_the_memory_of_a_query_is_asked_for() -> None:
    account = reader("options")
    account.now_ms = NOW_MS
    steps = account.pages(OPTIONS, "orders", "A", SymbolCursor(NOW_MS - 30 * DAY_MS))

    _found, made = run(steps, lambda _query: rows([]))

    assert [params["startTime"] for params in made] == [NOW_MS - 5 * DAY_MS]
