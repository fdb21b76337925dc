"""A pipeline with its gap tracker, fed frame by frame, and the markers and progress it writes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from connector.binance.stream_name import parse_any
from connector.codec.schema import load, own_topics
from connector.continuity.gap import Gap
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.progress_schedule import MAX_INTERVAL_MS
from connector.continuity.rest_requests import FillGap, FillPolicy
from connector.continuity.series import Series
from connector.feed.pipeline import Pipeline
from connector.feed.route import Codecs, Route, route_to
from connector.telemetry.ledger import Ledger
from tests.golden.test_golden import plain
from tests.support import avro_oracle
from tests.support.pipeline import FEED, Recorder

NOW_MS = 1_789_967_129_123
IDS = {"marker": 8, "progress": 9, "checkpoint": 10}
NOTHING = FillPolicy(enabled=False)
EVERYTHING = FillPolicy(enabled=True, has_key=True)
KIND_OF = own_topics("binance")


class Line:
    """A pipeline of some spot and USD-M streams, and what it publishes.

    Args:
        names: Streams; those of USD-M as `usdm:<name>`.
        stored: Progress of the previous writer.
        unfinished: Its opening markers of unfinished gaps.
        policy: What REST may be asked for.
        hold: Bytes the frame queue may hold.
    """

    def __init__(
        self,
        *names: str,
        stored: Mapping[str, Any] | None = None,
        unfinished: Iterable[Mapping[str, Any]] = (),
        policy: FillPolicy = NOTHING,
        hold: int = 1 << 30,
    ) -> None:
        self.recorder, self.ledger = Recorder(), Ledger()
        self.tombstones: list[str] = []  # keys of progress
        self.checkpoints: list[dict[str, Any]] = []
        self.gap_tracker = GapTracker(
            "binance", shard=1, instance="market", run="r1", policy=policy
        )
        self.gap_tracker.begin(IDS, stored or {}, unfinished)
        self.pipeline = Pipeline(self.recorder, self.ledger, hold, self.gap_tracker)
        codecs: Codecs = {}
        self.routes = {name.encode(): self._route(name, codecs) for name in names}
        self.number = 0

    @staticmethod
    def _route(name: str, codecs: Codecs) -> Route:
        product = "usdm" if name.startswith("usdm:") else "spot"
        stream = parse_any(product, name.removeprefix("usdm:"))  # type: ignore[arg-type]
        return route_to(f"binance.{product}.{stream.row.kind}", 7, stream, codecs)

    def send(self, name: str, *payloads: dict[str, Any]) -> None:
        frames = (
            json.dumps({"stream": name, "data": data}, separators=(",", ":")) for data in payloads
        )
        self.receive(*(frame.encode() for frame in frames))

    def receive(self, *frames: bytes) -> None:
        self.pipeline.receive(self.routes, frames, NOW_MS * 1000, FEED)

    def trades(self, *ids: int) -> None:
        self.send("btcusdt@trade", *(trade(number) for number in ids))

    def series(self, name: str = "btcusdt@trade") -> list[Series]:
        return list(self.routes[name.encode()].series.values())

    def requested(self) -> list[Gap]:
        """Return the gaps that REST is asked to fill."""
        requests = self.gap_tracker.requests
        return [request.gap for request in requests if isinstance(request, FillGap)]

    def records(self, kind: str = "trade") -> list[dict[str, Any]]:
        found = [value for topic, value, *_ in self.recorder.records if topic.endswith(kind)]
        return [plain(avro_oracle.read_avro(load(kind), value)) for value in found]

    def drain(self, at_ms: int = 0) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the markers and the progress of the next transaction.

        By default it is so late that every series that advanced has its progress in it.
        """
        self.number += 1
        at_ms = at_ms or NOW_MS + (self.number - 1) * MAX_INTERVAL_MS
        made: dict[str, list[dict[str, Any]]] = {"marker": [], "progress": [], "checkpoint": []}
        published = self.ledger.records.produced
        for topic, value, key, *_ in self.gap_tracker.outbox.drain(
            self.number, at_ms * 1000, published
        ):
            kind = KIND_OF[topic]
            if value is None:
                self.tombstones.append((key or b"").decode())
                continue
            record = plain(avro_oracle.read_avro(load(kind), value))
            assert (key or b"").decode().startswith(name_of(record))
            made[kind].append(record)
        self.checkpoints += made["checkpoint"]
        return made["marker"], made["progress"]


def decoded(value: bytes | None, kind: str = "marker") -> dict[str, Any]:
    """Return the fields of a record."""
    return dict(plain(avro_oracle.read_avro(load(kind), value or b"")))


def name_of(record: dict[str, Any]) -> str:
    """Return what the key of a record begins with."""
    own = ("instance", "shard") if "advanced" in record else ("product", "stream_name", "symbol")
    return "/".join(str(record[name]) for name in own)


def trade(number: int) -> dict[str, Any]:
    return {"e": "trade", "E": NOW_MS, "s": "BTCUSDT", "t": number, "p": "1", "q": "1",
            "T": NOW_MS + number, "m": True, "M": True}  # fmt: skip


def usdm_trade(number: int) -> dict[str, Any]:
    return {"e": "trade", "E": NOW_MS, "T": NOW_MS + number, "s": "BTCUSDT", "t": number, "p": "1",
            "q": "1", "X": "MARKET", "m": True}  # fmt: skip


def candle(opened: int, *, closed: bool = False) -> dict[str, Any]:
    plain = dict.fromkeys("ochlvqVQB", "1") | {"f": 1, "L": 2, "n": 2, "x": closed}
    spans = {"t": opened, "T": opened + 59_999, "s": "BTCUSDT", "i": "1m"}
    return {"e": "kline", "E": opened + 7, "s": "BTCUSDT", "k": plain | spans}


def ticker(update: int) -> dict[str, Any]:
    return {"u": update, "s": "BTCUSDT", "b": "1", "B": "1", "a": "1", "A": "1"}


def mini(at: int) -> dict[str, Any]:
    return {"e": "24hrMiniTicker", "E": at, "s": "BTCUSDT", **dict.fromkeys("cohlvq", "1")}


def depth(first: int, last: int) -> dict[str, Any]:
    return {
        "e": "depthUpdate",
        "E": NOW_MS,
        "s": "BTCUSDT",
        "U": first,
        "u": last,
        "b": [],
        "a": [],
    }


def states(markers: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(marker["state"], marker["reason"]) for marker in markers]


def stored(last_id: int | None, **more: Any) -> dict[str, Any]:
    """Return the progress of a series: of the trades, or of the mini tickers without an id."""
    name = "btcusdt@trade" if last_id is not None else "btcusdt@miniTicker"
    return {
        "product": "spot",
        "stream_name": name,
        "symbol": "BTCUSDT",
        "kind": "trade",
        "topic": "binance.spot.trade",
        "last_id": last_id,
        "last_time": NOW_MS,
        "complete_until": NOW_MS,
        "open_gaps": [],
        "id_epoch": 0,
        "written_time": NOW_MS,
        "shard": 1,
        "instance": "market",
        "run": "r0",
        "commit_number": 9,
        "fillings": [],
        "generation": 1,
        "series_number": 1,
        **more,
    }


TRADES_KEY = "spot/btcusdt@trade/BTCUSDT"
UNFINISHED = {
    "gap_id": "00ff",
    "reason": "sequence",
    "product": "spot",
    "stream_name": "btcusdt@trade",
    "symbol": "BTCUSDT",
    "topic": "binance.spot.trade",
    "before_id": 5,
    "before_time": NOW_MS,
    "after_id": 9,
    "after_time": NOW_MS + 9,
    "missing": 3,
    "id_epoch": 0,
}


def after_a_crash(marker: dict[str, Any], *fillings: dict[str, Any]) -> Line:
    """Return a line whose previous writer was filling a gap of the trades."""
    before = stored(20, open_gaps=["00ff"], fillings=list(fillings))
    return Line(
        "btcusdt@trade", stored={TRADES_KEY: before}, unfinished=[marker], policy=EVERYTHING
    )
