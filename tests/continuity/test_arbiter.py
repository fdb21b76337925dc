"""An arbiter by itself: what it holds and for how long, and its feeds as they come and go."""

import pytest

from connector.binance.catalogue.row import Row
from connector.continuity.arbiter import LISTEN_S, MAX_LAG_S, FeedArbiter
from connector.continuity.arbitration_rules import arbiter_for
from connector.continuity.sequence_rules import tracker_for
from connector.continuity.tracker import GAP, NEW, REPEATED, IdGap
from tests.support.arbitration import (
    CANDLE,
    CHAINED,
    IDENTITY,
    INCREASING,
    RANGE,
    TRADE,
    Frame,
    begin,
    number,
)


def test_a_jump_of_a_lone_feed_is_a_gap_at_once() -> None:
    run = begin(TRADE, feeds=1)
    for id_ in (1, 2, 5):
        run.offer(0, number(id_))

    assert run.verdicts == [NEW, NEW, GAP]
    assert run.gaps == [IdGap(2, 5, 2)]


def test_a_jump_is_held_for_the_other_feed_and_no_longer_than_the_limit() -> None:
    run = begin(TRADE)
    for feed, id_ in ((0, 1), (1, 1), (0, 4)):
        run.offer(feed, number(id_))
    assert run.arbiter.held == 1
    assert run.arbiter.due == 0.5
    run.tick(0.4)
    assert run.gaps == []
    run.tick(0.1)

    assert run.gaps == [IdGap(1, 4, 2)]
    assert run.arbiter.held == 0
    assert begin(TRADE).arbiter.due is None


def test_a_jump_is_a_gap_once_the_other_feed_has_passed_it_too() -> None:
    run = begin(TRADE)
    for feed, id_ in ((0, 1), (0, 4), (1, 1), (1, 3)):
        run.offer(feed, number(id_))

    assert [(verdict, frame.first) for verdict, frame, _ in run.out] == [
        (NEW, 1),
        (REPEATED, 1),
        (GAP, 3),
        (NEW, 4),
    ]


def test_what_is_held_is_bounded() -> None:
    run = begin(TRADE, hold=10)
    run.offer(0, number(1))
    for id_ in range(3, 60):
        run.offer(0, number(id_))
        assert run.arbiter.held <= 10

    assert run.gaps == [IdGap(1, 3, 1)]


def test_the_tracker_alone_is_enough_when_one_feed_is_left_and_nothing_is_held() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.offer(0, number(3))
    assert not run.arbiter.idle
    run.close(0)
    assert not run.arbiter.idle
    run.offer(1, number(2))

    assert run.verdicts == [NEW, NEW, NEW]
    assert run.arbiter.idle


def test_closing_the_other_feed_leaves_nothing_held() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.offer(0, number(3))
    run.close(1)

    assert run.verdicts == [NEW, GAP]


def test_a_feed_may_close_when_another_has_caught_up() -> None:
    run = begin(TRADE)
    run.offer(0, number(5))
    assert (run.may_close(0), run.may_close(1)) == (False, True)
    run.offer(1, number(7))
    assert not run.may_close(0)
    run.offer(0, number(6))
    assert run.verdicts == [NEW, NEW, NEW]
    assert run.may_close(0)


def test_a_feed_that_owes_an_event_for_too_long_relieves_no_other() -> None:
    run = begin(INCREASING)
    for feed in (0, 1):
        run.offer(feed, number(5))
    run.now = 10.0
    run.offer(0, number(6))
    run.now += MAX_LAG_S
    assert (run.may_close(0), run.may_close(1)) == (True, True)
    run.now += 0.1
    assert (run.may_close(0), run.may_close(1)) == (False, True)
    run.offer(1, number(6))

    assert run.may_close(0)


def test_where_nothing_happens_a_feed_may_close_when_another_has_been_listened_to() -> None:
    run = begin(INCREASING)
    run.offer(0, number(5))
    run.now, listening = 100.0, {1: 100.0}
    assert not run.may_close(0, listening)
    run.now += LISTEN_S
    assert (run.may_close(0), run.may_close(0, listening)) == (False, True)
    run.offer(0, number(6))

    assert not run.may_close(0, listening)


def test_stamps_that_differ_by_the_skew_are_one_event_and_nothing_is_owed() -> None:
    run = begin(IDENTITY)
    run.offer(0, number(5))
    run.offer(1, number(4))
    run.now = 10.0

    assert run.may_close(0)


def test_a_feed_that_comes_back_has_to_catch_up_anew() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.offer(1, number(1))
    run.close(1)
    run.arbiter.feed_opened(1)

    assert not run.may_close(0)


def test_ids_begin_anew_for_all_feeds() -> None:
    run = begin(TRADE)
    for feed, id_ in ((0, 1_000), (1, 1_000), (0, 1_002)):
        run.offer(feed, number(id_))
    run.out += run.arbiter.reset()
    run.arbiter.tracker.reset(1)
    run.offer(0, number(1))
    run.offer(1, number(2))
    run.offer(1, number(4))

    assert run.verdicts == [NEW, REPEATED, GAP, NEW, NEW]
    assert (run.arbiter.tracker.epoch, run.arbiter.held) == (1, 1)


def test_repeats_of_both_feeds_are_counted_as_repeats_in_a_row() -> None:
    run = begin(TRADE)
    run.offer(0, number(1_000))
    for id_ in (1, 2, 3):
        run.offer(0, number(id_))
        run.offer(1, number(id_))

    assert (run.arbiter.tracker.repeats_in_a_row, run.arbiter.tracker.lowest_repeat) == (6, 1)


@pytest.mark.parametrize(
    "row", [TRADE, RANGE, CHAINED, INCREASING, CANDLE, IDENTITY], ids=lambda row: row.pattern
)
def test_a_lone_feed_fares_as_with_the_tracker_alone(row: Row) -> None:
    frames = [Frame(7 * n, 7 * n + 6, 7 * n - 1, True) for n in (1, 2, 3, 2, 7, 8, 8)]
    alone = tracker_for(row)
    expected = [
        alone.observe(frame.first, frame.last, frame.previous, frame.final) for frame in frames
    ]
    run = begin(row, feeds=1)
    for frame in frames:
        run.offer(0, frame)

    assert run.verdicts == expected
    assert (run.arbiter.tracker.last, run.arbiter.tracker.epoch) == (alone.last, alone.epoch)


def test_an_arbiter_takes_over_the_tracker_a_series_has() -> None:
    tracker = tracker_for(TRADE)
    tracker.observe(41, 41)
    arbiter: FeedArbiter[str] = arbiter_for(TRADE, tracker)

    arbiter.feed_opened(0, leading=True)
    assert arbiter.offer(0, 42, 42, None, "next", 0.0) == [(NEW, "next", None)]
    assert tracker.last == 42
