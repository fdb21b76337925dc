"""Rows of account queries of options, made from a ledger. Pure.

Shapes: models of the official client (options 8.7.0, 2026-10) and the account pages of
developers.binance.com (2026-01). States have names of their own: ACCEPTED, CANCELLED.
"""

from typing import Any

from connector.lab.account.account import decimal_text, fixed_text
from connector.lab.account.ledger import Income, LabFill, LabOrder, Ledger

Row = dict[str, Any]
FIRST_ROW_ID = 4_611_875_134_427_365_376
_STATUS = {"NEW": "ACCEPTED", "CANCELED": "CANCELLED"}
_SCALES = {"priceScale": 2, "quantityScale": 2}


def order_row(order: LabOrder) -> Row:
    """Return a row of openOrders or historyOrders."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "price": decimal_text(order.price),
        "quantity": decimal_text(order.quantity),
        "executedQty": decimal_text(order.filled),
        "side": order.side,
        "type": order.kind,
        "timeInForce": "GTC",
        "reduceOnly": False,
        "createTime": order.time_ms,
        "updateTime": order.update_ms,
        "status": _STATUS.get(order.status, order.status),
        "avgPrice": decimal_text(round(order.average, 5)),
        "clientOrderId": order.client_id,
        **_SCALES,
        **_option(order.symbol),
        "mmp": False,
    }


def fill_row(fill: LabFill) -> Row:
    """Return a row of userTrades: `id` is the row's, `tradeId` that of events."""
    return {
        "id": row_id(fill),
        "tradeId": fill.trade_id,
        "orderId": fill.order_id,
        "symbol": fill.symbol,
        "price": decimal_text(fill.price),
        "quantity": decimal_text(fill.quantity),
        "fee": fixed_text(fill.commission),
        "realizedProfit": "0.00000000",
        "side": fill.side,
        "type": "LIMIT" if fill.is_maker else "MARKET",
        "liquidity": "MAKER" if fill.is_maker else "TAKER",
        "time": fill.time_ms,
        **_SCALES,
        **_option(fill.symbol),
    }


def row_id(fill: LabFill) -> int:
    """Return the id of a fill's row."""
    return FIRST_ROW_ID + fill.trade_id


def margin_account(ledger: Ledger, now_ms: int) -> Row:
    """Return what `marginAccount` says; its time is that of the answer."""
    assets = []
    for asset, own in ledger.balances.items():
        wallet = fixed_text(own.free)
        amounts = {"marginBalance": wallet, "equity": wallet, "available": wallet}
        zeros = dict.fromkeys(("initialMargin", "maintMargin", "unrealizedPNL"), "0")
        assets.append({"asset": asset, **amounts, **zeros, "adjustedEquity": wallet})
    rights = {"canTrade": True, "canDeposit": True, "canWithdraw": False, "reduceOnly": False}
    return {"asset": assets, "greek": [], "time": now_ms, **rights, "tradeGroupId": -1}


def positions(ledger: Ledger, symbol: str | None) -> list[Row]:
    """Return the rows of `position`: those that are not flat."""
    found = []
    for (name, _), position in ledger.positions.items():
        if not position.amount or symbol not in (None, name):
            continue
        row: Row = {"entryPrice": decimal_text(position.entry_price), "symbol": name}
        row |= {"side": "LONG" if position.amount > 0 else "SHORT"}
        row |= {"quantity": decimal_text(position.amount), "markPrice": "1", "markValue": "1"}
        row |= {"unrealizedPNL": "0", "strikePrice": "1", "expiryDate": 0, "time": 0}
        found.append(row | _SCALES | _option(name) | {"bidQuantity": "0", "askQuantity": "0"})
    return found


def bill_row(line: Income) -> Row:
    """Return a row of `bill`."""
    return {
        "id": line.transaction_id,
        "asset": line.asset,
        "amount": fixed_text(line.amount),
        "type": line.kind,
        "createDate": line.time_ms,
        "symbol": line.symbol,
    }


def _option(symbol: str) -> Row:
    return {"optionSide": "CALL" if symbol.endswith("C") else "PUT", "quoteAsset": "USDT"}
