"""The usual maximum of learned inter-arrival times."""

import random

import pytest

from connector.feed.liveness.interarrival import GENERATION, MIN_INTERVALS, InterarrivalHistogram


@pytest.mark.parametrize("seed", range(5))
def test_the_usual_maximum_is_exceeded_by_about_one_in_a_thousand(seed: int) -> None:
    rng, histogram = random.Random(seed), InterarrivalHistogram()
    intervals = [rng.expovariate(0.1) for _ in range(4000)]
    for interval in intervals:
        histogram.note(interval)
    usual = histogram.usual_maximum()

    assert usual is not None
    assert sorted(intervals)[-12] <= usual <= sorted(intervals)[-2]


def test_nothing_is_known_before_a_hundred_intervals_and_it_is_stretched_before_a_thousand() -> (
    None
):
    histogram = InterarrivalHistogram()
    for _ in range(MIN_INTERVALS - 1):
        histogram.note(10.0)
    assert histogram.usual_maximum() is None
    histogram.note(10.0)

    usual = histogram.usual_maximum()
    assert usual is not None
    assert usual == pytest.approx(15.0, rel=0.2)  # 10 s, times ln 1000 / ln 100


def test_a_suspicious_silence_that_was_refuted_is_usual_from_then_on() -> None:
    histogram = InterarrivalHistogram()
    for _ in range(5000):
        histogram.note(0.25)
    histogram.note_refuted(40.0)

    assert histogram.usual_maximum() == pytest.approx(40.0, rel=0.2)


def test_what_was_long_ago_is_forgotten() -> None:
    histogram = InterarrivalHistogram()
    for _ in range(50):
        histogram.note(100.0)
    for _ in range(2 * GENERATION):
        histogram.note(1.0)

    assert histogram.usual_maximum() == pytest.approx(1.0, rel=0.2)
    assert histogram.count <= 2 * GENERATION


def test_an_interval_beyond_the_last_bucket_counts_as_the_longest() -> None:
    histogram = InterarrivalHistogram()
    for _ in range(2000):
        histogram.note(1e9)

    assert histogram.usual_maximum() == pytest.approx(39_000, rel=0.2)
