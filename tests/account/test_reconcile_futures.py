"""A break of a futures account: positions, income, algo orders."""

import json
from typing import Any

from connector.account.progress import AccountProgress, OrderMark, SymbolCursor
from connector.account.reconcile import Reconciliation
from connector.account.reconcile_queries import Query
from connector.account.reconcile_rows import QueryAnswer
from connector.account.records import AccountRecorder
from tests.support.account import ACCOUNT, RECEIVED_US, shown
from tests.support.account_truth import reconcile

BREAK_MS = 1_794_000_000_000
NOW_MS = BREAK_MS + 5_000
FILL = {"symbol": "ETHUSDT", "id": 9, "orderId": 4, "price": "1", "qty": "2", "time": BREAK_MS + 1}
ORDER = {
    "symbol": "ETHUSDT",
    "orderId": 4,
    "status": "FILLED",
    "executedQty": "2",
    "updateTime": BREAK_MS + 1,
}
ALGO = {
    "algoId": 77,
    "symbol": "BTCUSDT",
    "algoStatus": "CANCELED",
    "orderType": "STOP_MARKET",
    "updateTime": BREAK_MS + 2,
}
ANSWERS: dict[str, Any] = {
    "balances": [{"asset": "USDT", "balance": "5", "updateTime": BREAK_MS + 1}],
    "positions": [
        {"symbol": "ETHUSDT", "positionSide": "LONG", "positionAmt": "2", "updateTime": NOW_MS}
    ],
    "open_orders": [],
    "open_algo_orders": [],
    "income": [{"symbol": "ETHUSDT", "time": BREAK_MS + 1}],
    "algo_orders": [ALGO],
}


def progress() -> AccountProgress:
    return AccountProgress(
        ACCOUNT,
        "usdm",
        as_of_ms=BREAK_MS,
        symbols={"BTCUSDT": SymbolCursor(BREAK_MS, 5, 3)},
        orders={"BTCUSDT/algo/77": OrderMark(BREAK_MS, "NEW", may_go_on=True)},
        amounts={"position/BTCUSDT/SHORT": 10**18, "position/ETHUSDT/SHORT": 10**18},
        states={"position/BTCUSDT/SHORT": BREAK_MS, "position/ETHUSDT/SHORT": BREAK_MS},
    )


def answer(query: Query) -> QueryAnswer:
    rows = ANSWERS.get(query.name, [])
    if query.name == "algo_orders" and "algoId" not in query.params:
        rows = []  # placed before the break
    if query.params.get("symbol") == "ETHUSDT" and query.name in ("fills", "orders"):
        rows = [FILL] if query.name == "fills" else [ORDER]
    return QueryAnswer(NOW_MS, RECEIVED_US, json.dumps(rows).encode())


def test_a_break_of_a_futures_account_is_told_by_states() -> None:
    reconciliation = Reconciliation(AccountRecorder(ACCOUNT, "usdm"), progress(), "gap-1", {})

    result, made = reconcile(reconciliation, answer)

    found = [shown(record) for record in result.records]
    assert (result.state, result.detail) == ("filled", "")
    assert [(each["event_type"], each.get("symbol")) for each in found[:3]] == [
        ("fill", "ETHUSDT"),
        ("order_state", "ETHUSDT"),
        ("order_state", "BTCUSDT"),
    ]
    assert found[2]["order_update"]["algo_id"] == 77
    assert found[2]["order_update"]["order_status"] == "CANCELED"
    positions = [each["positions"][0] for each in found if "positions" in each]
    assert {
        (each["symbol"], each["position_side"], each["quantity"][:3]) for each in positions
    } == {
        ("BTCUSDT", "SHORT", "0.0"),
        ("ETHUSDT", "SHORT", "0.0"),
        ("ETHUSDT", "LONG", "2.0"),
    }
    asked = [dict(each.params) for each in made if "algoId" in each.params]
    assert asked == [{"symbol": "BTCUSDT", "algoId": 77}]


def test_the_same_break_asked_again_writes_states_alone() -> None:
    recorder = AccountRecorder(ACCOUNT, "usdm")
    first, _made = reconcile(Reconciliation(recorder, progress(), "gap-1", {}), answer)

    def later(query: Query) -> QueryAnswer:
        found = answer(query)
        return QueryAnswer(NOW_MS + 9, RECEIVED_US, found.body)

    again, made = reconcile(Reconciliation(recorder, first.progress, "gap-2", {}), later)

    events = {record.fields["event_type"] for record in again.records}
    assert events == {"balance_state", "position_state"}
    asked = [dict(each.params) for each in made if each.params.get("symbol") == "ETHUSDT"]
    assert asked[0] == {"symbol": "ETHUSDT", "limit": 1000, "fromId": 9}
    assert asked[1] == {"symbol": "ETHUSDT", "limit": 1000, "orderId": 5}
    assert [each for each in made if "algoId" in each.params] == []


def test_a_break_longer_than_the_memory_is_partial() -> None:
    old = progress()
    old.as_of_ms = BREAK_MS - 4 * 86_400_000

    result, _made = reconcile(
        Reconciliation(AccountRecorder(ACCOUNT, "usdm"), old, "gap-1", {}), answer
    )

    assert (result.state, result.detail) == (
        "partial",
        "the exchange no longer shows orders older than 3 days",
    )
