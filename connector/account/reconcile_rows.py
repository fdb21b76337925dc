"""Answers about an account as rows: what an answer holds, and the fact each row is. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct, field

from connector.account.reconcile_queries import Query
from connector.binance.account_events.rest_rows import (
    BALANCE_STATE,
    FILL,
    ORDER_STATE,
    POSITION_STATE,
    RISK_STATE,
)
from connector.binance.account_queries import QueryName
from connector.errors import BadMessage

# The fact that a row becomes; income becomes none: it names symbols.
FACT_OF: Mapping[QueryName, str] = {
    "account": BALANCE_STATE,
    "balances": BALANCE_STATE,
    "risk": RISK_STATE,
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
        is_unknown: The exchange does not know the order that was asked for (-2013), or has no such
            query.
        is_gone: The exchange does not list the symbol that was asked for (-1121); `is_unknown` too.
    """

    as_of_ms: int
    received_us: int
    body: bytes = b""
    failure: str = ""
    is_unknown: bool = False
    is_gone: bool = False


class FactRow(NamedTuple):
    """A row of an answer: its JSON, and the market whose fact it is (see `MarketQueries`)."""

    market: str | None
    json: bytes


class IncomeRow(Struct):
    """A row of `income`, or of `bill` of options: `symbol` is "" where it is about none."""

    at_ms: int = field(default=0, name="time")
    created_ms: int = field(default=0, name="createDate")
    symbol: str = ""

    @property
    def time(self) -> int:
        """When it happened, epoch milliseconds."""
        return self.at_ms or self.created_ms


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_rows = msgspec.json.Decoder(list[Raw]).decode
_decode_income = msgspec.json.Decoder(list[IncomeRow]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode


def rows_of(query: Query, body: bytes) -> list[FactRow]:
    """Return the rows of an answer. Raises BadMessage: it is none.

    The balances of spot get the account's `updateTime`, which stands above them. A row about an
    asset of portfolio margin becomes one for each market that it has amounts of.
    """
    try:
        if query.name == "account":
            return [FactRow(query.market, row) for row in _balances(_decode_object(body))]
        if query.name in ("order", "risk"):
            _decode_object(body)
            return [FactRow(query.market, body)]
        rows = [bytes(row) for row in _decode_rows(body)]
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error
    if query.name == "balances" and query.kind.path in _SHARED_BALANCES:
        return [part for row in rows for part in _wallets(row)]
    return [FactRow(query.market, row) for row in rows]


def income_of(body: bytes) -> list[IncomeRow]:
    """Return the rows of an answer about income. Raises BadMessage: it is none."""
    try:
        return _decode_income(body)
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error


# Keys of an account's answer whose value is the list of its balances.
_LISTS = ("balances", "userAssets", "asset")
# Answers whose rows have an asset's amounts in every market, by the beginnings of their keys.
_SHARED_BALANCES = ("/papi/v1/balance", "/sapi/v1/portfolio/balance")
_WALLETS = {"um": "UM", "cm": "CM", "option": "OPTION"}


def _balances(account: Mapping[str, Any]) -> list[bytes]:
    name = next((name for name in _LISTS if name in account), "")
    rows = account.get(name) if name else _isolated(account.get("assets"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadMessage("shape", f"no balances: no list under {', '.join(_LISTS)} or assets")
    stamp = {"updateTime": account["updateTime"]} if "updateTime" in account else {}
    return [_json({**row, **stamp}) for row in rows]


def _isolated(pairs: Any) -> list[Any] | None:
    """Return the two assets of each isolated pair; None: these are none."""
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        return None
    return [pair.get(side) for pair in pairs for side in ("baseAsset", "quoteAsset")]


def _wallets(row: bytes) -> list[FactRow]:
    """Return what a row says of each market; the account's totals stay with the margin part."""
    try:
        amounts = _decode_object(row)
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error
    parts: dict[str | None, dict[str, Any]] = {None: {}}
    for key, value in amounts.items():
        market = next((name for head, name in _WALLETS.items() if key.startswith(head)), None)
        parts.setdefault(market, {})[key] = value
    asset = {"asset": amounts.get("asset")}
    return [FactRow(market, _json({**asset, **part})) for market, part in parts.items()]


def _json(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode()
