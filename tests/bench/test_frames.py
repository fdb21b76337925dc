"""Loads of the benchmark: the connector must find no gap in them, or the figures are of gaps."""

import pytest

from bench.frames import Load, render
from bench.record_parity import Collector, connector_routes
from connector.continuity.gap_tracker import GapTracker
from connector.feed.pipeline import Pipeline
from connector.telemetry.ledger import Ledger

MINUTE_END_MS = 1_790_000_040_000  # candles of a load that begins 1 s earlier are closed here
FRAMES = 18_000  # 3 s of a3, 1.5 s of a1


def messages(load: Load) -> list[tuple[str, bytes]]:
    """Return product and message of every write; each is one unmasked frame."""
    length_bytes = {126: 2, 127: 8}
    return [
        (path.split("/")[1], data[2 + length_bytes.get(data[1], 0) :])
        for path, data, frames in load.writes
        if frames == 1
    ]


@pytest.mark.parametrize("name", ["a1", "a3"])
def test_no_stream_of_a_load_has_a_gap(name: str) -> None:
    load = render(name, MINUTE_END_MS - 1_000, FRAMES)
    gap_tracker = GapTracker("binance")
    gap_tracker.begin({"marker": 1, "progress": 2}, {})
    pipeline = Pipeline(Collector(), Ledger(), 1 << 20, gap_tracker)
    routes = {
        product: connector_routes([s for s in load.streams if s.product == product])
        for product in {stream.product for stream in load.streams}
    }
    sent = messages(load)
    assert len(sent) == FRAMES
    for product, message in sent:
        assert not pipeline.receive(routes[product], [message], MINUTE_END_MS * 1000, feed=0)
    assert not gap_tracker.gaps
