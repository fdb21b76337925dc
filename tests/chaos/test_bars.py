"""The bars of a run with market data."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.chaos.bars import late, missed
from tests.chaos.judge import Score
from tests.chaos.outcome import Result
from tests.chaos.scenario import Scenario, warm

PLANNED = Scenario("planned", "announced", warm, planned=True)  # type: ignore[arg-type]
BREAK = Scenario("break", "cut", warm, blind_under_s=1.0, notice_under_s=5.0)  # type: ignore[arg-type]
GOOD = Result(Score(made=100), 0.5, [], [], 0, Counter(), 10.0)


def scored(**fields: int) -> Result:
    return replace(GOOD, score=replace(GOOD.score, **fields))  # type: ignore[arg-type]


def test_a_run_without_a_fault_misses_no_bar() -> None:
    assert (missed(BREAK, GOOD), late(BREAK, GOOD)) == ([], [])


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (scored(unmarked=2), "2 lost without a marker"),
        (scored(repeats=3), "3 repeats"),
        (scored(made=0), "nothing was made"),
        (replace(GOOD, disagrees=["verify says 1"]), "verify says 1"),
        (replace(GOOD, ended=["exit code 1"]), "exit code 1"),
    ],
)
def test_what_a_reader_finds_is_missed_however_fast_the_machine_is(
    result: Result, text: str
) -> None:
    assert (missed(BREAK, result), late(BREAK, result)) == ([text], [])


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (scored(unfilled=4), "4 not filled though REST has them"),
        (scored(blind_ms=1_060), "blind for 1.06 s, bound 1 s"),
        (replace(GOOD, notice_s=5.1), "noticed after 5.10 s, bound 5 s"),
        (replace(GOOD, notice_s=None), "noticed never, bound 5 s"),
    ],
)
def test_what_came_too_late_is_told_apart(result: Result, text: str) -> None:
    assert (missed(BREAK, result), late(BREAK, result)) == ([], [text])


def test_a_planned_break_may_cost_nothing_and_mark_nothing() -> None:
    assert missed(PLANNED, scored(missing=1)) == ["planned, yet 1 missing and 0 backfilled"]
    assert missed(PLANNED, replace(GOOD, reasons=Counter(restart=1))) == [
        "planned, yet gaps are marked: {'restart': 1}"
    ]
