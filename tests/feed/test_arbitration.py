"""Two connections of the same streams: nothing twice, nothing missing, in order."""

import json
import random
from typing import Any

import pytest

from connector.binance.stream_name import parse_any
from connector.codec.schema import load
from connector.continuity.gap_tracker import GapTracker
from connector.feed.pipeline import Pipeline, route_to
from connector.telemetry.ledger import Ledger
from tests.support import avro_oracle
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
        self.pipeline.arbitration.feed_opened(self.routes.values(), leg)

    def closed(self, leg: int) -> None:
        self.pipeline.arbitration.feed_closed(self.routes.values(), leg)

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
    assert pair.pipeline.arbitration.may_close(pair.routes.values(), 1)
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
    assert (pair.published(), pair.pipeline.arbitration.waiting) == ([1], 2)

    pair.deliver(1, 2, 3)

    assert (pair.published(), pair.pipeline.arbitration.waiting) == ([1, 2, 3, 4, 5], 0)


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
    assert (pair.published(), pair.pipeline.arbitration.waiting) == ([1], 2)

    pair.clock += 0.2
    pair.pipeline.expire()

    assert (pair.published(), pair.pipeline.arbitration.waiting) == ([1, 4, 5], 0)


def test_when_the_old_leg_ends_the_tracker_alone_goes_on() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.closed(1)
    pair.deliver(2, 2)
    [series] = pair.routes[NAME.encode()].series.values()

    assert series.arbiter is None
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
    assert way.feeds == [1]
    pair.closed(1)
    assert way.feeds == []


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
    told = [gap for state, _, _, gap, *_ in pair.pipeline.continuity.outbox._waiting
            if state == "unfillable"]  # fmt: skip
    assert [gap.before_id for gap in told] == [101]


def test_a_leg_that_ends_before_another_one_is_sure_leaves_its_series_in_doubt() -> None:
    pair = Pair()
    [way] = pair.routes.values()
    pair.opened(1)
    pair.pipeline.arbitration.feed_confirmed([way], 1, 100.0)
    pair.deliver(1, 1)
    pair.opened(2)
    unrelieved, series = pair.pipeline.arbitration.series_at_risk, way.series["BTCUSDT"]
    assert unrelieved(way, 1, 101.0) == [series]  # asked for, and not acknowledged

    pair.pipeline.arbitration.feed_confirmed([way], 2, 101.0)
    assert unrelieved(way, 1, 101.5) == [series]
    assert unrelieved(way, 1, 102.5) == []  # subscribed for long enough

    pair.deliver(2, 1)
    assert unrelieved(way, 1, 101.5) == []  # it follows on


def test_a_leg_that_is_alone_leaves_nothing_to_another_one() -> None:
    pair = Pair()
    [way] = pair.routes.values()
    pair.opened(1)
    pair.deliver(1, 1)

    assert pair.pipeline.arbitration.series_at_risk(way, 1, 1.0) == []


NOW_US = 1_789_967_129_123_456
FIRST, SECOND, THIRD = 1, 2, 3


class Line:
    """A stream that two connections may deliver."""

    def __init__(self, name: str) -> None:
        self.name, self.now, self.clock = name, NOW_US, 7.0
        self.recorder, self.ledger = Recorder(), Ledger()
        self.continuity = GapTracker("binance")
        self.continuity.begin({"marker": 8, "progress": 9}, {})
        self.pipeline = Pipeline(
            self.recorder, self.ledger, 1 << 30, self.continuity, lambda: self.clock
        )
        stream = parse_any("spot", name)
        self.route = route_to(f"binance.spot.{stream.row.kind}", 7, stream, {})
        self.pipeline.arbitration.feed_opened([self.route], FIRST)

    def deliver(self, leg: int, *ids: int) -> None:
        self.now += 1000
        frames = [json.dumps({"stream": self.name, "data": data(self.name, n)}) for n in ids]
        compact = [frame.replace(" ", "").encode() for frame in frames]
        self.pipeline.receive({self.name.encode(): self.route}, compact, self.now, Source(leg))

    def suspect(self) -> None:
        self.pipeline.arbitration.suspect([self.route])
        self.pipeline.arbitration.feed_opened([self.route], SECOND)

    def wait(self) -> None:
        """Let the time pass that an event waits for another connection."""
        self.clock += 1.0
        self.pipeline.expire()

    def marked(self) -> list[dict[str, Any]]:
        sealed = self.continuity.outbox.drain(1, self.now)
        records = [one for one in sealed if one[0].endswith("markers")]
        read = [avro_oracle.read_avro(load("marker"), value or b"") for _, value, *_ in records]
        return [one for one in read if one["state"] != "started"]

    def markers(self) -> list[tuple[str, str]]:
        return [(one["state"], one["reason"]) for one in self.marked()]

    def records(self) -> list[dict[str, Any]]:
        schema = load(self.route.stream.row.kind)
        return [avro_oracle.read_avro(schema, value) for _, value, *_ in self.recorder.records]


def data(name: str, number: int) -> dict[str, Any]:
    if name.endswith("@bookTicker"):
        return {"u": number, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}
    return {"e": "trade", "E": number, "s": "BTCUSDT", "t": number, "p": "1", "q": "1",
            "T": 1_789_967_000_000 + number, "m": True, "M": True}  # fmt: skip


TRADE, BOOK = "btcusdt@trade", "btcusdt@bookTicker"


def test_where_ids_tell_nothing_the_first_event_of_the_other_connection_tells_of_a_hole() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.deliver(SECOND, 8)
    assert line.markers() == []
    line.wait()
    line.deliver(SECOND, 9)

    assert line.markers() == [("opened", "stale"), ("unfillable", "stale")]
    gaps = [record["gap_id"] is not None for record in line.records()]
    assert gaps == [False, False, True, False]


def test_the_edges_of_a_hole_are_the_ids_published_around_it() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.deliver(SECOND, 8, 9)
    line.wait()

    edges = [(one["before_id"], one["after_id"]) for one in line.marked()]
    assert edges == [(2, None), (2, 8)]


def test_ids_that_came_after_the_suspicion_are_before_the_hole_no_more() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.pipeline.arbitration.suspect([line.route])
    line.deliver(FIRST, 3)
    line.suspect()
    line.deliver(SECOND, 8)
    line.wait()

    edges = [(one["before_id"], one["after_id"]) for one in line.marked()]
    assert edges == [(3, None), (3, 8)]


def test_where_ids_tell_a_hole_is_stale_and_none_is_nothing() -> None:
    for second, said in ((3, []), (8, [("unfillable", "stale")])):
        line = Line(TRADE)
        line.deliver(FIRST, 1, 2)
        line.suspect()
        line.deliver(SECOND, second)
        line.wait()

        assert line.markers() == said
        assert len(line.records()) == 3


@pytest.mark.parametrize("name", [TRADE, BOOK])
def test_a_suspect_that_speaks_first_has_missed_nothing(name: str) -> None:
    line = Line(name)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.deliver(SECOND, 4)
    line.deliver(FIRST, 3, 4, 5)
    line.deliver(SECOND, 5, 6)
    line.wait()

    assert line.markers() == []
    assert [record["gap_id"] for record in line.records()][-1] is None


@pytest.mark.parametrize("name", [TRADE, BOOK])
def test_a_suspect_that_is_trusted_again_is_no_suspect(name: str) -> None:
    line = Line(name)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.pipeline.arbitration.clear_suspicion([line.route])
    line.pipeline.arbitration.feed_closed([line.route], FIRST)
    line.deliver(SECOND, 3)

    assert line.markers() == []


def test_untold_are_the_suspects_whose_ids_tell_nothing_and_that_nobody_has_delivered() -> None:
    book, trade = Line(BOOK), Line(TRADE)
    for line in (book, trade):
        line.deliver(FIRST, 1, 2)
        line.suspect()
    assert trade.pipeline.arbitration.unexplained([trade.route], FIRST) == []
    [series] = book.pipeline.arbitration.unexplained([book.route], FIRST)
    assert series.symbol == "BTCUSDT"
    book.deliver(SECOND, 5)
    book.wait()

    assert book.pipeline.arbitration.unexplained([book.route], FIRST) == []


@pytest.mark.parametrize("name", [TRADE, BOOK])
def test_another_suspect_of_two_that_speaks_has_missed_nothing(name: str) -> None:
    line = Line(name)
    line.deliver(FIRST, 1, 2)
    line.pipeline.arbitration.feed_opened([line.route], THIRD)  # connections: 2
    line.deliver(THIRD, 2, 3)
    line.deliver(FIRST, 3)
    line.suspect()
    line.pipeline.arbitration.suspect([line.route])  # the other one's supervisor, a moment later
    assert line.pipeline.arbitration.unexplained([line.route], FIRST) == []
    line.deliver(THIRD, 4)
    line.deliver(SECOND, 4)
    line.wait()

    assert line.markers() == []
    assert [record["gap_id"] for record in line.records()] == [None] * 4


def test_what_both_have_delivered_is_counted_from_the_second_ones_beginning() -> None:
    line = Line(TRADE)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.deliver(FIRST, 3)
    line.deliver(SECOND, 3, 4)
    legs = line.pipeline.arbitration

    assert (legs.delivered(line.route, FIRST), legs.delivered(line.route, SECOND)) == (1, 2)
    assert legs.delivered(line.route, 99) == 0
