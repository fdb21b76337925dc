"""What a pipeline does with the events that compiled code gives it, right or wrong."""

from typing import Any

import pytest

from connector.codec.native.loader import TranscodedEvent
from connector.feed.route import Route, Routes
from tests.feed.test_pipeline import NOW_MS, NOW_US, frame, trade
from tests.support import avro_oracle
from tests.support.native import World
from tests.support.pipeline import route

NAME = b"btcusdt@trade"


class Compiled:
    """Stands for `bkc_native`: gives the events that a test has chosen, whatever comes."""

    def __init__(self) -> None:
        self.events: list[TranscodedEvent] | None = None

    def read(
        self, routes: dict[bytes, Any], frames: list[bytes], receipt: bytes
    ) -> list[tuple[Route, list[TranscodedEvent]] | None]:
        del receipt
        events = self.events
        return [None if events is None else (routes[NAME], events) for _ in frames]

    def transcode(self, route: Any, payload: bytes, receipt: bytes) -> list[TranscodedEvent] | None:
        del route, payload, receipt
        return self.events


@pytest.fixture
def compiled() -> Compiled:
    return Compiled()


@pytest.fixture
def world(compiled: Compiled) -> World:
    """A world whose series is open: its first trade has id 7."""
    routes: Routes = {NAME: route("spot", NAME.decode())}
    world = World(routes, compiled)
    world.receive([frame(trade(7))], NOW_US)
    return world


def event(world: World, number: int) -> TranscodedEvent:
    series = world.routes[NAME].series["BTCUSDT"]
    return (series, b"record", NOW_MS, number, number, None, True, None)


def test_an_event_is_published_as_it_is_given(world: World, compiled: Compiled) -> None:
    compiled.events = [event(world, 8)]

    world.receive([frame(trade(8))], NOW_US)

    assert world.recorder.records[1:] == [("binance.spot.trade", b"record", b"BTCUSDT", NOW_MS)]
    assert world.routes[NAME].series["BTCUSDT"].tracker.last == 8
    assert (world.ledger.frames.decoded, world.ledger.frames.left_to_python) == (2, 1)


def test_a_repeat_is_counted_and_not_published(world: World, compiled: Compiled) -> None:
    compiled.events = [event(world, 7)]

    world.receive([frame(trade(7))], NOW_US)

    assert len(world.recorder.records) == 1
    assert (world.ledger.records.repeated, world.ledger.records.in_flight) == (1, 1)


def test_an_event_behind_a_gap_is_encoded_anew_with_the_gaps_id(
    world: World, compiled: Compiled
) -> None:
    compiled.events = [event(world, 9)]

    world.receive([frame(trade(9))], NOW_US)

    [_, (_, value, _, _)] = world.recorder.records
    record = avro_oracle.read_avro(world.routes[NAME].codec.schema, value)
    assert record["trade_id"] == 9
    assert record["gap_id"] is not None


def test_an_event_that_only_compiled_code_takes_is_a_dead_letter_where_python_is_asked(
    world: World, compiled: Compiled
) -> None:
    compiled.events = [event(world, 9)]

    world.receive([frame({"e": "trade"})], NOW_US)

    assert [reason for _, _, reason in world.recorder.dead] == ["bug"]
    assert (world.ledger.frames.decoded, world.ledger.frames.undecodable) == (1, 1)
    assert world.ledger.frames.missing(0) == 0
    assert world.ledger.records.in_flight == len(world.recorder.records)


def test_without_room_for_all_events_nothing_is_published(world: World, compiled: Compiled) -> None:
    world.recorder.most = 2
    compiled.events = [event(world, 8), event(world, 9)]

    world.receive([frame([trade(8), trade(9)])], NOW_US)

    assert (len(world.recorder.records), world.pipeline.waiting) == (1, 1)


def test_queued_frames_are_offered_again_when_there_is_room(
    world: World, compiled: Compiled
) -> None:
    world.recorder.most = 1
    world.receive([frame(trade(8))], NOW_US)
    world.recorder.most = 10
    compiled.events = [event(world, 8)]

    world.pipeline.tick()

    assert [value for _, value, _, _ in world.recorder.records[1:]] == [b"record"]
    assert (world.pipeline.waiting, world.ledger.frames.left_to_python) == (0, 1)


@pytest.mark.parametrize("topics", [{"binance.spot.trade"}, {"another"}])
def test_while_topics_are_missing_python_decides(
    world: World, compiled: Compiled, topics: set[str]
) -> None:
    compiled.events = [event(world, 8)]
    world.pipeline.withhold(topics)

    world.receive([frame(trade(8))], NOW_US)

    assert b"record" not in [value for _, value, _, _ in world.recorder.records]
    assert world.ledger.records.withheld == ("binance.spot.trade" in topics)
