"""The table against the documents it was read from, and against itself."""

from collections import Counter

import pytest

from connector.binance.catalogue import ROWS, is_merged, rows_of, subscribable
from connector.binance.catalogue.row import Row, Sequence
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import example
from connector.binance.stream_pattern import parameter_names
from tests.support.catalogue import find

# The closed list of record types.
ALL_KINDS = {
    "trade",
    "agg-trade",
    "block-trade",
    "kline",
    "continuous-kline",
    "index-price-kline",
    "mark-price-kline",
    "ticker",
    "mini-ticker",
    "window-ticker",
    "book-ticker",
    "avg-price",
    "reference-price",
    "depth-diff",
    "depth-partial",
    "rpi-depth",
    "mark-price",
    "force-order",
    "composite-index",
    "contract-info",
    "asset-index",
    "trading-session",
    "index-price",
    "option-mark-price",
    "option-symbol",
    "open-interest",
}

# Route map of the USD-M change of 2026-03-06 (Connect page, 2026-05-28) and of the new options
# system; written out, so that the table cannot agree with itself.
ROUTES = {
    ("usdm", "/public"): {
        "<symbol>@bookTicker",
        "!bookTicker",
        "<symbol>@depth<levels>[@<speed>]",
        "<symbol>@depth[@<speed>]",
        "<symbol>@rpiDepth@500ms",
        "<symbol>@trade",
    },
    ("usdm", "/market"): {
        "<symbol>@aggTrade",
        "<symbol>@markPrice[@1s]",
        "!markPrice@arr[@1s]",
        "<symbol>@kline_<interval>",
        "<pair>_<contractType>@continuousKline_<interval>",
        "<symbol>@miniTicker",
        "!miniTicker@arr",
        "<symbol>@ticker",
        "!ticker@arr",
        "<symbol>@forceOrder",
        "!forceOrder@arr",
        "<symbol>@compositeIndex",
        "!contractInfo",
        "!assetIndex@arr",
        "<asset>@assetIndex",
        "tradingSession",
    },
    ("options", "/public"): {
        "<symbol>@optionTicker",
        "<underlying>@optionTicker@<yymmdd>",
        "<symbol>@optionTrade",
        "<underlying>@optionTrade",
        "<symbol>@bookTicker",
        "<symbol>@depth<levels>@<speed>",
        "<symbol>@depth@<speed>",
    },
    ("options", "/market"): {
        "<underlying>@optionMarkPrice",
        "!index@arr",
        "<underlying>@optionIndexPrice",
        "<symbol>@kline_<interval>",
        "!optionSymbol",
        "<underlying>@openInterest@<yymmdd>",
        "<underlying>@optionOpenInterest@<yymmdd>",
    },
}


def row_id(row: Row) -> str:
    return f"{row.product} {row.pattern}"


every_row = pytest.mark.parametrize("row", ROWS, ids=row_id)


def test_the_four_products_have_75_rows() -> None:
    counts = Counter(row.product for row in ROWS)
    assert counts == {"spot": 18, "usdm": 22, "coinm": 21, "options": 14}
    assert len(ROWS) == 75
    assert tuple(row for product in PRODUCTS for row in rows_of(product)) == ROWS


def test_the_kinds_are_the_closed_list() -> None:
    assert {row.kind for row in ROWS if row.kind} == ALL_KINDS
    assert len(ALL_KINDS) == 26


@pytest.mark.parametrize(("product", "route"), ROUTES)
def test_a_routed_product_is_routed_as_documented(product: Product, route: str) -> None:
    actual = {row.pattern for row in rows_of(product) if row.route == route}
    assert actual == ROUTES[product, route]


@pytest.mark.parametrize("product", ["spot", "coinm"])
def test_spot_and_coinm_have_no_routes(product: Product) -> None:
    assert {row.route for row in rows_of(product)} == {None}


def test_the_rows_that_are_not_simply_live_are_these() -> None:
    actual = {(row.product, row.pattern): row.status for row in ROWS if row.status != "live"}
    assert actual == {
        ("spot", "!ticker@arr"): "retired",
        ("spot", "!bookTicker"): "retired",
        ("spot", "!serverShutdown"): "event",
        ("usdm", "<symbol>@trade"): "undocumented",
        ("coinm", "<symbol>@trade"): "unverified",
        ("options", "<underlying>@optionIndexPrice"): "unverified",
        ("options", "<underlying>@optionOpenInterest@<yymmdd>"): "unverified",
    }


def test_retired_rows_say_since_when_and_what_to_use() -> None:
    actual = {row.pattern: (row.retired, row.successor) for row in ROWS if row.status == "retired"}
    assert actual == {
        "!ticker@arr": ("2026-03-26", "!miniTicker@arr or <symbol>@ticker"),
        "!bookTicker": ("2022-12-07", "<symbol>@bookTicker"),
    }


def test_what_is_retired_or_an_event_cannot_be_subscribed() -> None:
    assert sum(map(subscribable, ROWS)) == 72


@every_row
def test_a_row_is_complete_and_consistent(row: Row) -> None:
    assert find(row.product, row.pattern) is row
    assert row.source
    assert (row.kind == "") == (row.status == "event")
    assert (row.period_s is not None) == (row.cadence == "periodic")
    assert set(row.parameters) <= set(parameter_names(row))
    assert (row.retired is not None) == (row.status == "retired")


@every_row
def test_the_symbol_rule_names_a_source_that_exists(row: Row) -> None:
    assert row.symbol in {"wire", "event", "none", *parameter_names(row)}


@every_row
def test_the_sequence_rule_has_the_fields_it_needs(row: Row) -> None:
    needed = {
        "contiguous": (True, True, False),
        "range": (True, True, False),
        "chained": (True, True, True),
        "increasing": (True, True, False),
        "candle": (True, True, False),
        "identity": (False, False, False),
    }
    sequence = row.sequence
    fields = (sequence.first, sequence.last, sequence.previous)
    assert tuple(name is not None for name in fields) == needed[sequence.rule]


@every_row
def test_backfill_stays_inside_the_product(row: Row) -> None:
    roots = {"spot": "/api/v3/", "usdm": "/fapi/v1/", "coinm": "/dapi/v1/", "options": "/eapi/v1/"}
    if row.backfill is not None:
        assert row.backfill.path.startswith(roots[row.product])
        assert row.backfill.weight >= 0
        assert row.backfill.by == "state" or row.backfill.limit > 0


def test_all_contiguous_ids_can_be_filled_or_are_options() -> None:
    rows = [row for row in ROWS if row.sequence.rule == "contiguous"]
    unfillable = {row.product for row in rows if not row.backfill or row.backfill.by != "id"}
    assert unfillable == {"options"}


# --- the five kinds of the first schemas ----------------------------------------------------

FUTURES: tuple[Product, ...] = ("usdm", "coinm")


@pytest.mark.parametrize("product", PRODUCTS)
def test_trades_are_told_apart_by_their_id(product: Product) -> None:
    rows = [row for row in rows_of(product) if row.kind == "trade"]
    for row in rows:
        assert row.identity == ("trade_id",)
        assert row.record_time == "trade_time"
        assert row.sequence == Sequence("contiguous", "trade_id", "trade_id")
    assert rows


def test_rest_alone_omits_ids_and_only_of_the_trades_of_futures() -> None:
    omitting = {row for row in ROWS if row.backfill is not None and row.backfill.omits_ids}

    assert omitting == {find(product, "<symbol>@trade") for product in FUTURES}


def test_usdm_trades_need_a_key_and_reach_back_a_month() -> None:
    backfill = find("usdm", "<symbol>@trade").backfill
    assert backfill is not None
    assert (backfill.weight, backfill.limit, backfill.needs_key) == (200, 500, True)
    assert backfill.lookback_s == 30 * 86_400


@pytest.mark.parametrize("product", ["spot", "usdm", "coinm"])
def test_aggregate_trades_are_contiguous_and_filled_by_id(product: Product) -> None:
    row = find(product, "<symbol>@aggTrade")
    assert row.kind == "agg-trade"
    assert row.identity == ("agg_trade_id",)
    assert row.record_time == "trade_time"
    assert row.sequence == Sequence("contiguous", "agg_trade_id", "agg_trade_id")
    assert row.backfill is not None
    assert (row.backfill.by, row.backfill.limit) == ("id", 1000)
    assert row.backfill.lookback_s == (None if product == "spot" else 86_400)


def test_spot_depth_follows_by_range_and_futures_depth_by_chain() -> None:
    spot = find("spot", "<symbol>@depth[@100ms]")
    assert spot.sequence == Sequence("range", "first_update_id", "last_update_id")
    assert spot.identity == ("first_update_id", "last_update_id")
    others = [row for row in ROWS if row.kind == "depth-diff" and row.product != "spot"]
    assert [row.product for row in others] == ["usdm", "coinm", "options"]
    for row in others:
        assert row.identity == ("last_update_id",)
        assert row.sequence == Sequence(
            "chained", "first_update_id", "last_update_id", "previous_update_id"
        )


def test_candles_are_told_apart_by_open_time_and_event_time() -> None:
    rows = [row for row in ROWS if row.kind == "kline"]
    assert len(rows) == 5
    for row in rows:
        assert row.identity == ("open_time", "event_time")
        assert row.record_time == "event_time"
        assert row.sequence == Sequence("candle", "open_time", "close_time")


def test_book_tickers_increase_and_those_of_spot_have_no_time_of_their_own() -> None:
    rows = [row for row in ROWS if row.kind == "book-ticker"]
    for row in rows:
        assert row.identity == ("update_id",)
        assert row.sequence == Sequence("increasing", "update_id", "update_id")
        assert row.record_time == ("receive_time" if row.product == "spot" else "event_time")
    assert len(rows) == 7


# --- traps ----------------------------------------------------------------------------------


def test_only_spot_partial_depth_takes_its_symbol_from_the_name() -> None:
    assert [row_id(row) for row in ROWS if row.symbol not in {"wire", "event", "none"}] == [
        "spot <symbol>@depth<levels>[@100ms]"
    ]


def test_the_payloads_without_an_event_type_are_these() -> None:
    assert [row_id(row) for row in ROWS if not row.events] == [
        "spot !bookTicker",
        "spot <symbol>@bookTicker",
        "spot <symbol>@depth<levels>[@100ms]",
    ]


@pytest.mark.parametrize("product", FUTURES)
def test_all_force_orders_come_as_one_object_despite_the_name(product: Product) -> None:
    assert find(product, "!forceOrder@arr").array is False


def test_a_coinm_pair_gives_an_array_of_mark_prices_and_a_symbol_an_object() -> None:
    assert find("coinm", "<pair>@markPrice[@1s]").array is True
    assert find("coinm", "<symbol>@markPrice[@1s]").array is False


@every_row
def test_an_example_looks_like_its_pattern(row: Row) -> None:
    name = example(row)
    assert name
    assert not set(name) & set("<>[]")


@pytest.mark.parametrize(
    ("product", "pattern", "merged"),
    [
        ("usdm", "!ticker@arr", True),
        ("coinm", "!forceOrder@arr", True),
        ("usdm", "!assetIndex@arr", False),  # of USD-M alone
        ("usdm", "<symbol>@ticker", False),
        ("spot", "!miniTicker@arr", False),
    ],
)
def test_whole_market_streams_of_both_futures_are_merged(
    product: Product, pattern: str, merged: bool
) -> None:
    assert is_merged(find(product, pattern)) == merged
