"""Columns that all rows of one kind share, whatever the product, and shared lists of values."""

from dataclasses import replace

from connector.binance.catalogue.row import CANDLE, CHAINED, KindDefaults, Sequence, by_id

_MINUTES = ("1m", "3m", "5m", "15m", "30m")
_HOURS = ("1h", "2h", "4h", "6h", "8h", "12h")
INTERVALS = (*_MINUTES, *_HOURS, "1d", "3d", "1w", "1M")

TRADE = KindDefaults(
    kind="trade",
    events=("trade",),
    record_time="trade_time",
    sequence=by_id("trade_id"),
    identity=("trade_id",),
    cadence="active",
)
AGG_TRADE = replace(
    TRADE,
    kind="agg-trade",
    events=("aggTrade",),
    sequence=by_id("agg_trade_id"),
    identity=("agg_trade_id",),
)
BLOCK_TRADE = replace(TRADE, kind="block-trade", events=("blockTrade",), cadence="sparse")
# A series has one interval (it is part of the stream's name), so the identity needs none. A candle
# is sent when a trade changes it: active, not periodic.
KLINE = KindDefaults(
    kind="kline",
    events=("kline",),
    sequence=CANDLE,
    parameters={"interval": INTERVALS},
    identity=("open_time", "event_time"),
    cadence="active",
)
CONTINUOUS_KLINE = replace(KLINE, kind="continuous-kline", events=("continuous_kline",))
INDEX_PRICE_KLINE = replace(KLINE, kind="index-price-kline", events=("indexPrice_kline",))
MARK_PRICE_KLINE = replace(KLINE, kind="mark-price-kline", events=("markPrice_kline",))
BOOK_TICKER = KindDefaults(
    kind="book-ticker",
    events=("bookTicker",),
    sequence=Sequence("increasing", "update_id", "update_id"),
    identity=("update_id",),
    cadence="active",
)
DEPTH_DIFF = KindDefaults(
    kind="depth-diff",
    events=("depthUpdate",),
    sequence=CHAINED,
    identity=("last_update_id",),
    cadence="active",
)
RPI_DEPTH = replace(DEPTH_DIFF, kind="rpi-depth")
# Each message is the whole top of the book: a missed message is superseded by the next.
DEPTH_PARTIAL = replace(
    DEPTH_DIFF,
    kind="depth-partial",
    sequence=Sequence("increasing", "last_update_id", "last_update_id"),
)
TICKER = KindDefaults(kind="ticker", events=("24hrTicker",), period_s=1.0)
MINI_TICKER = KindDefaults(kind="mini-ticker", events=("24hrMiniTicker",), period_s=1.0)
WINDOW_TICKER = KindDefaults(
    kind="window-ticker",
    events=("1hTicker", "4hTicker", "1dTicker"),
    period_s=1.0,
    parameters={"window": ("1h", "4h", "1d")},
)
AVG_PRICE = KindDefaults(kind="avg-price", events=("avgPrice",), period_s=1.0)
REFERENCE_PRICE = KindDefaults(kind="reference-price", events=("referencePrice",), period_s=1.0)
MARK_PRICE = KindDefaults(
    kind="mark-price", events=("markPriceUpdate",), period_s=3.0, parameters={"speed": ("", "1s")}
)
INDEX_PRICE = KindDefaults(kind="index-price", events=("indexPrice",), period_s=1.0)
# No id on the wire: time and terms of the liquidation order stand in for one.
FORCE_ORDER = KindDefaults(
    kind="force-order",
    events=("forceOrder",),
    identity=("trade_time", "side", "quantity", "price"),
    cadence="sparse",
)
COMPOSITE_INDEX = KindDefaults(kind="composite-index", events=("compositeIndex",), period_s=1.0)
CONTRACT_INFO = KindDefaults(kind="contract-info", events=("contractInfo",), cadence="sparse")
ASSET_INDEX = KindDefaults(kind="asset-index", events=("assetIndexUpdate",), period_s=1.0)
_SESSION_MARKETS = ("Equity", "Commodity", "KR_Equity", "HK_Equity", "CN_Equity")
TRADING_SESSION = KindDefaults(
    kind="trading-session",
    events=tuple(f"{market}Update" for market in _SESSION_MARKETS),
    symbol="event",
    period_s=1.0,
)
OPTION_MARK_PRICE = KindDefaults(
    kind="option-mark-price", events=("markPrice",), period_s=1.0, array=True
)
OPTION_SYMBOL = KindDefaults(kind="option-symbol", events=("optionSymbol",), cadence="sparse")
OPEN_INTEREST = KindDefaults(
    kind="open-interest", events=("openInterest",), period_s=60.0, array=True
)
SERVER_SHUTDOWN = KindDefaults(events=("serverShutdown",), symbol="none", cadence="sparse")

# Lists of values that several products share, in Binance's order.
INTERVALS_WITH_1S = ("1s", *INTERVALS)
LEVELS = ("5", "10", "20")
FUTURES_SPEEDS = ("", "500ms", "100ms")
# The ids that stream candles of some kinds have in `k.f` and `k.L`.
UPDATE_IDS = ("first_update_id", "last_update_id")
SAMPLE_TIMES = ("first_sample_time", "last_sample_time")

# Texts and numbers that both futures products share.
DAY_S = 86_400.0
FUTURES_DEPTH_WEIGHTS = "weight 5-50 levels: 2, 100: 5, 500: 10, 1000: 20 (the most)"
MERGED_NOTE = "the same UM and CM content on both futures hosts since 2026-06-30: read it on one"
