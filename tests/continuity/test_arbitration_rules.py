"""Two legs, one tracker: any interleaving against plain models of what must come out.

The frames of a leg are in order in themselves. A schedule says whose frame comes next; a leg is
closed right after its last one.
"""

import itertools
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.binance.catalogue import Row, find
from connector.continuity.arbitration_rules import FeedArbiter, arbiter_for
from connector.continuity.sequence_rules import (
    GAP,
    NEW,
    OVERLAP,
    REPEATED,
    IdGap,
    Verdict,
    tracker_for,
)

TRADE = find("spot", "<symbol>@trade")
MAY_SKIP = find("usdm", "<symbol>@trade")
RANGE = find("spot", "<symbol>@depth[@100ms]")
CHAINED = find("usdm", "<symbol>@depth[@<speed>]")
INCREASING = find("spot", "<symbol>@bookTicker")
CANDLE = find("spot", "<symbol>@kline_<interval>")
IDENTITY = find("spot", "<symbol>@miniTicker")


@dataclass(frozen=True)
class Frame:
    """One event of one leg; `name` is what it is, whichever leg tells it and however stamped."""

    first: int
    last: int
    previous: int | None = None
    final: bool = True
    name: Any = None


@dataclass
class Run:
    """What came out of a merge, in order."""

    merge: FeedArbiter[Frame]
    now: float = 0.0
    out: list[tuple[Verdict, Frame, IdGap | None]] = field(default_factory=list)

    def offer(self, leg: int, frame: Frame) -> None:
        ids = (frame.first, frame.last, frame.previous)
        self.out += self.merge.offer(leg, *ids, frame, self.now, frame.final)

    def close(self, leg: int) -> None:
        self.out += self.merge.feed_closed(leg, self.now)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.out += self.merge.expire(self.now)

    @property
    def published(self) -> list[Frame]:
        return [frame for verdict, frame, _ in self.out if verdict is not REPEATED]

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for verdict, _, _ in self.out]

    @property
    def gaps(self) -> list[IdGap]:
        return [gap for _, _, gap in self.out if gap is not None]


def begin(row: Row, legs: int = 2, **settings_: float) -> Run:
    merge: FeedArbiter[Frame] = arbiter_for(row, **settings_)  # type: ignore[arg-type]
    for leg in range(legs):
        merge.feed_opened(leg)
    return Run(merge)


def play(row: Row, legs: list[list[Frame]], schedule: list[int], tick: float = 0.0) -> Run:
    """Offer all frames; the schedule picks legs, and what it leaves comes leg after leg."""
    run = begin(row, len(legs))
    left = [list(frames) for frames in legs]
    live = set(range(len(legs)))
    for pick in [*schedule, *(leg for leg, frames in enumerate(legs) for _ in frames)]:
        leg = pick % len(legs)
        if left[leg]:
            run.offer(leg, left[leg].pop(0))
            run.tick(tick)
        if not left[leg] and leg in live:
            live.discard(leg)
            run.close(leg)
    for leg in live:
        run.close(leg)
    return run


def number(one: int) -> Frame:
    return Frame(one, one, name=one)


def accounted(run: Run, legs: list[list[Frame]]) -> bool:
    """Whether each frame came out once, and nothing waits any more."""
    offered = sorted(map(id, (frame for frames in legs for frame in frames)))
    return sorted(id(frame) for _, frame, _ in run.out) == offered and run.merge.waiting == 0


schedules = st.lists(st.integers(0, 1), max_size=80)


@st.composite
def handovers(draw: st.DrawFn) -> tuple[int, int, int]:
    """Leg A tells 0..a, leg B tells b..n, with b <= a <= n: at least one event of both."""
    length = draw(st.integers(1, 30))
    ends = draw(st.integers(0, length))
    begins = draw(st.integers(0, ends))
    return ends, begins, length


@st.composite
def cuts(draw: st.DrawFn, first: int, last: int) -> list[tuple[int, int]]:
    """Cut first..last into spans at any places."""
    inner = draw(st.sets(st.integers(first, last), max_size=12)) - {last}
    edges = [first - 1, *sorted(inner), last]
    return [(low + 1, high) for low, high in itertools.pairwise(edges)]


def thinned(draw: st.DrawFn, frames: list[Frame]) -> list[Frame]:
    """The frames without some of them."""
    lost = draw(st.sets(st.integers(0, max(0, len(frames) - 1)), max_size=len(frames) // 2))
    return [frame for place, frame in enumerate(frames) if place not in lost]


# --- contiguous -----------------------------------------------------------------------------


@given(handovers(), schedules)
def test_a_planned_handover_of_ids_misses_and_repeats_nothing(
    spans: tuple[int, int, int], schedule: list[int]
) -> None:
    ends, begins, length = spans
    legs = [
        [number(one) for one in range(ends + 1)],
        [number(n) for n in range(begins, length + 1)],
    ]

    run = play(TRADE, legs, schedule)

    ids = [frame.name for frame in run.published]
    assert ids == list(range(run.published[0].first, length + 1))
    assert run.gaps == []
    assert accounted(run, legs)


@st.composite
def lossy_ids(draw: st.DrawFn) -> list[list[Frame]]:
    whole = range(draw(st.integers(1, 25)))
    return [thinned(draw, [number(one) for one in whole]) for _ in range(2)]


@pytest.mark.parametrize("row", [TRADE, MAY_SKIP], ids=["strict", "may skip"])
@given(legs=lossy_ids(), schedule=schedules)
def test_no_id_is_missing_that_one_of_two_legs_had(
    row: Row, legs: list[list[Frame]], schedule: list[int]
) -> None:
    run = play(row, legs, schedule)

    ids = [frame.first for frame in run.published]
    told = {frame.first for frames in legs for frame in frames}
    assert ids == sorted(one for one in told if one >= ids[0])
    assert accounted(run, legs)


@given(lossy_ids(), schedules, st.sampled_from([0.0, 0.1, 0.6]))
def test_published_ids_and_gaps_tile_what_there_was_whatever_ran_out(
    legs: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(TRADE, legs, schedule, tick)

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
    assert accounted(run, legs)


# --- range and chained ----------------------------------------------------------------------


def span(previous: int, last: int, leg: int, first: int | None = None) -> Frame:
    return Frame(previous + 1 if first is None else first, last, previous, name=leg)


@st.composite
def books(draw: st.DrawFn, lossy: bool = False, chained: bool = False) -> list[list[Frame]]:
    """Leg A from 1 to a, leg B from b to the end, each cut in its own way."""
    ends, begins, length = draw(handovers())
    if lossy:
        ends, begins = length, 0
    legs = []
    for leg, (low, high) in enumerate(((1, ends + 1), (begins + 1, length + 1))):
        frames = []
        for first, last in draw(cuts(low, high)):
            inside = draw(st.integers(first, last)) if chained else first
            frames.append(span(first - 1, last, leg, inside))
        legs.append(thinned(draw, frames) if lossy else frames)
    return legs


def check_chain(run: Run) -> None:
    """Each event joins the one before as its verdict says, and only another leg overlaps."""
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
    return {one for one in ids if one > above}


ROWS_OF_BOOKS = pytest.mark.parametrize(
    ("row", "chained"), [(RANGE, False), (CHAINED, True)], ids=["range", "chained"]
)


@ROWS_OF_BOOKS
@given(data=st.data(), schedule=schedules)
def test_a_planned_handover_of_a_book_misses_nothing_however_legs_are_cut(
    row: Row, chained: bool, data: st.DataObject, schedule: list[int]
) -> None:
    legs = data.draw(books(chained=chained))

    run = play(row, legs, schedule)

    check_chain(run)
    assert run.gaps == []
    assert run.verdicts.count(OVERLAP) <= 1
    assert run.published[-1].last == legs[1][-1].last
    assert accounted(run, legs)


@ROWS_OF_BOOKS
@given(data=st.data(), schedule=schedules, tick=st.sampled_from([0.0, 0.1, 0.6]))
def test_a_book_lacks_only_what_no_leg_told_in_time(
    row: Row, chained: bool, data: st.DataObject, schedule: list[int], tick: float
) -> None:
    legs = data.draw(books(lossy=True, chained=chained))

    run = play(row, legs, schedule, tick)

    check_chain(run)
    assert accounted(run, legs)
    if run.published and not tick:
        start = run.published[0].last
        told = covered([frame for frames in legs for frame in frames], start)
        assert covered(run.published, start) == told


@pytest.mark.parametrize("row", [RANGE, CHAINED], ids=["range", "chained"])
@given(data=st.data(), schedule=schedules)
def test_a_leg_closed_when_it_may_be_leaves_the_chain_unbroken(
    row: Row, data: st.DataObject, schedule: list[int]
) -> None:
    """What the caller of a planned hand-over does: no overlap then, where the cuts ever agree."""
    length = 30
    legs = [
        [span(low - 1, high, leg) for low, high in data.draw(cuts(first, length))]
        for leg, first in enumerate((1, 8))
    ]
    run = begin(row)
    left = [list(frames) for frames in legs]
    closed = False
    for pick in [*schedule, *([0, 1] * length)]:
        if pick == 0 and run.merge.may_close(0) and not closed:
            run.close(0)
            closed = True
        if left[pick] and not (pick == 0 and closed):
            run.offer(pick, left[pick].pop(0))

    check_chain(run)
    assert {GAP, OVERLAP} & set(run.verdicts) == set()
    assert run.published[-1].last == length


def test_an_overlap_waits_for_the_leg_that_spoke_last() -> None:
    run = begin(RANGE)
    for leg, frame in ((0, span(0, 10, 0)), (1, span(7, 12, 1)), (0, span(10, 15, 0))):
        run.offer(leg, frame)

    assert [(verdict, frame.last) for verdict, frame, _ in run.out] == [
        (NEW, 10),
        (NEW, 15),
        (REPEATED, 12),
    ]


def test_an_overlap_waits_for_the_leg_that_spoke_before_there_was_another() -> None:
    tracker = tracker_for(CHAINED)
    tracker.observe(1, 10, 0)
    run = Run(arbiter_for(CHAINED, tracker))
    run.merge.feed_opened(0, leading=True)
    run.merge.feed_opened(1)
    run.offer(1, span(7, 12, 1))
    run.offer(0, span(10, 15, 0))

    assert run.verdicts == [NEW, REPEATED]


def test_a_lone_speaker_goes_on_as_it_did_when_another_leg_opens() -> None:
    tracker = tracker_for(IDENTITY)
    tracker.observe(1_000, 1_000)
    run = Run(arbiter_for(IDENTITY, tracker))
    run.merge.feed_opened(0, leading=True)
    run.merge.feed_opened(1)
    run.offer(0, number(1_000))
    run.offer(1, number(1_001))

    assert run.verdicts == [NEW, REPEATED]


def test_nobody_waits_for_a_closed_leg_but_what_it_brings_is_taken() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.close(1)
    run.offer(1, number(2))
    run.offer(0, number(4))

    assert run.verdicts == [NEW, NEW, GAP]


def test_an_overlap_is_published_when_the_other_leg_closes() -> None:
    run = begin(CHAINED)
    run.offer(0, span(0, 10, 0))
    run.offer(1, span(7, 12, 1))
    assert run.merge.waiting == 1
    run.close(0)

    assert run.verdicts == [NEW, OVERLAP]


def test_an_overlap_is_published_when_the_other_leg_stalls() -> None:
    run = begin(CHAINED)
    run.offer(0, span(0, 10, 0))
    run.offer(1, span(7, 12, 1))
    run.tick(0.49)
    assert run.verdicts == [NEW]
    run.tick(0.02)
    run.offer(1, span(12, 14, 1))

    assert run.verdicts == [NEW, OVERLAP, NEW]


# --- waiting --------------------------------------------------------------------------------


def test_a_jump_of_a_lone_leg_is_a_gap_at_once() -> None:
    run = begin(TRADE, legs=1)
    for one in (1, 2, 5):
        run.offer(0, number(one))

    assert run.verdicts == [NEW, NEW, GAP]
    assert run.gaps == [IdGap(2, 5, 2)]


def test_a_jump_waits_for_the_other_leg_and_no_longer_than_it_may() -> None:
    run = begin(TRADE)
    for leg, one in ((0, 1), (1, 1), (0, 4)):
        run.offer(leg, number(one))
    assert run.merge.waiting == 1
    assert run.merge.due == 0.5
    run.tick(0.4)
    assert run.gaps == []
    run.tick(0.1)

    assert run.gaps == [IdGap(1, 4, 2)]
    assert run.merge.waiting == 0
    assert begin(TRADE).merge.due is None


def test_a_jump_is_a_gap_once_the_other_leg_has_passed_it_too() -> None:
    run = begin(TRADE)
    for leg, one in ((0, 1), (0, 4), (1, 1), (1, 3)):
        run.offer(leg, number(one))

    assert [(verdict, frame.first) for verdict, frame, _ in run.out] == [
        (NEW, 1),
        (REPEATED, 1),
        (GAP, 3),
        (NEW, 4),
    ]


def test_what_waits_is_bounded() -> None:
    run = begin(TRADE, hold=10)
    run.offer(0, number(1))
    for one in range(3, 60):
        run.offer(0, number(one))
        assert run.merge.waiting <= 10

    assert run.gaps == [IdGap(1, 3, 1)]


def test_a_single_missing_id_waits_too_though_it_may_be_normal() -> None:
    run = begin(MAY_SKIP)
    run.offer(0, number(1))
    run.offer(0, number(3))
    assert run.merge.waiting == 1
    run.offer(1, number(3))

    assert run.verdicts == [NEW, NEW, REPEATED]
    assert run.merge.tracker.skipped == 1


def test_the_tracker_alone_does_when_one_leg_is_left_and_nothing_waits() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.offer(0, number(3))
    assert not run.merge.idle
    run.close(0)
    assert not run.merge.idle
    run.offer(1, number(2))

    assert run.verdicts == [NEW, NEW, NEW]
    assert run.merge.idle


def test_closing_the_last_leg_leaves_nothing_waiting() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.offer(0, number(3))
    run.close(1)

    assert run.verdicts == [NEW, GAP]


def test_a_leg_may_close_when_another_has_joined() -> None:
    run = begin(TRADE)
    run.offer(0, number(5))
    assert (run.merge.may_close(0), run.merge.may_close(1)) == (False, True)
    run.offer(1, number(7))
    assert not run.merge.may_close(0)
    run.offer(0, number(6))
    assert run.verdicts == [NEW, NEW, NEW]
    assert run.merge.may_close(0)


def test_a_leg_that_comes_back_has_to_join_anew() -> None:
    run = begin(TRADE)
    run.offer(0, number(1))
    run.offer(1, number(1))
    run.close(1)
    run.merge.feed_opened(1)

    assert not run.merge.may_close(0)


def test_ids_begin_anew_for_all_legs() -> None:
    run = begin(TRADE)
    for leg, one in ((0, 1_000), (1, 1_000), (0, 1_002)):
        run.offer(leg, number(one))
    run.out += run.merge.reset()
    run.merge.tracker.reset(1)
    run.offer(0, number(1))
    run.offer(1, number(2))
    run.offer(1, number(4))

    assert run.verdicts == [NEW, REPEATED, GAP, NEW, NEW]
    assert (run.merge.tracker.epoch, run.merge.waiting) == (1, 1)


def test_repeats_of_both_legs_are_counted_as_fallen_back() -> None:
    run = begin(TRADE)
    run.offer(0, number(1_000))
    for one in (1, 2, 3):
        run.offer(0, number(one))
        run.offer(1, number(one))

    assert (run.merge.tracker.repeats_in_a_row, run.merge.tracker.lowest_repeat) == (6, 1)


# --- increasing and identity ----------------------------------------------------------------


@given(handovers(), schedules)
def test_a_planned_handover_of_growing_ids_misses_and_repeats_nothing(
    spans: tuple[int, int, int], schedule: list[int]
) -> None:
    ends, begins, length = spans
    legs = [
        [number(one * 7) for one in range(ends + 1)],
        [number(one * 7) for one in range(begins, length + 1)],
    ]

    run = play(INCREASING, legs, schedule)

    ids = [frame.first for frame in run.published]
    assert ids == list(range(ids[0], length * 7 + 1, 7))
    assert accounted(run, legs)


@given(lossy_ids(), schedules, st.sampled_from([0.0, 0.1, 0.6]))
def test_growing_ids_only_ever_grow(
    legs: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(INCREASING, legs, schedule, tick)

    ids = [frame.first for frame in run.published]
    told = [frame.first for frames in legs for frame in frames]
    assert ids == sorted(set(ids))
    assert ids[-1:] == ([max(told)] if told else [])
    around = list(pairwise(ids))  # what only a new leg brought comes after a hole, perhaps
    assert [gap for gap in run.gaps if (gap.before_id, gap.after_id) not in around] == []
    assert accounted(run, legs)


def stamped(draw: st.DrawFn, times: list[int]) -> list[int]:
    """Times as another leg stamps them: each up to 1 ms off."""
    return [time + draw(st.integers(-1, 1)) for time in times]


@st.composite
def tickers(draw: st.DrawFn) -> list[list[Frame]]:
    ends, begins, length = draw(handovers())
    times = [5 * one for one in range(length + 1)]
    other = stamped(draw, times)
    first = [Frame(times[one], times[one], name=one) for one in range(ends + 1)]
    return [first, [Frame(other[n], other[n], name=n) for n in range(begins, length + 1)]]


@given(tickers(), schedules)
def test_a_planned_handover_without_ids_misses_and_repeats_nothing(
    legs: list[list[Frame]], schedule: list[int]
) -> None:
    run = play(IDENTITY, legs, schedule)

    names = [frame.name for frame in run.published]
    assert names == list(range(names[0], len(legs[1]) + legs[1][0].name))
    assert accounted(run, legs)


@given(tickers(), schedules, st.sampled_from([0.1, 0.6]))
def test_without_ids_nothing_is_repeated_or_goes_back_whatever_ran_out(
    legs: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(IDENTITY, legs, schedule, tick)

    names = [frame.name for frame in run.published]
    assert names == sorted(set(names))
    assert accounted(run, legs)


def test_without_ids_equal_times_of_one_leg_are_different_events() -> None:
    run = begin(IDENTITY)
    for leg in (0, 0, 1, 1):
        run.offer(leg, number(5))

    assert run.verdicts == [NEW, NEW, REPEATED, REPEATED]


def test_a_new_leg_is_muted_until_it_tells_what_is_published() -> None:
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
def test_a_new_leg_speaks_when_the_old_one_falls_silent_and_says_that_it_may_be_late(
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


def test_a_new_leg_speaks_when_the_old_one_closes_and_time_has_moved_on() -> None:
    run = begin(IDENTITY)
    run.offer(0, number(1_000))
    run.close(0)
    run.offer(1, number(1_001))
    run.offer(1, number(2_000))

    assert run.verdicts == [NEW, REPEATED, NEW]


def test_a_leg_that_comes_back_does_not_say_again_what_it_said() -> None:
    run = begin(IDENTITY, legs=1)
    run.offer(0, number(1_000))
    run.close(0)
    run.merge.feed_opened(0)
    run.offer(0, number(1_000))
    run.offer(0, number(2_000))

    assert run.verdicts == [NEW, REPEATED, NEW]


def test_two_joined_legs_take_turns_by_arrival() -> None:
    run = begin(INCREASING)
    for leg, one in ((0, 1), (1, 1), (1, 2), (0, 2), (0, 3), (1, 3)):
        run.offer(leg, number(one))

    assert run.verdicts == [NEW, REPEATED, NEW, REPEATED, NEW, REPEATED]
    assert run.merge.waiting == 0


# --- candles --------------------------------------------------------------------------------

LENGTH = 100  # milliseconds of a candle here
STATES = 3


@st.composite
def candles(draw: st.DrawFn, lossy: bool = False) -> list[list[Frame]]:
    """Candles of some states each, the last one closed; leg B stamps them up to 1 ms off."""
    ends, begins, length = draw(handovers())
    if lossy:
        ends, begins = length, 0
    names = [divmod(one, STATES) for one in range(length + 1)]
    times = [LENGTH * one + 10 * state + 50 for one, state in names]
    legs = []
    for stamps, low, high in ((times, 0, ends), (stamped(draw, times), begins, length)):
        frames = []
        for place in range(low, high + 1):
            one, state = names[place]
            opened, closed = LENGTH * one, state == STATES - 1
            span_ = (opened, opened + LENGTH - 1, stamps[place])
            frames.append(Frame(*span_, final=closed, name=names[place]))
        legs.append(thinned(draw, frames) if lossy else frames)
    return legs


@given(candles(), schedules)
def test_a_planned_handover_of_candles_misses_and_repeats_no_state(
    legs: list[list[Frame]], schedule: list[int]
) -> None:
    run = play(CANDLE, legs, schedule)

    names = [frame.name for frame in run.published]
    told = [frame.name for frames in legs for frame in frames]
    assert names == sorted({name for name in told if name >= names[0]})
    assert run.gaps == []
    assert accounted(run, legs)


@settings(max_examples=300)
@given(candles(lossy=True), schedules, st.sampled_from([0.0, 0.1, 0.6]))
def test_a_candle_closes_once_and_a_gap_counts_those_that_did_not(
    legs: list[list[Frame]], schedule: list[int], tick: float
) -> None:
    run = play(CANDLE, legs, schedule, tick)

    assert accounted(run, legs)
    opened = [frame.first for frame in run.published]
    assert opened == sorted(opened)
    names = [frame.name for frame in run.published]
    assert len(names) == len(set(names))
    closed = [frame.first for frame in run.published if frame.final]
    told = {frame.first for frames in legs for frame in frames if frame.final}
    if not opened:
        return
    missing = sum(gap.missing or 0 for gap in run.gaps)
    still_open = opened[-1] not in closed
    assert len(closed) + missing + still_open == (opened[-1] - opened[0]) // LENGTH + 1
    if not tick:
        assert closed == sorted(one for one in told if one >= opened[0])


def test_a_candle_left_open_waits_for_the_other_legs_last_word() -> None:
    run = begin(CANDLE)
    state = Frame(0, 99, 50, final=False)
    for leg in (0, 1):
        run.offer(leg, state)
    run.offer(0, Frame(100, 199, 150, final=False))
    assert run.merge.waiting == 1
    run.offer(1, Frame(0, 99, 70, final=True))

    assert run.verdicts == [NEW, REPEATED, NEW, NEW]
    assert run.gaps == []


def test_the_last_word_on_a_candle_counts_and_so_does_the_first_on_the_next() -> None:
    run = begin(CANDLE)
    for leg in (0, 1):
        run.offer(leg, Frame(0, 99, 90, final=False))
    run.offer(1, Frame(0, 99, 89, final=True))
    run.offer(0, Frame(100, 199, 90, final=False))

    assert run.verdicts == [NEW, REPEATED, NEW, NEW]


def test_a_candle_that_both_legs_left_open_is_a_gap() -> None:
    run = begin(CANDLE)
    for leg in (0, 1):
        run.offer(leg, Frame(0, 99, 50, final=False))
    run.offer(0, Frame(100, 199, 150, final=False))
    run.offer(1, Frame(100, 199, 160, final=False))

    assert run.verdicts == [NEW, REPEATED, GAP, NEW]
    assert run.gaps == [IdGap(-1, 100, 1)]


# --- all rules ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [TRADE, RANGE, CHAINED, INCREASING, CANDLE, IDENTITY], ids=lambda row: row.pattern
)
def test_a_lone_leg_fares_as_with_the_tracker_alone(row: Row) -> None:
    frames = [Frame(7 * n, 7 * n + 6, 7 * n - 1, True) for n in (1, 2, 3, 2, 7, 8, 8)]
    alone = tracker_for(row)
    expected = [alone.observe(one.first, one.last, one.previous, one.final) for one in frames]
    run = begin(row, legs=1)
    for frame in frames:
        run.offer(0, frame)

    assert run.verdicts == expected
    assert run.merge.tracker.state() == alone.state()


def test_a_merge_takes_over_the_tracker_a_series_has() -> None:
    tracker = tracker_for(TRADE)
    tracker.observe(41, 41)
    merge: FeedArbiter[str] = arbiter_for(TRADE, tracker)

    merge.feed_opened(0, leading=True)
    assert merge.offer(0, 42, 42, None, "next", 0.0) == [(NEW, "next", None)]
    assert tracker.last == 42
