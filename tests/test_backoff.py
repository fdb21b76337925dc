"""Delays between attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.backoff import LONGEST_DELAY_S, STABLE_S, Backoff


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
