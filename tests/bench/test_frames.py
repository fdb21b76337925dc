"""Loads of the benchmark: the connector must find no gap in them, or the figures are of gaps."""

import pytest

from bench.frames import RATES, Load, render
from bench.record_parity import Collector, Record, connector_routes
from connector.continuity.gap_tracker import GapTracker
from connector.feed.pipeline import Pipeline
from connector.feed.route import Routes
from connector.telemetry.ledger import Ledger

MINUTE_END_MS = 1_790_000_040_000  # candles of a load that begins 1 s earlier are closed here
FRAMES = 18_000  # 3 s of a3, 1.5 s of a1
START_S, SECONDS = 1, 3  # at the start every series has its first progress written
COMMIT_INTERVAL_S = 0.1


def messages(load: Load) -> list[tuple[str, bytes]]:
    """Return product and message of every write; each is one unmasked frame."""
    length_bytes = {126: 2, 127: 8}
    return [
        (path.split("/")[1], data[2 + length_bytes.get(data[1], 0) :])
        for path, data, frames in load.writes
        if frames == 1
    ]


def pipeline_of(load: Load) -> tuple[Pipeline, Collector, dict[str, Routes]]:
    """Return a pipeline, what it publishes, and the routes of each product."""
    gap_tracker, collector = GapTracker("binance"), Collector()
    gap_tracker.begin({"marker": 1, "progress": 2, "checkpoint": 3}, {})
    routes = {
        product: connector_routes([s for s in load.streams if s.product == product])
        for product in {stream.product for stream in load.streams}
    }
    return Pipeline(collector, Ledger(), 1 << 20, gap_tracker), collector, routes


@pytest.mark.parametrize("name", ["a1", "a3"])
def test_no_stream_of_a_load_has_a_gap(name: str) -> None:
    load = render(name, MINUTE_END_MS - 1_000, FRAMES)
    pipeline, _, routes = pipeline_of(load)
    sent = messages(load)
    assert len(sent) == FRAMES
    for product, message in sent:
        assert not pipeline.receive(routes[product], [message], MINUTE_END_MS * 1000, feed=0)
    assert not pipeline.gap_tracker.gaps


@pytest.mark.parametrize("name", ["a1", "a3"])
def test_the_connectors_own_records_are_at_most_a_twentieth_of_a_load(name: str) -> None:
    """Markers, progress and checkpoints, in records and in bytes, once the start is over."""
    load = render(name, MINUTE_END_MS - 1_000, int(RATES[name]) * SECONDS)
    pipeline, collector, routes = pipeline_of(load)
    own: list[Record] = []
    frames_per_commit = round(load.rate * COMMIT_INTERVAL_S)
    before = 0  # records of data published while it started
    for number, (product, message) in enumerate(messages(load), 1):
        now_us = MINUTE_END_MS * 1000 + round(number / load.rate * 1e6)
        pipeline.receive(routes[product], [message], now_us, feed=0)
        if number % frames_per_commit == 0:
            drained = pipeline.gap_tracker.outbox.drain(
                number // frames_per_commit, now_us, len(collector.records)
            )
            if now_us / 1e6 < MINUTE_END_MS / 1e3 + START_S:
                before = len(collector.records)
            else:
                own += [
                    (topic, value or b"", key or b"", at) for topic, value, key, at, _ in drained
                ]

    data = collector.records[before:]
    assert len(own) <= len(data) / 20
    assert size(own) <= size(data) / 20


def size(records: list[Record]) -> int:
    return sum(len(value) + len(key) for _, value, key, _ in records)
