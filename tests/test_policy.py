"""When to do what: back-off, budgets, deadlines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.policy import (
    LONGEST_DELAY_S,
    STABLE_S,
    Backoff,
    Sampler,
    SlidingWindow,
    first_data_deadline,
)


def test_delays_double_up_to_a_cap() -> None:
    backoff = Backoff()

    delays = [backoff.delay(0.0, None, jitter=1.0) for _ in range(10)]

    assert delays[:4] == [0.25, 0.5, 1.0, 2.0]
    assert max(delays) == delays[-1] == LONGEST_DELAY_S


@given(st.floats(0, 1), st.integers(0, 40))
def test_jitter_spreads_over_the_upper_half(jitter: float, attempts: int) -> None:
    spread, most = Backoff(attempts), Backoff(attempts)

    delay, longest = spread.delay(0.0, None, jitter), most.delay(0.0, None, 1.0)

    assert longest / 2 <= delay <= longest


@pytest.mark.parametrize(
    ("first_data", "now", "starts_over"),
    [
        (None, 1000.0, False),  # a handshake alone proves nothing
        (1000.0 - STABLE_S + 1, 1000.0, False),  # data, but not for a minute
        (1000.0 - STABLE_S, 1000.0, True),
    ],
)
def test_only_data_and_a_stable_minute_start_over(
    first_data: float | None, now: float, starts_over: bool
) -> None:
    backoff = Backoff(attempts=5)

    delay = backoff.delay(now, first_data, 1.0)

    assert (delay == 0.25) is starts_over


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


def test_a_periodic_stream_has_three_periods_and_at_least_ten_seconds() -> None:
    assert (first_data_deadline(1.0), first_data_deadline(60.0)) == (10.0, 180.0)
