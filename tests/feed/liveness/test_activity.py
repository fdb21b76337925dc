"""Learned silences and doubts, in simulated time."""

import math
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import pytest

from connector.binance.stream_name import Stream, parse_any
from connector.feed.liveness.activity import (
    MAX_CONNECTION_PATIENCE_S,
    MIN_CONNECTION_PATIENCE_S,
    MIN_STREAM_PATIENCE_S,
    POLL_INTERVAL_S,
    ActivityMonitor,
    ActivityState,
    ListeningClock,
    StreamActivity,
    activity_of,
    first_data_deadline,
)
from connector.feed.liveness.interarrival import ENOUGH, GENERATION, InterarrivalHistogram
from connector.feed.liveness.staleness import CONFIRM_S, Action, StalenessCheck
from tests.support import traffic

TRADE = parse_any("spot", "btcusdt@trade")


class Simulation:
    """Streams of one connection, looked at in simulated time, and a second one where in doubt.

    Attributes:
        doubted: Every doubt: when, and of which stream.
        wholes: When the connection as a whole was doubted.
        steps: What came of the doubts.
    """

    def __init__(self, streams: Sequence[tuple[Stream, traffic.Pace]], seed: int, until: float):
        self.listener = ActivityMonitor()
        self.rng = random.Random(seed)
        self.streams = [stream for stream, _ in streams]
        self.places = {stream.name: place for place, stream in enumerate(self.streams)}
        self.listener.subscribed(self.streams, self.places, 0.0)
        self.counts = [0] * len(streams)
        self.muted: set[int] = set()
        self.doubts: dict[int, StalenessCheck] = {}
        self.doubted: list[tuple[float, str]] = []
        self.wholes: list[float] = []
        self.steps: dict[Action, int] = defaultdict(int)
        self.events: dict[int, list[int]] = defaultdict(list)
        self.look = 0
        for place, (_, pace) in enumerate(streams):
            for moment in traffic.times(pace, self.rng, until):
                self.events[math.ceil(moment / POLL_INTERVAL_S)].append(place)

    @property
    def now(self) -> float:
        return self.look * POLL_INTERVAL_S

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / POLL_INTERVAL_S)):
            self.step()

    def step(self) -> None:
        self.look += 1
        for place in self.events.pop(self.look, ()):
            if place not in self.muted:
                self.counts[place] += 1
        for voice in self.listener.check(self.counts, self.now):
            place = self.places[voice.name]
            self.doubted.append((self.now, voice.name))
            doubt = self.doubts[place] = StalenessCheck(voice.patience)
            doubt.begin(self.now, self.counts[place], self.ahead(place))
        for place in list(self.doubts):
            self.judge(place)
        if self.listener.check_connection(sum(self.counts), self.now):
            self.wholes.append(self.now)
            self.listener.whole.unconfirmed(self.now)

    def ahead(self, place: int) -> int:
        """Return what a second connection has brought: it is one look ahead of the first."""
        return self.counts[place] + self.events.get(self.look + 1, []).count(place)

    def judge(self, place: int) -> None:
        step = self.doubts[place].judge(self.now, self.counts[place], self.ahead(place))
        if step is Action.WAIT:
            return
        self.steps[step] += 1
        [voice] = self.listener.named([self.streams[place].name])
        if step is Action.HEALTHY:
            voice.healthy(self.now)
            del self.doubts[place]
        elif step is Action.QUIET:
            voice.unconfirmed(self.now)
            del self.doubts[place]


def alone(pace: traffic.Pace, seconds: float, seed: int = 1) -> Simulation:
    """Return a stream that has spoken for a while, among livelier ones."""
    siblings = [
        (parse_any("spot", f"coin{number}usdt@trade"), partial(traffic.chance, 5.0))
        for number in range(10)
    ]
    simulation = Simulation([(TRADE, pace), *siblings], seed, seconds * 2 + 60.0)
    simulation.run(seconds)
    return simulation


# The bars of silence


def test_an_hour_of_healthy_bursty_traffic_on_1024_streams_replaces_and_marks_nothing() -> None:
    simulation = Simulation(traffic.many(1024, random.Random(3)), 4, 3600.0)
    simulation.run(3600.0)

    assert simulation.wholes == []
    assert simulation.steps.keys() <= {Action.HEALTHY, Action.QUIET}
    last = [moment for moment, _ in simulation.doubted if moment > 1800.0]
    assert len(simulation.doubted) < 300  # doubts, that cost a connection at most,
    assert len(last) < 80  # and fewer of them when more is learned


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
    assert simulation.wholes == []
    while simulation.listener.whole.at != simulation.now:  # from an event on
        simulation.step()
    simulation.muted.update(range(streams))
    last = simulation.now
    simulation.run(5.0)

    assert len(simulation.wholes) > 0
    assert (
        MIN_CONNECTION_PATIENCE_S
        <= simulation.wholes[0] - last
        <= MAX_CONNECTION_PATIENCE_S + POLL_INTERVAL_S
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
    simulation.run(MAX_CONNECTION_PATIENCE_S + 2 * POLL_INTERVAL_S)

    assert len(simulation.wholes) > 0


def test_a_lively_stream_that_falls_mute_soon_after_its_start_is_noticed_within_ten_seconds() -> (
    None
):
    simulation = alone(partial(traffic.chance, 30.0), 3.0)
    simulation.muted.add(0)
    simulation.run(10.0 + MIN_STREAM_PATIENCE_S)

    assert [name for _, name in simulation.doubted][:1] == [TRADE.name]


@pytest.mark.parametrize("pace", [traffic.chance, traffic.bursts, traffic.heavy])
@pytest.mark.parametrize("rate", [20.0, 1.0, 0.2])
def test_a_mute_active_stream_is_doubted_within_three_times_its_longest_usual_silence(
    pace: traffic.Paces, rate: float
) -> None:
    simulation = alone(partial(pace, rate), 3000.0 if rate > 0.5 else 9000.0)
    voice = simulation.listener.named([TRADE.name])[0]
    usual = voice.intervals.usual_maximum()
    assert usual is not None
    simulation.doubted.clear()
    while voice.at != simulation.now:  # from an event on
        simulation.step()
    simulation.muted.add(0)
    began = simulation.now
    bar = max(MIN_STREAM_PATIENCE_S, 3 * usual)
    while not any(name == TRADE.name for _, name in simulation.doubted):
        simulation.step()
        assert simulation.now - began <= 1.1 * bar + 2 * POLL_INTERVAL_S

    assert simulation.now - began >= MIN_STREAM_PATIENCE_S


# Habits


@pytest.mark.parametrize("seed", range(5))
def test_the_longest_usual_silence_is_exceeded_by_about_one_in_a_thousand(seed: int) -> None:
    rng, habit = random.Random(seed), InterarrivalHistogram()
    silences = [rng.expovariate(0.1) for _ in range(4000)]
    for silence in silences:
        habit.note(silence)
    usual = habit.usual_maximum()

    assert usual is not None
    assert sorted(silences)[-12] <= usual <= sorted(silences)[-2]


def test_little_is_known_before_a_hundred_silences_and_less_is_trusted_before_a_thousand() -> None:
    habit = InterarrivalHistogram()
    for _ in range(ENOUGH - 1):
        habit.note(10.0)
    assert habit.usual_maximum() is None
    habit.note(10.0)

    usual = habit.usual_maximum()
    assert usual is not None
    assert usual == pytest.approx(15.0, rel=0.2)  # 10 s, times ln 1000 / ln 100


def test_a_silence_that_was_doubted_is_usual_from_then_on() -> None:
    habit = InterarrivalHistogram()
    for _ in range(5000):
        habit.note(0.25)
    habit.note_surprise(40.0)

    assert habit.usual_maximum() == pytest.approx(40.0, rel=0.2)


def test_what_was_long_ago_is_forgotten() -> None:
    habit = InterarrivalHistogram()
    for _ in range(50):
        habit.note(100.0)
    for _ in range(2 * GENERATION):
        habit.note(1.0)

    assert habit.usual_maximum() == pytest.approx(1.0, rel=0.2)
    assert habit.number <= 2 * GENERATION


def test_a_silence_longer_than_the_histogram_is_kept_as_its_longest() -> None:
    habit = InterarrivalHistogram()
    for _ in range(2000):
        habit.note(1e9)

    assert habit.usual_maximum() == pytest.approx(39_000, rel=0.2)


# Voices, by the cadence class of the catalogue


@pytest.mark.parametrize(
    ("product", "name", "seconds"),
    [
        ("usdm", "btcusdt@markPrice@1s", 10.0),  # periodic, three periods are shorter
        ("usdm", "btcusdt@markPrice", 10.0),
        ("options", "btcusdt@openInterest@261225", 180.0),
        ("usdm", "btcusdt@forceOrder", math.inf),  # sparse
        ("coinm", "btcusd_perp@trade", math.inf),  # unverified
        ("spot", "btcusdt@trade", math.inf),  # active: nothing is known yet
    ],
)
def test_a_stream_is_doubted_after_what_its_row_says(
    product: str, name: str, seconds: float
) -> None:
    voice = activity_of(parse_any(product, name))  # type: ignore[arg-type]
    voice.learn(0.0)
    voice.restart(0.0)

    assert voice.due == seconds


def listening(count: int = 1) -> tuple[ActivityMonitor, StreamActivity]:
    """Return a listener of periodic streams, and the first of them, which has just spoken."""
    names = [f"coin{number}usdt@markPrice@1s" for number in range(count)]
    listener = ActivityMonitor()
    listener.subscribed([parse_any("usdm", name) for name in names], names, 0.0)
    listener.check([0] * count, 0.25)
    listener.check([1] * count, 0.5)
    return listener, listener.streams[0]


def test_a_doubt_is_raised_once() -> None:
    listener, voice = listening()

    assert listener.check([1], 10.25) == []
    assert listener.check([1], 10.5) == [voice]
    assert listener.check([1], 99.0) == []


def test_a_stream_nobody_hears_is_doubted_twice_then_quiet_until_it_speaks() -> None:
    listener, voice = listening()
    assert listener.check([1], 11.0) == [voice]
    assert voice.unconfirmed(21.0) is False
    assert listener.check([1], 30.0) == []
    assert listener.check([1], 31.0) == [voice]
    assert voice.unconfirmed(41.0) is True
    assert all(listener.check([1], float(now)) == [] for now in range(42, 4000))

    assert listener.check([2], 4000.0) == []
    assert voice.state is ActivityState.HEARD
    assert listener.check([2], 4010.0) == [voice]


def test_what_an_other_connection_brings_is_no_habit_of_a_stale_stream() -> None:
    listener, voice = listening()
    before = voice.intervals.number
    listener.check([1], 11.0)
    listener.check([2], 11.5)
    listener.check([3], 12.5)
    voice.cleared(13.0)

    assert (voice.intervals.number, voice.surprised) == (before, False)


def test_a_wrong_deadline_of_a_periodic_stream_gives_way_to_its_habit() -> None:
    listener, voice = listening()
    now, count = 0.5, 1
    for _ in range(1200):
        now, count = now + 30.0, count + 1
        for doubted in listener.check([count - 1], now - 0.25):
            doubted.healthy(now)
        listener.check([count], now)
    voice.learn(now)

    assert voice.patience == pytest.approx(90.0, rel=0.25)


def test_a_stream_that_is_subscribed_again_keeps_its_habit_and_its_doubt() -> None:
    listener, voice = listening(2)
    streams = [parse_any("usdm", one.name) for one in listener.streams]
    other = listener.streams[1]
    assert listener.check([1, 1], 11.0) == [voice, other]
    listener.subscribed(streams, [other.name], 11.0)  # left for a moment
    listener.subscribed(streams, [one.name for one in streams], 11.5)

    assert listener.streams == [voice, other]
    assert voice.state is ActivityState.DOUBTED


def test_another_connection_is_given_the_whole_patience() -> None:
    listener, voice = listening()
    listener.restart(9.0, 9.0)
    listener.check([1], 9.25)

    assert listener.check([1], 18.0) == []
    assert listener.check([1], 19.5) == [voice]


def test_what_is_wanted_no_more_is_forgotten() -> None:
    listener, _ = listening(2)
    listener.subscribed(
        [parse_any("usdm", listener.streams[1].name)], [listener.streams[1].name], 1.0
    )

    assert listener.named(["coin0usdt@markPrice@1s"]) == []
    assert [one.name for one in listener.streams] == ["coin1usdt@markPrice@1s"]


def test_unverified_streams_are_no_traffic_to_be_expected() -> None:
    names = [("coinm", "btcusd_perp@trade"), ("coinm", "btcusd_perp@aggTrade")]
    streams = [parse_any(product, name) for product, name in names]  # type: ignore[arg-type]
    listener = ActivityMonitor()
    listener.subscribed(streams, {name for _, name in names}, 0.0)
    for look in range(1, 400):
        listener.check([look * 30, look * 10], look * POLL_INTERVAL_S)
        listener.check_connection(look * 40, look * POLL_INTERVAL_S)

    assert listener.share(listener.streams) == pytest.approx(0.25)
    assert listener.expected_rate == pytest.approx(40.0, rel=0.05)


# Time in which something could be heard


def test_time_in_which_nothing_could_be_heard_does_not_count() -> None:
    clock = ListeningClock()
    assert clock.tick(100.0) == 0.0
    assert clock.tick(100.25) == 0.25
    assert clock.tick(160.0) == 0.75  # the process stood still: what came meanwhile is read now
    assert clock.tick(160.25, deaf=True) == 0.75
    assert clock.tick(160.5) == 1.0


def test_1024_streams_are_listened_to_for_under_one_percent_of_a_core() -> None:
    rng = random.Random(1)
    listener = ActivityMonitor()
    streams = [stream for stream, _ in traffic.many(1024, rng)]
    listener.subscribed(streams, {one.name for one in streams}, 0.0)
    counts, looks = [0] * 1024, 400
    spent = 0.0
    for look in range(looks):
        for place in range(0, 1024, 2):
            counts[place] += 1
        began = time.process_time()
        listener.check(counts, look * POLL_INTERVAL_S)
        listener.check_connection(look, look * POLL_INTERVAL_S)
        spent += time.process_time() - began

    assert spent / (looks * POLL_INTERVAL_S) < 0.01


# Doubts


def judged(doubt: StalenessCheck, *looks: tuple[float, int, int]) -> list[Action]:
    return [doubt.judge(*look) for look in looks]


def test_nothing_follows_before_both_are_listened_to() -> None:
    assert judged(StalenessCheck(5.0), (1.0, 5, 9), (100.0, 5, 99)) == [Action.WAIT, Action.WAIT]


def test_a_stream_its_own_connection_brings_is_healthy() -> None:
    doubt = StalenessCheck(5.0)
    doubt.begin(10.0, 0, 0)

    assert judged(doubt, (10.1, 0, 1), (10.5, 1, 1)) == [Action.WAIT, Action.HEALTHY]


def test_a_stream_neither_brings_is_quiet_when_its_patience_is_over() -> None:
    doubt = StalenessCheck(5.0)
    doubt.begin(10.0, 3, 3)

    assert judged(doubt, (14.9, 3, 3), (15.0, 3, 3)) == [Action.WAIT, Action.QUIET]


def test_a_stream_the_other_brings_at_the_last_moment_is_not_called_quiet() -> None:
    doubt = StalenessCheck(5.0)
    doubt.begin(10.0, 0, 0)

    steps = judged(doubt, (14.9, 0, 1), (15.5, 0, 1), (15.9, 0, 1))
    assert steps == [Action.WAIT, Action.WAIT, Action.MOVE]


def test_a_stream_only_the_other_brings_is_stale_and_moved() -> None:
    doubt = StalenessCheck(5.0)
    doubt.begin(10.0, 0, 0)
    steps = judged(doubt, (11.0, 0, 1), (11.0 + CONFIRM_S - 0.1, 0, 5), (11.0 + CONFIRM_S, 0, 5))
    assert steps == [Action.WAIT, Action.WAIT, Action.MOVE]

    doubt.begin(12.5, 0, 5)
    assert judged(doubt, (12.6, 0, 6), (12.7, 1, 6)) == [Action.WAIT, Action.HEALED]


def test_a_stale_stream_never_counts_as_quiet_however_long_nobody_speaks() -> None:
    doubt = StalenessCheck(5.0, resubscribes=1)
    doubt.begin(10.0, 0, 5)

    assert judged(doubt, (1000.0, 0, 5)) == [Action.WAIT]


def test_two_moves_in_vain_give_the_connection_up_once() -> None:
    doubt = StalenessCheck(5.0)
    steps, now = [], 10.0
    for turn in range(4):
        doubt.begin(now, 0, turn)
        steps += judged(doubt, (now, 0, turn + 1), (now + CONFIRM_S, 0, turn + 1))
        now += 5.0

    assert [step for step in steps if step is not Action.WAIT] == [
        Action.MOVE,
        Action.MOVE,
        Action.REPLACE,
    ]


def test_a_periodic_stream_has_three_periods_and_at_least_ten_seconds() -> None:
    assert (first_data_deadline(1.0), first_data_deadline(60.0)) == (10.0, 180.0)
