"""The compiled codec for tests, or why they do without it."""

from dataclasses import asdict
from typing import Any

import pytest

from connector.codec.native.loader import NativeReader, choose
from connector.feed.pipeline import Pipeline
from connector.feed.route import Routes
from connector.telemetry.ledger import Ledger
from tests.support.pipeline import FEED, Recorder

CODECS = ("python", "native")


def native_reader() -> NativeReader:
    """Return a reader of `bkc_native`; skip the test where it is not built."""
    choice = choose("auto")
    if choice.reader is None:
        pytest.skip(f"{choice.text}; `make native` builds it")
    return choice.reader


class World:
    """A pipeline with routes of its own, and all that it leaves behind."""

    def __init__(self, routes: Routes, native: NativeReader | None = None) -> None:
        self.routes = routes
        self.recorder, self.ledger = Recorder(1 << 60), Ledger()
        self.pipeline = Pipeline(self.recorder, self.ledger, 1 << 40, native=native)

    def receive(self, frames: list[bytes], received_us: int) -> None:
        for other in self.pipeline.receive(self.routes, frames, received_us, FEED):
            self.pipeline.dead_letters.frame(other, received_us)

    def outcome(self) -> dict[str, Any]:
        """Return records, dead letters, counts and the state of every series."""
        ledger = asdict(self.ledger)
        ledger["frames"].pop("left_to_python")
        series = {
            (name, symbol): (
                series.last_ms,
                series.dirty,
                repr(series.pending),
                tracker_state(series),
            )
            for name, route in self.routes.items()
            for symbol, series in route.series.items()
        }
        routes = {name: (route.messages, route.damaged) for name, route in self.routes.items()}
        unknown = {name: dict(route.codec.unknown) for name, route in self.routes.items()}
        return {
            "records": self.recorder.records,
            "dead": self.recorder.dead,
            "ledger": ledger,
            "series": series,
            "routes": routes,
            "unknown": unknown,
        }


def tracker_state(series: Any) -> dict[str, Any]:
    """Return every attribute of a series' tracker."""
    tracker = series.tracker
    slots = {name for cls in type(tracker).__mro__ for name in getattr(cls, "__slots__", ())}
    return {name: getattr(tracker, name) for name in slots}
