"""USD-M rows of the catalogue, routed since 2026-03-06. Facts only, no logic."""

from dataclasses import replace

from connector.binance.catalogue import kinds
from connector.binance.catalogue.row import RestHistory, Row, RowGroup, by_id, candles, state

_SOURCE = (
    "developers.binance.com pages 2026-05-28, catalog 2026-09-18; connector-python 29da3291 "
    "2026-08-21; measurements 2026-07-28 to 2026-09-18"
)
_PUBLIC = RowGroup("usdm", "/public", _SOURCE)
_MARKET = RowGroup("usdm", "/market", _SOURCE)
# Tickers of one symbol come every 2 s, those of the whole market every second.
_TICKER, _MINI_TICKER = (replace(each, period_s=2.0) for each in (kinds.TICKER, kinds.MINI_TICKER))
_TICKER_24H = "/fapi/v1/ticker/24hr"

ROWS: tuple[Row, ...] = (
    _PUBLIC.row("<symbol>@bookTicker", kinds.BOOK_TICKER, state("/fapi/v1/ticker/bookTicker", 2)),
    replace(
        _PUBLIC.row("!bookTicker", kinds.BOOK_TICKER),
        cadence="periodic",
        period_s=5.0,
        backfill=state("/fapi/v1/ticker/bookTicker", 5),
        notes=f"one object a message, every 5 s; {kinds.MERGED_NOTE}",
    ),
    replace(
        _PUBLIC.row("<symbol>@depth<levels>[@<speed>]", kinds.DEPTH_PARTIAL),
        parameters={"levels": kinds.LEVELS, "speed": kinds.FUTURES_SPEEDS},
        backfill=state("/fapi/v1/depth", 2, 20, kinds.FUTURES_DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named",
    ),
    replace(
        _PUBLIC.row("<symbol>@depth[@<speed>]", kinds.DEPTH_DIFF),
        parameters={"speed": (*kinds.FUTURES_SPEEDS, "0ms")},
        backfill=state("/fapi/v1/depth", 20, 1000, kinds.FUTURES_DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named; 0ms is undocumented (used by tardis-node and "
        "nautilus, 2026-08) and may be turned off at any time; RPI orders are not in this book",
    ),
    replace(
        _PUBLIC.row("<symbol>@rpiDepth@500ms", kinds.RPI_DEPTH),
        backfill=state("/fapi/v1/rpiDepth", 20, 1000, "accepts limit 1000 only"),
        notes="since 2025-11-26; its event type is depthUpdate too",
    ),
    replace(
        _PUBLIC.row("<symbol>@trade", kinds.TRADE),
        status="undocumented",
        sequence=by_id("trade_id"),
        backfill=RestHistory(
            "/fapi/v1/historicalTrades",
            200,
            500,
            needs_key=True,
            lookback_s=30 * kinds.DAY_S,
            note="weight 200 since 2026-07-29; one month back; market trades only",
            not_carried=("event_time", "trade_type"),
            omits_ids=True,
        ),
        notes="Binance does not document it and may turn it off; delivered on /public 2026-07-28, "
        "08-18 and 09-18, silent on /market. Ids are complete on the wire. REST and the archive "
        "lack some: insurance fund and ADL trades, and ids spent without a fill (X is NA, price "
        "and quantity zero: 14 of 1,186 frames, 2026-07-30)",
    ),
    replace(
        _MARKET.row("<symbol>@aggTrade", kinds.AGG_TRADE),
        backfill=RestHistory(
            "/fapi/v1/aggTrades",
            20,
            lookback_s=kinds.DAY_S,
            note="24 h back (page 2026-05-28; the SDK of 2026-08-21 says 48 h); either fromId or "
            "times, never both; compare the first id returned with fromId",
            not_carried=("event_time", "normal_quantity", "symbol_type"),
        ),
        notes="trade ids inside may have holes: insurance fund and ADL trades are not aggregated",
    ),
    _MARKET.row("<symbol>@markPrice[@1s]", kinds.MARK_PRICE, state("/fapi/v1/premiumIndex", 1)),
    replace(
        _MARKET.row("!markPrice@arr[@1s]", kinds.MARK_PRICE),
        array=True,
        backfill=state("/fapi/v1/premiumIndex", 10),
        notes=f"TradFi perpetuals come in an array of their own; {kinds.MERGED_NOTE}",
    ),
    _MARKET.row("<symbol>@kline_<interval>", kinds.KLINE, candles("/fapi/v1/klines")),
    replace(
        _MARKET.row("<pair>_<contractType>@continuousKline_<interval>", kinds.CONTINUOUS_KLINE),
        parameters={
            "contractType": ("perpetual", "current_quarter", "next_quarter", "tradifi_perpetual"),
            "interval": kinds.INTERVALS_WITH_1S,
        },
        backfill=candles("/fapi/v1/continuousKlines", edges=kinds.UPDATE_IDS),
        notes="the payload names the pair (`ps`), not a symbol; tradifi_perpetual is Binance's "
        "own spelling",
    ),
    _MARKET.row("<symbol>@miniTicker", _MINI_TICKER, state(_TICKER_24H, 1)),
    _MARKET.row(
        "!miniTicker@arr", kinds.MINI_TICKER, state(_TICKER_24H, 40), kinds.MERGED_NOTE, array=True
    ),
    _MARKET.row("<symbol>@ticker", _TICKER, state(_TICKER_24H, 1)),
    _MARKET.row("!ticker@arr", kinds.TICKER, state(_TICKER_24H, 40), kinds.MERGED_NOTE, array=True),
    replace(
        _MARKET.row("<symbol>@forceOrder", kinds.FORCE_ORDER),
        notes="at most one liquidation for each symbol and second (the largest, 2026-04-10): never "
        "complete, and no public history",
    ),
    replace(
        _MARKET.row("!forceOrder@arr", kinds.FORCE_ORDER),
        notes=f"one object despite its name; {kinds.MERGED_NOTE}",
    ),
    _MARKET.row(
        "<symbol>@compositeIndex",
        kinds.COMPOSITE_INDEX,
        state("/fapi/v1/indexInfo", 1, note="weights only"),
    ),
    _MARKET.row(
        "!contractInfo", kinds.CONTRACT_INFO, state("/fapi/v1/exchangeInfo", 1), kinds.MERGED_NOTE
    ),
    _MARKET.row("!assetIndex@arr", kinds.ASSET_INDEX, state("/fapi/v1/assetIndex", 10), array=True),
    _MARKET.row("<asset>@assetIndex", kinds.ASSET_INDEX, state("/fapi/v1/assetIndex", 1)),
    replace(
        _MARKET.row("tradingSession", kinds.TRADING_SESSION),
        backfill=state("/fapi/v1/tradingSchedule", 5, note="the schedule of one week"),
        notes="since 2025-12-11; one message a market, which only the event type names",
    ),
)
