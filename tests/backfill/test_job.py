"""Nothing is called filled that is not."""

import pytest

from connector.backfill.job import NEVER_MS
from connector.backfill.pages import LISTING_LOOK_BACK_MS, Span
from connector.binance.stream_name import parse
from connector.continuity.gap import Gap
from tests.support.backfill import KeptJob, gap_around, series_of

DAY_MS = 86_400_000


def job_of(
    name: str = "btcusdt@aggTrade", span: Span | None = None, *, whole: bool = False
) -> KeptJob:
    product = "usdm" if name == "btcusdt@trade" else "spot"
    stream = parse(product, name)  # type: ignore[arg-type]
    gap = gap_around(stream, span or Span(100, 2_599))
    if whole:
        gap.before_id, gap.before_ms, gap.whole = None, None, True
    return KeptJob(series_of(stream), gap)


def answer(job: KeptJob, *rows: int) -> list[int]:
    """Answer the next call; return the ids that are the gap's, as if they were published."""
    accepted = list(rows[job.accept(job.next_page(0.0), rows)])
    job.gap.recovered += len(accepted)
    return accepted


def outcome(job: KeptJob) -> tuple[str, int, int]:
    state, _ = job.result()
    return state, job.missing, job.gap.recovered


def detail(job: KeptJob) -> str:
    return job.result()[1]


def test_a_gap_is_filled_page_by_page() -> None:
    job = job_of()
    answer(job, *range(100, 1_100))
    assert job.left == Span(1_100, 2_599)
    answer(job, *range(1_100, 2_100))
    answer(job, *range(2_100, 2_600))
    assert job.left is None
    assert (outcome(job), detail(job)) == (("filled", 2_500, 2_500), "")


def test_rows_beyond_the_gap_are_not_its_own() -> None:
    job = job_of(span=Span(100, 102))
    assert answer(job, 98, 99, 100, 101, 102, 103) == [100, 101, 102]
    assert outcome(job) == ("filled", 3, 3)


def test_ids_older_than_retention_are_gone() -> None:
    job = job_of(span=Span(100, 199))
    assert answer(job, *range(150, 250)) == list(range(150, 200))
    assert outcome(job) == ("partial", 100, 50)
    assert detail(job) == "REST has nothing before 150: 50 are gone for good"


def test_a_gap_older_than_retention_is_unfillable() -> None:
    job = job_of(span=Span(100, 199))
    assert answer(job, *range(500, 600)) == []
    assert outcome(job) == ("unfillable", 100, 0)
    assert detail(job) == "REST has nothing before 500: 100 are gone for good"


def test_a_listing_begins_where_rest_begins() -> None:
    job = job_of(span=Span(0, 199), whole=True)
    assert job.span == Span(0, 199)
    assert answer(job, *range(150, 350)) == list(range(150, 200))
    assert outcome(job) == ("filled", 50, 50)


def test_an_empty_answer_fills_nothing() -> None:
    job = job_of(span=Span(100, 199))
    assert answer(job) == []
    assert job.left is None
    assert detail(job) == "REST does not have 100 of them"
    assert outcome(job) == ("unfillable", 100, 0)


def test_a_hole_inside_an_answer_is_not_called_filled() -> None:
    job = job_of(span=Span(100, 103))
    answer(job, 100, 101, 103, 104)
    assert outcome(job) == ("partial", 4, 3)


def test_usdm_ids_that_rest_never_lists_leave_a_gap_filled() -> None:
    job = job_of("btcusdt@trade", Span(100, 109))
    answer(job, *(n for n in range(101, 111) if n != 105))
    assert outcome(job) == ("filled", 10, 8)
    assert detail(job).startswith("2 ids REST never lists")


def test_usdm_ids_older_than_retention_are_gone_all_the_same() -> None:
    job = job_of("btcusdt@trade", Span(100, 109))
    answer(job, 105, 106, 108, 109, 110)
    assert outcome(job) == ("partial", 10, 4)
    assert detail(job) == (
        "REST has nothing before 105: 5 are gone for good; "
        "1 ids REST never lists (insurance fund, ADL, or spent without a fill)"
    )


def test_usdm_ids_without_any_answer_are_not_called_filled() -> None:
    job = job_of("btcusdt@trade", Span(100, 109))
    answer(job)
    assert outcome(job) == ("unfillable", 10, 0)


def test_missing_candles_are_counted_by_their_interval() -> None:
    job = job_of("btcusdt@kline_1m", Span(60_000, 240_000))
    answer(job, 120_000, 180_000)
    assert outcome(job) == ("partial", 4, 2)
    assert "nothing before 120000: 1 are gone" in detail(job)


@pytest.mark.parametrize(("name", "old"), [("btcusdt@trade", True), ("btcusdt@aggTrade", False)])
def test_what_is_older_than_the_look_back_is_known(name: str, old: bool) -> None:
    assert job_of(name).is_too_old(31 * DAY_MS) == old
    assert not job_of(name).is_too_old(29 * DAY_MS)


def test_ids_behind_a_refused_answer_are_not_called_never_listed() -> None:
    job = job_of("btcusdt@trade", Span(1_000, 3_999))
    answer(job, *range(1_000, 1_500))
    job.refuse("HTTP 400")

    assert outcome(job) == ("partial", 3_000, 500)


def test_an_end_that_rest_has_not_answered_is_not_called_never_listed() -> None:
    job = job_of("btcusdt@trade", Span(100, 109))
    answer(job, *range(100, 108))
    assert outcome(job) == ("partial", 10, 8)
    assert detail(job) == "REST does not have 2 of them"


def test_an_end_that_rest_lacks_is_asked_for_again() -> None:
    job = job_of("btcusdt@trade", Span(100, 109))
    answer(job, *range(100, 108))
    job.ask_again()
    assert job.left == Span(108, 109)
    answer(job, 109, 110)
    assert outcome(job) == ("filled", 10, 9)


def test_candles_of_a_new_listing_are_asked_for_from_some_hours_back() -> None:
    opened = 1_795_000_020_000
    job = job_of("btcusdt@kline_1m", Span(opened, opened), whole=True)

    assert job.span == Span(opened + 2 * 60_000 - LISTING_LOOK_BACK_MS, opened)


def test_an_empty_answer_before_a_listing_means_that_nothing_was() -> None:
    job = job_of("btcusdt@kline_1m", Span(0, 60_000), whole=True)
    answer(job)
    assert outcome(job) == ("filled", 0, 0)


def test_what_went_to_the_dead_letter_leaves_a_gap_partial() -> None:
    job = job_of(span=Span(100, 102))
    answer(job, 100, 101, 102)
    job.gap.recovered -= 1

    assert outcome(job) == ("partial", 3, 2)


def resumed(to: int, missing: int | None, recovered: int, expired: int) -> KeptJob:
    """Return the job of a gap of the ids 100 to 199 that an earlier run has filled up to an id."""
    stream = parse("usdm", "btcusdt@trade")
    gap = gap_around(stream, Span(100, 199))
    gap.filled_to, gap.missing, gap.recovered, gap.expired = to, missing, recovered, expired
    return KeptJob(series_of(stream), gap)


def test_a_gap_goes_on_where_an_earlier_run_came_to() -> None:
    job = resumed(149, 100, 48, 0)
    assert job.span == Span(150, 199)
    answer(job, *range(150, 201))
    assert outcome(job) == ("filled", 100, 98)


def test_a_gap_that_an_earlier_run_came_to_the_end_of_asks_nothing() -> None:
    job = resumed(199, 100, 98, 0)
    assert job.left is None
    assert outcome(job) == ("filled", 100, 98)


def test_what_was_gone_for_an_earlier_run_stays_missing() -> None:
    job = resumed(149, 100, 30, 20)
    answer(job, *range(150, 201))
    assert outcome(job) == ("partial", 100, 80)


def test_a_gap_of_unknown_size_is_counted_anew_behind_an_earlier_run() -> None:
    job = resumed(149, None, 48, 2)
    answer(job, *range(150, 201))
    assert outcome(job) == ("partial", 100, 98)


@pytest.mark.parametrize(
    ("product", "name", "urgency"),
    [
        ("usdm", "btcusdt@aggTrade", (10_000 + DAY_MS, -20_000)),
        ("spot", "btcusdt@trade", (NEVER_MS, -20_000)),
        ("spot", "btcusdt@bookTicker", (0.0, -20_000)),
    ],
)
def test_what_expires_soonest_is_the_most_urgent(
    product: str, name: str, urgency: tuple[float, float]
) -> None:
    stream = parse(product, name)  # type: ignore[arg-type]
    gap = gap_around(stream, Span(1, 2), before_ms=10_000, after_ms=20_000)

    assert KeptJob(series_of(stream), gap).urgency(0.0) == urgency


def test_a_gap_without_times_is_taken_for_one_of_now() -> None:
    stream = parse("usdm", "btcusdt@aggTrade")
    gap = Gap("g", "sequence", 1, None, 5, None)
    job = KeptJob(series_of(stream), gap, now_ms=50_000)

    assert job.urgency(0.0) == (50_000 + DAY_MS, -50_000)
    assert not job.is_too_old(60_000)
