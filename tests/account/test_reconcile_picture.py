"""What a picture says about what moved, and which symbols that concerns."""

import json
from typing import Any

from connector.account.progress import AccountProgress, OrderMark, SymbolCursor
from connector.account.reconcile_picture import (
    Picture,
    absent_rows,
    landed_between,
    moved_assets,
    symbols_to_ask,
    unexplained,
)
from connector.account.records import AccountRecord
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_truth import PAIRS, recorder

ONE = 10**18


def fact(event: str, **row: Any) -> AccountRecord:
    body = json.dumps(row).encode()
    return recorder().fact(event, body, RECEIVED_US, as_of_ms=50, origin="reconcile")


def balance(asset: str, amount: int, time_ms: int = 5) -> AccountRecord:
    row = {"asset": asset, "free": str(amount), "locked": "0", "updateTime": time_ms}
    return fact("balance_state", **row)


def live(**event: Any) -> AccountRecord:
    return recorder().record(json.dumps(event).encode(), RECEIVED_US)


def wallet(asset: str, amount: int, time_ms: int) -> AccountRecord:
    listed = [{"a": asset, "f": str(amount), "l": "0"}]
    return live(e="outboundAccountPosition", E=time_ms, u=time_ms, B=listed)


def test_what_changed_between_two_pictures_without_an_event_has_landed() -> None:
    first = Picture(1, [balance("BTC", 1), balance("USDT", 9)])
    second = Picture(2, [balance("BTC", 2, 7), balance("USDT", 8, 7)])

    assert landed_between(first, first, []) == set()
    assert landed_between(first, second, []) == {"balance/BTC", "balance/USDT"}
    events = [wallet("BTC", 2, 7), wallet("USDT", 5, 8)]
    assert landed_between(first, second, events) == set()


def test_assets_that_moved_name_the_symbol_between_them() -> None:
    progress = AccountProgress(ACCOUNT, "spot", amounts={"balance/BTC": ONE, "balance/USDT": ONE})
    picture = Picture(1, [balance("BTC", 2), balance("USDT", 0)])

    assert moved_assets(progress, picture) == {"BTC", "USDT"}
    assert symbols_to_ask(progress, picture, [], [], PAIRS) == ["BTCUSDT"]


def test_every_source_of_symbols_is_asked_once_the_most_urgent_first() -> None:
    progress = AccountProgress(
        ACCOUNT,
        "spot",
        symbols={"SEEN": SymbolCursor(1), "OPEN": SymbolCursor(1)},
        orders={"OPEN/1": OrderMark(1, "NEW", may_go_on=True)},
    )
    picture = Picture(1, orders=[fact("order_state", symbol="PICTURED", orderId=2)])
    waiting = live(e="executionReport", E=1, s="LIVE", i=3)

    found = symbols_to_ask(progress, picture, [waiting], ["INCOME", "OPEN"], {})

    assert found == ["LIVE", "OPEN", "PICTURED", "INCOME", "SEEN"]
    assert picture.open_keys() == {"PICTURED/2"}


def test_what_is_in_no_answer_any_more_is_zero() -> None:
    progress = AccountProgress(
        ACCOUNT,
        "usdm",
        amounts={"balance/BTC": ONE, "balance/OLD": 0, "position/BTCUSDT/LONG": ONE},
        states={"balance/BTC": 3, "position/BTCUSDT/LONG": 4},
    )

    found = [(fact, json.loads(row)) for fact, row in absent_rows(progress, Picture(9))]

    assert found == [
        (
            "balance_state",
            {"asset": "BTC", "free": "0", "locked": "0", "balance": "0", "updateTime": 3},
        ),
        (
            "position_state",
            {"symbol": "BTCUSDT", "positionSide": "LONG", "positionAmt": "0", "updateTime": 4},
        ),
    ]
    assert absent_rows(progress, Picture(9, [balance("BTC", 1)]))[0][0] == "position_state"


def test_a_fill_or_an_event_explains_what_moved() -> None:
    fill = fact("fill", symbol="BTCUSDT", id=1, orderId=2, qty="1", commissionAsset="BNB")
    change = live(e="balanceUpdate", E=1, T=1, a="ETH", d="1")
    moved = {"BTC", "USDT", "BNB", "ETH", "XRP"}

    assert unexplained(moved, [fill, change], PAIRS) == ["XRP"]
