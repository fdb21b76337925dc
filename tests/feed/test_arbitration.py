"""Two feeds of the same streams: nothing twice, nothing missing, in order."""

import json
import random

import pytest

from connector.codec.schema import load
from connector.continuity.arbiter import LISTEN_S
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.rest_requests import FillPolicy
from connector.continuity.series_registry import NO_REST
from connector.feed.pipeline import Pipeline
from connector.telemetry.ledger import Ledger
from tests.support import avro_oracle
from tests.support.pipeline import Recorder, pass_time, route

pytestmark = pytest.mark.usefixtures("both_codecs")

NOW_US = 1_789_967_129_123_456
NAME = "btcusdt@trade"


def frame(number: int) -> bytes:
    data = {"e": "trade", "E": number, "s": "BTCUSDT", "t": number, "p": "1", "q": "1",
            "T": 1_789_967_000_000 + number, "m": True, "M": True}  # fmt: skip
    return json.dumps({"stream": NAME, "data": data}, separators=(",", ":")).encode()


class Pair:
    """A pipeline, and two connections that deliver its one stream."""

    def __init__(self, policy: FillPolicy = NO_REST) -> None:
        self.recorder, self.ledger = Recorder(), Ledger()
        self.gap_tracker = GapTracker("binance", policy=policy)
        self.gap_tracker.begin({"marker": 8, "progress": 9, "checkpoint": 10}, {})
        self.routes = {NAME.encode(): route("spot", NAME)}
        self.now = NOW_US  # the wall's
        self.clock = 7.0
        self.pipeline = Pipeline(
            self.recorder, self.ledger, 1 << 30, self.gap_tracker, lambda: self.clock
        )

    def opened(self, feed: int) -> None:
        self.pipeline.feed_opened(self.routes.values(), feed)

    def closed(self, feed: int) -> None:
        """End a feed of which nothing is missing: another one covers it."""
        self.pipeline.feed_rejected(self.routes.values(), feed)

    def deliver(self, feed: int, *ids: int) -> None:
        self.now += 1000
        self.pipeline.receive(self.routes, list(map(frame, ids)), self.now, feed)

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


def test_feeds_that_leave_together_wait_for_the_feed_that_stays() -> None:
    pair = Pair()
    arbitration = pair.pipeline.arbitration
    for feed in (1, 2, 3):
        pair.opened(feed)
    for feed in (1, 2):
        pair.deliver(feed, 1, 2)
    routes = pair.routes.values()
    assert arbitration.may_close(routes, 1)  # 2 delivers the same ...
    assert not arbitration.may_close(routes, 2)  # ... and now nobody else does

    pair.deliver(3, 2, 3)

    assert arbitration.may_close(routes, 2)


def test_an_event_ahead_of_its_turn_waits_for_the_other_feed() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 4, 5)
    assert (pair.published(), pair.pipeline.arbitration.held) == ([1], 2)

    pair.deliver(1, 2, 3)

    assert (pair.published(), pair.pipeline.arbitration.held) == ([1, 2, 3, 4, 5], 0)


def test_what_no_feed_delivers_is_a_gap_when_the_wait_is_over() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 4)
    pass_time(pair, 2.0)

    assert pair.published() == [1, 4]
    assert pair.pipeline.gap_tracker.gaps == {"sequence": 1}


@pytest.mark.parametrize("step_s", [-60, 60])
def test_a_step_of_the_wall_clock_changes_nothing_in_how_long_an_event_waits(step_s: int) -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 4)
    pair.now += step_s * 1_000_000
    pair.deliver(2, 5)
    pass_time(pair, 0.4)
    assert (pair.published(), pair.pipeline.arbitration.held) == ([1], 2)

    pass_time(pair, 0.2)

    assert (pair.published(), pair.pipeline.arbitration.held) == ([1, 4, 5], 0)


def test_time_in_which_nothing_is_read_does_not_count_for_what_is_held() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 3)
    pass_time(pair, 0.4)
    pair.clock += 60.0  # a busy machine; what the old connection has sent is still unread
    pair.deliver(2, 4)
    pair.pipeline.tick()
    pair.deliver(1, 2, 3)

    assert (pair.published(), pair.pipeline.arbitration.held) == ([1, 2, 3, 4], 0)
    assert pair.pipeline.gap_tracker.gaps == {}


def test_a_commit_does_not_count_for_what_is_held() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.deliver(2, 3)
    pair.recorder.most = 0
    pass_time(pair, 3.0)
    pair.deliver(2, 4)
    pair.deliver(1, 2)
    pair.recorder.most = 1_000_000
    pair.pipeline.tick()

    assert (pair.published(), pair.pipeline.arbitration.held) == ([1, 2, 3, 4], 0)
    assert pair.pipeline.gap_tracker.gaps == {}


def test_what_came_after_a_stall_waits_no_longer_for_it() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 1)
    pair.opened(2)
    pair.pipeline.tick()
    pair.clock += 60.0
    pair.deliver(2, 3)
    pass_time(pair, 0.6)

    assert pair.published() == [1, 3]


def test_when_the_old_feed_ends_the_tracker_alone_goes_on() -> None:
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
def test_any_interleaving_of_two_feeds_is_published_once_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    pair = Pair()
    pair.opened(1)
    first, second = list(range(1, rng.randint(8, 40))), list(range(rng.randint(1, 8), 60))
    pair.deliver(1, first.pop(0))
    pair.opened(2)
    while first or second:
        feed, left = rng.choice([(1, first), (2, second)])
        if left:
            pair.deliver(feed, left.pop(0))
        elif feed == 1:
            pair.closed(1)
            break
    for number in second:
        pair.deliver(2, number)
    pass_time(pair, 2.0)

    assert pair.published() == list(range(1, 60))
    pair.assert_balanced()


def test_a_connection_that_subscribes_a_stream_twice_delivers_it_once() -> None:
    pair = Pair()
    for _ in range(2):  # the first request was refused
        pair.opened(1)
    [route_] = pair.routes.values()
    assert route_.feeds == [1]
    pair.closed(1)
    assert route_.feeds == []


def test_ids_that_began_anew_end_at_the_last_one_published_with_two_connections_too() -> None:
    pair = Pair()
    pair.opened(1)
    pair.deliver(1, 100, 101)
    pair.opened(2)
    pair.deliver(2, 101)
    pair.deliver(1, 1, 2, 3)
    pair.deliver(2, 1, 2)
    [route_] = pair.routes.values()
    [series] = route_.series.values()
    pair.pipeline.reset(series)

    assert (series.tracker.last, series.tracker.epoch) == (0, 1)
    written = pair.gap_tracker.outbox.drain_markers(pair.now)
    values = [value or b"" for _, value, *_ in written]
    markers = [avro_oracle.read_avro(load("marker"), value) for value in values]
    gaps = [marker for marker in markers if marker["state"] == "unfillable"]
    assert [gap["before_id"] for gap in gaps] == [101]


def test_a_repeat_that_is_decided_before_a_newer_event_is_not_taken_for_fifty() -> None:
    pair = Pair(FillPolicy(enabled=True))
    for feed in (1, 2, 3):
        pair.opened(feed)
    pair.deliver(1, 1, 2, 4, 5)
    pair.deliver(2, 2, 4)
    pair.deliver(3, 3)  # decides 4, 4 again and 5

    assert pair.published() == [1, 2, 3, 4, 5]
    assert list(pair.gap_tracker.requests) == []


def test_a_feed_that_ends_before_another_one_overlaps_leaves_its_series_at_risk() -> None:
    pair = Pair()
    [route_] = pair.routes.values()
    pair.opened(1)
    pair.pipeline.feed_confirmed([route_], 1)
    pair.deliver(1, 1)
    pair.opened(2)
    at_risk, series = pair.pipeline.arbitration.series_at_risk, route_.series["BTCUSDT"]
    pair.clock += 100.0
    assert at_risk(route_, 1, pair.clock) == [series]  # subscribed, and not acknowledged

    pair.pipeline.feed_confirmed([route_], 2)
    pair.clock += LISTEN_S
    assert at_risk(route_, 1, pair.clock) == [
        series
    ]  # acknowledged, and its connection has delivered nothing
    pair.clock += LISTEN_S
    assert at_risk(route_, 1, pair.clock) == []  # listened to for long enough, and nothing happened
    pair.deliver(1, 2)
    assert at_risk(route_, 1, pair.clock) == [series]  # this it has not delivered

    pair.deliver(2, 2)
    assert at_risk(route_, 1, pair.clock) == []
    pair.pipeline.feed_distrusted([route_], 2)
    assert at_risk(route_, 1, pair.clock) == [series]


def test_a_feed_that_is_alone_leaves_nothing_to_another_one() -> None:
    pair = Pair()
    [route_] = pair.routes.values()
    pair.opened(1)
    pair.deliver(1, 1)

    assert pair.pipeline.arbitration.series_at_risk(route_, 1, pair.clock) == []
