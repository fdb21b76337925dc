"""What is said of a stream that another connection goes on with, in the order of its events."""

import json
from typing import Any

import pytest

from connector.binance.stream_name import recognise
from connector.codec.schema import load
from connector.continuity.gap_tracker import Continuity
from connector.feed.pipeline import Pipeline, route_to
from connector.telemetry.ledger import Ledger
from tests import oracle
from tests.support.pipeline import Recorder, Source

NOW_US = 1_789_967_129_123_456
FIRST, SECOND, THIRD = 1, 2, 3


class Line:
    """A stream that two connections may deliver."""

    def __init__(self, name: str) -> None:
        self.name, self.now, self.clock = name, NOW_US, 7.0
        self.recorder, self.ledger = Recorder(), Ledger()
        self.continuity = Continuity("binance")
        self.continuity.begin({"marker": 8, "progress": 9}, {})
        self.pipeline = Pipeline(
            self.recorder, self.ledger, 1 << 30, self.continuity, lambda: self.clock
        )
        stream = recognise("spot", name)
        self.route = route_to(f"binance.spot.{stream.row.kind}", 7, stream, {})
        self.pipeline.legs.opened([self.route], FIRST)

    def deliver(self, leg: int, *ids: int) -> None:
        self.now += 1000
        frames = [json.dumps({"stream": self.name, "data": data(self.name, n)}) for n in ids]
        compact = [frame.replace(" ", "").encode() for frame in frames]
        self.pipeline.receive({self.name.encode(): self.route}, compact, self.now, Source(leg))

    def suspect(self) -> None:
        self.pipeline.legs.suspect([self.route])
        self.pipeline.legs.opened([self.route], SECOND)

    def wait(self) -> None:
        """Let the time pass that an event waits for another connection."""
        self.clock += 1.0
        self.pipeline.expire()

    def marked(self) -> list[dict[str, Any]]:
        sealed = self.continuity.chronicle.seal(1, self.now)
        records = [one for one in sealed if one[0].endswith("markers")]
        read = [oracle.read_avro(load("marker"), value or b"") for _, value, *_ in records]
        return [one for one in read if one["state"] != "started"]

    def markers(self) -> list[tuple[str, str]]:
        return [(one["state"], one["reason"]) for one in self.marked()]

    def records(self) -> list[dict[str, Any]]:
        schema = load(self.route.stream.row.kind)
        return [oracle.read_avro(schema, value) for _, value, *_ in self.recorder.records]


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
    line.pipeline.legs.suspect([line.route])
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
    line.pipeline.legs.trust([line.route])
    line.pipeline.legs.closed([line.route], FIRST)
    line.deliver(SECOND, 3)

    assert line.markers() == []


def test_untold_are_the_suspects_whose_ids_tell_nothing_and_that_nobody_has_delivered() -> None:
    book, trade = Line(BOOK), Line(TRADE)
    for line in (book, trade):
        line.deliver(FIRST, 1, 2)
        line.suspect()
    assert trade.pipeline.legs.untold([trade.route], FIRST) == []
    [series] = book.pipeline.legs.untold([book.route], FIRST)
    assert series.symbol == "BTCUSDT"
    book.deliver(SECOND, 5)
    book.wait()

    assert book.pipeline.legs.untold([book.route], FIRST) == []


@pytest.mark.parametrize("name", [TRADE, BOOK])
def test_another_suspect_of_two_that_speaks_has_missed_nothing(name: str) -> None:
    line = Line(name)
    line.deliver(FIRST, 1, 2)
    line.pipeline.legs.opened([line.route], THIRD)  # connections: 2
    line.deliver(THIRD, 2, 3)
    line.deliver(FIRST, 3)
    line.suspect()
    line.pipeline.legs.suspect([line.route])  # the other one's supervisor, a moment later
    assert line.pipeline.legs.untold([line.route], FIRST) == []
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
    legs = line.pipeline.legs

    assert (legs.delivered(line.route, FIRST), legs.delivered(line.route, SECOND)) == (1, 2)
    assert legs.delivered(line.route, 99) == 0
