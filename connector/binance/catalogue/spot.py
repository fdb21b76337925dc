"""Spot rows of the catalogue: one base, no routes. Facts only, no logic."""

from dataclasses import replace

from connector.binance.catalogue import kinds
from connector.binance.catalogue.row import RANGE, RestHistory, Row, RowGroup, candles, state

_SPOT = RowGroup(
    "spot", None, "binance-spot-api-docs a5e0bc3 2026-07-21; connector-python 29da3291 2026-08-21"
)
_SPEEDS = ("", "100ms")
_KLINE = replace(kinds.KLINE, parameters={"interval": kinds.INTERVALS_WITH_1S})
_BOOK_TICKER = replace(kinds.BOOK_TICKER, events=(), record_time="receive_time")
_DEPTH_WEIGHTS = "weight <=100 levels: 5, <=500: 25, <=1000: 50, <=5000: 250 (the most)"

ROWS: tuple[Row, ...] = (
    replace(
        _SPOT.row("<symbol>@aggTrade", kinds.AGG_TRADE),
        backfill=RestHistory(
            "/api/v3/aggTrades",
            4,
            note="fromId is inclusive; compare the first id returned with it, since a too old one "
            "is answered from later on without an error",
            not_carried=("event_time",),
        ),
    ),
    replace(
        _SPOT.row("<symbol>@trade", kinds.TRADE),
        backfill=RestHistory(
            "/api/v3/historicalTrades",
            25,
            note="not served by data-api.binance.vision",
            not_carried=("event_time",),
        ),
        notes="ids are contiguous in practice; no page promises it",
    ),
    replace(
        _SPOT.row("<symbol>@blockTrade", kinds.BLOCK_TRADE),
        backfill=RestHistory(
            "/api/v3/historicalBlockTrades",
            25,
            note="fromId is mandatory; not served by data-api.binance.vision",
            not_carried=("event_time",),
        ),
        notes="since 2026-05-12; ids of their own, taken as contiguous though no page says so: "
        "REST settles a hole",
    ),
    _SPOT.row("<symbol>@kline_<interval>", _KLINE, candles("/api/v3/klines", limit=1000)),
    replace(
        _SPOT.row("<symbol>@kline_<interval>@+08:00", _KLINE),
        backfill=candles("/api/v3/klines", "ask with timeZone=8", limit=1000),
        notes="days begin at UTC+8; no other offset exists as a stream",
    ),
    _SPOT.row(
        "<symbol>@miniTicker", kinds.MINI_TICKER, state("/api/v3/ticker/24hr", 2, note="type=MINI")
    ),
    replace(
        _SPOT.row("!miniTicker@arr", kinds.MINI_TICKER),
        array=True,
        backfill=state("/api/v3/ticker/24hr", 80, note="type=MINI"),
        notes="only symbols that changed",
    ),
    _SPOT.row("<symbol>@ticker", kinds.TICKER, state("/api/v3/ticker/24hr", 2)),
    replace(
        _SPOT.row("!ticker@arr", kinds.TICKER),
        array=True,
        status="retired",
        retired="2026-03-26",
        successor="!miniTicker@arr or <symbol>@ticker",
    ),
    replace(
        _SPOT.row("!bookTicker", _BOOK_TICKER),
        status="retired",
        retired="2022-12-07",
        successor="<symbol>@bookTicker",
    ),
    _SPOT.row(
        "<symbol>@ticker_<window>",
        kinds.WINDOW_TICKER,
        state("/api/v3/ticker", 4, note="windowSize; 4 for each symbol, at most 200"),
    ),
    _SPOT.row("!ticker_<window>@arr", kinds.WINDOW_TICKER, array=True),
    replace(
        _SPOT.row("<symbol>@bookTicker", _BOOK_TICKER),
        backfill=state("/api/v3/ticker/bookTicker", 2),
        notes="the payload has neither event type nor event time",
    ),
    _SPOT.row("<symbol>@avgPrice", kinds.AVG_PRICE, state("/api/v3/avgPrice", 2)),
    replace(
        _SPOT.row("<symbol>@referencePrice", kinds.REFERENCE_PRICE),
        backfill=state(
            "/api/v3/referencePrice", 2, note="error -2043 where the symbol never had one"
        ),
        notes="since 2026-03; its time is `t`, and the price may be null",
    ),
    replace(
        _SPOT.row("<symbol>@depth<levels>[@100ms]", kinds.DEPTH_PARTIAL),
        events=(),
        symbol="symbol",
        record_time="receive_time",
        parameters={"levels": kinds.LEVELS, "speed": _SPEEDS},
        backfill=state("/api/v3/depth", 5, 20, _DEPTH_WEIGHTS),
        notes="the payload has no symbol, event type or time: only the combined wrapper names it",
    ),
    replace(
        _SPOT.row("<symbol>@depth[@100ms]", kinds.DEPTH_DIFF),
        sequence=RANGE,
        identity=("first_update_id", "last_update_id"),
        parameters={"speed": _SPEEDS},
        backfill=state("/api/v3/depth", 50, 1000, _DEPTH_WEIGHTS),
    ),
    replace(
        _SPOT.row("!serverShutdown", kinds.SERVER_SHUTDOWN),
        status="event",
        notes="sent on every connection before the server goes away, with no promised lead time",
    ),
)
