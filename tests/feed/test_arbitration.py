"""Two connections of the same streams: nothing twice, nothing missing, in order."""

import json
import random
from typing import Any

import pytest

from connector.feed.pipeline import Pipeline
from connector.telemetry.ledger import Ledger
from tests.support.pipeline import Recorder, Source, route

NOW_US = 1_789_967_129_123_456
NAME = "btcusdt@trade"


def frame(number: int) -> bytes:
    data = {"e": "trade", "E": number, "s": "BTCUSDT", "t": number, "p": "1", "q": "1",
            "T": 1_789_967_000_000 + number, "m": True, "M": True}  # fmt: skip
    return json.dumps({"stream": NAME, "data": data}, separators=(",", ":")).encode()


class Pair:
    """A pipeline, and two connections that deliver its one stream."""

    def __init__(self) -> None:
        self.recorder, self.ledger = Recorder(), Ledger()
        self.routes = {NAME.encode(): route("spot", NAME)}
        self.now = NOW_US  # the wall's
        self.clock = 7.0
        self.pipeline = Pipeline(self.recorder, self.ledger, 1 << 30, clock=lambda: self.clock)

    def opened(self, leg: int) -> None:
        self.pipeline.legs.opened(self.routes.values(), leg)

    def closed(self, leg: int) -> None:
        self.pipeline.legs.closed(self.routes.values(), leg)

    def deliver(self, leg: int, *ids: int) -> None:
        self.now += 1000
        self.pipeline.receive(self.routes, list(map(frame, ids)), self.now, Source(leg))

    def published(self) -> list[int]:
        return [timestamp - 1_789_967_000_000 for *_, timestamp in self.recorder.records]

    def assert_balanced(self) -> None:
        records = self.ledger.records
        assert records.produced == len(self.recorder.records) + records.repeated
        assert self.ledger.frames.missing(0) == 0


def test_a_hand_over_loses_and_repeats_nothing() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1, 2, 3)
    pair.opened(2)
    pair.deliver(2, 3, 4)
    pair.deliver(1, 4, 5)
    assert pair.pipeline.legs.may_close(pair.routes.values(), 1)
    pair.closed(1)
    pair.deliver(2, 5, 6)

    assert pair.published() == [1, 2, 3, 4, 5, 6]
    assert pair.ledger.records.repeated == 3
    pair.assert_balanced()


def test_an_event_ahead_of_its_turn_waits_for_the_other_leg() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 4, 5)
    assert (pair.published(), pair.pipeline.legs.waiting) == ([1], 2)

    pair.deliver(1, 2, 3)

    assert (pair.published(), pair.pipeline.legs.waiting) == ([1, 2, 3, 4, 5], 0)


def test_what_no_leg_delivers_is_a_gap_when_the_wait_is_over() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 4)
    pair.clock += 2.0
    pair.pipeline.expire()

    assert pair.published() == [1, 4]
    assert pair.pipeline.continuity.gaps == {"sequence": 1}


@pytest.mark.parametrize("step_s", [-60, 60])
def test_a_step_of_the_wall_clock_changes_nothing_in_how_long_an_event_waits(step_s: int) -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 4)
    pair.now += step_s * 1_000_000
    pair.deliver(2, 5)
    pair.clock += 0.4
    pair.pipeline.expire()
    assert (pair.published(), pair.pipeline.legs.waiting) == ([1], 2)

    pair.clock += 0.2
    pair.pipeline.expire()

    assert (pair.published(), pair.pipeline.legs.waiting) == ([1, 4, 5], 0)


def test_when_the_old_leg_ends_the_tracker_alone_goes_on() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.closed(1)
    pair.deliver(2, 2)
    [series] = pair.routes[NAME.encode()].series.values()

    assert series.merge is None
    assert pair.published() == [1, 2]


@pytest.mark.parametrize("seed", range(30))
def test_any_interleaving_of_two_legs_is_published_once_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    pair = Pair()
    pair.opened(1)
    first, second = list(range(1, rng.randint(8, 40))), list(range(rng.randint(1, 8), 60))
    pair.deliver(1, first.pop(0))
    pair.opened(2)
    while first or second:
        leg: tuple[int, list[Any]] = rng.choice([(1, first), (2, second)])
        if leg[1]:
            pair.deliver(leg[0], leg[1].pop(0))
        elif leg[0] == 1:
            pair.closed(1)
            break
    for number in second:
        pair.deliver(2, number)
    pair.clock += 2.0
    pair.pipeline.expire()

    assert pair.published() == list(range(1, 60))
    pair.assert_balanced()


def test_a_connection_that_asks_for_a_stream_twice_delivers_it_once() -> None:
    pair = Pair()
    for _ in range(2):  # the first request was refused
        pair.opened(1)
    [way] = pair.routes.values()
    assert way.legs == [1]
    pair.closed(1)
    assert way.legs == []


def test_ids_that_began_anew_end_at_the_last_one_published_with_two_connections_too() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 100, 101)
    pair.opened(2)
    pair.deliver(2, 101)
    pair.deliver(1, 1, 2, 3)
    pair.deliver(2, 1, 2)
    [way] = pair.routes.values()
    [series] = way.series.values()
    pair.pipeline.reset(series)

    assert series.tracker.state() == (0, 1)
    told = [gap for state, _, _, gap, *_ in pair.pipeline.continuity.chronicle._waiting
            if state == "unfillable"]  # fmt: skip
    assert [gap.before_id for gap in told] == [101]


def test_a_leg_that_ends_before_another_one_is_sure_leaves_its_series_in_doubt() -> None:
    pair = Pair()
    [way] = pair.routes.values()
    pair.opened(1)
    pair.pipeline.legs.heard([way], 1, 100.0)
    pair.deliver(1, 1)
    pair.opened(2)
    unrelieved, series = pair.pipeline.legs.unrelieved, way.series["BTCUSDT"]
    assert unrelieved(way, 1, 101.0) == [series]  # asked for, and not acknowledged

    pair.pipeline.legs.heard([way], 2, 101.0)
    assert unrelieved(way, 1, 101.5) == [series]
    assert unrelieved(way, 1, 102.5) == []  # subscribed for long enough

    pair.deliver(2, 1)
    assert unrelieved(way, 1, 101.5) == []  # it follows on


def test_a_leg_that_is_alone_leaves_nothing_to_another_one() -> None:
    pair = Pair()
    [way] = pair.routes.values()
    pair.opened(1)
    pair.deliver(1, 1)

    assert pair.pipeline.legs.unrelieved(way, 1, 1.0) == []
