"""Feeds that begin, end or are suspected of being stale, and the gaps that these may leave."""

import json
from typing import Any

import pytest

from connector.binance.stream_name import parse_any
from connector.codec.schema import load
from connector.continuity.arbiter import LISTEN_S
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.marker import GapReason
from connector.feed.pipeline import Pipeline
from connector.feed.route import route_to
from connector.telemetry.ledger import Ledger
from tests.support import avro_oracle
from tests.support.pipeline import Recorder, pass_time

pytestmark = pytest.mark.usefixtures("both_codecs")

NOW_US = 1_789_967_129_123_456
NOW_MS = NOW_US // 1000
FIRST, SECOND, THIRD = 1, 2, 3


class Line:
    """A stream that two connections may deliver."""

    def __init__(self, name: str) -> None:
        self.name, self.now, self.clock = name, NOW_US, 7.0
        self.recorder, self.ledger = Recorder(), Ledger()
        self.gap_tracker = GapTracker("binance")
        self.gap_tracker.begin({"marker": 8, "progress": 9, "checkpoint": 10}, {})
        self.pipeline = Pipeline(
            self.recorder, self.ledger, 1 << 30, self.gap_tracker, lambda: self.clock
        )
        stream = parse_any("spot", name)
        self.route = route_to(f"binance.spot.{stream.row.kind}", 7, stream, {})
        self.pipeline.feed_opened([self.route], FIRST)

    def deliver(self, feed: int, *ids: int) -> None:
        self.now += 1000
        frames = [json.dumps({"stream": self.name, "data": data(self.name, n)}) for n in ids]
        compact = [frame.replace(" ", "").encode() for frame in frames]
        self.pipeline.receive({self.name.encode(): self.route}, compact, self.now, feed)

    def suspect(self) -> None:
        """Suspect the present feeds and open a second one, as the liveness monitor does."""
        self.pipeline.suspect([self.route])
        self.pipeline.feed_opened([self.route], SECOND)

    def wait(self) -> None:
        """Let the time pass that an event is held for another feed."""
        pass_time(self, 1.0)

    def marked(self) -> list[dict[str, Any]]:
        written = self.gap_tracker.outbox.drain_markers(self.now)
        values = [value or b"" for _, value, *_ in written]
        markers = [avro_oracle.read_avro(load("marker"), value) for value in values]
        return [marker for marker in markers if marker["state"] != "started"]

    def markers(self) -> list[tuple[str, str]]:
        return [(marker["state"], marker["reason"]) for marker in self.marked()]

    def records(self) -> list[dict[str, Any]]:
        schema = load(self.route.stream.row.kind)
        return [avro_oracle.read_avro(schema, value) for _, value, *_ in self.recorder.records]


def data(name: str, number: int) -> dict[str, Any]:
    if name.endswith("@bookTicker"):
        return {"u": number, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}
    return {"e": "trade", "E": number, "s": "BTCUSDT", "t": number, "p": "1", "q": "1",
            "T": 1_789_967_000_000 + number, "m": True, "M": True}  # fmt: skip


TRADE, BOOK = "btcusdt@trade", "btcusdt@bookTicker"


def test_where_ids_reveal_no_gaps_the_first_event_of_the_other_feed_opens_one() -> None:
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


def test_the_edges_of_such_a_gap_are_the_ids_published_around_it() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.deliver(SECOND, 8, 9)
    line.wait()

    edges = [(marker["before_id"], marker["after_id"]) for marker in line.marked()]
    assert edges == [(2, None), (2, 8)]


def test_an_event_after_the_suspicion_moves_the_left_edge() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.pipeline.suspect([line.route])
    line.deliver(FIRST, 3)
    line.suspect()
    line.deliver(SECOND, 8)
    line.wait()

    edges = [(marker["before_id"], marker["after_id"]) for marker in line.marked()]
    assert edges == [(3, None), (3, 8)]


def test_where_ids_reveal_gaps_a_gap_is_stale_and_no_gap_is_marked_without_one() -> None:
    for second, expected in ((3, []), (8, [("unfillable", "stale")])):
        line = Line(TRADE)
        line.deliver(FIRST, 1, 2)
        line.suspect()
        line.deliver(SECOND, second)
        line.wait()

        assert line.markers() == expected
        assert len(line.records()) == 3


@pytest.mark.parametrize("name", [TRADE, BOOK])
def test_a_suspect_that_delivers_first_has_missed_nothing(name: str) -> None:
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
def test_a_cleared_suspect_may_end_without_a_gap(name: str) -> None:
    line = Line(name)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.pipeline.clear_suspicion([line.route])
    line.pipeline.feed_rejected([line.route], FIRST)
    line.deliver(SECOND, 3)

    assert line.markers() == []


def test_unexplained_are_suspects_whose_ids_reveal_no_gaps_and_that_no_feed_has_delivered() -> None:
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
def test_another_suspect_of_two_that_delivers_has_missed_nothing(name: str) -> None:
    line = Line(name)
    line.deliver(FIRST, 1, 2)
    line.pipeline.feed_opened([line.route], THIRD)  # connections: 2
    line.deliver(THIRD, 2, 3)
    line.deliver(FIRST, 3)
    line.suspect()
    line.pipeline.suspect([line.route])  # the other one's supervisor, a moment later
    assert line.pipeline.arbitration.unexplained([line.route], FIRST) == []
    line.deliver(THIRD, 4)
    line.deliver(SECOND, 4)
    line.wait()

    assert line.markers() == []
    assert [record["gap_id"] for record in line.records()] == [None] * 4


def test_what_both_feeds_have_delivered_is_counted_from_the_second_ones_beginning() -> None:
    line = Line(TRADE)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.deliver(FIRST, 3)
    line.deliver(SECOND, 3, 4)
    delivered = line.pipeline.arbitration.delivered

    assert (delivered(line.route, FIRST), delivered(line.route, SECOND)) == (1, 2)
    assert delivered(line.route, 99) == 0


@pytest.mark.parametrize(("name", "marked"), [(TRADE, []), (BOOK, ["opened"])])
def test_a_stale_feed_leaves_a_gap_where_ids_reveal_none(name: str, marked: list[str]) -> None:
    line = Line(name)
    line.deliver(FIRST, 1, 2)
    line.suspect()
    line.pipeline.feed_stale([line.route], FIRST)

    assert line.markers() == [(state, "stale") for state in marked]


# The end of a feed


@pytest.mark.parametrize(
    ("reason", "moving_away", "marked"),
    [
        ("connection_lost", False, [("opened", "connection_lost")]),
        ("plan_changed", True, [("opened", "plan_changed")]),
        ("plan_changed", False, [("stopped", "plan_changed")]),
        ("restart", True, [("stopped", "restart")]),
    ],
)
def test_the_end_of_the_only_feed_ends_coverage_or_opens_a_gap(
    reason: GapReason, moving_away: bool, marked: list[tuple[str, str]]
) -> None:
    line = Line(TRADE)
    line.deliver(FIRST, 1, 2)
    line.route.moving_away = moving_away

    line.pipeline.feed_closed([line.route], FIRST, reason)

    assert line.route.feeds == []
    assert line.markers() == marked


@pytest.mark.parametrize(
    ("reason", "listened_s", "marked"),
    [
        ("connection_lost", LISTEN_S - 0.1, ["opened"]),
        ("connection_lost", LISTEN_S, []),
        ("connection_lost", None, ["opened"]),
        ("restart", 0.0, []),
    ],
)
def test_the_end_of_one_of_two_feeds_leaves_a_gap_unless_both_were_listened_to(
    reason: GapReason, listened_s: float | None, marked: list[str]
) -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.clock += 1.0
    line.pipeline.feed_opened([line.route], SECOND)
    if listened_s is not None:
        line.pipeline.feed_confirmed([line.route], SECOND)
        line.pipeline.arbitration.feed_heard(SECOND)
        line.clock += listened_s

    line.pipeline.feed_closed([line.route], FIRST, reason)

    assert line.markers() == [(state, reason) for state in marked]


def test_an_acknowledgement_ends_no_gap_but_the_first_record_does_by_its_own_time() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.pipeline.feed_closed([line.route], FIRST, "connection_lost")
    line.pipeline.feed_opened([line.route], SECOND)
    line.pipeline.feed_confirmed([line.route], SECOND)
    assert line.markers() == [("opened", "connection_lost")]
    line.now += 3_000_000
    line.deliver(SECOND, 9)

    [closed] = line.marked()
    assert (closed["state"], closed["after_id"]) == ("unfillable", 9)
    assert round(closed["after_time"].timestamp() * 1000) == line.now // 1000


def test_what_the_old_feed_alone_delivered_last_lies_before_the_gap_of_its_end() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.pipeline.feed_opened([line.route], SECOND)
    line.pipeline.feed_confirmed([line.route], SECOND)
    line.deliver(FIRST, 5)
    line.pipeline.feed_closed([line.route], FIRST, "server_shutdown")
    line.deliver(SECOND, 8, 9)

    edges = [(marker["before_id"], marker["after_id"]) for marker in line.marked()]
    assert edges == [(5, None), (5, 8)]
    assert [record["update_id"] for record in line.records()] == [1, 2, 5, 8, 9]


def test_what_the_new_feed_has_delivered_first_lies_behind_the_gap_of_the_old_ones_end() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.pipeline.feed_opened([line.route], SECOND)
    line.pipeline.feed_confirmed([line.route], SECOND)
    line.deliver(SECOND, 8)
    assert line.pipeline.arbitration.held == 1
    line.pipeline.feed_closed([line.route], FIRST, "server_shutdown")

    edges = [(marker["before_id"], marker["after_id"]) for marker in line.marked()]
    assert edges == [(2, None), (2, 8)]


def test_a_feed_that_never_delivered_does_not_stand_in_for_one_that_did() -> None:
    line = Line(BOOK)
    line.deliver(FIRST, 1, 2)
    line.pipeline.feed_closed([line.route], FIRST, "connection_lost")
    line.pipeline.feed_opened([line.route], SECOND)
    line.pipeline.feed_confirmed([line.route], SECOND)
    line.pipeline.feed_opened([line.route], THIRD)  # the probe of a silent stream
    line.deliver(THIRD, 9)
    line.wait()
    line.markers()
    line.clock += 3.0
    line.pipeline.feed_closed([line.route], THIRD, "stale")

    assert line.markers() == [("opened", "stale")]


def test_the_end_of_a_feed_releases_what_was_held_for_it_behind_its_gap() -> None:
    line = Line(TRADE)
    line.deliver(FIRST, 1)
    line.pipeline.feed_opened([line.route], SECOND)
    line.deliver(SECOND, 4)
    assert line.pipeline.arbitration.held == 1

    line.pipeline.feed_closed([line.route], FIRST, "connection_lost")

    assert [record["trade_id"] for record in line.records()] == [1, 4]
    assert line.markers() == [("opened", "connection_lost"), ("unfillable", "connection_lost")]
