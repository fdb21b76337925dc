"""The rules of arbitration: any interleaving of two feeds against plain models of the outcome."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.binance.catalogue.row import Row
from connector.continuity.arbitration_rules import arbiter_for
from connector.continuity.sequence_rules import tracker_for
from connector.continuity.tracker import GAP, NEW, OVERLAP, REPEATED, IdGap, Verdict
from tests.support.arbitration import (
    CANDLE,
    CHAINED,
    FORCE_ORDER,
    IDENTITY,
    INCREASING,
    RANGE,
    TRADE,
    Frame,
    Run,
    accounted,
    begin,
    cuts,
    handovers,
    lossy_ids,
    number,
    play,
    schedules,
    span,
    thinned,
)
from tests.support.thorough import examples

# --- contiguous -----------------------------------------------------------------------------


@given(handovers(), schedules)
def test_a_planned_handover_of_ids_misses_and_repeats_nothing(
    spans: tuple[int, int, int], schedule: list[int]
) -> None:
    ends, begins, length = spans
    feeds = [
        [number(id_) for id_ in range(ends + 1)],
        [number(id_) for id_ in range(begins, length + 1)],
    ]

    run = play(TRADE, feeds, schedule)

    ids = [frame.name for frame in run.published]
    assert ids == list(range(run.published[0].first, length + 1))
    assert run.gaps == []
    assert accounted(run, feeds)


@given(feeds=lossy_ids(), schedule=schedules)
def test_no_id_is_missing_that_one_of_two_feeds_had(
    feeds: list[list[Frame]], schedule: list[int]
) -> None:
    run = play(TRADE, feeds, schedule)

    ids = [frame.first for frame in run.published]
    offered = {frame.first for frames in feeds for frame in frames}
    assert ids == sorted(id_ for id_ in offered if id_ >= ids[0])
    assert accounted(run, feeds)


@given(lossy_ids(), schedules, st.sampled_from([0.0, 0.1, 0.6]))
def test_published_ids_and_gaps_tile_what_there_was_whatever_ran_out(
    feeds: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(TRADE, feeds, schedule, tick)

    ids = [frame.first for frame in run.published]
    missing: list[int] = []
    for verdict, frame, gap in run.out:
        assert (verdict is GAP) == (gap is not None)
        if gap is not None:
            assert gap.before_id is not None
            assert (gap.after_id, gap.missing) == (frame.first, frame.first - gap.before_id - 1)
            missing += range(gap.before_id + 1, frame.first)
    assert ids == sorted(set(ids))
    assert sorted(ids + missing) == (list(range(ids[0], ids[-1] + 1)) if ids else [])
    assert accounted(run, feeds)


# --- range and chained ----------------------------------------------------------------------


@st.composite
def books(draw: st.DrawFn, lossy: bool = False, chained: bool = False) -> list[list[Frame]]:
    """Feed A from 1 to a, feed B from b to the end, each cut in its own way."""
    ends, begins, length = draw(handovers())
    if lossy:
        ends, begins = length, 0
    feeds = []
    for feed, (low, high) in enumerate(((1, ends + 1), (begins + 1, length + 1))):
        frames = []
        for first, last in draw(cuts(low, high)):
            inside = draw(st.integers(first, last)) if chained else first
            frames.append(span(first - 1, last, feed, inside))
        feeds.append(thinned(draw, frames) if lossy else frames)
    return feeds


def check_chain(run: Run) -> None:
    """Each event follows the one before as its verdict says; only another feed's overlaps."""
    before: Frame | None = None
    for verdict, frame, gap in run.out:
        if verdict is REPEATED:
            assert before is not None
            assert frame.last <= before.last
            continue
        assert frame.previous is not None
        if before is not None:
            assert frame.last > before.last
            step = frame.previous - before.last
            assert verdict is (NEW if step == 0 else OVERLAP if step < 0 else GAP)
            assert verdict is not OVERLAP or frame.name != before.name
            assert gap is None or (gap.before_id, gap.after_id) == (before.last, frame.first)
        before = frame


def covered(frames: list[Frame], above: int) -> set[int]:
    ids: set[int] = set()
    for frame in frames:
        assert frame.previous is not None
        ids |= set(range(frame.previous + 1, frame.last + 1))
    return {id_ for id_ in ids if id_ > above}


ROWS_OF_BOOKS = pytest.mark.parametrize(
    ("row", "chained"), [(RANGE, False), (CHAINED, True)], ids=["range", "chained"]
)


@ROWS_OF_BOOKS
@given(data=st.data(), schedule=schedules)
def test_a_planned_handover_of_a_book_misses_nothing_however_feeds_are_cut(
    row: Row, chained: bool, data: st.DataObject, schedule: list[int]
) -> None:
    feeds = data.draw(books(chained=chained))

    run = play(row, feeds, schedule)

    check_chain(run)
    assert run.gaps == []
    assert run.verdicts.count(OVERLAP) <= 1
    assert run.published[-1].last == feeds[1][-1].last
    assert accounted(run, feeds)


@ROWS_OF_BOOKS
@given(data=st.data(), schedule=schedules, tick=st.sampled_from([0.0, 0.1, 0.6]))
def test_a_book_lacks_only_what_no_feed_delivered_in_time(
    row: Row, chained: bool, data: st.DataObject, schedule: list[int], tick: float
) -> None:
    feeds = data.draw(books(lossy=True, chained=chained))

    run = play(row, feeds, schedule, tick)

    check_chain(run)
    assert accounted(run, feeds)
    if run.published and not tick:
        start = run.published[0].last
        offered = covered([frame for frames in feeds for frame in frames], start)
        assert covered(run.published, start) == offered


@pytest.mark.parametrize("row", [RANGE, CHAINED], ids=["range", "chained"])
@given(data=st.data(), schedule=schedules)
def test_a_feed_closed_when_it_may_be_leaves_the_chain_unbroken(
    row: Row, data: st.DataObject, schedule: list[int]
) -> None:
    """What the caller of a planned hand-over does: no overlap then, where the cuts ever agree."""
    length = 30
    feeds = [
        [span(low - 1, high, feed) for low, high in data.draw(cuts(first, length))]
        for feed, first in enumerate((1, 8))
    ]
    run = begin(row)
    left = [list(frames) for frames in feeds]
    closed = False
    for pick in [*schedule, *([0, 1] * length)]:
        if pick == 0 and run.may_close(0) and not closed:
            run.close(0)
            closed = True
        if left[pick] and not (pick == 0 and closed):
            run.offer(pick, left[pick].pop(0))

    check_chain(run)
    assert {GAP, OVERLAP} & set(run.verdicts) == set()
    assert run.published[-1].last == length


def test_an_overlap_is_held_for_the_leading_feed() -> None:
    run = begin(RANGE)
    for feed, frame in ((0, span(0, 10, 0)), (1, span(7, 12, 1)), (0, span(10, 15, 0))):
        run.offer(feed, frame)

    assert [(verdict, frame.last) for verdict, frame, _ in run.out] == [
        (NEW, 10),
        (NEW, 15),
        (REPEATED, 12),
    ]


def test_an_overlap_is_held_for_the_feed_that_led_before_there_was_another() -> None:
    tracker = tracker_for(CHAINED)
    tracker.observe(1, 10, 0)
    run = Run(arbiter_for(CHAINED, tracker))
    run.arbiter.feed_opened(0, leading=True)
    run.arbiter.feed_opened(1)
    run.offer(1, span(7, 12, 1))
    run.offer(0, span(10, 15, 0))

    assert run.verdicts == [NEW, REPEATED]


def test_a_lone_leader_goes_on_as_it_did_when_another_feed_opens() -> None:
    tracker = tracker_for(FORCE_ORDER)
    tracker.observe(1_000, 1_000)
    run = Run(arbiter_for(FORCE_ORDER, tracker))
    run.arbiter.feed_opened(0, leading=True)
    run.arbiter.feed_opened(1)
    run.offer(0, number(1_000))
    run.offer(1, number(1_001))

    assert run.verdicts == [NEW, REPEATED]


def test_nothing_is_held_for_a_closed_feed_but_what_it_delivers_is_taken() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.close(1)
    run.offer(1, number(2))
    run.offer(0, number(4))

    assert run.verdicts == [NEW, NEW, GAP]


def test_an_overlap_is_published_when_the_other_feed_closes() -> None:
    run = begin(CHAINED)
    run.offer(0, span(0, 10, 0))
    run.offer(1, span(7, 12, 1))
    assert run.arbiter.held == 1
    run.close(0)

    assert run.verdicts == [NEW, OVERLAP]


def test_an_overlap_is_published_when_the_other_feed_stalls() -> None:
    run = begin(CHAINED)
    run.offer(0, span(0, 10, 0))
    run.offer(1, span(7, 12, 1))
    run.tick(0.49)
    assert run.verdicts == [NEW]
    run.tick(0.02)
    run.offer(1, span(12, 14, 1))

    assert run.verdicts == [NEW, OVERLAP, NEW]


# --- increasing and identity ----------------------------------------------------------------


@given(handovers(), schedules)
def test_a_planned_handover_of_growing_ids_misses_and_repeats_nothing(
    spans: tuple[int, int, int], schedule: list[int]
) -> None:
    ends, begins, length = spans
    feeds = [
        [number(id_ * 7) for id_ in range(ends + 1)],
        [number(id_ * 7) for id_ in range(begins, length + 1)],
    ]

    run = play(INCREASING, feeds, schedule)

    ids = [frame.first for frame in run.published]
    assert ids == list(range(ids[0], length * 7 + 1, 7))
    assert accounted(run, feeds)


@given(lossy_ids(), schedules, st.sampled_from([0.0, 0.1, 0.6]))
def test_growing_ids_only_ever_grow(
    feeds: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(INCREASING, feeds, schedule, tick)

    ids = [frame.first for frame in run.published]
    offered = [frame.first for frames in feeds for frame in frames]
    assert ids == sorted(set(ids))
    assert ids[-1:] == ([max(offered)] if offered else [])
    around = list(pairwise(ids))  # what a new feed alone delivered may follow a gap
    assert [gap for gap in run.gaps if (gap.before_id, gap.after_id) not in around] == []
    assert accounted(run, feeds)


def stamped(draw: st.DrawFn, times: list[int]) -> list[int]:
    """Return times as another feed stamps them: each up to 1 ms off."""
    return [time + draw(st.integers(-1, 1)) for time in times]


@st.composite
def tickers(draw: st.DrawFn) -> list[list[Frame]]:
    ends, begins, length = draw(handovers())
    times = [5 * place for place in range(length + 1)]
    other = stamped(draw, times)
    first = [Frame(times[place], times[place], name=place) for place in range(ends + 1)]
    return [
        first,
        [Frame(other[place], other[place], name=place) for place in range(begins, length + 1)],
    ]


@given(tickers(), schedules)
def test_a_planned_handover_without_ids_misses_and_repeats_nothing(
    feeds: list[list[Frame]], schedule: list[int]
) -> None:
    run = play(IDENTITY, feeds, schedule)

    names = [frame.name for frame in run.published]
    assert names == list(range(names[0], len(feeds[1]) + feeds[1][0].name))
    assert accounted(run, feeds)


@given(tickers(), schedules, st.sampled_from([0.1, 0.6]))
def test_without_ids_nothing_is_repeated_or_goes_back_whatever_ran_out(
    feeds: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(IDENTITY, feeds, schedule, tick)

    names = [frame.name for frame in run.published]
    assert names == sorted(set(names))
    assert accounted(run, feeds)


@pytest.mark.parametrize(
    ("row", "second"), [(FORCE_ORDER, NEW), (IDENTITY, REPEATED)], ids=["liquidation", "ticker"]
)
def test_equal_times_of_one_feed_are_repeats_only_where_times_are_unique(
    row: Row, second: Verdict
) -> None:
    run = begin(row)
    for feed in (0, 0, 1, 1):
        run.offer(feed, number(5))

    assert run.verdicts == [NEW, second, REPEATED, REPEATED]


def test_a_new_feed_is_muted_until_it_delivers_what_is_published() -> None:
    run = begin(IDENTITY)
    run.offer(0, number(1_000))
    run.offer(1, number(2_000))
    assert run.verdicts == [NEW]
    run.offer(0, number(2_001))
    run.offer(1, number(3_000))

    assert [(verdict, frame.first) for verdict, frame, _ in run.out] == [
        (NEW, 1_000),
        (NEW, 2_001),
        (REPEATED, 2_000),
        (NEW, 3_000),
    ]


@pytest.mark.parametrize("row", [IDENTITY, INCREASING], ids=lambda row: row.pattern)
def test_a_new_feed_leads_behind_a_gap_when_the_old_one_falls_silent(
    row: Row,
) -> None:
    run = begin(row)
    run.offer(0, number(1_000))
    run.offer(1, number(2_000))
    run.tick(0.5)
    assert run.verdicts == [NEW, GAP]
    run.offer(1, number(3_000))
    run.offer(0, number(2_000))

    assert run.verdicts == [NEW, GAP, NEW, REPEATED]


def test_a_new_feed_leads_when_the_old_one_closes_and_time_has_moved_on() -> None:
    run = begin(IDENTITY)
    run.offer(0, number(1_000))
    run.close(0)
    run.offer(1, number(1_001))
    run.offer(1, number(2_000))

    assert run.verdicts == [NEW, REPEATED, NEW]


def test_a_feed_that_comes_back_does_not_publish_anything_twice() -> None:
    run = begin(IDENTITY, feeds=1)
    run.offer(0, number(1_000))
    run.close(0)
    run.arbiter.feed_opened(0)
    run.offer(0, number(1_000))
    run.offer(0, number(2_000))

    assert run.verdicts == [NEW, REPEATED, NEW]


def test_two_feeds_that_caught_up_take_turns_by_arrival() -> None:
    run = begin(INCREASING)
    for feed, id_ in ((0, 1), (1, 1), (1, 2), (0, 2), (0, 3), (1, 3)):
        run.offer(feed, number(id_))

    assert run.verdicts == [NEW, REPEATED, NEW, REPEATED, NEW, REPEATED]
    assert run.arbiter.held == 0


# --- candles --------------------------------------------------------------------------------

LENGTH = 100  # milliseconds of a candle here
STATES = 3


@st.composite
def candles(draw: st.DrawFn, lossy: bool = False) -> list[list[Frame]]:
    """Candles of some states each, the last one closed; feed B stamps them up to 1 ms off."""
    ends, begins, length = draw(handovers())
    if lossy:
        ends, begins = length, 0
    names = [divmod(place, STATES) for place in range(length + 1)]
    times = [LENGTH * candle + 10 * state + 50 for candle, state in names]
    feeds = []
    for stamps, low, high in ((times, 0, ends), (stamped(draw, times), begins, length)):
        frames = []
        for place in range(low, high + 1):
            candle, state = names[place]
            opened, closed = LENGTH * candle, state == STATES - 1
            span_ = (opened, opened + LENGTH - 1, stamps[place])
            frames.append(Frame(*span_, final=closed, name=names[place]))
        feeds.append(thinned(draw, frames) if lossy else frames)
    return feeds


@given(candles(), schedules)
def test_a_planned_handover_of_candles_misses_and_repeats_no_state(
    feeds: list[list[Frame]], schedule: list[int]
) -> None:
    run = play(CANDLE, feeds, schedule)

    names = [frame.name for frame in run.published]
    offered = [frame.name for frames in feeds for frame in frames]
    assert names == sorted({name for name in offered if name >= names[0]})
    assert run.gaps == []
    assert accounted(run, feeds)


@settings(max_examples=examples(300))
@given(candles(lossy=True), schedules, st.sampled_from([0.0, 0.1, 0.6]))
def test_a_candle_closes_once_and_a_gap_counts_those_that_did_not(
    feeds: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(CANDLE, feeds, schedule, tick)

    assert accounted(run, feeds)
    opened = [frame.first for frame in run.published]
    assert opened == sorted(opened)
    names = [frame.name for frame in run.published]
    assert len(names) == len(set(names))
    closed = [frame.first for frame in run.published if frame.final]
    offered = {frame.first for frames in feeds for frame in frames if frame.final}
    if not opened:
        return
    missing = sum(gap.missing or 0 for gap in run.gaps)
    still_open = opened[-1] not in closed
    assert len(closed) + missing + still_open == (opened[-1] - opened[0]) // LENGTH + 1
    if not tick:
        assert closed == sorted(id_ for id_ in offered if id_ >= opened[0])


def test_a_candle_left_open_is_held_for_the_other_feeds_closing_state() -> None:
    run = begin(CANDLE)
    state = Frame(0, 99, 50, final=False)
    for feed in (0, 1):
        run.offer(feed, state)
    run.offer(0, Frame(100, 199, 150, final=False))
    assert run.arbiter.held == 1
    run.offer(1, Frame(0, 99, 70, final=True))

    assert run.verdicts == [NEW, REPEATED, NEW, NEW]
    assert run.gaps == []


def test_the_closing_state_of_a_candle_counts_and_so_does_the_first_of_the_next() -> None:
    run = begin(CANDLE)
    for feed in (0, 1):
        run.offer(feed, Frame(0, 99, 90, final=False))
    run.offer(1, Frame(0, 99, 89, final=True))
    run.offer(0, Frame(100, 199, 90, final=False))

    assert run.verdicts == [NEW, REPEATED, NEW, NEW]


def test_a_candle_that_both_feeds_left_open_is_a_gap() -> None:
    run = begin(CANDLE)
    for feed in (0, 1):
        run.offer(feed, Frame(0, 99, 50, final=False))
    run.offer(0, Frame(100, 199, 150, final=False))
    run.offer(1, Frame(100, 199, 160, final=False))

    assert run.verdicts == [NEW, REPEATED, GAP, NEW]
    assert run.gaps == [IdGap(-1, 100, 1)]
