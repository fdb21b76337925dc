"""One stream: its timeout, its suspicions, and its first data, in simulated time."""

import math

import pytest

from connector.binance.stream_name import parse_any
from connector.feed.liveness.activity import (
    FIRST_EVENT_S,
    MAX_CONNECTION_TIMEOUT_S,
    MAX_INCONCLUSIVE_PROBES,
    MIN_CONNECTION_TIMEOUT_S,
    MIN_STREAM_TIMEOUT_S,
    RESUBSCRIBED_S,
    ActivityState,
    ConnectionActivity,
    StreamActivity,
    activity_of,
    first_data_deadline,
)

MARK_PRICE = "btcusdt@markPrice@1s"  # periodic: suspected after 10 s
TRADE = "btcusdt@aggTrade"  # active


def subscribed(name: str = MARK_PRICE) -> StreamActivity:
    """Return a stream that was subscribed at 0 s and polled once."""
    stream = activity_of(parse_any("usdm", name))
    stream.learn(0.0)
    stream.restart(0.0)
    assert not stream.poll(0, 0.0)
    return stream


def delivering() -> StreamActivity:
    """Return a periodic stream that has just delivered, at 0.5 s."""
    stream = subscribed()
    assert not stream.poll(1, 0.5)
    return stream


# Timeouts, by the cadence of the catalogue row


@pytest.mark.parametrize(
    ("product", "name", "seconds"),
    [
        ("usdm", "btcusdt@markPrice@1s", 10.0),  # periodic, three periods are shorter
        ("usdm", "btcusdt@markPrice", 10.0),
        ("options", "btcusdt@openInterest@261225", 180.0),
        ("usdm", "btcusdt@forceOrder", math.inf),  # sparse
        ("coinm", "btcusd_perp@trade", math.inf),  # unverified
        ("spot", "btcusdt@trade", FIRST_EVENT_S),  # active: nothing is known yet
    ],
)
def test_a_stream_is_due_after_what_its_row_says(product: str, name: str, seconds: float) -> None:
    stream = activity_of(parse_any(product, name))  # type: ignore[arg-type]
    stream.learn(0.0)
    stream.restart(0.0)

    assert stream.due_at == seconds


def test_a_periodic_stream_has_three_periods_and_at_least_ten_seconds() -> None:
    assert (first_data_deadline(1.0), first_data_deadline(60.0)) == (10.0, 180.0)


def test_a_connection_has_a_bounded_timeout_until_a_longer_silence_proves_healthy() -> None:
    connection = ConnectionActivity()
    connection.learn(0.0)
    assert connection.timeout_s == MAX_CONNECTION_TIMEOUT_S
    for count in range(200):
        connection.poll(count, count * 0.25)
    connection.learn(50.0)
    assert connection.timeout_s == MIN_CONNECTION_TIMEOUT_S
    assert connection.poll(199, 60.0)
    connection.refute(60.0)

    assert connection.timeout_s > 10.0


# Suspicions


def test_a_silence_is_reported_once() -> None:
    stream = delivering()

    assert not stream.poll(1, 10.25)
    assert stream.poll(1, 10.5)
    assert stream.state is ActivityState.SUSPECTED
    assert not stream.poll(1, 99.0)


def test_a_stream_no_connection_delivers_is_suspected_twice_then_quiet_until_it_delivers() -> None:
    stream = delivering()
    assert stream.poll(1, 11.0)
    assert not stream.note_inconclusive(21.0)
    assert not stream.poll(1, 30.0)
    assert stream.poll(1, 31.0)
    assert stream.note_inconclusive(41.0)
    assert not any(stream.poll(1, float(now)) for now in range(42, 4000))

    assert not stream.poll(2, 4000.0)
    assert stream.state is ActivityState.FRESH
    assert stream.poll(2, 4010.0)


def test_what_another_connection_delivers_is_not_learned_from_a_stale_stream() -> None:
    stream = delivering()
    before = stream.intervals.count
    stream.poll(1, 11.0)
    stream.poll(2, 11.5)
    stream.poll(3, 12.5)
    stream.clear(13.0)

    assert (stream.intervals.count, stream.was_refuted) == (before, False)


def test_a_wrong_deadline_of_a_periodic_stream_gives_way_to_its_learned_silences() -> None:
    stream = delivering()
    now, count = 0.5, 1
    for _ in range(1200):
        now, count = now + 30.0, count + 1
        if stream.poll(count - 1, now - 0.25):
            stream.refute(now)
        stream.poll(count, now)
    stream.learn(now)

    assert stream.timeout_s == pytest.approx(90.0, rel=0.25)


# First data


def test_a_periodic_stream_that_never_delivered_is_due_to_be_subscribed_again_then_suspected() -> (
    None
):
    stream = subscribed()
    assert not stream.poll(0, 9.75)
    assert stream.poll(0, 10.0)
    assert (stream.missed_deadlines, stream.state) == (1, ActivityState.FRESH)
    stream.learn(15.0)  # no earlier because of it
    assert not stream.poll(0, 19.75)
    assert stream.poll(0, 20.0)
    assert (stream.missed_deadlines, stream.state) == (2, ActivityState.SUSPECTED)
    assert not stream.poll(0, 99.0)


def test_a_stream_that_delivers_once_it_was_subscribed_again_is_silent_no_more() -> None:
    stream = subscribed()
    assert stream.poll(0, 10.0)
    assert not stream.poll(1, 10.5)

    assert (stream.missed_deadlines, stream.awaits_first) == (0, False)
    assert stream.poll(1, 20.5)  # it has delivered: suspected without being subscribed again
    assert (stream.missed_deadlines, stream.state) == (0, ActivityState.SUSPECTED)


def test_a_stream_that_could_not_be_probed_is_suspected_again_and_not_subscribed_again() -> None:
    stream = subscribed()
    assert stream.poll(0, 10.0)
    assert stream.poll(0, 20.0)
    stream.clear(20.0)

    assert stream.poll(0, 30.0)
    assert (stream.missed_deadlines, stream.state) == (3, ActivityState.SUSPECTED)


def test_a_quiet_stream_is_subscribed_again_on_a_new_connection_and_not_suspected_there() -> None:
    stream = delivering()
    for probe in range(MAX_INCONCLUSIVE_PROBES):
        assert stream.poll(1, 100.0 * (probe + 1))
        stream.note_inconclusive(100.0 * (probe + 1))
    stream.restart(1000.0)
    stream.poll(1, 1000.0)

    assert stream.poll(1, 1010.0)
    assert stream.missed_deadlines == 1
    assert stream.poll(1, 1020.0)
    assert (stream.missed_deadlines, stream.state) == (2, ActivityState.QUIET)
    assert not stream.poll(1, 9999.0)


def test_a_sparse_stream_has_no_deadline_for_its_first_data() -> None:
    stream = subscribed("btcusdt@forceOrder")

    assert not stream.awaits_first
    assert not any(stream.poll(0, float(now)) for now in range(1, 9999))


def test_an_active_stream_that_never_delivered_is_overdue_and_suspected_soon_after() -> None:
    stream = subscribed(TRADE)
    assert not stream.poll(0, FIRST_EVENT_S - 0.25)
    assert stream.poll(0, FIRST_EVENT_S)
    assert (stream.missed_deadlines, stream.state) == (1, ActivityState.FRESH)
    stream.learn(FIRST_EVENT_S + 5.0)
    assert not stream.poll(0, FIRST_EVENT_S + RESUBSCRIBED_S - 0.25)
    assert stream.poll(0, FIRST_EVENT_S + RESUBSCRIBED_S)

    assert (stream.missed_deadlines, stream.state) == (2, ActivityState.SUSPECTED)
    assert stream.probe_s == FIRST_EVENT_S


def test_an_active_stream_whose_rhythm_is_known_is_overdue_after_its_own_timeout() -> None:
    stream = subscribed(TRADE)
    for count in range(1, 301):
        stream.poll(count, count / 10)
    stream.learn(31.0)
    stream.restart(40.0)
    stream.poll(300, 40.25)
    assert not stream.poll(300, 45.0)

    assert stream.poll(300, 40.25 + MIN_STREAM_TIMEOUT_S)


def test_an_active_stream_of_which_rest_has_nothing_is_quiet_until_it_delivers() -> None:
    stream = subscribed(TRADE)
    stream.poll(0, FIRST_EVENT_S)
    stream.note_nothing_missed()

    assert (stream.missed_deadlines, stream.state) == (0, ActivityState.QUIET)
    assert not any(stream.poll(0, float(now)) for now in range(31, 9999))
    stream.poll(1, 10_000.0)
    assert (stream.awaits_first, stream.state) == (False, ActivityState.FRESH)


@pytest.mark.parametrize("was_quiet", [False, True])
def test_a_stream_of_which_rest_has_more_is_suspected_at_once(was_quiet: bool) -> None:
    stream = subscribed(TRADE)
    stream.poll(0, FIRST_EVENT_S)
    if was_quiet:
        stream.note_nothing_missed()
    stream.note_missed(40.0)

    assert stream.poll(0, 40.0)
    assert (stream.missed_deadlines, stream.state) == (2, ActivityState.SUSPECTED)
    stream.note_missed(50.0)
    assert stream.state is ActivityState.SUSPECTED
