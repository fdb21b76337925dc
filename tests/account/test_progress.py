"""The cursor of an account: what is written, what is proved, what is a repeat."""

import json
from typing import Any

import msgspec

from connector.account.progress import (
    LAG_MS,
    MAX_UNPROVED,
    AccountProgress,
    OrderMark,
    SymbolCursor,
    amounts_of,
    order_key,
    order_mark,
    time_of,
)
from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events.layout import AccountProduct
from tests.support.account import ACCOUNT, RECEIVED_US


def event(product: AccountProduct = "usdm", **values: Any) -> AccountRecord:
    payload = json.dumps(values).encode()
    return AccountRecorder(ACCOUNT, product).record(payload, RECEIVED_US)


def order(execution: str, status: str, time_ms: int, **values: Any) -> AccountRecord:
    details = {"s": "BTCUSDT", "i": 7, "x": execution, "X": status, "z": "0", "t": 0, **values}
    return event(e="ORDER_TRADE_UPDATE", E=time_ms, T=time_ms, o=details)


def trade(number: int, time_ms: int) -> AccountRecord:
    filled = {"t": number, "l": "1", "z": str(number)}
    return order("TRADE", "PARTIALLY_FILLED", time_ms, **filled)


def progress_of(*records: AccountRecord) -> AccountProgress:
    progress = AccountProgress(ACCOUNT, "usdm")
    for record in records:
        progress.remember(record)
    return progress


def test_a_stop_that_is_triggered_does_not_close_its_order() -> None:
    expired = order("EXPIRED", "EXPIRED", 5, o="STOP_MARKET")
    again = order("NEW", "NEW", 5, o="MARKET", ot="STOP_MARKET")

    progress = progress_of(expired)
    waits = progress.orders["BTCUSDT/7"].may_go_on
    assert (waits, progress.tells_more(again)) == (True, True)
    progress.remember(again)
    assert progress.orders["BTCUSDT/7"].status == "NEW"


def test_new_and_cancelled_with_equal_numbers_are_two_events() -> None:
    new, cancelled = order("NEW", "NEW", 5, t=0), order("CANCELED", "CANCELED", 5, t=0)

    progress = progress_of(new)

    assert (progress.admit(new), progress.admit(cancelled)) == ("repeated", "new")
    assert progress.tells_more(cancelled)


def test_what_has_filled_less_in_the_same_millisecond_is_older() -> None:
    new, part = OrderMark(5, "NEW", 0), OrderMark(5, "PARTIALLY_FILLED", 1)

    assert (part.is_newer_than(new), new.is_newer_than(part)) == (True, False)
    assert not part.is_newer_than(part)
    assert OrderMark(6, "CANCELED").is_newer_than(part)
    assert (OrderMark(5, "FILLED").has_ended, new.has_ended) == (True, False)


def test_an_older_event_does_not_take_an_order_back() -> None:
    progress = progress_of(trade(3, 9))

    progress.remember(order("NEW", "NEW", 4))

    assert progress.orders["BTCUSDT/7"].status == "PARTIALLY_FILLED"


def test_an_event_with_the_key_of_another_one_is_distinct() -> None:
    first, other = order("NEW", "NEW", 5), order("NEW", "NEW", 5, q="8")

    progress = progress_of(first)

    assert progress.admit(other) == "distinct"


def test_a_floor_moves_by_proof_and_settles_what_is_below() -> None:
    progress = progress_of(trade(3, 5), trade(9, 6))
    late = trade(4, 5)

    assert [progress.has_fill(record.fields) for record in (trade(3, 5), late)] == [True, False]
    progress.close_window(100, {"BTCUSDT": SymbolCursor(100, 9, 8)})

    assert progress.has_fill(late.fields)
    assert progress.fills == {"BTCUSDT": {(9, "7")}}


def test_a_trade_with_oneself_is_two_fills() -> None:
    progress = progress_of(trade(9, 6))
    other_side = order("TRADE", "FILLED", 6, i=8, t=9, l="1")

    progress.close_window(100, {"BTCUSDT": SymbolCursor(100, 9, 8)})

    assert not progress.has_fill(other_side.fields)


def test_a_repeat_is_known_until_two_pictures_have_followed() -> None:
    progress = progress_of(trade(3, 5))
    cursors = {"BTCUSDT": SymbolCursor(100, 3, 8)}

    found = []
    for minute in (1, 2, 3):
        progress.close_window(minute * LAG_MS, cursors)
        found.append(progress.admit(trade(3, 5)))

    assert found == ["repeated", "outlived", "outlived"]


def test_pictures_of_one_minute_forget_no_repeat() -> None:
    progress = progress_of(trade(3, 5))
    cursors = {"BTCUSDT": SymbolCursor(100, 3, 8)}

    found = []
    for as_of_ms in (LAG_MS, LAG_MS + 1, 2 * LAG_MS - 1):
        progress.close_window(as_of_ms, cursors)
        found.append(progress.admit(trade(3, 5)))

    assert found == ["repeated"] * 3
    assert (progress.as_of_ms, progress.window_ms) == (2 * LAG_MS - 1, 0)


def test_an_old_event_with_a_fill_that_nobody_has_is_new() -> None:
    progress = AccountProgress(ACCOUNT, "usdm", window_ms=50)

    assert progress.admit(trade(3, 5)) == "new"


def test_orders_that_ended_are_forgotten_once_their_symbol_is_proved() -> None:
    ended, waiting = order("CANCELED", "CANCELED", 5), order("NEW", "NEW", 5, i=8)
    progress = progress_of(ended, waiting)

    later_ms = 6 + 2 * LAG_MS
    progress.close_window(5, {"BTCUSDT": SymbolCursor(5, None, 8)})
    assert [*progress.orders] == ["BTCUSDT/7", "BTCUSDT/8"]  # an answer may have the first again
    progress.close_window(later_ms, {"BTCUSDT": SymbolCursor(later_ms, None, 8)})

    assert [*progress.orders] == ["BTCUSDT/8"]
    assert progress.has_ended_order(ended.fields)
    assert not progress.has_ended_order(waiting.fields)


def test_the_legs_of_hedge_mode_are_two_positions() -> None:
    legs = [{"s": "BTCUSDT", "ps": side, "pa": "1"} for side in ("LONG", "SHORT")]

    found = amounts_of(event(e="ACCOUNT_UPDATE", E=5, T=5, a={"B": [], "P": legs}).fields)

    assert {*found} == {"position/BTCUSDT/LONG", "position/BTCUSDT/SHORT"}


def test_a_change_alone_is_no_state_and_always_told() -> None:
    change = event("spot", e="balanceUpdate", E=5, T=5, a="BTC", d="1")

    assert amounts_of(change.fields) == {}
    assert AccountProgress(ACCOUNT, "spot", window_ms=0).tells_more(change)


def test_older_balances_are_no_news() -> None:
    def wallet(time_ms: int, amount: str) -> AccountRecord:
        listed = [{"a": "USDT", "wb": amount}]
        return event(e="ACCOUNT_UPDATE", E=time_ms, T=time_ms, a={"B": listed, "P": []})

    progress = progress_of(wallet(9, "2"))
    progress.remember(wallet(8, "1"))

    assert progress.amounts == {"balance/USDT": 2 * 10**18}
    assert [progress.tells_more(wallet(time, "3")) for time in (8, 9)] == [False, True]


def test_an_algo_order_has_a_key_of_its_own() -> None:
    fields = {"symbol": "X", "order_id": "5", "order_update": {"algo_id": 9}}

    assert order_key(fields) == "X/algo/9"
    assert order_key({"symbol": "X", "order_id": "5"}) == "X/5"
    assert (order_mark(fields), time_of({"event_time": 3})) == (None, 3)


def test_a_new_picture_is_due_before_the_progress_grows_too_large() -> None:
    progress = AccountProgress(ACCOUNT, "usdm")

    progress.keys = dict.fromkeys(map(str, range(MAX_UNPROVED + 1)), "d")

    assert progress.picture_is_due


def test_progress_survives_json() -> None:
    progress = progress_of(trade(3, 5))

    stored = msgspec.json.encode(progress)

    assert msgspec.json.decode(stored, type=AccountProgress) == progress
