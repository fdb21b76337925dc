"""A publisher that keeps what it gets, and a stream's route, for tests of the pipeline."""

from typing import Protocol

from connector.binance.stream_name import parse_any
from connector.errors import BadMessage
from connector.feed.arbitration import MAX_LOOK_INTERVAL_S
from connector.feed.pipeline import Pipeline
from connector.feed.route import Route, route_to

FEED = 1  # id of the connection whose frames a test delivers


class Recorder:
    """A publisher with room for `most` records."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.most = most
        self.records: list[tuple[str, bytes, bytes, int]] = []
        self.dead: list[tuple[str, bytes, str]] = []

    def room(self) -> int:
        return self.most - len(self.records)

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        del received
        assert self.room() > 0
        self.records.append((topic, value, key, timestamp))

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> bool:
        del received
        self.dead.append((source, raw, error.reason))
        return False


class Timed(Protocol):
    """A pipeline and the seconds of its clock."""

    clock: float
    pipeline: Pipeline


def pass_time(timed: Timed, seconds: float) -> None:
    """Let time pass as in a running worker, which looks at what is held every few milliseconds."""
    end = timed.clock + seconds
    while timed.clock < end:
        timed.clock = min(end, timed.clock + MAX_LOOK_INTERVAL_S)
        timed.pipeline.tick()


def route(product: str, name: str) -> Route:
    """Return a stream's route as the router makes it."""
    stream = parse_any(product, name)  # type: ignore[arg-type]
    return route_to(f"binance.{product}.{stream.row.kind}", 7, stream, {})
