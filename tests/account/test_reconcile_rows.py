"""Answers taken apart into rows."""

import json

import pytest

from connector.account.reconcile_queries import query
from connector.account.reconcile_rows import income_of, rows_of
from connector.errors import BadMessage


def test_the_balances_of_an_account_are_rows_with_its_time() -> None:
    account = {"uid": 5, "updateTime": 9, "balances": [{"asset": "A", "free": "1.0"}]}

    rows = rows_of(query("spot", "account"), json.dumps(account).encode())

    assert rows == [b'{"asset":"A","free":"1.0","updateTime":9}']
    margin = rows_of(query("margin", "account"), b'{"userAssets":[{"asset":"A"}]}')
    assert margin == [b'{"asset":"A"}']


def test_lists_and_single_orders_are_rows_as_they_stand() -> None:
    assert rows_of(query("spot", "fills"), b'[{"id": 1},{"id":2}]') == [b'{"id": 1}', b'{"id":2}']
    assert rows_of(query("spot", "order"), b'{"orderId":1}') == [b'{"orderId":1}']


@pytest.mark.parametrize(
    ("name", "body"),
    [("fills", b"{}"), ("fills", b"["), ("order", b"[]"), ("account", b"{}"), ("account", b"5")],
)
def test_what_is_no_answer_is_a_bad_message(name: str, body: bytes) -> None:
    with pytest.raises(BadMessage):
        rows_of(query("spot", name), body)  # type: ignore[arg-type]


def test_income_names_symbols() -> None:
    rows = income_of(b'[{"symbol":"BTCUSDT","time":5,"income":"1"},{"time":6}]')

    assert [(row.symbol, row.time) for row in rows] == [("BTCUSDT", 5), ("", 6)]
    with pytest.raises(BadMessage):
        income_of(b'{"code":-1}')
