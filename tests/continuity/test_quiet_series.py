"""What REST's newest ids prove of a series that is not delivered."""

import pytest

from connector.continuity.quiet_series import (
    MAX_INTERVAL_S,
    MIN_INTERVAL_S,
    IdEvidence,
    QuietSeries,
)
from connector.continuity.series import Series
from tests.support.continuity import NOW_MS, TRADES_KEY, Line, stored

pytestmark = pytest.mark.usefixtures("both_codecs")


def never_heard() -> Series:
    line = Line("btcusdt@trade")
    [route] = line.routes.values()
    return route.open_series("BTCUSDT", line.gap_tracker)


def heard(*ids: int) -> Series:
    line = Line("btcusdt@trade")
    line.trades(*ids)
    [series] = line.series()
    return series


def restarted() -> Series:
    line = Line("btcusdt@trade", stored={TRADES_KEY: stored(20)})
    [route] = line.routes.values()
    return route.open_series("BTCUSDT", line.gap_tracker)


def findings(series: Series, *newest: int) -> list[IdEvidence]:
    quiet = QuietSeries(series, 0.0)
    return [quiet.judge(id_, NOW_MS)[0] for id_ in newest]


NOTHING, NEWER, QUIET = IdEvidence.NOTHING, IdEvidence.NEWER, IdEvidence.QUIET


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((7,), [NOTHING]),
        ((7, 7), [NOTHING, QUIET]),
        ((7, 8), [NOTHING, NEWER]),
        ((7, 7, 8), [NOTHING, QUIET, NEWER]),
    ],
)
def test_of_a_series_that_never_spoke_the_first_answer_is_only_a_beginning(
    answers: tuple[int, ...], expected: list[IdEvidence]
) -> None:
    assert findings(never_heard(), *answers) == expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((20, 20), [NOTHING, QUIET]),
        ((25, 25), [NOTHING, QUIET]),  # these were missed while nobody read
        ((25, 26), [NOTHING, NEWER]),
        ((19, 19), [NOTHING, NOTHING]),  # REST is behind
    ],
)
def test_what_happened_before_a_restart_is_nothing_that_a_stream_withholds(
    answers: tuple[int, ...], expected: list[IdEvidence]
) -> None:
    assert findings(restarted(), *answers) == expected


def test_of_a_series_that_is_delivered_a_newer_id_is_proof_at_once() -> None:
    assert findings(heard(6, 7), 8) == [NEWER]
    assert findings(heard(6, 7), 7, 7) == [NOTHING, QUIET]
    assert findings(heard(6, 7), 6, 6) == [NOTHING, NOTHING]


def test_nothing_happened_until_the_first_of_two_equal_answers() -> None:
    quiet = QuietSeries(never_heard(), 100.0)
    quiet.judge(7, 5_000)

    assert quiet.judge(7, 15_000) == (QUIET, 5_000)


def test_the_questions_come_ever_later() -> None:
    quiet = QuietSeries(never_heard(), 0.0)
    waits = []
    for _ in range(10):
        now = quiet.due
        quiet.postpone(now)
        waits.append(quiet.due - now)

    assert waits[:3] == [MIN_INTERVAL_S, 2 * MIN_INTERVAL_S, 4 * MIN_INTERVAL_S]
    assert waits[-1] == MAX_INTERVAL_S


def test_it_is_over_when_the_series_is_delivered() -> None:
    line = Line("btcusdt@trade")
    line.trades(6)
    [series] = line.series()
    quiet = QuietSeries(series, 0.0)
    assert not quiet.over
    line.trades(7)

    assert quiet.over
