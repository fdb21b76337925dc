"""When an account is asked."""

from connector.account.ask_schedule import (
    CONFIRM_US,
    MIN_PICTURE_INTERVAL_US,
    PICTURE_INTERVAL_US,
    AskSchedule,
)

NOW_US = 1_794_000_000_000_000


def is_due(
    schedule: AskSchedule, now_us: int, *, must_ask: bool = False, many: bool = False
) -> bool:
    return schedule.is_due(now_us, must_ask=must_ask, has_many_events=many)


def test_a_break_is_asked_for_at_once_and_a_failure_later() -> None:
    schedule = AskSchedule(NOW_US)
    assert is_due(schedule, NOW_US, must_ask=True)

    schedule.on_answers(NOW_US, 2.0)

    assert not is_due(schedule, NOW_US + 1_999_999, must_ask=True)
    assert is_due(schedule, NOW_US + 2_000_000)
    schedule.on_break()
    assert is_due(schedule, NOW_US, must_ask=True)


def test_a_closed_break_is_confirmed_once() -> None:
    schedule = AskSchedule()
    schedule.on_answers(NOW_US, None)
    schedule.on_closed()

    assert not is_due(schedule, NOW_US + CONFIRM_US - 1, many=True)
    assert is_due(schedule, NOW_US + CONFIRM_US)
    schedule.on_start()
    assert not is_due(schedule, NOW_US + CONFIRM_US)


def test_pictures_come_now_and_then_and_after_many_events() -> None:
    schedule = AskSchedule(NOW_US)

    assert not is_due(schedule, NOW_US + PICTURE_INTERVAL_US - 1)
    assert is_due(schedule, NOW_US + PICTURE_INTERVAL_US)
    assert not is_due(schedule, NOW_US + MIN_PICTURE_INTERVAL_US - 1, many=True)
    assert is_due(schedule, NOW_US + MIN_PICTURE_INTERVAL_US, many=True)
