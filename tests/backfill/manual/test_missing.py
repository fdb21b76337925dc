"""The events of a span that a topic lacks, against a model that keeps every record."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.backfill.manual.missing import MissingSpan, PresentEvents, SpanIndex
from connector.backfill.pages import Span
from connector.binance.stream_name import parse
from connector.continuity.audit.coverage import Coverage, Marker

TRADES = parse("spot", "btcusdt@trade")
FUTURES = parse("usdm", "btcusdt@trade")
MINUTES = parse("spot", "btcusdt@kline_1m")
MINUTE = 60_000
AT = 1_795_000_020_000  # a whole minute


def present(
    first: int, last: int, epoch: int = 0, coverage: Coverage | None = None
) -> PresentEvents:
    return PresentEvents(TRADES, "BTCUSDT", Span(first, last), coverage or Coverage(), epoch)


def spans(events: PresentEvents) -> list[tuple[int, int]]:
    return [(hole.span.first, hole.span.last) for hole in events.missing()]


def marker(state: str, before: int | None, after: int | None, reason: str = "sequence") -> Marker:
    return Marker(state, reason, "g", before, after, None, None, 0)


def months(year: int, *numbers: int) -> list[int]:
    return [int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000 for month in numbers]


def test_a_missing_span_has_both_edges_and_their_times() -> None:
    events = present(10, 20)
    for number in [*range(8, 13), *range(16, 23)]:
        events.observe(1000 + number, b"live", None, number)

    assert list(events.missing()) == [MissingSpan(Span(13, 15), 3, 12, 16, 1012, 1016)]
    assert events.records == 8


def test_without_any_record_the_whole_span_is_missing_and_its_times_are_unknown() -> None:
    assert list(present(5, 9).missing()) == [MissingSpan(Span(5, 9), 5, 4, 10, None, None)]


def test_the_neighbours_of_a_span_give_its_times() -> None:
    events = present(5, 9)
    events.observe(40, b"live", None, 4)
    events.observe(100, b"live", None, 10)

    assert list(events.missing()) == [MissingSpan(Span(5, 9), 5, 4, 10, 40, 100)]
    assert events.records == 0


@given(st.lists(st.integers(-3, 33), max_size=60))
def test_missing_is_what_the_model_lacks_whatever_the_order(numbers: list[int]) -> None:
    events = present(0, 29)
    for number in numbers:
        events.observe(number * 10, b"live", None, number)

    holes = list(events.missing())

    missing = [number for hole in holes for number in range(hole.span.first, hole.span.last + 1)]
    assert missing == sorted(set(range(30)) - set(numbers))
    for hole in holes:
        before, after = hole.before_id, hole.after_id
        assert hole.before_ms == (before * 10 if before in numbers else None)
        assert hole.after_ms == (after * 10 if after in numbers else None)


@pytest.mark.parametrize(
    ("span", "state", "found"),
    [
        (Span(1, 9), "filled", [(5, 6), (8, 8)]),
        (Span(1, 9), "opened", [(3, 3), (5, 6), (8, 8)]),
        (Span(3, 3), "filled", [(3, 3)]),  # asked for by its id
    ],
)
def test_ids_of_a_gap_that_rest_has_filled_are_not_asked_for_again(
    span: Span, state: str, found: list[tuple[int, int]]
) -> None:
    coverage = Coverage()
    coverage.add(marker(state, 1, 5))
    events = PresentEvents(FUTURES, "BTCUSDT", span, coverage, 0)
    for number in (1, 2, 4, 7, 9):
        events.observe(0, b"live", None, number)

    assert spans(events) == found


def test_a_candle_is_present_with_its_closing_state() -> None:
    events = PresentEvents(MINUTES, "BTCUSDT", Span(AT, AT + 4 * MINUTE), Coverage(), 0)
    for number, closed in ((-1, True), (0, False), (0, True), (1, False), (3, True)):
        opened = AT + number * MINUTE
        events.observe(opened + 50_000, b"live", None, opened, closed)

    assert spans(events) == [(AT + MINUTE, AT + 2 * MINUTE), (AT + 4 * MINUTE, AT + 4 * MINUTE)]
    assert events.records == 2


def test_months_are_counted_as_months() -> None:
    january, march, april, june = months(2026, 1, 3, 4, 6)
    stream = parse("spot", "btcusdt@kline_1M")
    events = PresentEvents(stream, "BTCUSDT", Span(january, june), Coverage(), 0)
    events.observe(0, b"live", None, january, True)
    events.observe(0, b"live", None, april, True)

    holes = list(events.missing())

    assert [hole.before_id for hole in holes] == [january, april]
    assert holes[0].span == Span(months(2026, 2)[0], march)
    assert holes[1].after_id == months(2026, 7)[0]


@pytest.mark.parametrize("name", ["btcusdt@kline_1w", "btcusdt@kline_1d@+08:00", "btcusdt@trade"])
def test_an_index_leads_to_its_event_and_back(name: str) -> None:
    stream = parse("spot", name)
    day = 86_400_000
    begin = {"w": 1_794_787_200_000, "0": 1_794_844_800_000}.get(name[-1], AT)
    index = SpanIndex(stream, Span(begin, begin + 70 * day))
    assert [index.of(index.at(number)) for number in range(-1, 9)] == list(range(-1, 9))


def test_a_gap_that_a_worker_is_filling_is_excluded() -> None:
    events = present(1, 100)
    for number in (*range(1, 31), *range(41, 61)):
        events.observe(0, b"live", None, number)

    assert events.exclude(marker("opened", 28, 36)) == 5
    assert events.exclude(marker("opened", 90, None)) == 10
    assert events.exclude(marker("opened", 200, None)) == 0
    assert events.exclude(marker("opened", None, 1)) == 0
    assert spans(events) == [(36, 40), (61, 90)]


def test_what_is_newer_than_the_last_live_record_is_excluded() -> None:
    events = present(1, 100)
    assert events.exclude_newer() == 0
    events.observe(0, b"live", None, 50)
    events.observe(0, b"backfill", b"g", 70)

    assert events.exclude_newer() == 49
    assert spans(events) == [(1, 49)]


def test_ids_of_another_epoch_than_rests_are_not_present() -> None:
    coverage = Coverage()
    coverage.add(Marker("unfillable", "ids_reset", "reset", 9, None, None, None, 0))
    events = present(1, 9, epoch=1, coverage=coverage)
    for number in range(1, 10):
        events.observe(0, b"live", None, number)
    events.observe(0, b"live", b"reset", 1)
    events.observe(0, b"live", None, 2)

    assert spans(events) == [(3, 9)]


def test_reading_may_begin_after_the_ids_did_and_before_that_was_noticed() -> None:
    coverage = Coverage()
    coverage.add(Marker("unfillable", "ids_reset", "reset", 9, None, 50, None, 70))
    events = present(1, 9, epoch=1, coverage=coverage)
    for number in (3, 4):
        events.observe(60, b"live", None, number)

    assert spans(events) == [(1, 2), (5, 9)]
