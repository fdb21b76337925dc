"""What cannot become a record: its dead letter, the accounts, and the gap it leaves."""

from typing import Any

import pytest

from connector.continuity.gap_tracker import GapTracker
from connector.errors import BadMessage
from connector.feed.dead_letters import DeadLetterHandler
from connector.feed.route import Route
from connector.telemetry.ledger import Ledger
from tests.support.pipeline import Recorder, route

NOW_US = 1_789_964_484_123_456


class Handler:
    """A handler of dead letters with a stream of one series, of which one event is published."""

    def __init__(self, name: str = "btcusdt@trade") -> None:
        self.recorder, self.ledger = Recorder(), Ledger()
        self.gap_tracker = GapTracker("binance")
        self.gap_tracker.begin({"marker": 1, "progress": 2, "checkpoint": 3}, {})
        self.handler = DeadLetterHandler(self.recorder, self.ledger, self.gap_tracker)
        self.route: Route = route("spot", name)
        self.series = self.route.open_series("BTCUSDT", self.gap_tracker)
        self.series.tracker.observe(7, 7)
        self.series.last_ms, self.series.needs_check = NOW_US // 1000, False

    def message(self, **changes: Any) -> Any:
        data = {"s": "BTCUSDT", "t": 8, "p": "1", "q": "1", "T": 5, "m": True, "M": True}
        fields = ",".join(f'"{key}":{_json(value)}' for key, value in {**data, **changes}.items())
        return self.route.codec.decode(f'{{"e":"trade","E":5,{fields}}}'.encode())


def _json(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


def test_an_event_that_is_no_record_is_published_raw_and_its_series_pending() -> None:
    line = Handler()

    line.handler.event(line.route, b"{}", BadMessage("field", "no price"), NOW_US)

    assert line.recorder.dead == [("btcusdt@trade", b"{}", "field")]
    assert (line.ledger.records.produced, line.ledger.records.dead_lettered) == (1, 1)
    assert line.ledger.dead_letters == {"field": 1}
    assert line.route.damaged
    assert line.series.pending is not None
    assert line.series.pending.reason == "dead_letter"
    assert line.series.tracker.last == 7


def test_an_unforeseen_error_is_a_bug_by_name() -> None:
    line = Handler()

    line.handler.event(line.route, b"{}", KeyError("x"), NOW_US)

    assert line.recorder.dead == [("btcusdt@trade", b"{}", "bug")]


def test_a_rejected_event_whose_id_follows_is_marked_at_once() -> None:
    line = Handler()

    error = line.handler.rejected(
        line.route.codec, line.series, line.message(), BadMessage("decimal", "too long")
    )
    line.handler.event(line.route, b"{}", error, NOW_US)

    assert error.marked
    assert line.series.tracker.last == 8
    assert line.series.pending is None
    assert line.gap_tracker.gaps == {"dead_letter": 1}
    assert not line.route.damaged


@pytest.mark.parametrize("number", [7, 10])
def test_a_rejected_event_in_any_other_place_is_left_to_the_next_event(number: int) -> None:
    line = Handler()

    error = line.handler.rejected(
        line.route.codec, line.series, line.message(t=number), BadMessage("decimal", "too long")
    )

    assert not error.marked
    assert line.series.tracker.last == 7


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"nonsense", "json"),
        (b'{"stream":"btcusdt@trade"}', "json"),
        (b'{"stream":"xrpusdt@trade","data":{}}', "unknown_stream"),
    ],
)
def test_a_frame_of_no_stream_says_why_and_counts_as_undecodable(frame: bytes, reason: str) -> None:
    line = Handler()

    line.handler.frame(frame, NOW_US)

    assert line.recorder.dead == [("", frame, reason)]
    assert line.ledger.frames.undecodable == 1
