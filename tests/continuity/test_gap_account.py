"""Gaps are counted by product and kind, with what becomes of them."""

import pytest

from connector.continuity.gap import Gap
from connector.continuity.gap_account import FETCHING, MAX_CAUSES, GapAccount, GapReport
from connector.continuity.rest_requests import FillPolicy
from tests.support.continuity import (
    EVERYTHING,
    NOTHING,
    NOW_MS,
    Line,
    after_a_crash,
    mini,
    stored,
    ticker,
)
from tests.support.continuity import UNFINISHED as FILLED_BEFORE

pytestmark = pytest.mark.usefixtures("both_codecs")

OFF = "backfill.enabled is false"


def restarted(policy: FillPolicy) -> Line:
    """Return a line whose writer was away: trades are missing, and book tickers, maybe."""
    book = stored(5, stream_name="btcusdt@bookTicker", topic="binance.spot.book-ticker")
    before = {"spot/btcusdt@trade/BTCUSDT": stored(20), "spot/btcusdt@bookTicker/BTCUSDT": book}
    line = Line("btcusdt@trade", "btcusdt@bookTicker", stored=before, policy=policy)
    line.trades(121)
    line.send("btcusdt@bookTicker", ticker(9))
    return line


def test_what_a_restart_found_missing_is_one_report() -> None:
    line = restarted(EVERYTHING)

    assert line.gap_tracker.account.report() == GapReport(
        gaps=2,
        missing=100,
        uncounted=1,
        by_kind={"spot book-ticker": "1 gap, 0 events", "spot trade": "1 gap, 100 events"},
        becomes={FETCHING: 1, "REST does not have it": 1},
    )
    assert line.gap_tracker.account.report().is_empty


def test_without_backfill_the_report_says_why_nothing_is_fetched() -> None:
    report = restarted(NOTHING).gap_tracker.account.report()

    assert (report.gaps, report.missing) == (2, 100)
    assert report.becomes == {OFF: 1, "REST does not have it": 1}


def test_a_gap_that_is_settled_later_is_reported_then() -> None:
    line = restarted(EVERYTHING)
    line.gap_tracker.account.report()
    [gap], [series] = line.requested(), line.series()
    gap.recovered = 60
    line.gap_tracker.close_gap(series, gap, "partial", "REST has nothing before 61: 40 are gone")

    report = line.gap_tracker.account.report()

    assert (report.gaps, report.recovered) == (0, 60)
    assert report.becomes == {"partial: REST has nothing before N: N are gone": 1}


def test_a_gap_that_is_settled_before_the_report_is_not_being_fetched_any_more() -> None:
    line = restarted(EVERYTHING)
    [gap], [series] = line.requested(), line.series()
    gap.recovered = 100
    line.gap_tracker.close_gap(series, gap, "filled")

    report = line.gap_tracker.account.report()

    assert report.becomes == {"filled": 1, "REST does not have it": 1}


def test_of_a_spot_book_update_ids_are_missing_and_not_events() -> None:
    account, gap = GapAccount(), Gap("00ff", "restart", 0, None, 91, None, missing=90)
    row = Line("btcusdt@depth").routes[b"btcusdt@depth"].stream.row
    account.found(row, gap, "REST does not have it")

    assert account.report().by_kind == {"spot depth-diff": "1 gap, 90 update ids"}


def test_the_totals_have_each_gap_by_its_last_state() -> None:
    line = restarted(EVERYTHING)
    [gap], [series] = line.requested(), line.series()
    gap.recovered = 60
    line.gap_tracker.close_gap(series, gap, "partial", "gone")

    trades = line.gap_tracker.account.totals["spot", "trade"]
    books = line.gap_tracker.account.totals["spot", "book-ticker"]
    assert (trades.found, trades.missing, trades.recovered, trades.lost) == (1, 100, 60, 40)
    assert {state: number for state, number in trades.by_state.items() if number} == {"partial": 1}
    assert (books.uncounted, books.by_state["unfillable"]) == (1, 1)


def test_a_gap_that_the_previous_writer_was_filling_counts_with_what_is_left_of_it() -> None:
    filling = {"gap_id": "00ff", "filled_to": 6, "recovered": 1, "gone": 0}
    line = after_a_crash(FILLED_BEFORE, filling)
    line.trades(21)

    report = line.gap_tracker.account.report()

    assert (report.gaps, report.missing, report.becomes) == (1, 2, {FETCHING: 1})


def test_nothing_is_found_where_nothing_is_missing() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker")
    line.trades(10, 11, 12)
    line.send("btcusdt@miniTicker", mini(NOW_MS))

    assert line.gap_tracker.account.report() == GapReport()


def test_causes_beyond_the_most_frequent_are_summed() -> None:
    account = GapAccount()
    row = Line("btcusdt@trade").routes[b"btcusdt@trade"].stream.row
    gaps = restarted(NOTHING).gap_tracker
    [series] = [each for each in gaps._series.values() if each.stream.row.kind == "trade"]
    for number in range(MAX_CAUSES + 3):
        account.found(row, series.edges("restart"), f"cause {chr(97 + number)}")

    assert account.report().becomes["other causes"] == 3
