"""One connection takes over from another, in any order of events: nothing is lost in silence.

A model exchange makes events 1, 2, 3 ... of one series. Connections open, are acknowledged, begin
to bring data and end in any order; what is on its way when a connection ends is lost. At the end
each event was published once, or lies under a marker.
"""

import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.binance.products import Product
from connector.binance.stream_name import parse
from connector.codec.schema import load
from connector.continuity.arbiter import LISTEN_S
from connector.continuity.gap_tracker import GapTracker
from connector.feed.pipeline import Pipeline
from connector.feed.route import Route, route_to
from connector.telemetry.ledger import Ledger
from tests.support import avro_oracle
from tests.support.pipeline import Recorder, pass_time
from tests.support.thorough import examples

pytestmark = pytest.mark.usefixtures("both_codecs")

BASE_MS = 1_789_967_000_000
STEP_MS = 10  # between two events, in the exchange's time
NOW_US = (BASE_MS + 100_000) * 1000


def at(number: int) -> int:
    return BASE_MS + STEP_MS * number


def trade(number: int) -> dict[str, Any]:
    return {"e": "trade", "E": at(number), "s": "BTCUSDT", "t": number, "p": "1", "q": "1",
            "T": at(number), "m": True, "M": True}  # fmt: skip


def best(number: int) -> dict[str, Any]:
    return {"e": "bookTicker", "u": number, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1",
            "T": at(number), "E": at(number)}  # fmt: skip


def mark(number: int) -> dict[str, Any]:
    return {"e": "markPriceUpdate", "E": at(number), "s": "BTCUSDT", "p": "1", "i": "1", "P": "1",
            "r": "0.1", "T": at(9_999)}  # fmt: skip


def depth(number: int) -> dict[str, Any]:
    return {"e": "depthUpdate", "E": at(number), "T": at(number), "s": "BTCUSDT", "U": number,
            "u": number, "pu": number - 1, "b": [], "a": []}  # fmt: skip


@dataclass
class Connection:
    """A connection of the model, and what is on its way to us."""

    feed: int
    acknowledged_at: float | None = None
    flows: bool = False
    on_its_way: deque[int] = field(default_factory=deque)


class Model:
    """The exchange, its connections and the pipeline that reads them."""

    def __init__(self, product: Product, name: str, make: Callable[[int], dict[str, Any]]) -> None:
        self.name, self.make = name, make
        self.clock, self.made, self.feeds = 100.0, 0, 0
        self.recorder, self.gap_tracker = Recorder(), GapTracker("binance")
        self.gap_tracker.begin({"marker": 8, "progress": 9}, {})
        self.pipeline = Pipeline(
            self.recorder, Ledger(), 1 << 30, self.gap_tracker, lambda: self.clock
        )
        self.routes: dict[bytes, Route] = {}
        self.route = self._route(product, name)
        self.neighbour = self._route(product, "ethusdt@aggTrade")
        self.open: list[Connection] = []
        self.connect()
        self.acknowledge(0)
        self.begin(0)
        self.happen()
        self.read(0)

    def _route(self, product: Product, name: str) -> Route:
        stream = parse(product, name)
        route = route_to(f"binance.{product}.{stream.row.kind}", 7, stream, {})
        self.routes[name.encode()] = route
        return route

    # What may happen, to the connection at a place

    def connect(self, _place: int = 0) -> None:
        if len(self.open) < 3:
            self.feeds += 1
            self.open.append(Connection(self.feeds))
            self.pipeline.feed_opened(self.routes.values(), self.feeds)

    def acknowledge(self, place: int) -> None:
        if (connection := self._at(place)) and connection.acknowledged_at is None:
            connection.acknowledged_at = self.clock
            self.pipeline.feed_confirmed(self.routes.values(), connection.feed)

    def begin(self, place: int) -> None:
        if connection := self._at(place):
            connection.flows = True

    def happen(self, _place: int = 0) -> None:
        self.made += 1
        for connection in self.open:
            if connection.flows:
                connection.on_its_way.append(self.made)

    def read(self, place: int) -> None:
        if connection := self._at(place):
            frames = [self._frame(number) for number in connection.on_its_way]
            connection.on_its_way.clear()
            self.pipeline.receive(self.routes, frames, NOW_US, connection.feed)

    def hear_a_neighbour(self, place: int) -> None:
        """Another stream of the connection is quick: it proves nothing for this one."""
        if connection := self._at(place):
            row = {"e": "aggTrade", "E": at(1), "s": "ETHUSDT", "a": 1, "p": "1", "q": "1",
                   "f": 1, "l": 1, "T": at(1), "m": True, "M": True}  # fmt: skip
            frame = json.dumps({"stream": "ethusdt@aggTrade", "data": row}, separators=(",", ":"))
            self.pipeline.receive(self.routes, [frame.encode()], NOW_US, connection.feed)

    def end(self, place: int) -> None:
        if connection := self._at(place):
            self.open.remove(connection)
            self.pipeline.feed_closed(self.routes.values(), connection.feed, "connection_lost")

    def retire(self, place: int) -> None:
        """End a connection as a hand-over does: only when another one has taken over."""
        connection = self._at(place)
        if connection is None or len(self.open) == 1:
            return
        if self.pipeline.may_close([self.route], connection.feed):
            self.end(place)

    def pause(self, _place: int = 0) -> None:
        """Begin a commit: nothing is published until it ends."""
        self.recorder.most = 0

    def resume(self, _place: int = 0) -> None:
        self.recorder.most = 1_000_000
        self.pipeline.tick()

    def wait(self, place: int) -> None:
        """Let time pass. Data of an acknowledged subscription is late by under LISTEN_S.

        So is what is on its way: a connection that is half open for so long loses more than what a
        quiet series can show (decision 14).
        """
        seconds = (0.1, 0.6, 1.5, LISTEN_S)[place % 4]
        if seconds >= LISTEN_S:
            for each in range(len(self.open)):
                self.read(each)
        for connection in self.open:
            since = connection.acknowledged_at
            if since is not None and self.clock + seconds >= since + LISTEN_S:
                connection.flows = True
        pass_time(self, seconds)

    def _at(self, place: int) -> Connection | None:
        return self.open[place % len(self.open)] if self.open else None

    def _frame(self, number: int) -> bytes:
        frame = {"stream": self.name, "data": self.make(number)}
        return json.dumps(frame, separators=(",", ":")).encode()

    # What came of it

    def settle(self) -> None:
        """Let the open connections bring an event, and a last one three: every gap has an end."""
        self.resume()
        for place in range(len(self.open)):
            self.begin(place)
        self.happen()
        for place in range(len(self.open)):
            self.read(place)
        while self.open:
            self.end(0)
        self.connect()
        self.acknowledge(0)
        self.begin(0)
        for _ in range(3):
            self.happen()
        self.read(0)

    @property
    def published(self) -> Counter[int]:
        times = [timestamp for topic, *_, timestamp in self.recorder.records
                 if topic == self.route.topic]  # fmt: skip
        return Counter((time - BASE_MS) // STEP_MS for time in times)

    def gaps(self) -> list[tuple[int, int]]:
        """Return the edges of each gap, in numbers of events."""
        closed = [marker for marker in self.markers() if marker["state"] == "unfillable"]
        return [self._edges(marker) for marker in closed]

    def markers(self) -> list[dict[str, Any]]:
        """Return the markers of the stream."""
        written = self.gap_tracker.outbox.drain_markers(NOW_US)
        values = [value or b"" for _, value, *_ in written]
        markers = [avro_oracle.read_avro(load("marker"), value) for value in values]
        return [marker for marker in markers if marker["stream_name"] == self.name]

    def _edges(self, marker: dict[str, Any]) -> tuple[int, int]:
        if marker["before_id"] is not None:
            return marker["before_id"], marker["after_id"]
        before, after = (
            round(marker[name].timestamp() * 1000) for name in ("before_time", "after_time")
        )
        return (before - BASE_MS) // STEP_MS, (after - BASE_MS) // STEP_MS


TAKE_OVER = ("begin", "happen", "read", "hear_a_neighbour", "end", "retire", "wait", "pause",
             "resume")  # fmt: skip
ACTIONS = (*TAKE_OVER, "connect", "acknowledge")


def _steps(actions: tuple[str, ...], most: int) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(actions), st.integers(0, 3)), max_size=most)


# A second connection that is acknowledged, and all that may happen to both; or anything.
OPENED = st.just([("connect", 0), ("acknowledge", 1)])
steps = st.one_of(st.builds(list.__add__, OPENED, _steps(TAKE_OVER, 8)), _steps(ACTIONS, 40))
SERIES: dict[str, tuple[Product, str, Callable[[int], dict[str, Any]]]] = {
    "contiguous": ("spot", "btcusdt@trade", trade),
    "chained": ("usdm", "btcusdt@depth@100ms", depth),
    "increasing": ("usdm", "btcusdt@bookTicker", best),
    "identity": ("usdm", "btcusdt@markPrice@1s", mark),
}


@pytest.mark.parametrize("rule", SERIES)
@settings(max_examples=examples(400))
@given(steps=steps)
def test_every_event_is_published_once_or_lies_under_a_marker(
    rule: str, steps: list[tuple[str, int]]
) -> None:
    model = Model(*SERIES[rule])
    for action, place in steps:
        getattr(model, action)(place)
    model.settle()

    published, gaps = model.published, model.gaps()
    assert [number for number, count in published.items() if count > 1] == []
    missing = [number for number in range(1, model.made + 1) if number not in published]
    assert [n for n in missing if not any(before < n < after for before, after in gaps)] == []


RETIRE_OLD = st.just(("retire", 0))
HEALTHY = st.tuples(st.sampled_from(("happen", "read", "pause", "resume")), st.integers(0, 1))


@pytest.mark.parametrize("rule", SERIES)
@settings(max_examples=examples(200))
@given(
    before=st.lists(HEALTHY, max_size=4),
    unbegun=st.lists(HEALTHY | RETIRE_OLD, max_size=4),
    after=st.lists(HEALTHY | RETIRE_OLD, max_size=12),
)
def test_a_hand_over_between_healthy_connections_leaves_no_marker(
    rule: str, before: list[tuple[str, int]], unbegun: list[tuple[str, int]],
    after: list[tuple[str, int]],
) -> None:  # fmt: skip
    model = Model(*SERIES[rule])
    for action, place in before:
        getattr(model, action)(place)
    model.connect()
    model.acknowledge(1)
    for action, place in unbegun:
        getattr(model, action)(place)
    model.begin(1)
    for action, place in after:
        getattr(model, action)(place)
    model.happen()  # on every connection that is left
    model.resume()
    for place in range(len(model.open)):
        model.read(place)
    model.retire(0)

    assert [connection.feed for connection in model.open] == [2]
    model.happen()
    model.read(0)
    assert model.published == Counter(range(1, model.made + 1))
    assert [marker["state"] for marker in model.markers()] == ["started"]


@pytest.mark.parametrize("rule", SERIES)
def test_a_hand_over_to_a_connection_that_brings_everything_leaves_no_gap(rule: str) -> None:
    model = Model(*SERIES[rule])
    model.connect()
    model.acknowledge(1)
    model.begin(1)
    for _ in range(3):
        model.happen()
        model.read(0)
        model.read(1)
    model.retire(0)
    assert [connection.feed for connection in model.open] == [2]
    model.happen()
    model.read(0)

    assert model.published == Counter(range(1, 6))
    assert model.gaps() == []


@pytest.mark.parametrize("rule", SERIES)
def test_data_that_comes_behind_the_acknowledgement_of_a_take_over_is_marked(rule: str) -> None:
    model = Model(*SERIES[rule])
    model.connect()
    model.acknowledge(1)
    model.hear_a_neighbour(1)
    model.wait(2)
    model.happen()  # the old connection alone brings it
    model.read(0)
    model.end(0)
    model.happen()  # nobody does
    model.wait(2)
    model.begin(0)
    model.happen()
    model.read(0)

    assert model.published == Counter({1: 1, 2: 1, 4: 1})
    assert model.gaps() == [(2, 4)]
