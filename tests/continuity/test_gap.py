"""A gap as it begins."""

from hypothesis import given
from hypothesis import strategies as st

from connector.continuity.gap import EventTimes, Gap


def test_nothing_of_a_new_gap_is_known_but_its_left_edge() -> None:
    gap = Gap("00ff", "sequence", 10, 1_000)

    assert (gap.after_id, gap.after_ms, gap.missing, gap.filled_to) == (None, None, None, None)
    assert (gap.recovered, gap.expired, gap.whole, gap.epoch) == (0, 0, False, 0)


def test_two_gaps_are_two_though_their_edges_are_the_same() -> None:
    assert Gap("00ff", "sequence", 10, 1_000) != Gap("00ff", "sequence", 10, 1_000)


@given(
    length_ms=st.integers(1, 600_000),
    quiet_ms=st.integers(0, 600_000),
    stepped_at=st.floats(0, 1),
    step_ms=st.integers(-3_600_000, 3_600_000),
    lost_at=st.lists(st.floats(0, 1)),
)
def test_what_is_lost_before_and_after_a_step_of_the_exchanges_clock_lies_in_the_gap(
    length_ms: int, quiet_ms: int, stepped_at: float, step_ms: int, lost_at: list[float]
) -> None:
    last_ms = 1_789_967_000_000
    began = last_ms + quiet_ms  # by our clock, which is the exchange's before the step
    step_at = began + stepped_at * length_ms

    def exchange(ours: float) -> float:
        return ours + (step_ms if ours >= step_at else 0)

    ends = began + length_ms
    exchange_ms = round(exchange(ends))
    gap = Gap("00ff", "connection_lost", None, began)
    gap.after_ms = exchange_ms
    gap.widen_over_clock_step(last_ms, last_ms, EventTimes(exchange_ms, exchange_ms, ends))

    assert gap.before_ms is not None
    lost = [exchange(began + at * length_ms) for at in lost_at]
    short_ms = 1_000 if abs(step_ms) < 1_000 else 1  # so much less is no step
    assert [
        at for at in lost if not gap.before_ms - short_ms <= at <= gap.after_ms + short_ms
    ] == []


def test_a_gap_without_a_step_keeps_its_edges() -> None:
    gap = Gap("00ff", "connection_lost", None, 1_000, None, 9_500)
    gap.widen_over_clock_step(1_000, 1_200, EventTimes(9_500, 9_500, 9_900))

    assert (gap.before_ms, gap.after_ms) == (1_000, 9_500)


def test_a_gap_that_ids_bound_keeps_its_edges_over_a_step() -> None:
    gap = Gap("00ff", "connection_lost", 10, 1_000, 14, 90_000)
    gap.widen_over_clock_step(1_000, 1_000, EventTimes(90_000, 90_000, 2_000))

    assert (gap.before_ms, gap.after_ms) == (1_000, 90_000)


def test_the_record_time_of_a_step_too_far_ahead_is_ours_and_the_gap_reaches_the_exchanges() -> (
    None
):
    gap = Gap("00ff", "connection_lost", None, 1_000, None, 2_000)
    gap.widen_over_clock_step(1_000, 1_000, EventTimes(2_000, 602_000, 2_000))

    assert (gap.before_ms, gap.after_ms) == (1_000, 602_000)
