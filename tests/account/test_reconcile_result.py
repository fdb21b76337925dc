"""The records of one transaction: facts, then newer events."""

import json
from typing import Any

from connector.account.progress import AccountProgress, OrderMark, SymbolCursor
from connector.account.reconcile_reader import AccountReader
from connector.account.reconcile_result import ResultWriter, as_distinct
from connector.account.records import AccountRecord
from connector.account.stored_progress import Earlier
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_truth import new_progress, recorder


def fact(event: str, as_of_ms: int = 50, **row: Any) -> AccountRecord:
    body = json.dumps(row).encode()
    return recorder().fact(event, body, RECEIVED_US, as_of_ms=as_of_ms, origin="reconcile")


def order(number: int, status: str, time_ms: int) -> AccountRecord:
    row: dict[str, Any] = {"symbol": "A", "orderId": number, "status": status, "executedQty": "0"}
    return fact("order_state", **row, updateTime=time_ms)


def reader(progress: AccountProgress) -> AccountReader:
    return AccountReader(recorder(), progress, "reconcile", None)


def test_facts_are_written_once_the_oldest_first_and_the_progress_given_is_left_alone() -> None:
    progress = new_progress()
    writer = ResultWriter(progress)

    writer.write([order(2, "NEW", 9), order(1, "NEW", 8), order(1, "NEW", 8)], "orders")

    result = writer.result(reader(progress), Earlier())
    assert [record.fields["order_id"] for record in result.records] == ["1", "2"]
    assert (result.state, result.counts["orders"]) == ("filled", 2)
    assert progress == new_progress()


def test_a_row_older_than_what_is_written_is_no_news() -> None:
    progress = new_progress(
        states={"balance/X": 9}, orders={"A/1": OrderMark(9, "CANCELED", may_go_on=False)}
    )
    writer = ResultWriter(progress)

    writer.write([order(1, "NEW", 8)], "orders")
    writer.write([fact("balance_state", asset="X", free="1", updateTime=8)], "states")
    writer.write([fact("balance_state", asset="EMPTY", free="0", updateTime=9)], "states")

    assert writer.result(reader(progress), Earlier()).records == []


def test_an_order_that_ended_before_the_floor_is_not_opened_again() -> None:
    progress = new_progress(symbols={"A": SymbolCursor(5, None, 2)})
    writer = ResultWriter(progress)

    writer.write([order(1, "NEW", 8), order(2, "NEW", 8)], "orders")

    result = writer.result(reader(progress), Earlier())
    assert [record.fields["order_id"] for record in result.records] == ["2"]


def test_an_order_that_was_asked_for_and_has_ended_waits_no_longer() -> None:
    progress = new_progress(
        as_of_ms=5,
        symbols={"A": SymbolCursor(5)},
        orders={"A/1": OrderMark(4, "EXPIRED", may_go_on=True)},
    )
    writer = ResultWriter(progress)

    writer.prove(200_000, {"A": SymbolCursor(200_000)}, ["LEFT"], {"A/1"})

    found = writer.result(reader(progress), Earlier(left=("LEFT",))).progress
    assert found.orders == {}
    assert (found.as_of_ms, found.symbols["LEFT"].since_ms) == (200_000, 5)


def test_faults_make_the_result_partial_each_told_once() -> None:
    account = reader(new_progress())
    account.faults += ["a", "b", "a"]

    result = ResultWriter(new_progress()).result(account, Earlier())

    assert (result.state, result.detail) == ("partial", "a; b")


def test_a_distinct_event_has_a_key_of_its_own() -> None:
    event = recorder().record(b'{"e":"balanceUpdate","E":1,"T":1,"a":"X","d":"1"}', RECEIVED_US)
    progress = new_progress(keys={event.fields["dedupe_key"]: "other"})
    writer = ResultWriter(progress)

    writer.replay([event, event])

    result = writer.result(reader(progress), Earlier())
    assert [record.fields["dedupe_key"] for record in result.records] == [
        as_distinct(event).fields["dedupe_key"]
    ]
    assert (result.counts["replayed"], result.counts["repeated"]) == (1, 1)
    assert ACCOUNT in result.records[0].fields["dedupe_key"]
