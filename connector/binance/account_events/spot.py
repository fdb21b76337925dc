"""User data events of spot and margin.

Sources: user-data-stream.md of binance-spot-api-docs (2026-07-21); the models of the margin clients
(connector-python 2026-08-21, margin 8.9.0 of 2026-10 for UTA margin). Where these say text for a
number, and the other way round, both are read.
"""

from connector.binance.account_events.layout import (
    TIMES,
    AccountProduct,
    EventLayout,
    FieldMap,
    FillRule,
    events,
    every,
    order_update,
)

ORDER: FieldMap = {
    **TIMES,
    "s": "symbol",
    "c": "client_order_id",
    "i": "order_id",
    "t": "trade_id",
    "l": "fill.quantity",
    "L": "fill.price",
    "Y": "fill.quote_quantity",
    "n": "fill.commission",
    "N": "fill.commission_asset",
    "m": "fill.is_maker",
    **order_update(
        {
            "S": "side",
            "o": "order_type",
            "f": "time_in_force",
            "q": "quantity",
            "p": "price",
            "P": "stop_price",
            "F": "iceberg_quantity",
            "g": "order_list_id",
            "C": "original_client_order_id",
            "x": "execution_type",
            "X": "order_status",
            "r": "reject_reason",
            "z": "filled_quantity",
            "v": "prevented_match_id",
            "I": "execution_id",
            "w": "is_working",
            "O": "order_time",
            "Z": "filled_quote_quantity",
            "Q": "quote_quantity",
            "W": "working_time",
            "V": "self_trade_prevention",
            "d": "trailing_delta",
            "D": "trailing_time",
            "j": "strategy_id",
            "J": "strategy_type",
            "A": "prevented_quantity",
            "B": "last_prevented_quantity",
            "u": "trade_group_id",
            "U": "counter_order_id",
            "Cs": "counter_symbol",
            "pl": "prevented_execution_quantity",
            "pL": "prevented_execution_price",
            "pY": "prevented_execution_quote_quantity",
            "b": "match_type",
            "a": "allocation_id",
            "k": "working_floor",
            "uS": "uses_sor",
            "gP": "pegged_price_type",
            "gOT": "pegged_offset_type",
            "gOV": "pegged_offset",
            "gp": "pegged_price",
            "eR": "expiry_reason",
        }
    ),
}
FILL = FillRule("x", no_trade=-1)
BALANCES: FieldMap = {
    "E": "event_time",
    "u": "transaction_time",
    **every("B", "balances", {"a": "asset", "f": "free_amount", "l": "locked_amount"}),
}
BALANCE_CHANGE: FieldMap = {
    **TIMES,
    "a": "balances[].asset",
    "d": "balances[].balance_change",
}
LOCK_CHANGE: FieldMap = {**TIMES, "a": "balances[].asset", "d": "balances[].lock_change"}
LIST: FieldMap = {
    **TIMES,
    "s": "symbol",
    "g": "order_list.order_list_id",
    "c": "order_list.contingency_type",
    "l": "order_list.list_status_type",
    "L": "order_list.list_order_status",
    "r": "order_list.reject_reason",
    "C": "order_list.list_client_order_id",
    **every("O", "list_orders", {"s": "symbol", "i": "order_id", "c": "client_order_id"}),
}
_TERMINATED = "the subscription has ended: unsubscribed, logged out, or its token has expired"


def _wallet(product: AccountProduct) -> tuple[EventLayout, ...]:
    """Return the events that spot and margin have in common."""
    return (
        EventLayout(product, "outboundAccountPosition", BALANCES, ("E", "u")),
        EventLayout(product, "balanceUpdate", BALANCE_CHANGE, ("E", "T", "a", "d")),
        EventLayout(product, "executionReport", ORDER, ("s", "I"), FILL, ("M",)),
        EventLayout(product, "listStatus", LIST, ("g", "T", "l", "L")),
        EventLayout(
            product,
            "eventStreamTerminated",
            {"E": "event_time"},
            ("subscriptionId", "E"),
            notes=_TERMINATED,
        ),
    )


LAYOUTS: tuple[EventLayout, ...] = (
    *_wallet("spot"),
    EventLayout("spot", "externalLockUpdate", LOCK_CHANGE, ("E", "T", "a", "d")),
    *events("spot", ("serverShutdown",), notes="the connection closes soon"),
    *_wallet("margin"),
    EventLayout(
        "margin",
        "listenKeyExpired",
        {"E": "event_time"},
        ("E", "listenKey"),
        secret=("listenKey",),
        status="legacy",
        notes="its stream was removed on 2026-02-20",
    ),
    EventLayout(
        "margin_risk",
        "MARGIN_LEVEL_STATUS_CHANGE",
        {"E": "event_time", "l": "risk.margin_level", "s": "risk.risk_level"},
        ("E", "l", "s"),
        notes="cross margin alone",
    ),
    EventLayout(
        "margin_risk",
        "USER_LIABILITY_CHANGE",
        {
            "E": "event_time",
            "a": "liabilities[].asset",
            "t": "change_reason",
            "p": "liabilities[].principal",
            "i": "liabilities[].interest",
        },
        ("E", "a", "t", "p", "i"),
        notes="cross margin alone",
    ),
    EventLayout(
        "margin_uta",
        "marginLevelChange",
        {"E": "event_time", "l": "risk.margin_level", "s": "risk.risk_level"},
        ("E", "l", "s"),
        status="unverified",
        notes="since 2026-10-14",
    ),
    EventLayout(
        "margin_uta",
        "liabilityChange",
        {
            "E": "event_time",
            "t": "change_reason",
            **every("L", "liabilities", {"a": "asset", "p": "principal", "i": "interest"}),
        },
        ("E", "t", "L"),
        status="unverified",
        notes="since 2026-10-14",
    ),
)
