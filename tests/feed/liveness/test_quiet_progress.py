"""Quiet series whose progress moves on, by what the neighbours on their connection prove."""

import itertools

import pytest

from connector.feed.liveness.activity import ActivityState
from connector.feed.liveness.activity_monitor import ActivityMonitor
from connector.feed.liveness.quiet_progress import QUIET_INTERVAL_S, QuietProgress
from connector.feed.liveness.read_bound import MARGIN_MS
from tests.support.continuity import NOW_MS, Line, mini, trade

QUIET, NEIGHBOUR = "btcusdt@trade", "btcusdt@miniTicker"


class Connection:
    """A connection whose trades fall quiet at `NOW_MS + 1`, while its tickers go on."""

    def __init__(self, *trades: int) -> None:
        self.line = Line(QUIET, NEIGHBOUR)
        self.activity = ActivityMonitor()
        streams = [route.stream for route in self.line.routes.values()]
        self.activity.track(streams, [QUIET, NEIGHBOUR], 0.0)
        self.progress = QuietProgress(self.line.pipeline, self.line.routes, self.activity)
        self.seconds = 0.0
        self.poll(0.0)
        self.line.trades(*trades)
        self.poll(0.25)
        self.line.drain()

    def poll(self, seconds: float) -> None:
        """Let time pass, a ticker come, and all be read."""
        self.seconds += seconds
        now_ms = NOW_MS + round(self.seconds * 1000)
        self.line.send(NEIGHBOUR, mini(now_ms))
        counts = [route.messages for route in self.line.routes.values()]
        self.activity.poll(counts, self.seconds)
        self.progress.poll(now_ms, self.seconds, self.seconds)

    def progress_of_trades(self) -> list[int]:
        """Return `complete_until` of the progress records of the trades since the last call."""
        _, records = self.line.drain(NOW_MS + round(self.seconds * 1000))
        return [each["complete_until"] for each in records if each["stream_name"] == QUIET]


def test_a_quiet_series_is_complete_until_its_neighbours_newest_event_less_a_margin() -> None:
    connection = Connection(1)
    connection.poll(QUIET_INTERVAL_S)

    assert connection.progress_of_trades() == [NOW_MS + 5_250 - MARGIN_MS]
    [series] = connection.line.series(QUIET)
    assert (series.last_ms, series.last_id) == (NOW_MS + 1, 1)


def test_a_minute_of_a_quiet_series_is_complete_within_ten_seconds_of_its_end() -> None:
    connection = Connection(1)
    written: list[tuple[float, int]] = []
    while connection.seconds < 80.0:
        connection.poll(0.25)
        written += [(connection.seconds, until) for until in connection.progress_of_trades()]

    times = [seconds for seconds, _ in written]
    assert min(b - a for a, b in itertools.pairwise(times)) >= QUIET_INTERVAL_S
    complete_at = next(seconds for seconds, until in written if until >= NOW_MS + 60_000)
    assert complete_at <= 70.0


def test_what_comes_late_in_its_turn_is_complete_by_its_own_time() -> None:
    connection = Connection(1)
    connection.poll(QUIET_INTERVAL_S)
    connection.line.send(QUIET, trade(6_000))

    assert connection.progress_of_trades() == [NOW_MS + 6_000]


@pytest.mark.parametrize("reason", ["pending", "suspected", "never heard", "queued"])
def test_a_series_of_which_something_may_be_missing_does_not_move_on(reason: str) -> None:
    connection = Connection(*([1] if reason != "never heard" else []))
    [*series] = connection.line.series(QUIET)
    if reason == "pending":
        connection.line.gap_tracker.suspect(series, "connection_lost")
    elif reason == "suspected":
        connection.activity.streams[0].state = ActivityState.SUSPECTED
    elif reason == "queued":
        connection.line.pipeline._queue.append(lambda: None)
    connection.progress_of_trades()
    connection.poll(QUIET_INTERVAL_S)

    assert [each.quiet_until for each in series] == [None] * len(series)


def test_a_stream_that_was_subscribed_anew_must_deliver_first() -> None:
    connection = Connection(1)
    connection.activity.restart(connection.seconds, connection.seconds)
    connection.poll(QUIET_INTERVAL_S)
    connection.poll(QUIET_INTERVAL_S)

    assert connection.line.series(QUIET)[0].quiet_until is None
