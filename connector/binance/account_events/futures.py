"""User data events of USD-M and COIN-M futures.

Sources: the models of connector-python (2026-08-21), the user data pages of developers.binance.com
(2026-05-28), captures (2022 to 2026): `a.P[].ma`, `o.st` and `o.si` are on the wire and on no page.
"""

from connector.binance.account_events.layout import (
    TIMES,
    AccountProduct,
    EventLayout,
    FieldMap,
    FillRule,
    every,
    inside,
    order_update,
)

ORDER_FIELDS: FieldMap = {
    "s": "symbol",
    "c": "client_order_id",
    "i": "order_id",
    "t": "trade_id",
    "l": "fill.quantity",
    "L": "fill.price",
    "N": "fill.commission_asset",
    "n": "fill.commission",
    "m": "fill.is_maker",
    "rp": "fill.realized_profit",
    **order_update(
        {
            "S": "side",
            "o": "order_type",
            "f": "time_in_force",
            "q": "quantity",
            "p": "price",
            "ap": "average_price",
            "sp": "stop_price",
            "x": "execution_type",
            "X": "order_status",
            "M": "modify_id",
            "z": "filled_quantity",
            "T": "update_time",
            "b": "bids_notional",
            "a": "asks_notional",
            "R": "reduce_only",
            "wt": "working_type",
            "ot": "original_order_type",
            "ps": "position_side",
            "cp": "close_position",
            "AP": "activation_price",
            "cr": "callback_rate",
            "pP": "price_protect",
            "si": "strategy_id",
            "ss": "strategy_step",
            "st": "strategy_type",
            "V": "self_trade_prevention",
            "pm": "price_match",
            "gtd": "good_till_time",
            "er": "expiry_reason",
            "ma": "margin_asset",
        }
    ),
}
ORDER: FieldMap = {**TIMES, **inside("o", ORDER_FIELDS)}
FILL = FillRule("o.x")
ORDER_KEY = ("o.s", "o.i", "o.x", "o.X", "o.t", "T")
POSITION: FieldMap = {
    "s": "symbol",
    "pa": "quantity",
    "ep": "entry_price",
    "bep": "break_even_price",
    "cr": "accumulated_profit",
    "up": "unrealized_profit",
    "mt": "margin_type",
    "iw": "isolated_wallet",
    "ps": "position_side",
    "ma": "margin_asset",
    "mp": "mark_price",
    "mm": "maintenance_margin",
}
BALANCE: FieldMap = {
    "a": "asset",
    "wb": "wallet_balance",
    "cw": "cross_wallet_balance",
    "bc": "balance_change",
}
ACCOUNT: FieldMap = {
    **TIMES,
    "a.m": "change_reason",
    "a.S": "symbol",
    **every("a.B", "balances", BALANCE),
    **every("a.P", "positions", POSITION),
}
CONFIG: FieldMap = {
    **TIMES,
    "ac.s": "symbol",
    "ac.l": "account_config.leverage",
    "ai.j": "account_config.multi_assets_mode",
}
ALGO_FIELDS: FieldMap = {
    "caid": "client_order_id",
    "ai": "order_id",
    "s": "symbol",
    **order_update(
        {
            "aid": "algo_id",
            "at": "algo_type",
            "o": "order_type",
            "S": "side",
            "ps": "position_side",
            "f": "time_in_force",
            "q": "quantity",
            "X": "order_status",
            "ap": "average_price",
            "aq": "filled_quantity",
            "act": "placed_order_type",
            "tp": "stop_price",
            "p": "price",
            "V": "self_trade_prevention",
            "wt": "working_type",
            "pm": "price_match",
            "cp": "close_position",
            "pP": "price_protect",
            "R": "reduce_only",
            "tt": "trigger_time",
            "gtd": "good_till_time",
            "rm": "reject_reason",
            "ia": "is_activated",
        }
    ),
}
TRADE_LITE: FieldMap = {
    **TIMES,
    "s": "symbol",
    "c": "client_order_id",
    "i": "order_id",
    "t": "trade_id",
    "l": "fill.quantity",
    "L": "fill.price",
    "m": "fill.is_maker",
    **order_update({"q": "quantity", "p": "price", "S": "side"}),
}
_STRATEGY: FieldMap = {
    "si": "strategy.strategy_id",
    "st": "strategy.strategy_type",
    "ss": "strategy.strategy_status",
    "s": "symbol",
    "ut": "strategy.update_time",
}
_GRID: FieldMap = {
    **_STRATEGY,
    "r": "strategy.realized_profit",
    "up": "strategy.unmatched_average_price",
    "uq": "strategy.unmatched_quantity",
    "uf": "strategy.unmatched_fee",
    "mp": "strategy.matched_profit",
}
_MARGIN_CALL: FieldMap = {
    "E": "event_time",
    "cw": "risk.cross_wallet_balance",
    **every("p", "positions", POSITION),
}
_TRIGGER_REJECT: FieldMap = {
    **TIMES,
    "or.s": "symbol",
    "or.i": "order_id",
    "or.r": "order_update.reject_reason",
}


def _futures(product: AccountProduct, secret: tuple[str, ...] = ()) -> tuple[EventLayout, ...]:
    """Return the events that USD-M and COIN-M have in common."""
    return (
        EventLayout(product, "ACCOUNT_UPDATE", ACCOUNT, ("E", "T", "a.m"), secret=secret),
        EventLayout(product, "ORDER_TRADE_UPDATE", ORDER, ORDER_KEY, FILL, secret=secret),
        EventLayout(product, "ACCOUNT_CONFIG_UPDATE", CONFIG, ("E", "T", "ac.s")),
        EventLayout(product, "MARGIN_CALL", _MARGIN_CALL, ("E",), secret=secret),
        EventLayout(
            product,
            "STRATEGY_UPDATE",
            {**TIMES, **inside("su", {**_STRATEGY, "c": "strategy.operation_code"})},
            ("su.si", "su.ss", "T"),
        ),
        EventLayout(
            product,
            "GRID_UPDATE",
            {**TIMES, **inside("gu", _GRID)},
            ("gu.si", "T"),
            status="deprecated",
        ),
        listen_key_expired(product),
        EventLayout(
            product,
            "ALGO_UPDATE",
            {**TIMES, **inside("o", ALGO_FIELDS)},
            ("o.aid", "o.X", "T"),
            status="live" if product == "usdm" else "unverified",
            notes="" if product == "usdm" else "on no page; the shape of USD-M is assumed",
        ),
    )


def listen_key_expired(product: AccountProduct) -> EventLayout:
    """Return the layout of the event after which no other one comes."""
    return EventLayout(
        product,
        "listenKeyExpired",
        {"E": "event_time"},
        ("listenKey",),
        secret=("listenKey",),
        notes="no event comes until a new listenKey is used; may come twice; `E` may be a text",
    )


LAYOUTS: tuple[EventLayout, ...] = (
    *_futures("usdm"),
    EventLayout(
        "usdm",
        "TRADE_LITE",
        TRADE_LITE,
        ("s", "t", "i"),
        FillRule(),
        notes="the fill of an ORDER_TRADE_UPDATE, sooner: has its fill_key, is no other fill",
    ),
    EventLayout(
        "usdm",
        "CONDITIONAL_ORDER_TRIGGER_REJECT",
        _TRIGGER_REJECT,
        ("or.i", "T"),
        status="deprecated",
        notes="deprecated 2025-12-15",
    ),
    *_futures("coinm", secret=("i",)),  # `i` is Binance's own name of the account
)
