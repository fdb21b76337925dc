"""Budgets of calls, messages and log lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.rate_limit import Sampler, SlidingWindow, WeightBudget

MINUTE = 1_795_000_020.0  # the beginning of one


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 6))
def test_no_window_ever_holds_more_than_its_limit(steps: list[float], limit: int) -> None:
    window, now, taken = SlidingWindow(limit, 1.0), 0.0, []
    for step in steps:
        now += step
        now += window.wait(now)
        assert window.wait(now) <= 1e-9
        window.take(now)
        taken.append(now)

    for moment in taken:
        assert sum(moment - 1.0 + 1e-9 < other <= moment for other in taken) <= limit


def test_a_forced_act_counts_though_the_budget_is_spent() -> None:
    window = SlidingWindow(2, 1.0)
    for moment in (0.0, 0.1, 0.2):
        window.take(moment)

    assert window.wait(0.3) == pytest.approx(0.8)


def test_a_sampler_lets_the_first_of_each_second_through() -> None:
    sampler = Sampler(2)

    assert [sampler.allows(now) for now in (0.0, 0.1, 0.2, 1.0)] == [True, True, False, True]


def test_a_window_allows_its_weight_and_the_rest_waits_for_the_next() -> None:
    budget = WeightBudget(100)

    waits = [budget.take(40, MINUTE + second) for second in (0, 1, 15, 60)]

    assert waits == [0.0, 0.0, 45.0, 0.0]
    assert budget.used(MINUTE + 61) == 40


def test_only_a_share_of_the_limit_is_used() -> None:
    budget = WeightBudget(6000, share=0.25)

    assert budget.take(1500, MINUTE) == 0.0
    assert budget.take(1, MINUTE) == 60.0


def test_a_call_over_the_whole_share_goes_alone() -> None:
    budget = WeightBudget(100, share=0.1)

    assert [budget.take(80, MINUTE + second) for second in (0, 0, 60)] == [0.0, 60.0, 0.0]


def test_a_call_may_be_held_to_a_part_of_what_is_allowed() -> None:
    budget = WeightBudget(100, share=0.5)
    budget.take(20, MINUTE)

    assert budget.wait(5, MINUTE, share=0.5) == 0.0
    assert budget.wait(6, MINUTE, share=0.5) == 60.0
    assert budget.wait(6, MINUTE) == 0.0


def test_the_exchanges_count_overrides_ours_both_ways() -> None:
    budget = WeightBudget(100)
    budget.take(90, MINUTE)

    budget.set_used(20, MINUTE + 3)
    lower = budget.wait(80, MINUTE + 3)
    budget.set_used(95, MINUTE + 4)

    assert (lower, budget.wait(6, MINUTE + 4)) == (0.0, 56.0)


def test_two_processes_of_half_a_share_use_the_whole_limit_together() -> None:
    first, second = WeightBudget(100, share=0.5), WeightBudget(100, share=0.5)
    spent = [first.take(50, MINUTE), second.take(40, MINUTE)]

    for budget in (first, second):
        budget.set_used(90, MINUTE + 3)

    assert spent == [0.0, 0.0]
    assert (first.wait(1, MINUTE + 3), second.wait(10, MINUTE + 3)) == (57.0, 0.0)
    assert [budget.used(MINUTE + 3) for budget in (first, second)] == [90, 90]


def test_a_share_that_others_have_used_up_is_not_there() -> None:
    budget = WeightBudget(100, share=0.5)

    budget.set_used(80, MINUTE + 3, in_flight=5)

    assert budget.take(15, MINUTE + 3) == 0.0
    assert budget.take(1, MINUTE + 3) == 57.0
    assert budget.take(50, MINUTE + 60) == 0.0


def test_a_call_over_the_whole_share_waits_while_others_leave_it_no_room() -> None:
    budget = WeightBudget(100, share=0.1)

    budget.set_used(30, MINUTE + 3)

    assert [budget.take(weight, MINUTE + 3) for weight in (80, 70, 1)] == [57.0, 0.0, 57.0]


def test_calls_under_way_are_added_to_the_exchanges_count() -> None:
    budget = WeightBudget(100)

    budget.set_used(50, MINUTE + 30, in_flight=40)

    assert budget.used(MINUTE + 30) == 90


def test_a_count_at_the_edge_may_be_the_last_windows_and_is_not_believed() -> None:
    budget = WeightBudget(100)
    budget.take(10, MINUTE)

    budget.set_used(99, MINUTE + 1.9)

    assert budget.used(MINUTE + 2) == 10


def test_a_ban_stands_whatever_is_left_and_a_shorter_one_does_not_end_it() -> None:
    budget = WeightBudget(100)

    budget.ban(MINUTE + 120)
    budget.ban(MINUTE + 5)

    assert [budget.take(1, MINUTE + second) for second in (0, 60, 120)] == [120.0, 60.0, 0.0]


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(1, 60)), max_size=60))
def test_no_window_of_the_clock_holds_more_than_is_allowed(calls: list[tuple[float, int]]) -> None:
    budget, now, weights = WeightBudget(100, share=0.6), MINUTE, dict[int, int]()
    for step, weight in calls:
        now += step
        while (wait := budget.take(weight, now)) > 0:
            now += wait
        window = int(now // 60)
        weights[window] = weights.get(window, 0) + weight

    assert all(weight <= 60 for weight in weights.values())
