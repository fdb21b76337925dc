"""Candles follow by their interval, and are complete with their closing state."""

import pytest

from connector.continuity.candle_tracker import CandleTracker
from connector.continuity.sequence_rules import tracker_for
from connector.continuity.tracker import GAP, NEW, REPEATED, IdGap, Tracker, Verdict
from tests.support.catalogue import find

CANDLE = find("spot", "<symbol>@kline_<interval>")
MINUTE = 60_000


def candle(
    tracker: Tracker, minute: int, event_ms: int, closed: bool = False, length: int = MINUTE
) -> Verdict:
    opened = minute * MINUTE
    return tracker.observe(opened, opened + length - 1, opened + event_ms, closed)


def test_a_candle_comes_in_states_until_it_closes_and_the_next_one_follows() -> None:
    tracker = tracker_for(CANDLE)

    assert candle(tracker, 0, 1) is NEW
    assert candle(tracker, 0, 2) is NEW
    assert candle(tracker, 0, 2) is REPEATED
    assert tracker.last is None
    assert candle(tracker, 0, 60_005, closed=True) is NEW
    assert candle(tracker, 0, 60_006, closed=True) is REPEATED
    assert candle(tracker, 1, 1) is NEW
    assert tracker.last == 0


def test_an_older_candle_is_repeated() -> None:
    tracker = tracker_for(CANDLE)
    candle(tracker, 5, 1)

    assert candle(tracker, 4, 60_000, closed=True) is REPEATED


def test_left_out_candles_are_a_gap() -> None:
    tracker = tracker_for(CANDLE)
    candle(tracker, 0, 60_000, closed=True)

    assert candle(tracker, 3, 1) is GAP
    assert tracker.gap == IdGap(0, 3 * MINUTE, 2)
    assert candle(tracker, 3, 60_000, closed=True) is NEW
    assert candle(tracker, 4, 1) is NEW


def test_a_candle_whose_closing_state_did_not_come_is_missing() -> None:
    tracker = tracker_for(CANDLE)
    candle(tracker, 0, 60_000, closed=True)
    candle(tracker, 1, 30_000)

    assert candle(tracker, 2, 1) is GAP
    assert tracker.gap == IdGap(0, 2 * MINUTE, 1)


def test_candles_never_closed_one_after_the_other_are_gaps_that_share_nothing() -> None:
    tracker = tracker_for(CANDLE)
    candle(tracker, 0, 60_000, closed=True)
    gaps = []
    for minute in (1, 2, 5):
        candle(tracker, minute, 1)
        gaps.append(tracker.gap)

    assert gaps == [
        None,
        IdGap(0, 2 * MINUTE, 1),
        IdGap(2 * MINUTE - 1, 5 * MINUTE, 3),
    ]


def test_a_first_candle_that_was_not_closed_is_missing_too() -> None:
    tracker = tracker_for(CANDLE)
    candle(tracker, 5, 1)

    assert candle(tracker, 7, 1) is GAP
    assert tracker.gap == IdGap(5 * MINUTE - 1, 7 * MINUTE, 2)


@pytest.mark.parametrize("unit", [1, 1_000], ids=["ms", "us"])
def test_months_follow_one_another_though_they_differ_in_length(unit: int) -> None:
    day = 86_400_000 * unit
    january, february, march, may = 0, 31 * day, 59 * day, 120 * day
    tracker = tracker_for(CANDLE)

    assert tracker.observe(january, february - 1, 1, True) is NEW
    assert tracker.observe(february, march - 1, 2, True) is NEW
    assert tracker.observe(march, 90 * day - 1, 3, True) is NEW
    assert tracker.observe(may, 151 * day - 1, 4, True) is GAP
    assert tracker.gap == IdGap(march, may, 1)


def test_the_closing_state_counts_though_its_connection_stamps_it_earlier() -> None:
    tracker = tracker_for(CANDLE)
    candle(tracker, 0, 60_001)

    assert candle(tracker, 0, 60_000, closed=True) is NEW
    assert isinstance(tracker, CandleTracker)
    assert (tracker.running, tracker.newest) == (None, 60_001)
