"""Trackers, one rule after the other, and every row's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.catalogue import ROWS
from connector.binance.catalogue.row import Row
from connector.codec.schema import load
from connector.continuity.sequence_rules import MAX_SEEN_TIMES, tracker_for
from connector.continuity.tracker import GAP, NEW, OVERLAP, REPEATED, IdGap, Tracker, Verdict
from tests.support.catalogue import find

TRADE = find("spot", "<symbol>@trade")
RANGE = find("spot", "<symbol>@depth[@100ms]")
CHAINED = find("usdm", "<symbol>@depth[@<speed>]")
INCREASING = find("spot", "<symbol>@bookTicker")
CANDLE = find("spot", "<symbol>@kline_<interval>")
IDENTITY = find("spot", "<symbol>@miniTicker")
WITH_RECORDS = [row for row in ROWS if row.kind]


def observed(tracker: Tracker, *spans: tuple[int, int] | tuple[int, int, int]) -> list[Verdict]:
    return [tracker.observe(*span) for span in spans]


@pytest.mark.parametrize("row", WITH_RECORDS, ids=lambda row: f"{row.product} {row.pattern}")
def test_a_tracker_takes_fields_that_its_kind_has(row: Row) -> None:
    fields = {field.name for field in load(row.kind).fields}

    assert {name for name in row.span_fields if name} - fields == set()
    assert tracker_for(row).observe(5, 5, 4) is NEW


def test_a_candle_has_its_times_for_ids_and_a_ticker_its_own() -> None:
    assert CANDLE.span_fields == ("open_time", "close_time", "event_time", "is_closed")
    assert IDENTITY.span_fields == ("event_time", "event_time", None, None)
    assert CHAINED.span_fields[2] == "previous_update_id"


# --- contiguous -----------------------------------------------------------------------------


def test_the_next_id_is_new_and_an_old_one_repeated() -> None:
    tracker = tracker_for(TRADE)

    assert observed(tracker, (7, 7), (8, 8), (8, 8), (7, 7), (9, 9)) == [
        NEW,
        NEW,
        REPEATED,
        REPEATED,
        NEW,
    ]
    assert tracker.last == 9


def test_a_jump_is_one_gap_with_exact_edges() -> None:
    tracker = tracker_for(TRADE)

    assert observed(tracker, (7, 7), (11, 11), (12, 12)) == [NEW, GAP, NEW]
    assert tracker.gap == IdGap(7, 11, 3)


@pytest.mark.parametrize(
    "row",
    [row for row in WITH_RECORDS if row.sequence.rule in ("contiguous", "range", "chained")],
    ids=lambda row: f"{row.product} {row.pattern}",
)
def test_a_single_missing_id_is_a_gap_on_every_stream_with_dense_ids(row: Row) -> None:
    tracker = tracker_for(row)

    assert observed(tracker, (7, 7, 6), (9, 9, 8)) == [NEW, GAP]
    assert tracker.gap is not None
    assert (tracker.gap.before_id, tracker.gap.after_id) == (7, 9)


@given(st.lists(st.integers(1, 60), max_size=60))
def test_published_ids_grow_and_the_gaps_are_what_they_lack(ids: list[int]) -> None:
    tracker = tracker_for(TRADE)
    published: list[int] = []
    missing: list[int] = []
    for number in ids:
        verdict = tracker.observe(number, number)
        if verdict is GAP:
            gap = tracker.gap
            assert gap is not None
            assert gap.before_id is not None
            assert gap.missing == number - gap.before_id - 1
            missing += range(gap.before_id + 1, number)
        if verdict is not REPEATED:
            published.append(number)

    assert published == sorted(set(published))
    whole = range(published[0], published[-1] + 1) if published else range(0)
    assert sorted(published + missing) == list(whole)


# --- range and chained ----------------------------------------------------------------------


def test_a_range_joins_overlaps_repeats_or_leaves_a_gap() -> None:
    tracker = tracker_for(RANGE)
    spans = ((1, 5), (6, 9), (8, 12), (6, 12), (14, 20))

    assert observed(tracker, *spans) == [NEW, NEW, OVERLAP, REPEATED, GAP]
    assert tracker.gap == IdGap(12, 14, 1)


def test_a_chain_holds_by_the_previous_id_whatever_the_first() -> None:
    tracker = tracker_for(CHAINED)
    spans = ((1, 5, 0), (8, 9, 5), (11, 12, 9), (11, 12, 9), (15, 16, 14))

    assert observed(tracker, *spans) == [NEW, NEW, NEW, REPEATED, GAP]
    assert tracker.gap == IdGap(12, 15, None)


def test_a_chained_event_that_spans_the_end_misses_nothing() -> None:
    tracker = tracker_for(CHAINED)

    assert observed(tracker, (1, 5, 0), (4, 9, 3), (10, 11, 9)) == [NEW, OVERLAP, NEW]


def test_a_chained_event_without_its_predecessor_proves_nothing() -> None:
    tracker = tracker_for(CHAINED)

    assert observed(tracker, (1, 5), (6, 9)) == [NEW, GAP]


# --- increasing and identity ----------------------------------------------------------------


def test_ids_that_only_grow_have_no_gaps() -> None:
    tracker = tracker_for(INCREASING)

    assert observed(tracker, (5, 5), (50, 50), (50, 50), (49, 49), (51, 51)) == [
        NEW,
        NEW,
        REPEATED,
        REPEATED,
        NEW,
    ]


def test_where_events_may_share_a_time_every_event_of_one_connection_is_new() -> None:
    tracker = tracker_for(find("usdm", "<symbol>@forceOrder"))

    assert observed(tracker, (5, 5), (5, 5), (4, 4)) == [NEW, NEW, NEW]
    assert (tracker.last, tracker.has_ids) == (5, False)


def test_a_state_of_a_time_that_was_seen_is_repeated_and_an_older_one_is_late() -> None:
    tracker = tracker_for(find("usdm", "<symbol>@markPrice[@1s]"))

    verdicts = observed(tracker, (3_000, 3_000), (3_000, 3_000), (2_000, 2_000), (2_000, 2_000))
    assert verdicts == [NEW, REPEATED, NEW, REPEATED]
    assert tracker.last == 3_000


def test_as_many_times_are_seen_as_are_kept() -> None:
    tracker = tracker_for(find("usdm", "<symbol>@markPrice[@1s]"))
    observed(tracker, *((time, time) for time in range(MAX_SEEN_TIMES + 1)))

    assert [tracker.judge(time, time) for time in (0, 1)] == [NEW, REPEATED]
