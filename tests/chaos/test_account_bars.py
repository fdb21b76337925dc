"""The bars of a run with accounts."""

from collections import Counter
from dataclasses import replace

from tests.chaos.account_scenarios import account_scenarios
from tests.chaos.account_stage import AccountResult, late_account, missed_bars

CUT = account_scenarios()[0]
GOOD = AccountResult(100, [], [], Counter(connection_lost=4), 1.0, [])


def test_a_run_without_a_fault_misses_no_bar() -> None:
    assert (missed_bars(CUT, GOOD), late_account(GOOD)) == ([], [])


def test_each_bar_can_be_missed() -> None:
    assert missed_bars(CUT, replace(GOOD, differences=["order"])) == ["order"]
    assert missed_bars(CUT, replace(GOOD, repeats=["x came 2 times"])) == ["x came 2 times"]
    assert missed_bars(CUT, replace(GOOD, wrong=["exit code 1"])) == ["exit code 1"]
    assert missed_bars(CUT, replace(GOOD, events=0)) == ["nothing happened"]
    assert missed_bars(CUT, replace(GOOD, breaks=Counter())) == ["breaks {}"]


def test_a_time_that_is_missed_is_told_apart() -> None:
    slow = replace(GOOD, right_s=5.1)
    assert missed_bars(CUT, slow) == []
    assert late_account(slow) == ["right again after 5.10 s, bound 5 s"]


def test_what_costs_no_event_may_mark_no_break() -> None:
    assert missed_bars(replace(CUT, breaks=False), GOOD) == ["breaks {'connection_lost': 4}"]
