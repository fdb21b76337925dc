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
    traded_pairs,
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

    moved = moved_assets(progress, picture, [None])

    assert moved == {(None, "BTC"), (None, "USDT")}
    assert moved_assets(progress, picture, ["UM"]) == set()
    traded = traded_pairs(moved, PAIRS)
    assert symbols_to_ask(progress, picture, [], [], traded) == ["BTCUSDT"]


def test_assets_of_an_isolated_symbol_name_no_other_symbol() -> None:
    moved = {("BTCUSDT", "BTC"), ("BTCUSDT", "USDT")}

    assert traded_pairs(moved, PAIRS) == ["BTCUSDT:BTCUSDT"]


def test_every_source_of_symbols_is_asked_once_the_most_urgent_first() -> None:
    progress = AccountProgress(
        ACCOUNT,
        "spot",
        symbols={"SEEN": SymbolCursor(1), "OPEN": SymbolCursor(1)},
        orders={"OPEN/1": OrderMark(1, "NEW", may_go_on=True)},
    )
    picture = Picture(1, orders=[fact("order_state", symbol="PICTURED", orderId=2)])
    waiting = live(e="executionReport", E=1, s="LIVE", i=3)

    found = symbols_to_ask(progress, picture, [waiting], ["INCOME", "OPEN"], [])

    assert found == ["LIVE", "OPEN", "PICTURED", "INCOME", "SEEN"]
    assert picture.open_keys() == {"PICTURED/2"}


def test_what_is_in_no_answer_any_more_is_zero() -> None:
    progress = AccountProgress(
        ACCOUNT,
        "usdm",
        amounts={"balance/BTC": ONE, "balance/OLD": 0, "position/BTCUSDT/LONG": ONE},
        states={"balance/BTC": 3, "position/BTCUSDT/LONG": 4},
    )

    found = [
        (each.fact, json.loads(each.row.json), each.happened_ms)
        for each in absent_rows(progress, Picture(9))
    ]

    leg = {"symbol": "BTCUSDT", "positionAmt": "0", "positionSide": "LONG"}
    assert found == [
        ("balance_state", {"asset": "BTC", "balance": "0"}, 3),
        ("position_state", leg, 4),
    ]
    assert absent_rows(progress, Picture(9, [balance("BTC", 1)]))[0].fact == "position_state"


def test_rows_of_what_is_zero_have_the_shape_of_their_market() -> None:
    amounts = {"balance/UM:BNB": ONE, "balance/BNB": ONE, "position/CM:BTCUSD_PERP/BOTH": ONE}
    progress = AccountProgress(
        ACCOUNT, "portfolio_margin", amounts=amounts, states=dict.fromkeys(amounts, 3)
    )
    options = AccountProgress(
        ACCOUNT, "options", amounts={"position/BTC-1-C/": ONE}, states={"position/BTC-1-C/": 3}
    )

    rows = [each.row for each in absent_rows(progress, Picture(9))]

    assert [(row.market, json.loads(row.json)) for row in rows] == [
        ("UM", {"asset": "BNB", "umWalletBalance": "0"}),
        (None, {"asset": "BNB", "crossMarginFree": "0", "crossMarginLocked": "0"}),
        ("CM", {"symbol": "BTCUSD_PERP", "positionAmt": "0", "positionSide": "BOTH"}),
    ]
    row = absent_rows(options, Picture(9))[0].row
    assert json.loads(row.json) == {"symbol": "BTC-1-C", "quantity": "0"}


def test_a_fill_or_an_event_explains_what_moved() -> None:
    fill = fact("fill", symbol="BTCUSDT", id=1, orderId=2, qty="1", commissionAsset="BNB")
    change = live(e="balanceUpdate", E=1, T=1, a="ETH", d="1")
    moved = {(None, asset) for asset in ("BTC", "USDT", "BNB", "ETH", "XRP")}

    assert unexplained(moved, [fill, change], PAIRS) == [(None, "XRP")]
    assert unexplained({("BTCUSDT", "BTC")}, [fill], PAIRS) == [("BTCUSDT", "BTC")]
