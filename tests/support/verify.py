"""Topics written record by record, and the answer of `bkc verify`."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import yaml
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from typer.testing import CliRunner

from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.binance.stream_name import parse_any
from connector.cli import app
from connector.codec.compile import Codec
from connector.codec.framing import prefix, receipt
from connector.codec.schema import load
from tests.support.avro_oracle import write_avro

PARTITION_UA = -1  # where the key places a record
EDGES = ("before_id", "after_id", "before_time", "after_time", "missing", "recovered", "detail")
# An hour ago: a real broker deletes what is older than its retention.
BEGAN_MS = time.time_ns() // 1_000_000 - 3_600_000


@dataclass
class Topics:
    """Writes the topics of one prefix."""

    bootstrap_servers: str
    registry_url: str
    prefix: str = "binance"
    conf: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.registry = SchemaRegistryClient({"url": self.registry_url})
        quiet = {"bootstrap.servers": self.bootstrap_servers, "log_level": 0}
        # As the connector places them: only records of one partition are read in their order.
        placed = {"partitioner": "murmur2_random"}
        self.producer = Producer({**quiet, **placed, **self.conf})
        self._ids: dict[str, int] = {}
        self._codecs: dict[Row, Codec] = {}

    def schema_id(self, topic: str, text: str) -> int:
        """Register a schema once."""
        if topic not in self._ids:
            schema = Schema(text, "AVRO")
            self._ids[topic] = int(self.registry.register_schema(f"{topic}-value", schema))
        return self._ids[topic]

    def event(
        self,
        product: Product,
        name: str,
        symbol: str,
        wire: dict[str, Any],
        *,
        at: int = BEGAN_MS,
        origin: str = "live",
        gap: str | None = None,
        topic: str | None = None,
        partition: int = PARTITION_UA,
    ) -> None:
        """Write one event of a stream as the connector would."""
        stream = parse_any(product, name)
        topic = topic or f"{self.prefix}.{product}.{stream.row.kind}"
        schema = load(stream.row.kind)
        codec = self._codecs.get(stream.row) or Codec(schema, stream.row.record_time)
        self._codecs[stream.row] = codec
        message = codec.decode(json.dumps(wire).encode())
        opening = prefix(self.schema_id(topic, schema.text), symbol, product, name)
        value = codec.encode(message, opening, receipt(at * 1000, origin, gap))
        self.producer.produce(topic, value, symbol.encode(), partition, timestamp=at)

    def trade(self, number: int, **more: Any) -> None:
        """Write a spot trade of BTCUSDT."""
        at = more.setdefault("at", BEGAN_MS + number)
        numbers = {"E": at, "T": at, "t": number}
        wire = {"e": "trade", "s": "BTCUSDT", "p": "1", "q": "2", "m": True, "M": True, **numbers}
        self.event("spot", "btcusdt@trade", "BTCUSDT", wire, **more)

    def candle(self, opened: int, at: int, closed: bool, partition: int = PARTITION_UA) -> None:
        """Write a state of a 1m candle of BTCUSDT."""
        values = dict.fromkeys("ochlvqVQB", "1") | {"f": 1, "L": 2, "n": 2, "x": closed}
        spans = {"t": opened, "T": opened + 59_999, "s": "BTCUSDT", "i": "1m"}
        wire = {"e": "kline", "E": at, "s": "BTCUSDT", "k": values | spans}
        self.event("spot", "btcusdt@kline_1m", "BTCUSDT", wire, at=at, partition=partition)

    def book_ticker(self, update: int, at: int, partition: int = PARTITION_UA) -> None:
        """Write a best bid and ask of BTCUSDT."""
        wire = {"u": update, "s": "BTCUSDT", "b": "1", "B": "1", "a": "1", "A": "1"}
        self.event("spot", "btcusdt@bookTicker", "BTCUSDT", wire, at=at, partition=partition)

    def _write(
        self, kind: str, name: str, record: dict[str, Any], partition: int, at: int = BEGAN_MS
    ) -> None:
        topic = f"{self.prefix}.{name}"
        head = b"\x00" + self.schema_id(topic, load(kind).text).to_bytes(4, "big")
        key = "/".join(record[part] for part in ("product", "stream_name", "symbol"))
        value = head + write_avro(load(kind), record)
        self.producer.produce(topic, value, key.encode(), partition, timestamp=at)

    def marker(
        self,
        state: str,
        gap: str | None = None,
        partition: int = PARTITION_UA,
        at: int = BEGAN_MS,
        **own: Any,
    ) -> None:
        """Write a marker of the spot trades; `at`: its record time, epoch milliseconds."""
        record = {
            **dict.fromkeys(EDGES),
            "marker_id": f"{gap}-{state}",
            "state": state,
            "reason": "connection_lost",
            **self._series(own.pop("topic", f"{self.prefix}.spot.trade")),
            "gap_id": gap,
            "marked_time": BEGAN_MS,
            "marked_time_us": BEGAN_MS * 1000,
            "id_epoch": 0,
            "repeats_possible": False,
            "shard": 0,
            "instance": "market",
        }
        self._write("marker", "markers", record | own, partition, at)

    def progress(
        self, until: int, *open_gaps: str, partition: int = PARTITION_UA, **own: Any
    ) -> None:
        """Write how far the spot trades are complete."""
        record = {
            **self._series(f"{self.prefix}.spot.trade"),
            "last_id": 1,
            "last_time": until,
            "complete_until": until,
            "open_gaps": list(open_gaps),
            "id_epoch": 0,
            "written_time": until,
            "shard": 0,
            "instance": "market",
            "run": "r1",
            "commit_number": 1,
            "fillings": [],
            "generation": 1,
            "series_number": 1,
        }
        self._write("progress", "progress", record | own, partition)

    def _series(self, topic: str) -> dict[str, str]:
        names = {"product": "spot", "stream_name": "btcusdt@trade", "symbol": "BTCUSDT"}
        return {**names, "kind": "trade", "topic": topic}

    def flush(self) -> None:
        """Wait until all is stored."""
        assert self.producer.flush(20) == 0

    def file(self, folder: Path, **more: Any) -> Path:
        """Write a config file for these topics."""
        path = folder / "connector.yaml"
        settings = {
            "kafka": {"bootstrap_servers": self.bootstrap_servers},
            "schema_registry": {"url": self.registry_url},
            "topics": {"prefix": self.prefix},
            "subscriptions": [{"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade"]}],
            **more,
        }
        path.write_text(yaml.safe_dump(settings))
        return path


def verify(path: Path, *arguments: str) -> tuple[int, str]:
    """Run the command; return exit code and output."""
    try:
        result = CliRunner().invoke(app, ["verify", "-c", str(path), *arguments])
    finally:
        structlog.reset_defaults()  # what the command set up writes to a file that is closed now
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def verdict(path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run it with --json."""
    code, text = verify(path, "--json", *arguments)
    return code, dict(json.loads(text))
