"""Answers about an account as rows: what an answer holds, and the fact each row is. Pure."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from connector.account.reconcile_queries import Query, QueryName
from connector.binance.account_events.rest_rows import (
    BALANCE_STATE,
    FILL,
    ORDER_STATE,
    POSITION_STATE,
)
from connector.errors import BadMessage

# The fact that a row becomes; income becomes none: it names symbols.
FACT_OF: Mapping[QueryName, str] = {
    "account": BALANCE_STATE,
    "balances": BALANCE_STATE,
    "positions": POSITION_STATE,
    "open_orders": ORDER_STATE,
    "open_algo_orders": ORDER_STATE,
    "orders": ORDER_STATE,
    "order": ORDER_STATE,
    "algo_orders": ORDER_STATE,
    "fills": FILL,
}


class QueryAnswer(Struct, frozen=True):
    """What became of a query.

    Attributes:
        as_of_ms: When the exchange answered, by its clock, epoch milliseconds.
        received_us: The same by ours, epoch microseconds.
        body: JSON of REST's answer, or of `result` of the WS API's.
        failure: Why there is no body; "": there is one.
        is_unknown: The exchange does not know the order that was asked for (-2013).
    """

    as_of_ms: int
    received_us: int
    body: bytes = b""
    failure: str = ""
    is_unknown: bool = False


class IncomeRow(Struct):
    """A row of `income`: `symbol` is "" where it is about none."""

    time: int
    symbol: str = ""


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_rows = msgspec.json.Decoder(list[Raw]).decode
_decode_income = msgspec.json.Decoder(list[IncomeRow]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode


def rows_of(query: Query, body: bytes) -> list[bytes]:
    """Return the rows of an answer, each a JSON object. Raises BadMessage: it is none.

    The balances of spot and margin get the account's `updateTime`, which stands above them.
    """
    try:
        if query.name == "account":
            return _balances(_decode_object(body))
        if query.name == "order":
            _decode_object(body)
            return [body]
        return [bytes(row) for row in _decode_rows(body)]
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error


def income_of(body: bytes) -> list[IncomeRow]:
    """Return the rows of an answer about income. Raises BadMessage: it is none."""
    try:
        return _decode_income(body)
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error


def _balances(account: Mapping[str, Any]) -> list[bytes]:
    rows = account.get("balances", account.get("userAssets"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadMessage("shape", "no balances: key `balances` or `userAssets` is missing")
    stamp = {"updateTime": account["updateTime"]} if "updateTime" in account else {}
    return [json.dumps({**row, **stamp}, separators=(",", ":")).encode() for row in rows]
