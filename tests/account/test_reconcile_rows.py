"""Answers taken apart into rows."""

import json

import pytest

from connector.account.reconcile_queries import query
from connector.account.reconcile_rows import FactRow, income_of, rows_of
from connector.binance.account_queries import QUERIES, queries_of
from connector.errors import BadMessage

SPOT, MARGIN = QUERIES["spot"][0], QUERIES["margin"][0]


def test_the_balances_of_an_account_are_rows_with_its_time() -> None:
    account = {"uid": 5, "updateTime": 9, "balances": [{"asset": "A", "free": "1.0"}]}

    rows = rows_of(query(SPOT, "account"), json.dumps(account).encode())

    assert rows == [FactRow(None, b'{"asset":"A","free":"1.0","updateTime":9}')]
    margin = rows_of(query(MARGIN, "account"), b'{"userAssets":[{"asset":"A"}]}')
    assert margin == [FactRow(None, b'{"asset":"A"}')]


def test_lists_and_single_orders_are_rows_as_they_stand() -> None:
    fills = rows_of(query(SPOT, "fills"), b'[{"id": 1},{"id":2}]')

    assert fills == [FactRow(None, b'{"id": 1}'), FactRow(None, b'{"id":2}')]
    assert rows_of(query(SPOT, "order"), b'{"orderId":1}') == [FactRow(None, b'{"orderId":1}')]


@pytest.mark.parametrize(
    ("name", "body"),
    [("fills", b"{}"), ("fills", b"["), ("order", b"[]"), ("account", b"{}"), ("account", b"5")],
)
def test_what_is_no_answer_is_a_bad_message(name: str, body: bytes) -> None:
    with pytest.raises(BadMessage):
        rows_of(query(SPOT, name), body)  # type: ignore[arg-type]


def test_income_names_symbols() -> None:
    rows = income_of(b'[{"symbol":"BTCUSDT","time":5,"income":"1"},{"time":6}]')
    bill = income_of(b'[{"symbol":"BTC-1-C","createDate":7,"type":"FEE"}]')

    assert [(row.symbol, row.time) for row in rows] == [("BTCUSDT", 5), ("", 6)]
    assert [(row.symbol, row.time) for row in bill] == [("BTC-1-C", 7)]
    with pytest.raises(BadMessage):
        income_of(b'{"code":-1}')


def test_a_balance_of_portfolio_margin_is_a_row_for_each_market() -> None:
    body = (
        b'[{"asset":"BTC","crossMarginFree":"1","umWalletBalance":"2","umUnrealizedPNL":"0",'
        b'"cmWalletBalance":"3","updateTime":9}]'
    )

    rows = rows_of(query(QUERIES["portfolio_margin"][0], "balances"), body)

    assert [(row.market, json.loads(row.json)) for row in rows] == [
        (None, {"asset": "BTC", "crossMarginFree": "1", "updateTime": 9}),
        ("UM", {"asset": "BTC", "umWalletBalance": "2", "umUnrealizedPNL": "0"}),
        ("CM", {"asset": "BTC", "cmWalletBalance": "3"}),
    ]


def test_the_account_of_an_isolated_symbol_has_two_balances() -> None:
    asked = queries_of("margin", "BTCUSDT")[0]
    pair = b'{"symbol":"BTCUSDT","baseAsset":{"asset":"BTC"},"quoteAsset":{"asset":"USDT"}}'

    rows = rows_of(query(asked, "account"), b'{"assets":[' + pair + b"]}")

    assert rows == [FactRow("BTCUSDT", b'{"asset":"BTC"}'), FactRow("BTCUSDT", b'{"asset":"USDT"}')]
    assert dict(query(asked, "account").params) == {"symbols": "BTCUSDT"}
    with pytest.raises(BadMessage, match="no balances"):
        rows_of(query(asked, "account"), b'{"assets":[5]}')


def test_the_assets_of_options_are_rows_and_a_risk_is_one() -> None:
    options = rows_of(query(QUERIES["options"][0], "account"), b'{"asset":[{"asset":"USDT"}]}')
    risk = rows_of(query(QUERIES["margin_risk"][0], "risk"), b'{"marginLevel":"5"}')

    assert options == [FactRow(None, b'{"asset":"USDT"}')]
    assert risk == [FactRow(None, b'{"marginLevel":"5"}')]
