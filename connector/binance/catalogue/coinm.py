"""COIN-M rows of the catalogue: one base, no routes. Facts only, no logic."""

from dataclasses import replace

from connector.binance.catalogue.kinds import (
    AGG_TRADE,
    BOOK_TICKER,
    CONTINUOUS_KLINE,
    CONTRACT_INFO,
    DEPTH_DIFF,
    DEPTH_PARTIAL,
    FORCE_ORDER,
    FUTURES_SPEEDS,
    INDEX_PRICE,
    INDEX_PRICE_KLINE,
    INTERVALS,
    KLINE,
    LEVELS,
    MARK_PRICE,
    MARK_PRICE_KLINE,
    MINI_TICKER,
    TICKER,
    TRADE,
)
from connector.binance.catalogue.row import (
    SAMPLE_TIMES,
    UPDATE_IDS,
    RestHistory,
    Row,
    RowGroup,
    by_id,
    candles,
    state,
)

_COINM = RowGroup(
    "coinm",
    None,
    "developers.binance.com page 2026-05-28; connector-python 29da3291 2026-08-21; measurement "
    "2026-07-31",
)
_DAY_S = 86_400.0
_INTERVAL = {"interval": INTERVALS}
_DEPTH_WEIGHTS = "weight 5-50 levels: 2, 100: 5, 500: 10, 1000: 20 (the most)"
_MERGED = "the same UM and CM content on both futures hosts since 2026-06-30: read it on one"
_SPAN = "one call spans less than 200 days"
_TICKER_24H = "/dapi/v1/ticker/24hr"

ROWS: tuple[Row, ...] = (
    replace(
        _COINM.row("<symbol>@aggTrade", AGG_TRADE),
        backfill=RestHistory(
            "/dapi/v1/aggTrades",
            20,
            1000,
            "id",
            lookback_s=_DAY_S,
            note="24 h back; compare the first id returned with fromId",
            not_carried=("event_time", "symbol_type"),
        ),
        notes="quantities are contracts; trade ids inside may have holes",
    ),
    replace(
        _COINM.row("<pair>@indexPrice", INDEX_PRICE),
        events=("indexPriceUpdate",),
        backfill=state("/dapi/v1/premiumIndex", 10),
        notes="the pair stands in `s` since 2026-06-30, in `i` before; @1s was removed that day",
    ),
    replace(
        _COINM.row("<symbol>@markPrice[@1s]", MARK_PRICE),
        backfill=state("/dapi/v1/premiumIndex", 10),
        notes='delivery contracts send r="" and T=0',
    ),
    replace(
        _COINM.row("<pair>@markPrice[@1s]", MARK_PRICE),
        array=True,
        backfill=state("/dapi/v1/premiumIndex", 10),
        notes="a pair (btcusd) gives an array, a symbol (btcusd_perp) an object",
    ),
    replace(_COINM.row("!markPrice@arr[@1s]", MARK_PRICE), array=True, notes=_MERGED),
    replace(
        _COINM.row("<symbol>@kline_<interval>", KLINE),
        parameters=_INTERVAL,
        backfill=candles("/dapi/v1/klines", _SPAN),
        notes="volume is contracts, quote volume the base asset: the other way round than USD-M",
    ),
    replace(
        _COINM.row("<pair>_<contractType>@continuousKline_<interval>", CONTINUOUS_KLINE),
        parameters={"contractType": ("perpetual", "current_quarter", "next_quarter"), **_INTERVAL},
        backfill=candles("/dapi/v1/continuousKlines", _SPAN, edges=UPDATE_IDS),
        notes="the payload names the pair (`ps`), not a symbol",
    ),
    replace(
        _COINM.row("<pair>@indexPriceKline_<interval>", INDEX_PRICE_KLINE),
        parameters=_INTERVAL,
        backfill=candles("/dapi/v1/indexPriceKlines", _SPAN, edges=SAMPLE_TIMES),
        notes="the payload names the pair (`ps`)",
    ),
    replace(
        _COINM.row("<symbol>@markPriceKline_<interval>", MARK_PRICE_KLINE),
        parameters=_INTERVAL,
        backfill=candles("/dapi/v1/markPriceKlines", _SPAN, edges=SAMPLE_TIMES),
        notes="the symbol stands inside the candle (`k.s`), the pair outside (`ps`)",
    ),
    replace(
        _COINM.row("<symbol>@miniTicker", MINI_TICKER), period_s=0.5, backfill=state(_TICKER_24H, 1)
    ),
    replace(_COINM.row("!miniTicker@arr", MINI_TICKER), array=True, notes=_MERGED),
    replace(_COINM.row("<symbol>@ticker", TICKER), period_s=0.5, backfill=state(_TICKER_24H, 1)),
    replace(_COINM.row("!ticker@arr", TICKER), array=True, notes=_MERGED),
    replace(
        _COINM.row("<symbol>@bookTicker", BOOK_TICKER),
        backfill=state("/dapi/v1/ticker/bookTicker", 2),
    ),
    replace(
        _COINM.row("!bookTicker", BOOK_TICKER),
        cadence="periodic",
        period_s=5.0,
        notes=f"one object a message, every 5 s; {_MERGED}",
    ),
    replace(
        _COINM.row("<symbol>@forceOrder", FORCE_ORDER),
        notes="at most one liquidation for each symbol and second: never complete, and no public "
        "history",
    ),
    replace(
        _COINM.row("!forceOrder@arr", FORCE_ORDER), notes=f"one object despite its name; {_MERGED}"
    ),
    replace(
        _COINM.row("!contractInfo", CONTRACT_INFO),
        backfill=state("/dapi/v1/exchangeInfo", 1),
        notes=_MERGED,
    ),
    replace(
        _COINM.row("<symbol>@depth<levels>[@<speed>]", DEPTH_PARTIAL),
        parameters={"levels": LEVELS, "speed": FUTURES_SPEEDS},
        backfill=state("/dapi/v1/depth", 2, 20, _DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named",
    ),
    replace(
        _COINM.row("<symbol>@depth[@<speed>]", DEPTH_DIFF),
        parameters={"speed": (*FUTURES_SPEEDS, "0ms")},
        backfill=state("/dapi/v1/depth", 20, 1000, _DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named; 0ms is undocumented and may be turned off at "
        "any time",
    ),
    replace(
        _COINM.row("<symbol>@trade", TRADE),
        status="unverified",
        sequence=by_id("trade_id", may_skip_single=True),
        backfill=RestHistory(
            "/dapi/v1/historicalTrades",
            200,
            500,
            "id",
            needs_key=True,
            lookback_s=30 * _DAY_S,
            note="one month back; market trades only",
            not_carried=("event_time", "trade_type"),
        ),
        notes="Binance does not document it; tardis-node records it (2026-08-22). Single missing "
        "ids are taken as normal, as for USD-M",
    ),
)
