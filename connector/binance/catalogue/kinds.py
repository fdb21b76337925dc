"""What all rows of one kind have in common, whatever the product, and the shared closed lists.

Never holds a row: a row names one of these and adds what is its own.
"""

from connector.binance.catalogue.row import CANDLE, CHAINED, Facts, Sequence, by_id

# What the rows of one kind have in common, whatever the product.
TRADE: Facts = {
    "kind": "trade",
    "events": ("trade",),
    "record_time": "trade_time",
    "sequence": by_id("trade_id"),
    "identity": ("trade_id",),
    "cadence": "active",
}
AGG_TRADE: Facts = {
    "kind": "agg-trade",
    "events": ("aggTrade",),
    "record_time": "trade_time",
    "sequence": by_id("agg_trade_id"),
    "identity": ("agg_trade_id",),
    "cadence": "active",
}
BLOCK_TRADE: Facts = {
    "kind": "block-trade",
    "events": ("blockTrade",),
    "record_time": "trade_time",
    "sequence": by_id("trade_id"),
    "identity": ("trade_id",),
    "cadence": "sparse",
}
# The stream name holds the interval, so that it is no part of the identity inside a series. A
# candle is pushed when a trade changes it: active, not periodic.
KLINE: Facts = {
    "kind": "kline",
    "events": ("kline",),
    "sequence": CANDLE,
    "identity": ("open_time", "event_time"),
    "cadence": "active",
}
CONTINUOUS_KLINE: Facts = {
    **KLINE,
    "kind": "continuous-kline",
    "events": ("continuous_kline",),
}
INDEX_PRICE_KLINE: Facts = {
    **KLINE,
    "kind": "index-price-kline",
    "events": ("indexPrice_kline",),
}
MARK_PRICE_KLINE: Facts = {
    **KLINE,
    "kind": "mark-price-kline",
    "events": ("markPrice_kline",),
}
BOOK_TICKER: Facts = {
    "kind": "book-ticker",
    "events": ("bookTicker",),
    "sequence": Sequence("increasing", "update_id", "update_id"),
    "identity": ("update_id",),
    "cadence": "active",
}
DEPTH_DIFF: Facts = {
    "kind": "depth-diff",
    "events": ("depthUpdate",),
    "sequence": CHAINED,
    "identity": ("last_update_id",),
    "cadence": "active",
}
RPI_DEPTH: Facts = {**DEPTH_DIFF, "kind": "rpi-depth"}
# Each message is a full top of the book: a missed one is superseded by the next.
DEPTH_PARTIAL: Facts = {
    "kind": "depth-partial",
    "events": ("depthUpdate",),
    "sequence": Sequence("increasing", "last_update_id", "last_update_id"),
    "identity": ("last_update_id",),
    "cadence": "active",
}
TICKER: Facts = {"kind": "ticker", "events": ("24hrTicker",), "period_s": 1.0}
MINI_TICKER: Facts = {"kind": "mini-ticker", "events": ("24hrMiniTicker",), "period_s": 1.0}
WINDOW_TICKER: Facts = {
    "kind": "window-ticker",
    "events": ("1hTicker", "4hTicker", "1dTicker"),
    "period_s": 1.0,
    "parameters": {"window": ("1h", "4h", "1d")},
}
AVG_PRICE: Facts = {"kind": "avg-price", "events": ("avgPrice",), "period_s": 1.0}
REFERENCE_PRICE: Facts = {
    "kind": "reference-price",
    "events": ("referencePrice",),
    "period_s": 1.0,
}
MARK_PRICE: Facts = {
    "kind": "mark-price",
    "events": ("markPriceUpdate",),
    "period_s": 3.0,
    "parameters": {"speed": ("", "1s")},
}
INDEX_PRICE: Facts = {"kind": "index-price", "events": ("indexPrice",), "period_s": 1.0}
# No id on the wire: the liquidation order's own time and terms tell it from the others.
FORCE_ORDER: Facts = {
    "kind": "force-order",
    "events": ("forceOrder",),
    "identity": ("trade_time", "side", "quantity", "price"),
    "cadence": "sparse",
}
COMPOSITE_INDEX: Facts = {
    "kind": "composite-index",
    "events": ("compositeIndex",),
    "period_s": 1.0,
}
CONTRACT_INFO: Facts = {"kind": "contract-info", "events": ("contractInfo",), "cadence": "sparse"}
ASSET_INDEX: Facts = {"kind": "asset-index", "events": ("assetIndexUpdate",), "period_s": 1.0}
TRADING_SESSION: Facts = {
    "kind": "trading-session",
    "events": (
        "EquityUpdate",
        "CommodityUpdate",
        "KR_EquityUpdate",
        "HK_EquityUpdate",
        "CN_EquityUpdate",
    ),
    "symbol": "event",
    "period_s": 1.0,
}
OPTION_MARK_PRICE: Facts = {
    "kind": "option-mark-price",
    "events": ("markPrice",),
    "period_s": 1.0,
    "array": True,
}
OPTION_SYMBOL: Facts = {"kind": "option-symbol", "events": ("optionSymbol",), "cadence": "sparse"}
OPEN_INTEREST: Facts = {
    "kind": "open-interest",
    "events": ("openInterest",),
    "period_s": 60.0,
    "array": True,
}
SERVER_SHUTDOWN: Facts = {"events": ("serverShutdown",), "symbol": "none", "cadence": "sparse"}

# Closed lists that several products share, in Binance's order.
_MINUTES = ("1m", "3m", "5m", "15m", "30m")
_HOURS = ("1h", "2h", "4h", "6h", "8h", "12h")
INTERVALS = (*_MINUTES, *_HOURS, "1d", "3d", "1w", "1M")
INTERVALS_WITH_1S = ("1s", *INTERVALS)
LEVELS = ("5", "10", "20")
FUTURES_SPEEDS = ("", "500ms", "100ms")
