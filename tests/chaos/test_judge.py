"""The judge of the chaos runs bites: what is lost, unmarked, unfilled or repeated is found."""

from dataclasses import replace

import pytest

from connector.binance.catalogue.row import Row
from tests.chaos.judge import Found, Hole, Score, Spans, covered, holes_of, judge
from tests.chaos.observer import Made
from tests.support.catalogue import find

TRADE = find("spot", "<symbol>@trade")
USDM_TRADE = find("usdm", "<symbol>@trade")
OPTION_TRADE = find("options", "<symbol>@optionTrade")
BOOK_TICKER = find("spot", "<symbol>@bookTicker")
MARK_PRICE = find("usdm", "<symbol>@markPrice[@1s]")
DEPTH = find("usdm", "<symbol>@depth[@<speed>]")
KLINE = find("spot", "<symbol>@kline_<interval>")
FILLED = Hole("filled", "sequence", 100, 2, 5, 2, 5)


def ids(*numbers: int) -> list[Made]:
    return [Made((number,), 10 * number) for number in numbers]


def live(*numbers: int) -> list[Found]:
    return [Found((number,), "live") for number in numbers]


def run(row: Row, made: list[Made], found: list[Found], *holes: Hole) -> Score:
    score = judge(row, "a series", made, found, holes)
    score.examples = []
    return score


def test_a_whole_series_is_without_fault() -> None:
    assert run(TRADE, ids(1, 2, 3), live(1, 2, 3)) == Score(made=3)


def test_what_is_missing_without_a_marker_is_unmarked_and_unfilled() -> None:
    score = run(TRADE, ids(1, 2, 3, 4), live(1, 4))

    assert score == Score(made=4, missing=2, unmarked=2, unfilled=2, blind_ms=20)


@pytest.mark.parametrize("state", ["opened", "partial", "unfillable"])
def test_a_marker_that_owns_up_leaves_it_unfilled(state: str) -> None:
    hole = replace(FILLED, state=state)

    score = run(TRADE, ids(1, 2, 3, 4, 5), live(1, 2, 5), hole)

    assert (score.unmarked, score.unfilled) == (0, 2)


def test_a_marker_that_says_filled_does_not_cover_what_rest_has() -> None:
    score = run(TRADE, ids(1, 2, 3, 4, 5), live(1, 2, 5), FILLED)

    assert (score.unmarked, score.unfilled) == (2, 2)


def test_ids_that_rest_never_lists_may_stay_missing_where_a_gap_was_settled() -> None:
    made = [replace(event, listed=event.identity != (3,)) for event in ids(1, 2, 3, 4, 5)]
    found = [*live(1, 2, 5), Found((4,), "backfill")]

    score = run(USDM_TRADE, made, found, FILLED)

    assert score == Score(made=5, missing=1, backfilled=1, blind_ms=20)
    assert run(USDM_TRADE, made, found).unmarked == 1


def test_a_marker_beside_the_hole_does_not_cover_it() -> None:
    hole = replace(FILLED, state="unfillable", before_id=4, after_id=9)

    assert run(TRADE, ids(1, 2, 3, 4, 5), live(1, 2, 4, 5), hole).unmarked == 1


def test_what_was_fetched_is_no_loss_but_the_time_was_blind() -> None:
    found = [*live(1, 4), Found((2,), "backfill"), Found((3,), "backfill")]

    score = run(TRADE, ids(1, 2, 3, 4), found)

    assert score == Score(made=4, backfilled=2, blind_ms=20)


def test_repeats_are_counted_live_and_fetched_alike() -> None:
    found = [*live(1, 2, 2), Found((1,), "backfill")]

    assert run(TRADE, ids(1, 2), found).repeats == 2


def test_after_the_last_one_unsubscribed_nothing_is_owed() -> None:
    made = [*ids(1, 2), Made((3,), 30, wanted=False)]

    assert run(TRADE, made, live(1, 2)) == Score(made=2)


def test_series_whose_ids_tell_nothing_are_covered_by_time() -> None:
    made = [Made((7_000 + number,), 10 * number) for number in range(1, 6)]
    found = [Found(event.identity, "live") for event in (made[0], made[4])]
    hole = Hole("unfillable", "connection_lost", 30, None, None, 10, 50)

    assert run(MARK_PRICE, made, found).unmarked == 3
    assert run(MARK_PRICE, made, found, hole).unmarked == 0
    assert run(MARK_PRICE, made, found, replace(hole, after_ms=35)).unmarked == 1
    assert run(BOOK_TICKER, made, found, hole).unfilled == 0


def test_two_events_of_one_time_are_two() -> None:
    assert run(MARK_PRICE, ids(1, 1), live(1)).missing == 1
    assert run(MARK_PRICE, ids(1, 1), live(1, 1)).repeats == 0


def test_a_book_is_whole_when_its_ids_are_however_they_are_cut() -> None:
    made = [Made((4,), 10, (1, 4)), Made((6,), 20, (5, 6)), Made((9,), 30, (7, 9))]
    merged = [Found((6,), "live", (1, 6)), Found((9,), "live", (7, 9))]

    assert run(DEPTH, made, merged) == Score(made=3)
    assert run(DEPTH, made, merged[1:]).unmarked == 2
    assert run(DEPTH, made, [*merged, merged[1]]).repeats == 1


def test_snapshots_of_books_cover_nothing() -> None:
    made = [Made((4,), 10, (1, 4))]

    assert run(DEPTH, made, [Found((4,), "snapshot")]).missing == 1


def test_a_candle_counts_once_when_it_closes() -> None:
    states = [Made((0, 1), 1), Made((0, 2), 2, closed=True), Made((60, 61), 3)]
    found = [Found((0, 1), "live"), Found((60, 61), "live")]

    assert run(KLINE, states, found).unfilled == 1
    fetched = [*found, Found((0, None), "backfill", closed=True)]
    assert run(KLINE, states, fetched) == Score(made=1, backfilled=1, blind_ms=1)
    assert run(KLINE, states, [*found, found[0]]).repeats == 1


def test_of_options_only_the_latest_trades_can_be_filled() -> None:
    made = ids(*range(1, 1001))
    hole = replace(FILLED, state="partial", before_id=0, after_id=1000)

    assert run(OPTION_TRADE, made, live(1000), hole).unfilled == 399


def test_spans_hold_what_their_neighbours_hold_together() -> None:
    spans = Spans([(5, 6), (1, 4), (9, 9)])

    assert [spans.hold(span) for span in ((1, 6), (2, 5), (6, 9), (9, 9), (0, 1))] == [
        *(True, True, False, True, False)
    ]


def test_the_last_state_of_a_gap_stands_with_the_edges_told_so_far() -> None:
    marker = {"gap_id": "a", "reason": "restart", "marked_time": 5}
    marker |= dict.fromkeys(("before_time", "after_id", "after_time"))
    opened = {**marker, "state": "opened", "before_id": 3}
    filled = {**marker, "state": "filled", "before_id": None, "after_id": 9, "marked_time": 8}
    started = {**opened, "gap_id": None, "state": "started"}

    assert holes_of([started, opened, filled]) == [
        Hole("filled", "restart", 5, 3, 9, None, None),
    ]


def test_what_a_stream_had_before_it_started_and_after_it_stopped_is_not_judged() -> None:
    edges = dict.fromkeys(("before_id", "after_id", "before_time", "after_time"))
    started = {**edges, "state": "started", "after_id": 2}
    stopped = {**edges, "state": "stopped", "before_id": 4}
    made = ids(1, 2, 3, 4, 5)

    assert covered(TRADE, made, [started, stopped]) == made[1:4]
    assert covered(TRADE, made, [started]) == made[1:]
    assert covered(TRADE, made, []) == []
