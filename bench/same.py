"""Proves before measuring that the floors write the connector's own records: topic, key, timestamp
and value byte for byte, for the first frames of a load. Touches neither sockets nor Kafka.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bench import floor
from bench.frames import Load
from connector.binance.stream_name import parse
from connector.continuity.gap_tracker import GapTracker
from connector.errors import BadMessage
from connector.feed.pipeline import Codecs, Pipeline, Routes, route_to
from connector.telemetry.ledger import Ledger

Written = tuple[str, bytes, bytes, int]


class Catcher:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.written: list[Written] = []

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Keep one record."""
        del received
        self.written.append((topic, value, key, timestamp))

    def room(self) -> int:
        """Take everything."""
        return 1 << 40

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        """Refuse: no frame of a load is bad."""
        raise AssertionError(f"{source} at {received}: {error}: {raw!r}")


@dataclass(frozen=True, slots=True)
class Silent:
    """A source without control frames."""

    leg: int = 0

    def control(self, frame: bytes) -> bool:
        """Say that it is none."""
        del frame
        return False


def compare(load: Load, received_us: int) -> int:
    """Compare what both make of the samples of a load; return how many records were the same.

    Raises:
        AssertionError: a record differs.
    """
    streams = list(load.streams)
    floors = {product: _of(streams, product) for product in {s.product for s in streams}}
    routes = {product: _routes(found) for product, found in floors.items()}
    simple = {product: floor.routes_of(found) for product, found in floors.items()}
    catcher = Catcher()
    pipeline = Pipeline(catcher, Ledger(), 1, GapTracker("binance", tracking=False))
    for stream, frame in load.samples:
        pipeline.receive(routes[stream.product], [frame], received_us, Silent())
    theirs: list[Written] = []
    for stream, frame in load.samples:
        route = simple[stream.product][stream.name]
        data = orjson.loads(frame)["data"]
        events = data if isinstance(data, list) else [data]
        theirs += [(route.topic, *floor.encode(route, event, received_us)) for event in events]
    for ours, other in itertools.zip_longest(catcher.written, theirs):
        assert ours == other, f"connector {ours}\nfloor {other}"
    return len(theirs)


def _of(streams: Sequence[Any], product: str) -> list[Any]:
    return [stream for stream in streams if stream.product == product]


def _routes(streams: Sequence[Any]) -> Routes:
    codecs: Codecs = {}
    return {
        one.name.encode(): route_to(
            one.topic, floor.SCHEMA_ID, parse(one.product, one.name), codecs
        )
        for one in streams
    }
