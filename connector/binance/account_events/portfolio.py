"""User data events of portfolio margin, portfolio margin pro and stocks.

Sources: the models of connector-python (2026-08-21) and of the stocks client (2026-08-19); none was
seen on the wire by us: these products have no test environment.
"""

from connector.binance.account_events import futures, spot
from connector.binance.account_events.layout import (
    TIMES,
    EventLayout,
    FieldMap,
    events,
    every,
    inside,
    order_update,
)

_ORDER: FieldMap = {path: name for path, name in futures.ORDER.items() if path != "o.sp"}
_MARKET: FieldMap = {"fs": "market"}
_CONDITIONAL: FieldMap = {
    "s": "symbol",
    "c": "client_order_id",
    "i": "order_id",
    **order_update(
        {
            "si": "strategy_id",
            "S": "side",
            "st": "strategy_type",
            "f": "time_in_force",
            "q": "quantity",
            "p": "price",
            "sp": "stop_price",
            "os": "order_status",
            "T": "order_time",
            "ut": "update_time",
            "R": "reduce_only",
            "wt": "working_type",
            "ps": "position_side",
            "cp": "close_position",
            "AP": "activation_price",
            "cr": "callback_rate",
            "V": "self_trade_prevention",
            "gtd": "good_till_time",
        }
    ),
}
_RISK: FieldMap = {
    "E": "event_time",
    "u": "risk.uni_mmr",
    "s": "risk.risk_level",
    "eq": "risk.equity",
    "ae": "risk.actual_equity",
    "m": "risk.maintenance_margin",
}
_PRO_ACCOUNT: FieldMap = {
    "E": "event_time",
    "u": "risk.uni_mmr",
    "eq": "risk.equity",
    "ae": "risk.actual_equity",
    "im": "risk.initial_margin",
    "mm": "risk.maintenance_margin",
    "avb": "risk.available_balance",
    "vmw": "risk.max_withdraw",
}
_LIABILITY: FieldMap = {
    "E": "event_time",
    "T": "update_id",
    "a": "liabilities[].asset",
    "t": "change_reason",
    "p": "liabilities[].principal",
    "i": "liabilities[].interest",
    "l": "liabilities[].total",
}
_STOCK_ORDER: FieldMap = {
    "E": "event_time",
    "U": "transaction_time",
    "i": "order_id",
    "b": "symbol",
    **order_update(
        {
            "x": "execution_type",
            "S": "side",
            "o": "order_type",
            "p": "price",
            "Q": "quantity",
            "N": "quote_quantity",
            "fq": "filled_quantity",
            "FN": "filled_quote_quantity",
            "tc": "total_cost",
            "Z": "fill_percentage",
            "n": "session_label",
            "s": "order_status",
            "T": "order_time",
        }
    ),
}

LAYOUTS: tuple[EventLayout, ...] = (
    EventLayout(
        "portfolio_margin",
        "ACCOUNT_UPDATE",
        {**futures.ACCOUNT, **_MARKET},
        ("fs", "E", "T", "a.m"),
        secret=("i",),
    ),
    EventLayout(
        "portfolio_margin",
        "ORDER_TRADE_UPDATE",
        {**_ORDER, **_MARKET},
        ("fs", *futures.ORDER_KEY),
        futures.FILL,
        ignored=("o.sp",),  # the pages say so
        secret=("i",),
    ),
    EventLayout(
        "portfolio_margin",
        "ACCOUNT_CONFIG_UPDATE",
        {**futures.CONFIG, **_MARKET},
        ("fs", "E", "T", "ac.s"),
    ),
    EventLayout(
        "portfolio_margin",
        "ALGO_UPDATE",
        {**TIMES, **_MARKET, **inside("ao", futures.ALGO_FIELDS)},
        ("fs", "ao.aid", "ao.X", "T"),
    ),
    EventLayout(
        "portfolio_margin",
        "CONDITIONAL_ORDER_TRADE_UPDATE",
        {**TIMES, **_MARKET, **inside("so", _CONDITIONAL)},
        ("fs", "so.si", "so.os", "T"),
        status="deprecated",
        notes="its calls were deprecated on 2026-04-28",
    ),
    EventLayout(
        "portfolio_margin",
        "executionReport",
        spot.ORDER,
        ("s", "I"),
        spot.FILL,
        ("M",),
        notes="margin orders",
    ),
    EventLayout(
        "portfolio_margin", "balanceUpdate", {**spot.BALANCE_CHANGE, "U": "update_id"}, ("U",)
    ),
    EventLayout(
        "portfolio_margin", "outboundAccountPosition", {**spot.BALANCES, "U": "update_id"}, ("U",)
    ),
    EventLayout(
        "portfolio_margin",
        "liabilityChange",
        _LIABILITY,
        ("T",),
        notes="`T` is the id of a transaction, no time",
    ),
    EventLayout(
        "portfolio_margin",
        "openOrderLoss",
        {"E": "event_time", **every("O", "balances", {"a": "asset", "o": "open_order_loss"})},
        ("E",),
    ),
    EventLayout("portfolio_margin", "riskLevelChange", _RISK, ("E", "s")),
    *events("portfolio_margin", ("listenKeyExpired",)),
    EventLayout("portfolio_margin_pro", "riskLevelChange", _RISK, ("E", "s")),
    EventLayout(
        "portfolio_margin_pro",
        "PM_PRO_ACCOUNT_UPDATE",
        _PRO_ACCOUNT,
        ("E",),
        notes="about every 5 s since 2026-04-17",
    ),
    EventLayout(
        "stocks",
        "orderReport",
        _STOCK_ORDER,
        ("i", "U", "x"),
        ignored=("q",),
        secret=("ai",),  # on no page; it may be the account's id
        notes="ids are UUIDs, amounts JSON numbers, sides and states in lower case",
    ),
)
