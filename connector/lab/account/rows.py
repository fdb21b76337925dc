"""Rows of account queries, made from a ledger. Pure.

Shapes: "Account endpoints" of rest-api.md (binance-spot-api-docs, 2026-07-21); the account pages of
USD-M and COIN-M (developers.binance.com, 2026-05-28).
"""

from typing import Any

from connector.lab.account.account import assets_of, decimal_text, fixed_text
from connector.lab.account.futures_events import ALIAS
from connector.lab.account.ledger import (
    ZERO,
    AlgoOrder,
    Balance,
    Income,
    LabFill,
    LabOrder,
    LabProduct,
    Ledger,
    Position,
)

Row = dict[str, Any]


def order_row(product: LabProduct, order: LabOrder) -> Row:
    """Return a row of openOrders or allOrders."""
    text = fixed_text if product in ("spot", "margin") else decimal_text
    row: Row = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "clientOrderId": order.client_id,
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.filled),
        "status": order.status,
        "timeInForce": "GTC",
        "type": order.kind,
        "side": order.side,
        "stopPrice": text(order.stop_price),
        "time": order.time_ms,
        "updateTime": order.update_ms,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    extra = _spot_order if product in ("spot", "margin") else _futures_order
    return row | extra(product, order)


def _spot_order(product: LabProduct, order: LabOrder) -> Row:
    own: Row = {"isIsolated": False} if product == "margin" else {"orderListId": -1}
    return own | {
        "cummulativeQuoteQty": fixed_text(order.filled_quote),
        "icebergQty": fixed_text(ZERO),
        "isWorking": True,
        "workingTime": order.time_ms,
        "origQuoteOrderQty": fixed_text(ZERO),
    }


def _futures_order(product: LabProduct, order: LabOrder) -> Row:
    quote = decimal_text(order.filled_quote)
    is_coinm = product == "coinm"
    own = {"pair": order.symbol.partition("_")[0], "cumBase": "0"} if is_coinm else {}
    return own | {
        "avgPrice": decimal_text(round(order.average, 5)),
        **({} if is_coinm else {"cumQuote": quote}),
        "origType": order.original_kind,
        "reduceOnly": False,
        "closePosition": False,
        "positionSide": order.position_side,
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "goodTillDate": 0,
    }


def algo_row(algo: AlgoOrder) -> Row:
    """Return a row of openAlgoOrders or allAlgoOrders."""
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": decimal_text(algo.quantity),
        "algoStatus": algo.status,
        "triggerPrice": decimal_text(algo.trigger_price),
        "actualOrderId": str(algo.order_id or ""),
        "createTime": algo.time_ms,
        "updateTime": algo.update_ms,
        "triggerTime": algo.update_ms if algo.order_id else 0,
    }


def fill_row(product: LabProduct, fill: LabFill) -> Row:
    """Return a row of myTrades or userTrades."""
    is_spot = product in ("spot", "margin")
    text = fixed_text if is_spot else decimal_text
    row: Row = {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "commission": fixed_text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
    }
    is_buyer = fill.side == "BUY"
    if is_spot:
        own = {"isIsolated": False} if product == "margin" else {"orderListId": -1}
        row |= own | {"quoteQty": fixed_text(fill.quantity * fill.price)}
        return row | {"isBuyer": is_buyer, "isMaker": fill.is_maker, "isBestMatch": True}
    row |= {"buyer": is_buyer, "maker": fill.is_maker, "side": fill.side}
    row |= {"positionSide": fill.position_side, "realizedPnl": decimal_text(fill.profit)}
    if product == "coinm":
        pair = fill.symbol.partition("_")[0]
        return row | {"pair": pair, "marginAsset": fill.commission_asset, "baseQty": "0"}
    return row | {"quoteQty": decimal_text(fill.quantity * fill.price)}


def spot_account(ledger: Ledger, _now_ms: int) -> Row:
    """Return what `account` of spot says."""
    return {
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "updateTime": ledger.changed_ms,
        "accountType": "SPOT",
        "balances": [spot_balance(asset, own) for asset, own in ledger.balances.items()],
        "permissions": ["SPOT"],
    }


def margin_account(ledger: Ledger, _now_ms: int) -> Row:
    """Return what `account` of cross margin says; nothing is borrowed."""
    assets = []
    for asset, own in ledger.balances.items():
        owed = {"borrowed": "0", "interest": "0", "netAsset": fixed_text(own.free + own.locked)}
        assets.append(spot_balance(asset, own) | owed)
    return {"tradeEnabled": True, "marginLevel": "999", "userAssets": assets}


def spot_balance(asset: str, own: Balance) -> Row:
    """Return a balance of spot or margin."""
    return {"asset": asset, "free": fixed_text(own.free), "locked": fixed_text(own.locked)}


def futures_balance(asset: str, own: Balance, changed_ms: int) -> Row:
    """Return a row of `balance` of futures."""
    wallet = fixed_text(own.free)
    return {
        "accountAlias": ALIAS,
        "asset": asset,
        "balance": wallet,
        "crossWalletBalance": wallet,
        "crossUnPnl": "0",
        "availableBalance": wallet,
        "updateTime": changed_ms,
    }


def futures_account(product: LabProduct, ledger: Ledger, now_ms: int) -> Row:
    """Return what `account` of futures says."""
    assets = []
    for asset, own in ledger.balances.items():
        wallet = fixed_text(own.free)
        free = {"walletBalance": wallet, "crossWalletBalance": wallet, "availableBalance": wallet}
        assets.append({"asset": asset, **free, "updateTime": ledger.changed_ms})
    return {"assets": assets, "positions": position_rows(product, ledger), "updateTime": now_ms}


def position_rows(product: LabProduct, ledger: Ledger) -> list[Row]:
    """Return the rows of positionRisk.

    USD-M lists symbols with a position or an open order; COIN-M every symbol it ever had.
    """
    busy = {(order.symbol, order.position_side) for order in ledger.open_orders()}
    known = dict(ledger.positions) | {key: Position() for key in busy - ledger.positions.keys()}
    return [
        _position(product, key, position)
        for key, position in known.items()
        if product == "coinm" or position.amount or key in busy
    ]


def _position(product: LabProduct, key: tuple[str, str], position: Position) -> Row:
    symbol, side = key
    entry = decimal_text(position.entry_price)
    base, quote = assets_of(symbol)
    row: Row = {
        "symbol": symbol,
        "positionSide": side,
        "positionAmt": decimal_text(position.amount),
        "entryPrice": entry,
        "breakEvenPrice": entry,
        "markPrice": entry,
        "unRealizedProfit": "0",
        "liquidationPrice": "0",
        "isolatedWallet": "0",
        "updateTime": position.update_ms,
    }
    if product == "coinm":
        return row | {"marginType": "cross", "leverage": "20", "maxQty": "100"}
    return row | {"marginAsset": quote or base, "maintMargin": "0", "initialMargin": "0"}


def income_row(income: Income) -> Row:
    """Return a row of `income`."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": fixed_text(income.amount),
        "asset": income.asset,
        "info": income.kind,
        "time": income.time_ms,
        "tranId": income.transaction_id,
        "tradeId": income.trade_id,
    }
