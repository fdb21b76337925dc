"""USD-M rows of the catalogue, routed since 2026-03-06. Facts only, no logic."""

from dataclasses import replace

from connector.binance.catalogue.kinds import (
    AGG_TRADE,
    ASSET_INDEX,
    BOOK_TICKER,
    COMPOSITE_INDEX,
    CONTINUOUS_KLINE,
    CONTRACT_INFO,
    DEPTH_DIFF,
    DEPTH_PARTIAL,
    FORCE_ORDER,
    FUTURES_SPEEDS,
    INTERVALS,
    INTERVALS_WITH_1S,
    KLINE,
    LEVELS,
    MARK_PRICE,
    MINI_TICKER,
    RPI_DEPTH,
    TICKER,
    TRADE,
    TRADING_SESSION,
)
from connector.binance.catalogue.row import (
    UPDATE_IDS,
    RestHistory,
    Row,
    RowGroup,
    by_id,
    candles,
    state,
)

_SOURCE = (
    "developers.binance.com pages 2026-05-28, catalog 2026-09-18; connector-python 29da3291 "
    "2026-08-21; measurements 2026-07-28 to 2026-09-18"
)
_PUBLIC = RowGroup("usdm", "/public", _SOURCE)
_MARKET = RowGroup("usdm", "/market", _SOURCE)
_DAY_S = 86_400.0
_DEPTH_WEIGHTS = "weight 5-50 levels: 2, 100: 5, 500: 10, 1000: 20 (the most)"
_MERGED = "the same UM and CM content on both futures hosts since 2026-06-30: read it on one"
_TICKER_24H = "/fapi/v1/ticker/24hr"

ROWS: tuple[Row, ...] = (
    replace(
        _PUBLIC.row("<symbol>@bookTicker", BOOK_TICKER),
        backfill=state("/fapi/v1/ticker/bookTicker", 2),
    ),
    replace(
        _PUBLIC.row("!bookTicker", BOOK_TICKER),
        cadence="periodic",
        period_s=5.0,
        backfill=state("/fapi/v1/ticker/bookTicker", 5),
        notes=f"one object a message, every 5 s; {_MERGED}",
    ),
    replace(
        _PUBLIC.row("<symbol>@depth<levels>[@<speed>]", DEPTH_PARTIAL),
        parameters={"levels": LEVELS, "speed": FUTURES_SPEEDS},
        backfill=state("/fapi/v1/depth", 2, 20, _DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named",
    ),
    replace(
        _PUBLIC.row("<symbol>@depth[@<speed>]", DEPTH_DIFF),
        parameters={"speed": (*FUTURES_SPEEDS, "0ms")},
        backfill=state("/fapi/v1/depth", 20, 1000, _DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named; 0ms is undocumented (used by tardis-node and "
        "nautilus, 2026-08) and may be turned off at any time; RPI orders are not in this book",
    ),
    replace(
        _PUBLIC.row("<symbol>@rpiDepth@500ms", RPI_DEPTH),
        backfill=state("/fapi/v1/rpiDepth", 20, 1000, "accepts limit 1000 only"),
        notes="since 2025-11-26; its event type is depthUpdate too",
    ),
    replace(
        _PUBLIC.row("<symbol>@trade", TRADE),
        status="undocumented",
        sequence=by_id("trade_id", may_skip_single=True),
        backfill=RestHistory(
            "/fapi/v1/historicalTrades",
            200,
            500,
            "id",
            needs_key=True,
            lookback_s=30 * _DAY_S,
            note="weight 200 since 2026-07-29; one month back; market trades only",
            not_carried=("event_time", "trade_type"),
        ),
        notes="Binance does not document it and may turn it off; delivered on /public 2026-07-28, "
        "08-18 and 09-18, silent on /market. Single ids may be missing: the archive has such "
        "holes, and REST never lists insurance fund and ADL trades, nor ids spent without a fill "
        "(price and quantity zero: 14 of 1,186 frames, 2026-07-30)",
    ),
    replace(
        _MARKET.row("<symbol>@aggTrade", AGG_TRADE),
        backfill=RestHistory(
            "/fapi/v1/aggTrades",
            20,
            1000,
            "id",
            lookback_s=_DAY_S,
            note="24 h back (page 2026-05-28; the SDK of 2026-08-21 says 48 h); either fromId or "
            "times, never both; compare the first id returned with fromId",
            not_carried=("event_time", "normal_quantity", "symbol_type"),
        ),
        notes="trade ids inside may have holes: insurance fund and ADL trades are not aggregated",
    ),
    replace(
        _MARKET.row("<symbol>@markPrice[@1s]", MARK_PRICE),
        backfill=state("/fapi/v1/premiumIndex", 1),
    ),
    replace(
        _MARKET.row("!markPrice@arr[@1s]", MARK_PRICE),
        array=True,
        backfill=state("/fapi/v1/premiumIndex", 10),
        notes=f"TradFi perpetuals come in an array of their own; {_MERGED}",
    ),
    replace(
        _MARKET.row("<symbol>@kline_<interval>", KLINE),
        parameters={"interval": INTERVALS},
        backfill=candles("/fapi/v1/klines"),
    ),
    replace(
        _MARKET.row("<pair>_<contractType>@continuousKline_<interval>", CONTINUOUS_KLINE),
        parameters={
            "contractType": (
                "perpetual",
                "current_quarter",
                "next_quarter",
                "tradifi_perpetual",
            ),
            "interval": INTERVALS_WITH_1S,
        },
        backfill=candles("/fapi/v1/continuousKlines", edges=UPDATE_IDS),
        notes="the payload names the pair (`ps`), not a symbol; tradifi_perpetual is Binance's "
        "own spelling",
    ),
    replace(
        _MARKET.row("<symbol>@miniTicker", MINI_TICKER),
        period_s=2.0,
        backfill=state(_TICKER_24H, 1),
    ),
    replace(
        _MARKET.row("!miniTicker@arr", MINI_TICKER),
        array=True,
        backfill=state(_TICKER_24H, 40),
        notes=_MERGED,
    ),
    replace(_MARKET.row("<symbol>@ticker", TICKER), period_s=2.0, backfill=state(_TICKER_24H, 1)),
    replace(
        _MARKET.row("!ticker@arr", TICKER),
        array=True,
        backfill=state(_TICKER_24H, 40),
        notes=_MERGED,
    ),
    replace(
        _MARKET.row("<symbol>@forceOrder", FORCE_ORDER),
        notes="at most one liquidation for each symbol and second (the largest, 2026-04-10): never "
        "complete, and no public history",
    ),
    replace(
        _MARKET.row("!forceOrder@arr", FORCE_ORDER), notes=f"one object despite its name; {_MERGED}"
    ),
    replace(
        _MARKET.row("<symbol>@compositeIndex", COMPOSITE_INDEX),
        backfill=state("/fapi/v1/indexInfo", 1, note="weights only"),
    ),
    replace(
        _MARKET.row("!contractInfo", CONTRACT_INFO),
        backfill=state("/fapi/v1/exchangeInfo", 1),
        notes=_MERGED,
    ),
    replace(
        _MARKET.row("!assetIndex@arr", ASSET_INDEX),
        array=True,
        backfill=state("/fapi/v1/assetIndex", 10),
    ),
    replace(
        _MARKET.row("<asset>@assetIndex", ASSET_INDEX), backfill=state("/fapi/v1/assetIndex", 1)
    ),
    replace(
        _MARKET.row("tradingSession", TRADING_SESSION),
        backfill=state("/fapi/v1/tradingSchedule", 5, note="the schedule of one week"),
        notes="since 2025-12-11; one message a market, which only the event type names",
    ),
)
