"""COIN-M rows of the catalogue: one base, no routes. Facts only, no logic."""

from dataclasses import replace

from connector.binance.catalogue import kinds
from connector.binance.catalogue.row import RestHistory, Row, RowGroup, by_id, candles, state

_COINM = RowGroup(
    "coinm",
    None,
    "developers.binance.com page 2026-05-28; connector-python 29da3291 2026-08-21; measurement "
    "2026-07-31",
)
_CONTRACTS = ("perpetual", "current_quarter", "next_quarter")
_SPAN = "one call spans less than 200 days"
# Tickers of one symbol come every 500 ms, those of the whole market every second.
_TICKER, _MINI_TICKER = (replace(each, period_s=0.5) for each in (kinds.TICKER, kinds.MINI_TICKER))
_TICKER_24H = "/dapi/v1/ticker/24hr"

ROWS: tuple[Row, ...] = (
    replace(
        _COINM.row("<symbol>@aggTrade", kinds.AGG_TRADE),
        backfill=RestHistory(
            "/dapi/v1/aggTrades",
            20,
            lookback_s=kinds.DAY_S,
            note="24 h back; compare the first id returned with fromId",
            not_carried=("event_time", "symbol_type"),
        ),
        notes="quantities are contracts; trade ids inside may have holes",
    ),
    replace(
        _COINM.row("<pair>@indexPrice", kinds.INDEX_PRICE),
        events=("indexPriceUpdate",),
        backfill=state("/dapi/v1/premiumIndex", 10),
        notes="the pair stands in `s` since 2026-06-30, in `i` before; @1s was removed that day",
    ),
    replace(
        _COINM.row("<symbol>@markPrice[@1s]", kinds.MARK_PRICE),
        backfill=state("/dapi/v1/premiumIndex", 10),
        notes='delivery contracts send r="" and T=0',
    ),
    replace(
        _COINM.row("<pair>@markPrice[@1s]", kinds.MARK_PRICE),
        array=True,
        backfill=state("/dapi/v1/premiumIndex", 10),
        notes="a pair (btcusd) gives an array, a symbol (btcusd_perp) an object",
    ),
    _COINM.row("!markPrice@arr[@1s]", kinds.MARK_PRICE, notes=kinds.MERGED_NOTE, array=True),
    replace(
        _COINM.row("<symbol>@kline_<interval>", kinds.KLINE),
        backfill=candles("/dapi/v1/klines", _SPAN),
        notes="volume is contracts, quote volume the base asset: the other way round than USD-M",
    ),
    replace(
        _COINM.row("<pair>_<contractType>@continuousKline_<interval>", kinds.CONTINUOUS_KLINE),
        parameters={"contractType": _CONTRACTS, "interval": kinds.INTERVALS},
        backfill=candles("/dapi/v1/continuousKlines", _SPAN, edges=kinds.UPDATE_IDS),
        notes="the payload names the pair (`ps`), not a symbol",
    ),
    replace(
        _COINM.row("<pair>@indexPriceKline_<interval>", kinds.INDEX_PRICE_KLINE),
        backfill=candles("/dapi/v1/indexPriceKlines", _SPAN, edges=kinds.SAMPLE_TIMES),
        notes="the payload names the pair (`ps`)",
    ),
    replace(
        _COINM.row("<symbol>@markPriceKline_<interval>", kinds.MARK_PRICE_KLINE),
        backfill=candles("/dapi/v1/markPriceKlines", _SPAN, edges=kinds.SAMPLE_TIMES),
        notes="the symbol stands inside the candle (`k.s`), the pair outside (`ps`)",
    ),
    _COINM.row("<symbol>@miniTicker", _MINI_TICKER, state(_TICKER_24H, 1)),
    _COINM.row("!miniTicker@arr", kinds.MINI_TICKER, notes=kinds.MERGED_NOTE, array=True),
    _COINM.row("<symbol>@ticker", _TICKER, state(_TICKER_24H, 1)),
    _COINM.row("!ticker@arr", kinds.TICKER, notes=kinds.MERGED_NOTE, array=True),
    _COINM.row("<symbol>@bookTicker", kinds.BOOK_TICKER, state("/dapi/v1/ticker/bookTicker", 2)),
    replace(
        _COINM.row("!bookTicker", kinds.BOOK_TICKER),
        cadence="periodic",
        period_s=5.0,
        notes=f"one object a message, every 5 s; {kinds.MERGED_NOTE}",
    ),
    replace(
        _COINM.row("<symbol>@forceOrder", kinds.FORCE_ORDER),
        notes="at most one liquidation for each symbol and second: never complete, and no public "
        "history",
    ),
    replace(
        _COINM.row("!forceOrder@arr", kinds.FORCE_ORDER),
        notes=f"one object despite its name; {kinds.MERGED_NOTE}",
    ),
    _COINM.row(
        "!contractInfo", kinds.CONTRACT_INFO, state("/dapi/v1/exchangeInfo", 1), kinds.MERGED_NOTE
    ),
    replace(
        _COINM.row("<symbol>@depth<levels>[@<speed>]", kinds.DEPTH_PARTIAL),
        parameters={"levels": kinds.LEVELS, "speed": kinds.FUTURES_SPEEDS},
        backfill=state("/dapi/v1/depth", 2, 20, kinds.FUTURES_DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named",
    ),
    replace(
        _COINM.row("<symbol>@depth[@<speed>]", kinds.DEPTH_DIFF),
        parameters={"speed": (*kinds.FUTURES_SPEEDS, "0ms")},
        backfill=state("/dapi/v1/depth", 20, 1000, kinds.FUTURES_DEPTH_WEIGHTS),
        notes="every 250 ms where no speed is named; 0ms is undocumented and may be turned off at "
        "any time",
    ),
    replace(
        _COINM.row("<symbol>@trade", kinds.TRADE),
        status="unverified",
        sequence=by_id("trade_id"),
        backfill=RestHistory(
            "/dapi/v1/historicalTrades",
            200,
            500,
            needs_key=True,
            lookback_s=30 * kinds.DAY_S,
            note="one month back; market trades only",
            not_carried=("event_time", "trade_type"),
            omits_ids=True,
        ),
        notes="Binance does not document it; tardis-node records it (2026-08-22). Ids are taken to "
        "be complete on the wire, and not in REST, as for USD-M",
    ),
)
