"""What all sequence trackers share: restarts, resets and the count of repeats."""

import pytest

from connector.binance.catalogue.row import Row
from connector.continuity.sequence_rules import tracker_for
from connector.continuity.tracker import GAP, NEW, REPEATED, Tracker, Verdict
from tests.support.catalogue import find

TRADE = find("spot", "<symbol>@trade")
RANGE = find("spot", "<symbol>@depth[@100ms]")
CHAINED = find("usdm", "<symbol>@depth[@<speed>]")
INCREASING = find("spot", "<symbol>@bookTicker")
CANDLE = find("spot", "<symbol>@kline_<interval>")
MINUTE = 60_000


def observed(tracker: Tracker, *spans: tuple[int, int] | tuple[int, int, int]) -> list[Verdict]:
    return [tracker.observe(*span) for span in spans]


def candle(tracker: Tracker, minute: int, event_ms: int, closed: bool = False) -> Verdict:
    opened = minute * MINUTE
    return tracker.observe(opened, opened + MINUTE - 1, opened + event_ms, closed)


def test_what_is_judged_changes_nothing() -> None:
    tracker = tracker_for(TRADE)
    tracker.observe(7, 7)

    assert [tracker.judge(number, number) for number in (7, 8, 9)] == [REPEATED, NEW, GAP]
    assert (tracker.last, tracker.gap, tracker.repeats_in_a_row) == (7, None, 0)


@pytest.mark.parametrize("row", [TRADE, RANGE, CHAINED, INCREASING], ids=lambda row: row.pattern)
def test_a_tracker_goes_on_where_a_former_process_ended(row: Row) -> None:
    before = tracker_for(row)
    before.observe(1, 5, 0)
    tracker = tracker_for(row)
    tracker.restore(before.last, before.epoch)

    assert observed(tracker, (1, 5, 0), (6, 9, 5)) == [REPEATED, NEW]


def test_a_candle_goes_on_where_a_former_process_ended() -> None:
    tracker = tracker_for(CANDLE)
    tracker.restore(2 * MINUTE)

    assert candle(tracker, 2, 60_000, closed=True) is REPEATED
    assert candle(tracker, 3, 1) is NEW


def test_repeats_are_counted_until_something_is_new() -> None:
    tracker = tracker_for(TRADE)
    tracker.observe(1_000, 1_000)

    observed(tracker, (3, 3), (4, 4), (5, 5))
    assert (tracker.repeats_in_a_row, tracker.lowest_repeat) == (3, 3)
    tracker.observe(1_001, 1_001)
    assert (tracker.repeats_in_a_row, tracker.lowest_repeat) == (0, None)
    observed(tracker, (6, 6))
    assert (tracker.repeats_in_a_row, tracker.lowest_repeat) == (1, 6)


def test_a_reset_begins_an_epoch_with_whatever_id_comes() -> None:
    tracker = tracker_for(TRADE)
    observed(tracker, (1_000, 1_000), (3, 3))
    tracker.reset(1)

    assert observed(tracker, (4, 4), (5, 5)) == [NEW, NEW]
    assert (tracker.last, tracker.epoch, tracker.repeats_in_a_row) == (5, 1, 0)


def test_a_candle_forgets_its_open_one_at_a_reset() -> None:
    tracker = tracker_for(CANDLE)
    candle(tracker, 9, 1)
    tracker.reset(1)

    assert candle(tracker, 2, 1) is NEW
