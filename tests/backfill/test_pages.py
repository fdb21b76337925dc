"""What REST is asked for, what it weighs, and what is left to ask after an answer."""

import pytest

from connector.backfill.pages import (
    RestPage,
    Span,
    count_of,
    expires_ms,
    locate,
    next_page,
    rest_of,
    snapshot,
    span_left,
)
from connector.binance.catalogue import ROWS
from connector.binance.stream_name import parse
from connector.continuity.gap import Gap
from connector.errors import Refused
from tests.support.catalogue import find

DAY_MS = 86_400_000
AGG = parse("spot", "btcusdt@aggTrade")
MINUTES = parse("usdm", "btcusdt@kline_1m")
DAYS = parse("coinm", "btcusd_perp@kline_1d")
OPTION = parse("options", "btcusdt@optionTrade")


def test_trades_are_asked_for_from_the_first_missing_id() -> None:
    assert next_page(AGG, Span(100, 5_099), "BTCUSDT") == RestPage(
        "/api/v3/aggTrades",
        {"symbol": "BTCUSDT", "fromId": 100, "limit": 1000},
        weight=4,
        keyed=False,
        limit=1000,
        until=5_099,
    )


def test_no_more_rows_are_asked_for_than_are_missing() -> None:
    page = next_page(AGG, Span(7, 7), "BTCUSDT")
    assert (page.params["limit"], page.limit) == (1, 1)


def test_old_futures_trades_carry_a_key() -> None:
    page = next_page(parse("usdm", "btcusdt@trade"), Span(1, 10_000), "BTCUSDT")
    assert (page.weight, page.limit, page.keyed) == (200, 500, True)


@pytest.mark.parametrize(("candles", "weight"), [(99, 1), (100, 2), (499, 2), (5_000, 2)])
def test_futures_candles_weigh_by_how_many_are_asked_for(candles: int, weight: int) -> None:
    page = next_page(MINUTES, Span(0, (candles - 1) * 60_000), "BTCUSDT")
    assert page.weight == weight
    assert page.limit == min(candles, 499)
    assert page.params["startTime"] == 0
    assert page.params["endTime"] == (candles - 1) * 60_000


def test_candles_of_utc_plus_8_are_asked_for_in_that_zone() -> None:
    page = next_page(parse("spot", "btcusdt@kline_1d@+08:00"), Span(0, DAY_MS), "BTCUSDT")
    assert page.params["timeZone"] == "8"
    assert page.weight == 2


def test_continuous_candles_name_pair_and_contract_in_upper_case() -> None:
    stream = parse("usdm", "btcusdt_current_quarter@continuousKline_1M")
    page = next_page(stream, Span(0, 0), "BTCUSDT")
    assert {k: v for k, v in page.params.items() if isinstance(v, str)} == {
        "pair": "BTCUSDT",
        "contractType": "CURRENT_QUARTER",
        "interval": "1M",
    }


def test_coinm_candles_span_less_than_200_days_a_call() -> None:
    page = next_page(DAYS, Span(0, 300 * DAY_MS), "BTCUSD_PERP")
    assert page.until == page.params["endTime"] == 200 * DAY_MS - 1
    assert rest_of(DAYS, Span(0, 300 * DAY_MS), page, 200, 199 * DAY_MS) == Span(
        200 * DAY_MS, 300 * DAY_MS
    )


def test_options_trades_are_the_latest_of_the_series_symbol() -> None:
    page = next_page(OPTION, Span(3, 4), "BTC-261225-100000-C")
    assert page.params == {"symbol": "BTC-261225-100000-C", "limit": 500}
    assert rest_of(OPTION, Span(3, 4), page, 500, 3) is None


def test_a_full_page_is_followed_by_the_next_id() -> None:
    span = Span(100, 5_099)
    page = next_page(AGG, span, "BTCUSDT")
    assert rest_of(AGG, span, page, 1000, 1_099) == Span(1_100, 5_099)
    assert rest_of(AGG, span, page, 1000, 5_099) is None


def test_a_page_that_is_not_full_is_the_last() -> None:
    span = Span(100, 5_099)
    page = next_page(AGG, span, "BTCUSDT")
    assert rest_of(AGG, span, page, 999, 1_098) is None
    assert rest_of(AGG, span, page, 0, None) is None


def test_an_answer_that_does_not_advance_is_not_asked_for_again() -> None:
    span = Span(100, 5_099)
    page = next_page(AGG, span, "BTCUSDT")
    assert rest_of(AGG, span, page, 1000, 5) == Span(101, 5_099)


def test_a_full_page_of_candles_is_followed_by_the_next_opening_time() -> None:
    span = Span(0, 1_000 * 60_000)
    page = next_page(MINUTES, span, "BTCUSDT")
    assert rest_of(MINUTES, span, page, 499, 498 * 60_000) == Span(499 * 60_000, 1_000 * 60_000)


def test_candles_are_counted_by_their_interval() -> None:
    assert count_of(MINUTES, Span(60_000, 180_000)) == 3
    assert count_of(AGG, Span(5, 7)) == 3


def test_expiry_follows_the_row() -> None:
    assert expires_ms(find("usdm", "<symbol>@aggTrade"), 5) == 5 + DAY_MS
    assert expires_ms(find("spot", "<symbol>@aggTrade"), 5) == float("inf")
    assert expires_ms(OPTION.row, 5) == 5


def test_a_snapshot_weighs_by_its_levels() -> None:
    stream = parse("spot", "btcusdt@depth@100ms")
    assert snapshot(stream, "BTCUSDT").weight == 50
    assert snapshot(stream, "BTCUSDT", 100).weight == 5
    assert snapshot(stream, "BTCUSDT", 5000).weight == 250
    options = parse("options", "btc-261225-100000-c@depth@100ms")
    assert snapshot(options, "BTC-261225-100000-C", 50).weight == 1
    assert snapshot(parse("usdm", "btcusdt@rpiDepth@500ms"), "BTCUSDT").params == {
        "symbol": "BTCUSDT",
        "limit": 1000,
    }


@pytest.mark.parametrize(
    ("product", "name", "levels", "words"),
    [
        ("spot", "btcusdt@depth", 5001, "spot gives 1 to 5000"),
        ("usdm", "btcusdt@depth", 300, "usdm gives 5, 10, 20, 50, 100, 500, 1000"),
        ("usdm", "btcusdt@rpiDepth@500ms", 100, "gives 1000"),
        ("spot", "btcusdt@trade", None, "no book"),
        ("spot", "btcusdt@depth20", None, "no book"),
    ],
)
def test_a_snapshot_that_cannot_be_had_is_refused(
    product: str, name: str, levels: int | None, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        snapshot(parse(product, name), "BTCUSDT", levels)  # type: ignore[arg-type]


def test_a_stream_without_a_past_is_refused() -> None:
    with pytest.raises(Refused, match="only its present state"):
        next_page(parse("spot", "btcusdt@ticker"), Span(1, 2), "BTCUSDT")
    with pytest.raises(Refused, match="knows nothing"):
        next_page(parse("usdm", "btcusdt@forceOrder"), Span(1, 2), "BTCUSDT")


def test_states_are_not_fillable_and_books_have_snapshots() -> None:
    assert {row.kind for row in ROWS if row.fillable} == {
        "trade",
        "agg-trade",
        "block-trade",
        "kline",
        "continuous-kline",
        "index-price-kline",
        "mark-price-kline",
    }
    assert {row.kind for row in ROWS if row.has_snapshots} == {"depth-diff", "rpi-depth"}


def test_ids_are_found_by_time_through_the_aggregates() -> None:
    found, key = locate(parse("usdm", "btcusdt@trade"), "BTCUSDT", 1_000)
    assert (found.path, found.weight, key) == ("/fapi/v1/aggTrades", 20, "f")
    assert found.params == {
        "symbol": "BTCUSDT",
        "limit": 1,
        "startTime": 1_000,
        "endTime": 3_600_999,
    }
    assert locate(AGG, "BTCUSDT", 1_000)[1] == "a"
    with pytest.raises(Refused, match="give ids"):
        locate(OPTION, "BTC-261225-100000-C", 1_000)


@pytest.mark.parametrize(
    ("name", "gap", "span"),
    [
        ("btcusdt@trade", Gap("g", "sequence", 10, 0, 15, 0), Span(11, 14)),
        ("btcusdt@trade", Gap("g", "sequence", 10, 0, 15, 0, filled_to=12), Span(13, 14)),
        ("btcusdt@trade", Gap("g", "plan_changed", None, None, 15, 0, whole=True), Span(0, 14)),
        ("btcusdt@kline_1m", Gap("g", "sequence", 0, 0, 180_000, 0), Span(60_000, 120_000)),
        # Edges that are record times lie inside candles.
        ("btcusdt@kline_1m", Gap("g", "sequence", 59_999, 0, 180_000, 0), Span(60_000, 120_000)),
    ],
)
def test_what_is_left_of_a_gap_lies_behind_what_was_filled(name: str, gap: Gap, span: Span) -> None:
    assert span_left(parse("spot", name), gap) == span
