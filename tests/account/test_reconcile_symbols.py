"""One symbol after the other: what proves how far it is complete, and orders by their ids."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.account.progress import LAG_MS, AccountProgress, SymbolCursor
from connector.account.reconcile_queries import Query
from connector.account.reconcile_reader import MAX_ATTEMPTS, AccountReader, Steps, T
from connector.account.reconcile_rows import QueryAnswer
from connector.account.reconcile_symbols import SymbolReader
from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events.layout import AccountProduct
from connector.binance.account_queries import QUERIES
from tests.support.account import ACCOUNT, RECEIVED_US

NOW_MS = 1_794_000_000_000
CURSOR = SymbolCursor(NOW_MS - 1_000, 5, 7)


def reading(
    product: AccountProduct, live: list[AccountRecord] | None = None
) -> tuple[SymbolReader, AccountReader]:
    progress = AccountProgress(ACCOUNT, product, as_of_ms=NOW_MS - 1_000)
    reader = AccountReader(AccountRecorder(ACCOUNT, product), progress, "reconcile", "gap-1")
    return SymbolReader(reader, progress, live or []), reader


def run(steps: Steps[T], answer: Callable[[Query], Any]) -> tuple[T, list[Query]]:
    made: list[Query] = []
    try:
        wanted = next(steps)
        while True:
            made.append(wanted)
            body = json.dumps(answer(wanted)).encode()
            wanted = steps.send(QueryAnswer(NOW_MS, RECEIVED_US, body))
    except StopIteration as end:
        return end.value, made


def rows(query: Query) -> list[dict[str, Any]]:
    head: dict[str, Any] = {"symbol": "A", "time": NOW_MS, "updateTime": NOW_MS}
    if query.name == "fills":
        return [head | {"id": 8, "tradeId": 8, "orderId": 9, "qty": "1", "quantity": "1"}]
    if query.name == "orders":
        return [head | {"orderId": 9, "status": "FILLED", "executedQty": "1"}]
    return [head | {"algoId": 3, "algoStatus": "FINISHED"}]


@pytest.mark.parametrize(
    ("product", "names", "cursor"),
    [
        ("spot", ["fills", "orders"], SymbolCursor(NOW_MS - 1_000, 8, 10)),
        ("usdm", ["fills", "orders", "algo_orders"], SymbolCursor(NOW_MS - 1_000, 8, 10)),
        (
            "options",
            ["fills", "orders"],
            SymbolCursor(NOW_MS - 1_000, 8),
        ),  # order ids prove nothing
    ],
)
def test_a_symbol_that_is_read_to_the_end_is_proved(
    product: AccountProduct, names: list[str], cursor: SymbolCursor
) -> None:
    found, _reader = reading(product)

    proved, made = run(found.read(QUERIES[product][0], "A", CURSOR, NOW_MS), rows)

    assert proved == cursor
    assert [query.name for query in made] == names
    assert list(found.fills) == [f"{ACCOUNT}/{product}/A/8/9"]
    assert next(iter(found.orders)) == "A/9"


def test_what_is_asked_by_time_is_asked_again_for_as_long_as_answers_may_lag() -> None:
    found, _reader = reading("usdm")
    old = SymbolCursor(NOW_MS - 3_600_000, 5, 7)

    proved, _made = run(found.read(QUERIES["usdm"][0], "A", old, NOW_MS), rows)

    assert proved == SymbolCursor(NOW_MS - LAG_MS, 8, 10)


def test_a_fill_that_came_live_and_is_in_no_answer_proves_nothing() -> None:
    event = {"e": "executionReport", "E": 1, "s": "A", "i": 9, "x": "TRADE", "t": 11, "l": "1"}
    record = AccountRecorder(ACCOUNT, "spot").record(json.dumps(event).encode(), RECEIVED_US)
    found, reader = reading("spot", [record])

    proved, made = run(found.read(QUERIES["spot"][0], "A", CURSOR, NOW_MS), rows)

    assert proved is None
    assert [query.name for query in made].count("fills") == MAX_ATTEMPTS
    assert reader.faults == ["fills of A: the answers lag behind the stream"]


@pytest.mark.parametrize(
    ("key", "name", "params"),
    [
        ("A/9", "order", {"symbol": "A", "orderId": 9}),
        ("UM:A/9", "order", {"symbol": "A", "orderId": 9}),
        ("UM:A/algo/3", "algo_orders", {"symbol": "A", "algoId": 3}),
    ],
)
def test_an_order_is_asked_for_in_its_market(key: str, name: str, params: dict[str, Any]) -> None:
    found, reader = reading("portfolio_margin")

    def answer(query: Query) -> Any:
        order = {"symbol": "A", "updateTime": NOW_MS, "executedQty": "0", "status": "CANCELED"}
        algo = {"symbol": "A", "updateTime": NOW_MS, "algoId": 3, "algoStatus": "CANCELED"}
        return [algo] if query.name == "algo_orders" else order | {"orderId": 9}

    _none, made = run(found.ask_order(QUERIES["portfolio_margin"], key), answer)

    assert [(query.name, dict(query.params)) for query in made] == [(name, params)]
    assert made[0].market == (None if ":" not in key else "UM")
    assert (found.asked_orders, reader.faults) == ({key}, [])


@pytest.mark.parametrize("key", ["CM:A/strategy/5", "CM:A/algo/5", "XX:A/5", "A/None"])
def test_an_order_that_no_query_shows_is_a_fault(key: str) -> None:
    found, reader = reading("portfolio_margin")

    _none, made = run(found.ask_order(QUERIES["portfolio_margin"], key), rows)

    assert made == []
    assert reader.faults == [f"order {key}: no query shows it"]
