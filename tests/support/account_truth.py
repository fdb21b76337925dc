"""A spot account whose truth is known: its events, its answers, and what a reader makes of both."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connector.account.progress import AccountProgress
from connector.account.reconcile import Reconciliation
from connector.account.reconcile_queries import Query
from connector.account.reconcile_result import Reconciled
from connector.account.reconcile_rows import QueryAnswer
from connector.account.records import AccountRecord, AccountRecorder
from tests.support.account import ACCOUNT, RECEIVED_US

START_MS = 1_794_000_000_000
PAIRS = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT"), "BNBUSDT": ("BNB", "USDT")}
SCALE = 10**18


def recorder() -> AccountRecorder:
    return AccountRecorder(ACCOUNT, "spot")


def new_progress(**options: Any) -> AccountProgress:
    return AccountProgress(ACCOUNT, "spot", **options)


@dataclass
class SpotTruth:
    """The exchange's side of one account. Every act returns the events it causes, as JSON."""

    now_ms: int = START_MS
    updated_ms: int = START_MS
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=lambda: {"USDT": 1_000_000})
    executions: int = 0

    def place(self, symbol: str) -> list[bytes]:
        """Place an order to buy 100."""
        order: dict[str, Any] = {
            "symbol": symbol,
            "orderId": len(self.orders) + 1,
            "status": "NEW",
            "executedQty": 0,
            "origQty": 100,
            "time": self.now_ms,
            "type": "LIMIT",
        }
        self.orders[order["orderId"]] = order
        return [self._report(order, "NEW")]

    def fill(self, order_id: int, quantity: int = 10) -> list[bytes]:
        """Fill a part of an order, at price 1; nothing where it is not open."""
        order = self.orders[order_id]
        if order["status"] not in ("NEW", "PARTIALLY_FILLED"):
            return []
        order["executedQty"] += quantity
        is_filled = order["executedQty"] >= order["origQty"]
        order["status"] = "FILLED" if is_filled else "PARTIALLY_FILLED"
        trade = {
            "symbol": order["symbol"],
            "id": len(self.fills) + 1,
            "orderId": order_id,
            "price": "1",
            "qty": str(quantity),
            "commission": "0",
            "commissionAsset": "USDT",
            "time": self.now_ms,
        }
        self.fills.append(trade)
        base, quote = PAIRS[order["symbol"]]
        self.balances[base] = self.balances.get(base, 0) + quantity
        self.balances[quote] -= quantity
        self.updated_ms = self.now_ms
        return [self._report(order, "TRADE", trade), self._position(base, quote)]

    def cancel(self, order_id: int) -> list[bytes]:
        """Cancel an order; nothing where it is not open."""
        order = self.orders[order_id]
        if order["status"] not in ("NEW", "PARTIALLY_FILLED"):
            return []
        order["status"] = "CANCELED"
        return [self._report(order, "CANCELED")]

    def _report(
        self, order: dict[str, Any], execution: str, trade: dict[str, Any] | None = None
    ) -> bytes:
        self.executions += 1
        order["updateTime"] = self.now_ms
        event = {
            "e": "executionReport",
            "E": self.now_ms,
            "T": self.now_ms,
            "s": order["symbol"],
            "i": order["orderId"],
            "o": order["type"],
            "x": execution,
            "X": order["status"],
            "z": str(order["executedQty"]),
            "I": self.executions,
            "t": trade["id"] if trade else -1,
            "l": trade["qty"] if trade else "0",
            "L": "1",
        }
        return json.dumps(event).encode()

    def _position(self, *assets: str) -> bytes:
        listed = [{"a": name, "f": str(self.balances[name]), "l": "0"} for name in assets]
        event = {
            "e": "outboundAccountPosition",
            "E": self.now_ms,
            "u": self.updated_ms,
            "B": listed,
        }
        return json.dumps(event).encode()

    def answer(self, query: Query) -> QueryAnswer:
        """QueryAnswer a query by what is true now."""
        rows = getattr(self, f"_{query.name}")(query.params)
        return QueryAnswer(self.now_ms, RECEIVED_US, json.dumps(rows).encode())

    def _account(self, _params: Any) -> dict[str, Any]:
        rows = [
            {"asset": name, "free": str(amount), "locked": "0"}
            for name, amount in {**self.balances, "DUST": 0}.items()
        ]
        return {"updateTime": self.updated_ms, "balances": rows}

    def _open_orders(self, _params: Any) -> list[dict[str, Any]]:
        is_open = ("NEW", "PARTIALLY_FILLED")
        return [_row(order) for order in self.orders.values() if order["status"] in is_open]

    def _orders(self, params: Any) -> list[dict[str, Any]]:
        rows = [_row(each) for each in self.orders.values() if each["symbol"] == params["symbol"]]
        return _page(rows, params, "orderId", "orderId")

    def _fills(self, params: Any) -> list[dict[str, Any]]:
        rows = [fill for fill in self.fills if fill["symbol"] == params["symbol"]]
        return _page(rows, params, "fromId", "id")

    def _order(self, params: Any) -> dict[str, Any]:
        return _row(self.orders[params["orderId"]])


def _row(order: dict[str, Any]) -> dict[str, Any]:
    return {**order, "executedQty": str(order["executedQty"]), "origQty": str(order["origQty"])}


def _page(rows: list[dict[str, Any]], params: Any, id_param: str, key: str) -> list[dict[str, Any]]:
    if id_param in params:
        found = [row for row in rows if row[key] >= params[id_param]]
    else:
        found = [row for row in rows if params["startTime"] <= row["time"] <= params["endTime"]]
    return found[: params["limit"]]


@dataclass
class Reader:
    """A consumer of the topic: orders and amounts by their times, fills by their keys."""

    orders: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    fills: dict[str, int] = field(default_factory=dict)
    balances: dict[str, tuple[int, int]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    new_fills: list[str] = field(default_factory=list)  # of fetched rows

    def take(self, records: list[AccountRecord]) -> None:
        for record in records:
            fields = record.fields
            self.keys.append(fields["dedupe_key"])
            happened = fields["transaction_time"]
            if "fill_key" in fields:
                quantity = int.from_bytes(fields["fill"]["quantity"], "big", signed=True) // SCALE
                self.fills[fields["fill_key"]] = quantity
            if "order_status" in fields.get("order_update", {}):
                self._take_order(fields, happened)
            for balance in fields.get("balances", []):
                amount = int.from_bytes(balance["free_amount"], "big", signed=True) // SCALE
                if happened >= self.balances.get(balance["asset"], (0, 0))[0]:
                    self.balances[balance["asset"]] = (happened, amount)

    def _take_order(self, fields: dict[str, Any], happened: int) -> None:
        update = fields["order_update"]
        filled = int.from_bytes(update["filled_quantity"], "big", signed=True) // SCALE
        if happened >= self.orders.get(fields["order_id"], (0, "", 0))[0]:
            self.orders[fields["order_id"]] = (happened, update["order_status"], filled)

    def view(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        orders = {key: (status, filled) for key, (_time, status, filled) in self.orders.items()}
        amounts = {name: amount for name, (_time, amount) in self.balances.items() if amount}
        return orders, self.fills, amounts


def true_view(truth: SpotTruth) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what a reader ought to see."""
    orders = {
        str(each["orderId"]): (each["status"], each["executedQty"])
        for each in truth.orders.values()
    }
    fills = {
        f"{ACCOUNT}/spot/{fill['symbol']}/{fill['id']}/{fill['orderId']}": int(fill["qty"])
        for fill in truth.fills
    }
    return orders, fills, {name: amount for name, amount in truth.balances.items() if amount}


def reconcile(
    reconciliation: Reconciliation, answer: Callable[[Query], QueryAnswer]
) -> tuple[Reconciled, list[Query]]:
    """Run a reconciliation; return its result and the queries it made."""
    steps = reconciliation.steps()
    made: list[Query] = []
    try:
        wanted = next(steps)
        while True:
            made.append(wanted)
            wanted = steps.send(answer(wanted))
    except StopIteration as end:
        return end.value, made
