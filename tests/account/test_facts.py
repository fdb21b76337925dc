"""Fetched rows as records: states, and fills with the same key as their events."""

import json
from typing import Any

import pytest

from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events.layout import AccountProduct
from connector.errors import BadMessage
from tests.support.account import ACCOUNT, RECEIVED_US, record_of, shown

AS_OF_MS = 1_794_000_004_900
SPOT_FILL = {
    "symbol": "BNBUSDT",
    "id": 1290000417,
    "orderId": 9712345001,
    "orderListId": -1,
    "price": "840.05000000",
    "qty": "0.01000000",
    "quoteQty": "8.40050000",
    "commission": "0.00000750",
    "commissionAsset": "BNB",
    "time": 1_794_000_001_414,
    "isBuyer": True,
    "isMaker": True,
    "isBestMatch": True,
}
USDM_FILL = {
    "buyer": True,
    "commission": "7.27996000",
    "commissionAsset": "USDT",
    "id": 320001234,
    "maker": True,
    "orderId": 5512345678,
    "price": "90999.50",
    "qty": "0.200",
    "quoteQty": "18199.90",
    "realizedPnl": "-0.40",
    "side": "BUY",
    "positionSide": "BOTH",
    "symbol": "BTCUSDT",
    "time": 1_794_000_001_000,
}
USDM_ORDER = {
    "avgPrice": "0.00000",
    "clientOrderId": "cli-77",
    "cumQuote": "0",
    "executedQty": "0",
    "orderId": 5512345678,
    "origQty": "0.200",
    "origType": "LIMIT",
    "price": "91000",
    "reduceOnly": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "status": "NEW",
    "stopPrice": "0",
    "closePosition": False,
    "symbol": "BTCUSDT",
    "time": 1_794_000_000_000,
    "timeInForce": "GTC",
    "type": "LIMIT",
    "updateTime": 1_794_000_000_500,
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
    "priceMatch": "NONE",
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "goodTillDate": 0,
}


def fact(product: AccountProduct, event: str, row: dict[str, Any]) -> AccountRecord:
    return AccountRecorder(ACCOUNT, product).fact(
        event,
        json.dumps(row).encode(),
        RECEIVED_US,
        as_of_ms=AS_OF_MS,
        origin="reconcile",
        gap_id="g1",
    )


@pytest.mark.parametrize(
    ("product", "row", "event"),
    [
        (
            "spot",
            SPOT_FILL,
            b'{"e":"executionReport","E":1,"s":"BNBUSDT","i":9712345001,"x":"TRADE",'
            b'"t":1290000417,"l":"0.01"}',
        ),
        (
            "usdm",
            USDM_FILL,
            b'{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"s":"BTCUSDT","i":5512345678,'
            b'"x":"TRADE","t":320001234,"l":"0.2"}}',
        ),
        ("coinm", USDM_FILL, None),
        ("margin", SPOT_FILL, None),
    ],
)
def test_a_fetched_fill_has_the_key_of_its_event(
    product: AccountProduct, row: dict[str, Any], event: bytes | None
) -> None:
    record = fact(product, "fill", row)

    found = shown(record)
    assert (record.is_known, record.unknown) == (True, ())
    assert found["fill_key"] == f"desk-1/{product}/{row['symbol']}/{row['id']}/{row['orderId']}"
    assert found["transaction_time"] == row["time"]
    assert found["fill"]["is_buyer"] is True
    if event is not None:
        assert shown(record_of(product, event))["fill_key"] == found["fill_key"]


def test_a_fetched_fact_says_when_and_why_it_was_fetched() -> None:
    found = shown(fact("usdm", "order_state", USDM_ORDER))

    assert (found["event_type"], found["origin"], found["gap_id"], found["as_of"]) == (
        "order_state",
        "reconcile",
        "g1",
        AS_OF_MS,
    )
    assert "event_time" not in found
    assert found["transaction_time"] == 1_794_000_000_500
    assert found["order_update"] == {
        "side": "BUY",
        "position_side": "BOTH",
        "order_type": "LIMIT",
        "original_order_type": "LIMIT",
        "time_in_force": "GTC",
        "order_status": "NEW",
        "quantity": "0.200000000000000000",
        "price": "91000.000000000000000000",
        "stop_price": "0.000000000000000000",
        "average_price": "0.000000000000000000",
        "filled_quantity": "0.000000000000000000",
        "filled_quote_quantity": "0.000000000000000000",
        "order_time": 1_794_000_000_000,
        "reduce_only": False,
        "close_position": False,
        "price_protect": False,
        "working_type": "CONTRACT_PRICE",
        "price_match": "NONE",
        "self_trade_prevention": "EXPIRE_MAKER",
    }


def test_a_spot_order_is_read_whole() -> None:
    row = {
        "symbol": "BNBUSDT",
        "orderId": 1,
        "orderListId": -1,
        "clientOrderId": "c",
        "price": "1.0",
        "origQty": "2.0",
        "executedQty": "1.0",
        "cummulativeQuoteQty": "1.0",
        "status": "PARTIALLY_FILLED",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "SELL",
        "stopPrice": "0.0",
        "icebergQty": "0.0",
        "time": 5,
        "updateTime": 6,
        "isWorking": True,
        "workingTime": 5,
        "origQuoteOrderQty": "0.0",
        "selfTradePreventionMode": "NONE",
    }

    record = fact("spot", "order_state", row)

    assert record.unknown == ()
    assert shown(record)["dedupe_key"] == "desk-1/spot/order_state/BNBUSDT/1/PARTIALLY_FILLED/1.0/6"


def test_balances_and_positions_are_states_at_a_time() -> None:
    balance = fact("spot", "balance_state", {"asset": "BTC", "free": "1.5", "locked": "0.5"})
    position = fact(
        "usdm",
        "position_state",
        {"symbol": "BTCUSDT", "positionSide": "LONG", "positionAmt": "-0.5", "updateTime": 0},
    )

    assert shown(balance)["balances"] == [
        {
            "asset": "BTC",
            "free_amount": "1.500000000000000000",
            "locked_amount": "0.500000000000000000",
        }
    ]
    assert shown(balance)["dedupe_key"] == f"desk-1/spot/balance_state/BTC/{AS_OF_MS}"
    assert shown(position)["positions"][0]["quantity"] == "-0.500000000000000000"
    key = f"desk-1/usdm/position_state/BTCUSDT/LONG/{AS_OF_MS}"
    assert shown(position)["dedupe_key"] == key


def test_binances_own_name_of_the_account_is_hidden() -> None:
    row = {"accountAlias": "SgsR", "asset": "USDT", "balance": "5", "new": "kept"}

    found = shown(fact("usdm", "balance_state", row))

    assert "SgsR" not in json.dumps(found)
    assert json.loads(found["extra"]) == {"new": "kept"}


def test_the_number_of_an_account_in_its_orders_is_hidden() -> None:
    row = {"symbol": "BTCUSDT", "orderId": 5, "status": "NEW", "accountId": 152950866}

    found = shown(fact("portfolio_margin", "order_state", row))

    assert "152950866" not in json.dumps(found)
    assert json.loads(found["raw_json"]) == row | {"accountId": "***"}


def test_a_fact_without_a_layout_is_kept_whole() -> None:
    record = fact("stocks", "order_state", {"symbol": "X", "orderId": 5})

    found = shown(record)
    assert (record.is_known, found["event_type"]) == (False, "order_state")
    assert json.loads(found["raw_json"]) == {"symbol": "X", "orderId": 5}


def test_a_row_that_is_no_object_is_a_bad_message() -> None:
    with pytest.raises(BadMessage):
        AccountRecorder(ACCOUNT, "spot").fact(
            "fill", b"[]", RECEIVED_US, as_of_ms=1, origin="snapshot"
        )
