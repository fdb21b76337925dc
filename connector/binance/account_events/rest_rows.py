"""Rows of signed REST and WS API answers about an account, as layouts of fetched facts.

Spot, margin, USD-M and COIN-M. Sources: "Account endpoints" of rest-api.md (binance-spot-api-docs,
2026-07-21); the account pages of USD-M and COIN-M (developers.binance.com, 2026-05-28); of algo
orders the models of the official client (USD-M 18.1.0, 2026-10). A balance or position is one row a
record.
"""

from connector.binance.account_events.layout import (
    AccountProduct,
    EventLayout,
    FieldMap,
    FillRule,
    order_update,
)

ORDER_STATE, FILL, BALANCE_STATE, POSITION_STATE, RISK_STATE = (
    "order_state",
    "fill",
    "balance_state",
    "position_state",
    "risk_state",
)
ORDER_KEY = ("symbol", "orderId", "status", "executedQty", "updateTime")
FILL_KEY = ("symbol", "id", "orderId")

_ORDER: FieldMap = {
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
            "origQty": "quantity",
            "price": "price",
            "stopPrice": "stop_price",
            "executedQty": "filled_quantity",
            "time": "order_time",
            "selfTradePreventionMode": "self_trade_prevention",
        }
    ),
}
SPOT_ORDER: FieldMap = {
    **_ORDER,
    **order_update(
        {
            "orderListId": "order_list_id",
            "cummulativeQuoteQty": "filled_quote_quantity",
            "origQuoteOrderQty": "quote_quantity",
            "icebergQty": "iceberg_quantity",
            "isWorking": "is_working",
            "workingTime": "working_time",
            "trailingDelta": "trailing_delta",
            "trailingTime": "trailing_time",
            "strategyId": "strategy_id",
            "strategyType": "strategy_type",
            "preventedMatchId": "prevented_match_id",
            "preventedQuantity": "prevented_quantity",
            "usedSor": "uses_sor",
            "workingFloor": "working_floor",
            "pegPriceType": "pegged_price_type",
            "pegOffsetType": "pegged_offset_type",
            "pegOffsetValue": "pegged_offset",
            "peggedPrice": "pegged_price",
            "expiryReason": "expiry_reason",
        }
    ),
}
FUTURES_ORDER: FieldMap = {
    **_ORDER,
    # Algo orders (openAlgoOrders, allAlgoOrders).
    "clientAlgoId": "client_order_id",
    "actualOrderId": "order_id",
    **order_update(
        {
            "algoId": "algo_id",
            "algoType": "algo_type",
            "algoStatus": "order_status",
            "orderType": "order_type",
            "quantity": "quantity",
            "triggerPrice": "stop_price",
            "createTime": "order_time",
            "triggerTime": "trigger_time",
            "avgPrice": "average_price",
            "actualPrice": "average_price",
            "actualQty": "filled_quantity",
            "actualType": "placed_order_type",
            "icebergQuantity": "iceberg_quantity",
            "cumQuote": "filled_quote_quantity",
            "origType": "original_order_type",
            "reduceOnly": "reduce_only",
            "positionSide": "position_side",
            "closePosition": "close_position",
            "activatePrice": "activation_price",
            "priceRate": "callback_rate",
            "callbackRate": "callback_rate",  # of algo orders
            "workingType": "working_type",
            "priceProtect": "price_protect",
            "priceMatch": "price_match",
            "goodTillDate": "good_till_time",
        }
    ),
}
_FILL_ROW: FieldMap = {
    "symbol": "symbol",
    "id": "trade_id",
    "orderId": "order_id",
    "time": "transaction_time",
    "price": "fill.price",
    "qty": "fill.quantity",
    "quoteQty": "fill.quote_quantity",
    "commission": "fill.commission",
    "commissionAsset": "fill.commission_asset",
}
SPOT_FILL: FieldMap = {
    **_FILL_ROW,
    "isBuyer": "fill.is_buyer",
    "isMaker": "fill.is_maker",
    "orderListId": "order_update.order_list_id",
}
FUTURES_FILL: FieldMap = {
    **_FILL_ROW,
    "buyer": "fill.is_buyer",
    "maker": "fill.is_maker",
    "realizedPnl": "fill.realized_profit",
    "side": "order_update.side",
    "positionSide": "order_update.position_side",
    "marginAsset": "order_update.margin_asset",
}
_SPOT_BALANCE: FieldMap = {
    "asset": "balances[].asset",
    "free": "balances[].free_amount",
    "locked": "balances[].locked_amount",
    "updateTime": "transaction_time",  # of the account: it stands above the rows
}
_FUTURES_BALANCE: FieldMap = {
    "asset": "balances[].asset",
    "balance": "balances[].wallet_balance",
    "crossWalletBalance": "balances[].cross_wallet_balance",
    "availableBalance": "balances[].free_amount",
    "updateTime": "transaction_time",
}
POSITION: FieldMap = {
    "symbol": "positions[].symbol",
    "positionSide": "positions[].position_side",
    "positionAmt": "positions[].quantity",
    "entryPrice": "positions[].entry_price",
    "breakEvenPrice": "positions[].break_even_price",
    "markPrice": "positions[].mark_price",
    "unRealizedProfit": "positions[].unrealized_profit",
    "marginType": "positions[].margin_type",
    "isolatedWallet": "positions[].isolated_wallet",
    "marginAsset": "positions[].margin_asset",
    "maintMargin": "positions[].maintenance_margin",
    "liquidationPrice": "positions[].liquidation_price",
    "updateTime": "transaction_time",
}
# What no event says either: it stays in raw_json.
FUTURES_ORDER_REST = (
    "pair",
    "cumBase",
    "tpTriggerPrice",
    "tpPrice",
    "slTriggerPrice",
    "slPrice",
    "tpOrderType",
)
POSITION_REST = (
    "notional",
    "notionalValue",
    "maxNotionalValue",
    "isolatedMargin",
    "initialMargin",
    "positionInitialMargin",
    "openOrderInitialMargin",
    "adl",
    "bidNotional",
    "askNotional",
    "leverage",
    "maxQty",
    "isAutoAddMargin",
)
_MARGIN_REST = (
    *("borrowed", "interest", "netAsset", "netAssetOfBtc", "totalAsset"),
    *("borrowEnabled", "repayEnabled"),
)
_BALANCE_REST = ("crossUnPnl", "maxWithdrawAmount", "withdrawAvailable", "marginAvailable")


def _spot(product: AccountProduct) -> tuple[EventLayout, ...]:
    """Return the facts that spot and margin have."""
    return (
        EventLayout(product, ORDER_STATE, SPOT_ORDER, ORDER_KEY, ignored=("isIsolated",)),
        EventLayout(
            product,
            FILL,
            SPOT_FILL,
            FILL_KEY,
            FillRule(no_trade=-1),
            ("isBestMatch", "isIsolated"),
        ),
        EventLayout(product, BALANCE_STATE, _SPOT_BALANCE, ("asset", "as_of"), None, _MARGIN_REST),
    )


def _futures(product: AccountProduct) -> tuple[EventLayout, ...]:
    """Return the facts that USD-M and COIN-M have."""
    return (
        EventLayout(product, ORDER_STATE, FUTURES_ORDER, ORDER_KEY, ignored=FUTURES_ORDER_REST),
        EventLayout(product, FILL, FUTURES_FILL, FILL_KEY, FillRule(), ("pair", "baseQty")),
        EventLayout(
            product,
            BALANCE_STATE,
            _FUTURES_BALANCE,
            ("asset", "as_of"),
            ignored=_BALANCE_REST,
            secret=("accountAlias",),
        ),
        EventLayout(
            product,
            POSITION_STATE,
            POSITION,
            ("symbol", "positionSide", "as_of"),
            ignored=POSITION_REST,
        ),
    )


FACT_LAYOUTS: tuple[EventLayout, ...] = (
    *_spot("spot"),
    *_spot("margin"),
    *_futures("usdm"),
    *_futures("coinm"),
)
