"""What follows from what a session and the probe connection deliver, in simulated time."""

from connector.feed.liveness.staleness import CONFIRM_S, Action, StalenessCheck


def judged(check: StalenessCheck, *polls: tuple[float, int, int]) -> list[Action]:
    """Return the actions at these polls: observed time, events of the session, of the probe."""
    return [check.judge(*poll) for poll in polls]


def test_nothing_follows_before_the_probe_is_subscribed() -> None:
    assert judged(StalenessCheck(5.0), (1.0, 5, 9), (100.0, 5, 99)) == [Action.WAIT, Action.WAIT]


def test_a_stream_its_session_delivers_is_healthy() -> None:
    check = StalenessCheck(5.0)
    check.begin(10.0, 0, 0)

    assert judged(check, (10.1, 0, 1), (10.5, 1, 1)) == [Action.WAIT, Action.HEALTHY]


def test_a_stream_neither_delivers_is_quiet_after_its_timeout() -> None:
    check = StalenessCheck(5.0)
    check.begin(10.0, 3, 3)

    assert judged(check, (14.9, 3, 3), (15.0, 3, 3)) == [Action.WAIT, Action.QUIET]


def test_a_stream_the_probe_delivers_at_the_last_moment_is_not_quiet() -> None:
    check = StalenessCheck(5.0)
    check.begin(10.0, 0, 0)

    actions = judged(check, (14.9, 0, 1), (15.5, 0, 1), (15.9, 0, 1))
    assert actions == [Action.WAIT, Action.WAIT, Action.RESUBSCRIBE]


def test_a_stream_only_the_probe_delivers_is_subscribed_again_and_healed() -> None:
    check = StalenessCheck(5.0)
    check.begin(10.0, 0, 0)
    actions = judged(check, (11.0, 0, 1), (11.0 + CONFIRM_S - 0.1, 0, 5), (11.0 + CONFIRM_S, 0, 5))
    assert actions == [Action.WAIT, Action.WAIT, Action.RESUBSCRIBE]

    check.begin(12.5, 0, 5)
    assert judged(check, (12.6, 0, 6), (12.7, 1, 6)) == [Action.WAIT, Action.HEALED]


def test_a_stale_stream_never_counts_as_quiet_however_long_no_connection_delivers_it() -> None:
    check = StalenessCheck(5.0, resubscribes=1)
    check.begin(10.0, 0, 5)

    assert judged(check, (1000.0, 0, 5)) == [Action.WAIT]


def test_a_stream_subscribed_again_twice_in_vain_has_its_session_replaced_once() -> None:
    check = StalenessCheck(5.0)
    actions, now = [], 10.0
    for turn in range(4):
        check.begin(now, 0, turn)
        actions += judged(check, (now, 0, turn + 1), (now + CONFIRM_S, 0, turn + 1))
        now += 5.0

    assert [action for action in actions if action is not Action.WAIT] == [
        Action.RESUBSCRIBE,
        Action.RESUBSCRIBE,
        Action.REPLACE,
    ]
