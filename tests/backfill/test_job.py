"""Nothing is called filled that is not."""

import pytest

from connector.backfill.job import BackfillJob, BackfillResult, Before, Gap
from connector.backfill.pages import Span
from connector.binance.stream_name import parse

DAY_MS = 86_400_000


def filling(
    name: str = "btcusdt@aggTrade", span: Span | None = None, *, whole: bool = False
) -> BackfillJob:
    product = "usdm" if name == "btcusdt@trade" else "spot"
    stream = parse(product, name)  # type: ignore[arg-type]
    return BackfillJob(Gap("g", stream, "BTCUSDT", span or Span(100, 2_599), 0, 0, whole))


def answer(job: BackfillJob, *rows: int) -> list[int]:
    return list(rows[job.accept(job.next_page(), rows)])


def what(job: BackfillJob) -> tuple[str, int, int]:
    outcome = job.outcome()
    return outcome.state, outcome.missing, outcome.recovered


def test_a_gap_is_filled_page_by_page() -> None:
    job = filling()
    answer(job, *range(100, 1_100))
    assert job.left == Span(1_100, 2_599)
    answer(job, *range(1_100, 2_100))
    answer(job, *range(2_100, 2_600))
    assert job.left is None
    assert job.outcome() == BackfillResult(job.gap, "filled", 2_500, 2_500, "")


def test_rows_beyond_the_gap_are_not_its_own() -> None:
    job = filling(span=Span(100, 102))
    assert answer(job, 98, 99, 100, 101, 102, 103) == [100, 101, 102]
    assert what(job) == ("filled", 3, 3)


def test_ids_older_than_retention_are_gone() -> None:
    job = filling(span=Span(100, 199))
    assert answer(job, *range(150, 250)) == list(range(150, 200))
    assert what(job) == ("partial", 100, 50)
    assert job.outcome().detail == "REST has nothing before 150: 50 are gone for good"


def test_a_gap_older_than_retention_is_unfillable() -> None:
    job = filling(span=Span(100, 199))
    assert answer(job, *range(500, 600)) == []
    assert what(job) == ("unfillable", 100, 0)
    assert job.outcome().detail == "REST has nothing before 500: 100 are gone for good"


def test_a_listing_begins_where_rest_begins() -> None:
    job = filling(span=Span(0, 199), whole=True)
    assert answer(job, *range(150, 350)) == list(range(150, 200))
    assert what(job) == ("filled", 50, 50)


def test_an_empty_answer_fills_nothing() -> None:
    job = filling(span=Span(100, 199))
    assert answer(job) == []
    assert job.left is None
    assert job.outcome().detail == "REST does not have 100 of them"
    assert what(job) == ("unfillable", 100, 0)


def test_a_hole_inside_an_answer_is_not_called_filled() -> None:
    job = filling(span=Span(100, 103))
    answer(job, 100, 101, 103, 104)
    assert what(job) == ("partial", 4, 3)


def test_usdm_ids_that_rest_never_lists_leave_a_gap_filled() -> None:
    job = filling("btcusdt@trade", Span(100, 109))
    answer(job, *(n for n in range(101, 111) if n != 105))
    assert what(job) == ("filled", 10, 8)
    assert job.outcome().detail.startswith("2 ids REST never lists")


def test_usdm_ids_older_than_retention_are_gone_all_the_same() -> None:
    job = filling("btcusdt@trade", Span(100, 109))
    answer(job, 105, 106, 108, 109, 110)
    assert what(job) == ("partial", 10, 4)
    assert job.outcome().detail == (
        "REST has nothing before 105: 5 are gone for good; "
        "1 ids REST never lists (insurance fund, ADL, or spent without a fill)"
    )


def test_usdm_ids_without_any_answer_are_not_called_filled() -> None:
    job = filling("btcusdt@trade", Span(100, 109))
    answer(job)
    assert what(job) == ("unfillable", 10, 0)


def test_missing_candles_are_counted_by_their_interval() -> None:
    job = filling("btcusdt@kline_1m", Span(60_000, 240_000))
    answer(job, 120_000, 180_000)
    assert what(job) == ("partial", 4, 2)
    assert "nothing before 120000: 1 are gone" in job.outcome().detail


@pytest.mark.parametrize(("name", "old"), [("btcusdt@trade", True), ("btcusdt@aggTrade", False)])
def test_what_is_older_than_the_look_back_is_known(name: str, old: bool) -> None:
    assert filling(name).gap.too_old(31 * DAY_MS) == old
    assert not filling(name).gap.too_old(29 * DAY_MS)


def test_ids_behind_a_refused_answer_are_not_said_to_be_never_listed() -> None:
    job = filling("btcusdt@trade", Span(1_000, 3_999))
    answer(job, *range(1_000, 1_500))
    job.broken = True

    assert what(job) == ("partial", 3_000, 500)


def test_an_end_that_rest_has_not_answered_is_not_called_never_listed() -> None:
    job = filling("btcusdt@trade", Span(100, 109))
    answer(job, *range(100, 108))
    assert what(job) == ("partial", 10, 8)
    assert job.outcome().detail == "REST does not have 2 of them"


def test_an_end_that_rest_lacks_is_asked_for_again() -> None:
    job = filling("btcusdt@trade", Span(100, 109))
    answer(job, *range(100, 108))
    job.ask_again()
    assert job.left == Span(108, 109)
    answer(job, 109, 110)
    assert what(job) == ("filled", 10, 9)


def test_an_empty_answer_before_a_listing_means_that_nothing_was() -> None:
    job = filling("btcusdt@kline_1m", Span(0, 119_999), whole=True)
    answer(job)
    assert what(job) == ("filled", 0, 0)


def resumed(first: int, last: int, before: Before, *, whole: bool = False) -> BackfillJob:
    stream = parse("usdm", "btcusdt@trade")
    return BackfillJob(Gap("g", stream, "BTCUSDT", Span(first, last), 0, 0, whole, before))


def test_a_gap_goes_on_where_an_earlier_run_came_to() -> None:
    job = resumed(150, 199, Before(100, 48, 0))
    answer(job, *range(150, 201))
    assert what(job) == ("filled", 100, 98)


def test_a_gap_that_an_earlier_run_came_to_the_end_of_asks_nothing() -> None:
    job = resumed(200, 199, Before(100, 98, 0))
    assert job.left is None
    assert what(job) == ("filled", 100, 98)


def test_what_was_gone_for_an_earlier_run_stays_missing() -> None:
    job = resumed(150, 199, Before(100, 30, 20))
    answer(job, *range(150, 201))
    assert what(job) == ("partial", 100, 80)
