"""What REST is asked for, what it weighs, and what is left to ask after an answer."""

import pytest

from connector.backfill.pages import (
    RestPage,
    Span,
    after,
    count_of,
    expires_ms,
    fewer_levels,
    locate,
    next_page,
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
        until=5_099,
        limit=1_000,
    )


def test_no_more_rows_are_asked_for_than_are_missing() -> None:
    page = next_page(AGG, Span(7, 7), "BTCUSDT")
    assert page.params["limit"] == 1


def test_a_wide_page_has_as_many_rows_as_there_may_be() -> None:
    page = next_page(AGG, Span(7, 7), "BTCUSDT", wide=True)
    assert (page.params["limit"], page.params["fromId"]) == (1_000, 7)


def test_old_futures_trades_carry_a_key() -> None:
    page = next_page(parse("usdm", "btcusdt@trade"), Span(1, 10_000), "BTCUSDT")
    assert (page.weight, page.params["limit"], page.keyed) == (200, 500, True)


@pytest.mark.parametrize(("candles", "weight"), [(98, 1), (99, 2), (498, 2), (5_000, 2)])
def test_futures_candles_weigh_by_how_many_are_asked_for(candles: int, weight: int) -> None:
    page = next_page(MINUTES, Span(0, (candles - 1) * 60_000), "BTCUSDT")
    assert page.weight == weight
    assert page.params["limit"] == min(candles + 1, 499)


def test_candles_are_asked_for_up_to_the_one_behind_them() -> None:
    page = next_page(MINUTES, Span(0, 60_000), "BTCUSDT")
    assert (page.params["startTime"], page.params["endTime"]) == (0, 120_000)
    assert page.params["limit"] == 3


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
    assert after(DAYS, page.until) == 200 * DAY_MS


def test_options_trades_are_the_latest_of_the_series_symbol() -> None:
    page = next_page(OPTION, Span(3, 4), "BTC-261225-100000-C")
    assert page.params == {"symbol": "BTC-261225-100000-C", "limit": 500}


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


@pytest.mark.parametrize(
    ("product", "name", "levels", "fewer"),
    [
        ("spot", "btcusdt@depth", 1_000, 500),
        ("spot", "btcusdt@depth", 500, 100),
        ("usdm", "btcusdt@depth", 10, 5),
        ("usdm", "btcusdt@depth", 5, None),
        ("usdm", "btcusdt@rpiDepth@500ms", 1_000, None),
    ],
)
def test_a_book_has_fewer_levels_down_to_five(
    product: str, name: str, levels: int, fewer: int | None
) -> None:
    assert fewer_levels(parse(product, name), levels) == fewer  # type: ignore[arg-type]


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
