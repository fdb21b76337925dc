"""Rates and quantiles of the last minutes."""

from connector.telemetry.history import QuantileHistory, RateHistory


def test_a_rate_is_the_difference_of_two_looks_by_their_time() -> None:
    history: RateHistory[str] = RateHistory(steps=2)
    history.add(0.0, {"a": 10})
    history.add(5.0, {"a": 20, "new": 5})
    history.add(10.0, {"a": 20, "new": 5})
    history.add(15.0, {"a": 50, "new": 5})

    assert history.rates("a") == [0.0, 6.0]
    assert history.rates("new") == [0.0, 0.0]
    assert history.rates("unknown") == []


def test_a_counter_that_appears_began_at_0() -> None:
    history: RateHistory[str] = RateHistory(steps=2)
    history.add(0.0, {})
    history.add(5.0, {"new": 5})

    assert history.rates("new") == [1.0]


def test_a_quantile_is_of_the_last_steps_alone() -> None:
    history = QuantileHistory((0.1, 1.0), steps=1)
    history.add([0, 0, 0])
    history.add([99, 100, 100])
    before = history.quantile(0.5), history.quantile(0.99), history.quantile(1.0)
    history.add([99, 100, 110])

    assert before == (0.1, 0.1, 1.0)
    assert history.quantile(0.5) == 1.0  # the largest bound stands for all above it


def test_without_events_there_is_no_quantile() -> None:
    history = QuantileHistory((0.1, 1.0), steps=1)
    once = history.quantile(0.5)
    history.add([5, 5, 5])
    history.add([5, 5, 5])

    assert (once, history.quantile(0.5)) == (None, None)
