"""All streams of a connection: which silences are suspicious, in simulated time."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import pytest

from connector.binance.stream_name import Stream, parse_any
from connector.feed.liveness.activity import (
    MAX_CONNECTION_TIMEOUT_S,
    MIN_CONNECTION_TIMEOUT_S,
    MIN_STREAM_TIMEOUT_S,
    ActivityState,
    StreamActivity,
)
from connector.feed.liveness.activity_monitor import (
    POLL_INTERVAL_S,
    ActivityMonitor,
    ObservationClock,
)
from connector.feed.liveness.staleness import Action, StalenessCheck
from tests.support import traffic
from tests.support.effort import lines_run
from tests.support.thorough import IS_THOROUGH

TRADE = parse_any("spot", "btcusdt@trade")


class Simulation:
    """Streams of one connection, polled in simulated time, with a probe of the suspected ones.

    Attributes:
        suspected: Every suspicion: when, and of which stream.
        connection_suspected: When the connection as a whole was suspected.
        actions: How often each action followed.
    """

    def __init__(self, streams: Sequence[tuple[Stream, traffic.Pace]], seed: int, until: float):
        self.monitor = ActivityMonitor()
        self.rng = random.Random(seed)
        self.streams = [stream for stream, _ in streams]
        self.positions = {stream.name: position for position, stream in enumerate(self.streams)}
        self.monitor.track(self.streams, self.positions, 0.0)
        self.counts = [0] * len(streams)
        self.muted: set[int] = set()
        self.checks: dict[int, StalenessCheck] = {}
        self.suspected: list[tuple[float, str]] = []
        self.connection_suspected: list[float] = []
        self.actions: dict[Action, int] = defaultdict(int)
        self.events: dict[int, list[int]] = defaultdict(list)
        self.poll = 0
        for position, (_, pace) in enumerate(streams):
            for moment in traffic.times(pace, self.rng, until):
                self.events[math.ceil(moment / POLL_INTERVAL_S)].append(position)

    @property
    def now(self) -> float:
        return self.poll * POLL_INTERVAL_S

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / POLL_INTERVAL_S)):
            self.step()

    def step(self) -> None:
        self.poll += 1
        for position in self.events.pop(self.poll, ()):
            if position not in self.muted:
                self.counts[position] += 1
        for activity in self.monitor.poll(self.counts, self.now):
            if activity.state is not ActivityState.SUSPECTED:
                continue  # the first deadline for its first event: it is subscribed again
            position = self.positions[activity.name]
            self.suspected.append((self.now, activity.name))
            check = self.checks[position] = StalenessCheck(activity.probe_s)
            check.begin(self.now, self.counts[position], self.delivered_by_probe(position))
        for position in list(self.checks):
            self.judge(position)
        if self.monitor.poll_connection(sum(self.counts), self.now):
            self.connection_suspected.append(self.now)
            self.monitor.connection.note_inconclusive(self.now)

    def delivered_by_probe(self, position: int) -> int:
        """Return what a probe has delivered: it is one poll ahead of the connection."""
        return self.counts[position] + self.events.get(self.poll + 1, []).count(position)

    def judge(self, position: int) -> None:
        delivered = self.counts[position], self.delivered_by_probe(position)
        action = self.checks[position].judge(self.now, *delivered)
        if action is Action.WAIT:
            return
        self.actions[action] += 1
        [activity] = self.monitor.find([self.streams[position].name])
        if action is Action.HEALTHY:
            activity.refute(self.now)
            del self.checks[position]
        elif action is Action.QUIET:
            activity.note_inconclusive(self.now)
            del self.checks[position]


def alone(pace: traffic.Pace, seconds: float, seed: int = 1) -> Simulation:
    """Return a stream that has delivered for a while, among livelier ones."""
    siblings = [
        (parse_any("spot", f"coin{number}usdt@trade"), partial(traffic.chance, 5.0))
        for number in range(10)
    ]
    simulation = Simulation([(TRADE, pace), *siblings], seed, seconds * 2 + 60.0)
    simulation.run(seconds)
    return simulation


# Bounds


def test_healthy_bursty_traffic_on_1024_streams_replaces_and_marks_nothing() -> None:
    duration_s = 3600.0 if IS_THOROUGH else 1200.0
    simulation = Simulation(traffic.many(1024, random.Random(3)), 4, duration_s)
    simulation.run(duration_s)

    assert simulation.connection_suspected == []
    assert simulation.actions.keys() <= {Action.HEALTHY, Action.QUIET}
    later = [moment for moment, _ in simulation.suspected if moment > duration_s / 2]
    assert len(simulation.suspected) < 350  # each costs a probe connection at most,
    assert len(later) < 80  # and there are fewer when more is learned


@pytest.mark.parametrize("pace", [traffic.chance, traffic.day_and_night])
@pytest.mark.parametrize("streams", [1, 20])
@pytest.mark.parametrize("seed", range(5))
def test_a_mute_connection_of_over_ten_messages_a_second_is_noticed_within_five_seconds(
    pace: traffic.Paces, streams: int, seed: int
) -> None:
    rate = (12.0 if pace is traffic.chance else 60.0) / streams
    several = [
        (parse_any("spot", f"coin{number}usdt@trade"), partial(pace, rate))
        for number in range(streams)
    ]
    simulation = Simulation(several, seed, 700.0)
    simulation.run(600.0)
    assert simulation.connection_suspected == []
    while simulation.monitor.connection.last_at != simulation.now:  # from an event on
        simulation.step()
    simulation.muted.update(range(streams))
    last = simulation.now
    simulation.run(5.0)

    assert len(simulation.connection_suspected) > 0
    assert (
        MIN_CONNECTION_TIMEOUT_S
        <= simulation.connection_suspected[0] - last
        <= MAX_CONNECTION_TIMEOUT_S + POLL_INTERVAL_S
        < 5.0
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_connection_that_falls_mute_soon_after_its_start_is_noticed_as_soon(seed: int) -> None:
    several = [
        (parse_any("spot", f"coin{number}usdt@trade"), partial(traffic.chance, 3.0))
        for number in range(10)
    ]
    simulation = Simulation(several, seed, 60.0)
    simulation.run(3.0)
    simulation.muted.update(range(10))
    simulation.run(MAX_CONNECTION_TIMEOUT_S + 2 * POLL_INTERVAL_S)

    assert len(simulation.connection_suspected) > 0


def test_a_lively_stream_that_falls_mute_soon_after_its_start_is_noticed_within_ten_seconds() -> (
    None
):
    simulation = alone(partial(traffic.chance, 30.0), 3.0)
    simulation.muted.add(0)
    simulation.run(10.0 + MIN_STREAM_TIMEOUT_S)

    assert [name for _, name in simulation.suspected][:1] == [TRADE.name]


@pytest.mark.parametrize("pace", [traffic.chance, traffic.bursts, traffic.heavy])
@pytest.mark.parametrize("rate", [20.0, 1.0, 0.2])
def test_a_mute_active_stream_is_suspected_within_three_times_its_usual_maximum(
    pace: traffic.Paces, rate: float
) -> None:
    simulation = alone(partial(pace, rate), 1500.0 if rate > 0.5 else 4500.0)
    [activity] = simulation.monitor.find([TRADE.name])
    usual = activity.intervals.usual_maximum()
    assert usual is not None
    simulation.suspected.clear()
    while activity.last_at != simulation.now:  # from an event on
        simulation.step()
    simulation.muted.add(0)
    began = simulation.now
    bound = max(MIN_STREAM_TIMEOUT_S, 3 * usual)
    while not any(name == TRADE.name for _, name in simulation.suspected):
        simulation.step()
        assert simulation.now - began <= 1.1 * bound + 2 * POLL_INTERVAL_S

    assert simulation.now - began >= MIN_STREAM_TIMEOUT_S


# Streams that come and go


def monitored(count: int = 1) -> tuple[ActivityMonitor, StreamActivity]:
    """Return a monitor of periodic streams, and the first of them, which has just delivered."""
    names = [f"coin{number}usdt@markPrice@1s" for number in range(count)]
    monitor = ActivityMonitor()
    monitor.track([parse_any("usdm", name) for name in names], names, 0.0)
    monitor.poll([0] * count, 0.25)
    monitor.poll([1] * count, 0.5)
    return monitor, monitor.streams[0]


def test_a_stream_that_is_subscribed_again_keeps_what_is_learned_and_its_suspicion() -> None:
    monitor, stream = monitored(2)
    streams = [parse_any("usdm", activity.name) for activity in monitor.streams]
    other = monitor.streams[1]
    assert monitor.poll([1, 1], 11.0) == [stream, other]
    monitor.track(streams, [other.name], 11.0)  # unsubscribed for a moment
    monitor.track(streams, [stream.name for stream in streams], 11.5)

    assert monitor.streams == [stream, other]
    assert stream.state is ActivityState.SUSPECTED


def test_another_connection_is_given_the_whole_timeout() -> None:
    monitor, stream = monitored()
    monitor.restart(9.0, 9.0)
    monitor.poll([1], 9.25)

    assert monitor.poll([1], 18.0) == []
    assert monitor.poll([1], 19.5) == [stream]


def test_the_rate_of_a_short_connection_counts_for_the_next_one() -> None:
    monitor = ActivityMonitor()
    monitor.track([TRADE], [TRADE.name], 0.0)
    for poll in range(10):
        monitor.poll([10 * poll], 0.25 * poll)
    monitor.restart(2.5, 2.5)
    monitor.poll([90], 2.75)

    assert monitor.poll([90], 2.75 + MIN_STREAM_TIMEOUT_S) == monitor.streams


def test_what_is_not_wanted_any_more_is_forgotten() -> None:
    monitor, _ = monitored(2)
    left = monitor.streams[1].name
    monitor.track([parse_any("usdm", left)], [left], 1.0)

    assert monitor.find(["coin0usdt@markPrice@1s"]) == []
    assert [activity.name for activity in monitor.streams] == ["coin1usdt@markPrice@1s"]


def test_unverified_streams_are_no_traffic_to_be_expected() -> None:
    names = [("coinm", "btcusd_perp@trade"), ("coinm", "btcusd_perp@aggTrade")]
    streams = [parse_any(product, name) for product, name in names]  # type: ignore[arg-type]
    monitor = ActivityMonitor()
    monitor.track(streams, {name for _, name in names}, 0.0)
    for poll in range(1, 400):
        monitor.poll([poll * 30, poll * 10], poll * POLL_INTERVAL_S)
        monitor.poll_connection(poll * 40, poll * POLL_INTERVAL_S)

    assert monitor.share_of(monitor.streams) == pytest.approx(0.25)
    assert monitor.expected_rate == pytest.approx(40.0, rel=0.05)


# First data


def test_streams_that_never_delivered_are_silent_until_they_do_or_are_unsubscribed() -> None:
    names = ["btcusdt@markPrice@1s", "ethusdt@markPrice@1s", "btcusdt@forceOrder"]
    streams = [parse_any("usdm", name) for name in names]
    monitor = ActivityMonitor()
    monitor.track(streams, names, 0.0)
    monitor.poll([0, 0, 0], 0.25)
    assert monitor.silent == []
    assert monitor.poll([0, 0, 0], 10.5) == monitor.streams[:2]
    assert monitor.silent == names[:2]

    monitor.poll([1, 0, 0], 10.75)
    assert monitor.silent == names[1:2]
    monitor.track(streams, [names[0], names[2]], 11.0)
    assert monitor.silent == []


# Observed time


def test_time_in_which_nothing_could_be_noticed_does_not_count() -> None:
    clock = ObservationClock()
    assert clock.tick(100.0) == 0.0
    assert clock.tick(100.25) == 0.25
    assert clock.tick(160.0) == 0.75  # the process stood still: what came meanwhile is read now
    assert clock.tick(160.25, blocked=True) == 0.75
    assert clock.tick(160.5) == 1.0


def test_1024_streams_are_polled_for_under_one_percent_of_a_core() -> None:
    rng = random.Random(1)
    monitor = ActivityMonitor()
    streams = [stream for stream, _ in traffic.many(1024, rng)]
    monitor.track(streams, {stream.name for stream in streams}, 0.0)
    counts, polls = [0] * 1024, 40

    def poll_all() -> None:
        for poll in range(polls):
            counts[::2] = [count + 1 for count in counts[::2]]
            monitor.poll(counts, poll * POLL_INTERVAL_S)
            monitor.poll_connection(poll, poll * POLL_INTERVAL_S)

    # 10 lines are 0.6 ms a poll, a quarter of a percent (measured 2026-11-30).
    assert lines_run(poll_all) < 20 * polls * len(streams)
