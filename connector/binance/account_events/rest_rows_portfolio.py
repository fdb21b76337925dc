"""Rows of signed REST answers of options, portfolio margin and margin risk, as layouts of facts.

Sources: the models of the official clients of 2026-10 (options 8.7.0, portfolio margin 16.1.0 and
pro 9.1.0, margin 8.9.0), account pages of options (developers.binance.com, 2026-01). None was seen
on the wire by us: these products have no test environment.
"""

from connector.binance.account_events.layout import EventLayout, FieldMap, FillRule, order_update
from connector.binance.account_events.rest_rows import (
    BALANCE_STATE,
    FILL,
    FILL_KEY,
    FUTURES_FILL,
    FUTURES_ORDER,
    FUTURES_ORDER_REST,
    ORDER_KEY,
    ORDER_STATE,
    POSITION,
    POSITION_REST,
    POSITION_STATE,
    RISK_STATE,
    SPOT_FILL,
    SPOT_ORDER,
)

_OPTIONS_REST = ("priceScale", "quantityScale", "optionSide", "quoteAsset")
_OPTIONS_ORDER: FieldMap = {
    "symbol": "symbol",
    "orderId": "order_id",
    "clientOrderId": "client_order_id",
    "updateTime": "transaction_time",
    **order_update(
        {
            "side": "side",
            "type": "order_type",
            "timeInForce": "time_in_force",
            "status": "order_status",
            "quantity": "quantity",
            "price": "price",
            "executedQty": "filled_quantity",
            "avgPrice": "average_price",
            "createTime": "order_time",
            "reduceOnly": "reduce_only",
            "selfTradePreventionMode": "self_trade_prevention",
        }
    ),
}
_OPTIONS_FILL: FieldMap = {
    "symbol": "symbol",
    "tradeId": "trade_id",
    "orderId": "order_id",
    "time": "transaction_time",
    "price": "fill.price",
    "quantity": "fill.quantity",
    "fee": "fill.commission",
    "realizedProfit": "fill.realized_profit",
    "side": "order_update.side",
    "type": "order_update.order_type",
}
_OPTIONS_BALANCE: FieldMap = {
    "asset": "balances[].asset",
    "marginBalance": "balances[].wallet_balance",
    "available": "balances[].free_amount",
}
_OPTIONS_POSITION: FieldMap = {
    "symbol": "positions[].symbol",
    "quantity": "positions[].quantity",  # negative: short
    "entryPrice": "positions[].entry_price",
    "markValue": "positions[].position_value",
    "markPrice": "positions[].mark_price",
    "unrealizedPNL": "positions[].unrealized_profit",
}
# A row of the account's balances is taken apart by markets before: see account/reconcile_rows.py.
_BALANCE: FieldMap = {
    "asset": "balances[].asset",
    "crossMarginFree": "balances[].free_amount",
    "crossMarginLocked": "balances[].locked_amount",
    "umWalletBalance": "balances[].wallet_balance",
    "cmWalletBalance": "balances[].wallet_balance",
    "optionWalletBalance": "balances[].wallet_balance",
}
# `updateTime` is not said to be that of each market's amount: the caller gives a time.
_BALANCE_REST = (
    *("totalWalletBalance", "crossMarginAsset", "crossMarginBorrowed", "crossMarginInterest"),
    *("umUnrealizedPNL", "cmUnrealizedPNL", "optionEquity", "negativeBalance", "updateTime"),
)
_RISK: FieldMap = {
    "uniMMR": "risk.uni_mmr",
    "accountEquity": "risk.equity",
    "actualEquity": "risk.actual_equity",
    "accountInitialMargin": "risk.initial_margin",
    "accountMaintMargin": "risk.maintenance_margin",
    "accountStatus": "risk.risk_level",
    "virtualMaxWithdrawAmount": "risk.max_withdraw",
    "totalAvailableBalance": "risk.available_balance",
    "updateTime": "transaction_time",
}
_RISK_REST = ("totalMarginOpenLoss", "accountType")
_CROSS_MARGIN_REST = (
    *("created", "borrowEnabled", "tradeEnabled", "transferInEnabled", "transferOutEnabled"),
    *("collateralMarginLevel", "totalAssetOfBtc", "totalLiabilityOfBtc", "totalNetAssetOfBtc"),
    *("TotalCollateralValueInUSDT", "accountType", "userAssets"),
)

FACT_LAYOUTS: tuple[EventLayout, ...] = (
    EventLayout(
        "options",
        ORDER_STATE,
        _OPTIONS_ORDER,
        ORDER_KEY,
        ignored=(*_OPTIONS_REST, "mmp", "postOnly"),
    ),
    EventLayout(
        "options",
        FILL,
        _OPTIONS_FILL,
        ("symbol", "tradeId", "orderId"),
        FillRule(),
        ("id", "liquidity", *_OPTIONS_REST),
    ),
    EventLayout(
        "options",
        BALANCE_STATE,
        _OPTIONS_BALANCE,
        ("asset", "as_of"),
        ignored=("equity", "initialMargin", "maintMargin", "unrealizedPNL", "adjustedEquity"),
    ),
    EventLayout(
        "options",
        POSITION_STATE,
        _OPTIONS_POSITION,
        ("symbol", "as_of"),
        ignored=(
            *("side", "strikePrice", "expiryDate", "time", "bidQuantity", "askQuantity"),
            *_OPTIONS_REST,
        ),
    ),
    EventLayout(
        "portfolio_margin",
        ORDER_STATE,
        {**SPOT_ORDER, **FUTURES_ORDER},
        ORDER_KEY,
        ignored=(*FUTURES_ORDER_REST, "accountId"),
    ),
    EventLayout(
        "portfolio_margin",
        FILL,
        {**SPOT_FILL, **FUTURES_FILL},
        FILL_KEY,
        FillRule(no_trade=-1),
        ("pair", "baseQty", "isBestMatch"),
    ),
    EventLayout(
        "portfolio_margin", BALANCE_STATE, _BALANCE, ("asset", "as_of"), ignored=_BALANCE_REST
    ),
    EventLayout(
        "portfolio_margin",
        POSITION_STATE,
        POSITION,
        ("symbol", "positionSide", "as_of"),
        ignored=POSITION_REST,
    ),
    EventLayout("portfolio_margin", RISK_STATE, _RISK, ("as_of",), ignored=_RISK_REST),
    EventLayout(
        "portfolio_margin_pro", BALANCE_STATE, _BALANCE, ("asset", "as_of"), ignored=_BALANCE_REST
    ),
    EventLayout("portfolio_margin_pro", RISK_STATE, _RISK, ("as_of",), ignored=_RISK_REST),
    EventLayout(
        "margin_risk",
        RISK_STATE,
        {"marginLevel": "risk.margin_level"},
        ("as_of",),
        ignored=_CROSS_MARGIN_REST,
    ),
)
