"""Options rows of the catalogue: the USD-M host and its routes. Facts only, no logic."""

from dataclasses import replace

from connector.binance.catalogue import kinds
from connector.binance.catalogue.row import RestHistory, Row, RowGroup, candles, state

_SOURCE = (
    "developers.binance.com pages 2026-05-28; connector-python 29da3291 2026-08-21; tardis-node "
    "c1d73fb 2026-08-22; binance-rs 2026-10-10"
)
_PUBLIC = RowGroup("options", "/public", _SOURCE)
_MARKET = RowGroup("options", "/market", _SOURCE)
_SPEEDS = ("100ms", "500ms")
_DEPTH_WEIGHTS = "weight 5-50 levels: 1, 100: 5, 500: 10, 1000: 20 (the most)"
_TRADE = replace(kinds.TRADE, cadence="sparse")
_TRADES = RestHistory(
    "/eapi/v1/trades",
    5,
    500,
    "state",
    note="the latest trades of one symbol: no fromId and no times, so a hole is filled only as "
    "far as they reach back; block trades: /eapi/v1/blockTrades, weight 5. `tradeId` is the id of "
    "the stream; `side` is the taker's (-1 sell, 1 buy), which tells the maker too",
    not_carried=("event_time", "trade_type"),
)
_CONTIGUOUS = (
    "ids are taken as contiguous for each symbol though no page says so: a ticker of 2026-09 "
    "counts 232 trades from id 126 to 357"
)

ROWS: tuple[Row, ...] = (
    replace(
        _PUBLIC.row("<symbol>@optionTicker", kinds.TICKER),
        cadence="active",
        period_s=None,
        backfill=state("/eapi/v1/ticker", 1),
        notes="every 1 s by the page; not taken as periodic, since most symbols hardly trade",
    ),
    replace(
        _PUBLIC.row("<underlying>@optionTicker@<yymmdd>", kinds.TICKER),
        backfill=state("/eapi/v1/ticker", 40),
        notes="one object a message (seen 2026-09)",
    ),
    _PUBLIC.row("<symbol>@optionTrade", _TRADE, _TRADES, _CONTIGUOUS),
    _PUBLIC.row(
        "<underlying>@optionTrade", _TRADE, _TRADES, f"all symbols of an underlying; {_CONTIGUOUS}"
    ),
    _PUBLIC.row("<symbol>@bookTicker", kinds.BOOK_TICKER),
    replace(
        _PUBLIC.row("<symbol>@depth<levels>@<speed>", kinds.DEPTH_PARTIAL),
        parameters={"levels": kinds.LEVELS, "speed": _SPEEDS},
        backfill=state("/eapi/v1/depth", 1, 20, _DEPTH_WEIGHTS),
    ),
    replace(
        _PUBLIC.row("<symbol>@depth@<speed>", kinds.DEPTH_DIFF),
        parameters={"speed": _SPEEDS},
        backfill=state("/eapi/v1/depth", 20, 1000, _DEPTH_WEIGHTS),
    ),
    replace(
        _MARKET.row("<underlying>@optionMarkPrice", kinds.OPTION_MARK_PRICE),
        backfill=state("/eapi/v1/mark", 5),
        notes='all symbols of an underlying; implied volatilities may be "-1.0"',
    ),
    _MARKET.row("!index@arr", kinds.INDEX_PRICE, state("/eapi/v1/index", 1), array=True),
    replace(
        _MARKET.row("<underlying>@optionIndexPrice", kinds.INDEX_PRICE),
        status="unverified",
        successor="!index@arr",
        notes="on no page of Binance; only tardis-node uses it (2026-08-22)",
    ),
    replace(
        _MARKET.row("<symbol>@kline_<interval>", kinds.KLINE),
        parameters={"interval": tuple(i for i in kinds.INTERVALS if i not in {"8h", "1M"})},
        backfill=candles("/eapi/v1/klines", weight=1, limit=1500),
        notes="no 8h and no 1M",
    ),
    _MARKET.row("!optionSymbol", kinds.OPTION_SYMBOL, state("/eapi/v1/exchangeInfo", 1)),
    replace(
        _MARKET.row("<underlying>@openInterest@<yymmdd>", kinds.OPEN_INTEREST),
        backfill=state("/eapi/v1/openInterest", 0),
        notes="the name in the catalog and SDK since mid 2026; compare optionOpenInterest",
    ),
    replace(
        _MARKET.row("<underlying>@optionOpenInterest@<yymmdd>", kinds.OPEN_INTEREST),
        status="unverified",
        successor="<underlying>@openInterest@<yymmdd>",
        backfill=state("/eapi/v1/openInterest", 0),
        notes="the name in pages of 2025-11 to 2026-05 and in tardis-node; the SDK dropped it mid "
        "2026. Both are acknowledged: subscribe both and keep the one that delivers",
    ),
)
