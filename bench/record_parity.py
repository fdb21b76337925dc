"""Comparison of the floors' records with the connector's: topic, key, timestamp and value, byte for
byte, for the samples of a load. Runs before the measurement; uses neither sockets nor Kafka.
"""

import itertools
from collections.abc import Sequence

import orjson

from bench import floor_records
from bench.frames import Load, Stream
from connector.binance.stream_name import parse
from connector.continuity.gap_tracker import GapTracker
from connector.errors import BadMessage
from connector.feed.pipeline import Pipeline
from connector.feed.route import Codecs, Routes, route_to
from connector.telemetry.ledger import Ledger

Record = tuple[str, bytes, bytes, int]  # topic, value, key, timestamp in ms


class Collector:
    """A publisher that keeps the records in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Keep one record."""
        del received
        self.records.append((topic, value, key, timestamp))

    def room(self) -> int:
        """Return a number that no load reaches."""
        return 1 << 40

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> bool:
        """Raise AssertionError: no frame of a load is bad."""
        raise AssertionError(f"{source} at {received}: {error}: {raw!r}")


def compare(load: Load, received_us: int) -> int:
    """Compare the records of a load's samples and return their number.

    Raises:
        AssertionError: a record differs.
    """
    streams = list(load.streams)
    by_product = {
        product: [stream for stream in streams if stream.product == product]
        for product in {stream.product for stream in streams}
    }
    expected = _connector_records(load, by_product, received_us)
    written = _floor_records(load, by_product, received_us)
    for connector, other in itertools.zip_longest(expected, written):
        assert connector == other, f"connector {connector}\nfloor {other}"
    return len(written)


def _connector_records(
    load: Load, by_product: dict[str, list[Stream]], received_us: int
) -> list[Record]:
    routes = {product: connector_routes(streams) for product, streams in by_product.items()}
    collector = Collector()
    pipeline = Pipeline(collector, Ledger(), 1, GapTracker("binance", tracking=False))
    for stream, frame in load.samples:
        assert not pipeline.receive(routes[stream.product], [frame], received_us, feed=0), frame
    return collector.records


def _floor_records(
    load: Load, by_product: dict[str, list[Stream]], received_us: int
) -> list[Record]:
    routes = {product: floor_records.routes_of(streams) for product, streams in by_product.items()}
    records: list[Record] = []
    for stream, frame in load.samples:
        route = routes[stream.product][stream.name]
        data = orjson.loads(frame)["data"]
        events = data if isinstance(data, list) else [data]
        encoded = (floor_records.encode(route, event, received_us) for event in events)
        records += [(route.topic, *record) for record in encoded]
    return records


def connector_routes(streams: Sequence[Stream]) -> Routes:
    """Return the connector's routes of streams of one product."""
    codecs: Codecs = {}
    return {
        stream.name.encode(): route_to(
            stream.topic,
            floor_records.SCHEMA_ID,
            parse(stream.product, stream.name),  # type: ignore[arg-type]
            codecs,
        )
        for stream in streams
    }
