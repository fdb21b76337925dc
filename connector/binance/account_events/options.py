"""User data events of options. Source: the models of connector-python, 2026-08-21."""

from connector.binance.account_events import futures
from connector.binance.account_events.layout import TIMES, EventLayout, FieldMap, every, inside

_ACCOUNT: FieldMap = {
    **TIMES,
    "eq": "risk.equity",
    "aeq": "risk.adjusted_equity",
    "b": "risk.wallet_balance",
    "m": "risk.market_value",
    "u": "risk.unrealized_profit",
    "i": "risk.initial_margin",
    "M": "risk.maintenance_margin",
}
_BALANCES: FieldMap = {
    **TIMES,
    "m": "change_reason",
    **every("B", "balances", {"a": "asset", "b": "wallet_balance", "bc": "balance_change"}),
    **every(
        "P",
        "positions",
        {"s": "symbol", "c": "quantity", "p": "position_value", "a": "entry_price"},
    ),
}
_GREEKS: FieldMap = {
    **TIMES,
    **every(
        "G", "greeks", {"u": "underlying", "d": "delta", "g": "gamma", "t": "theta", "v": "vega"}
    ),
}
_RISK: FieldMap = {
    "E": "event_time",
    "s": "risk.risk_level",
    "mb": "risk.margin_balance",
    "mm": "risk.maintenance_margin",
}

LAYOUTS: tuple[EventLayout, ...] = (
    EventLayout(
        "options",
        "ACCOUNT_UPDATE",
        _ACCOUNT,
        ("E", "T"),
        notes="valued in USDT; also every 10 s while positions are open",
    ),
    EventLayout("options", "BALANCE_POSITION_UPDATE", _BALANCES, ("E", "T", "m")),
    EventLayout(
        "options",
        "ORDER_TRADE_UPDATE",
        {**TIMES, **inside("o", futures.ORDER_FIELDS)},
        futures.ORDER_KEY,
        futures.FILL,
        notes="a negative commission is charged",
    ),
    EventLayout("options", "GREEK_UPDATE", _GREEKS, ("E", "T")),
    EventLayout(
        "options",
        "RISK_LEVEL_CHANGE",
        _RISK,
        ("E",),
        notes="accounts of market makers and VIPs alone",
    ),
    futures.listen_key_expired("options"),
)
