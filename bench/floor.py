"""What both floors share: frames into the connector's own records, in the straightforward way:
orjson, decimal, fastavro, confluent-kafka with a callback per record.

Fields, key, timestamp, header, topics and librdkafka settings are the connector's (bench/same.py
compares them byte for byte). It checks less than the connector: no unknown keys, no dead letters.
"""

import asyncio
import functools
import io
import json
import operator
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import fastavro
import orjson
import uvloop
from confluent_kafka import KafkaError, Message, Producer

from bench.frames import Stream
from bench.processes import ROOT
from connector.binance.stream_name import parse
from connector.codec.schema import Field, load
from connector.kafka.client_config import PRODUCER

SAMPLE_EVERY = 64
POLL_S = 0.005
SCHEMA_ID = 100_001  # the lab registry gives ids of four bytes from here on


@dataclass(frozen=True, slots=True)
class Route:
    """What is known of a stream before its first frame."""

    product: str
    name: str
    topic: str
    build: Callable[[dict[str, Any], dict[str, Any]], int]
    schema: Any
    symbol: Callable[[dict[str, Any]], str]


def trade(record: dict[str, Any], data: dict[str, Any]) -> int:
    """Add a trade's own fields; return the record time in ms."""
    record["trade_id"] = data["t"]
    record["price"] = Decimal(data["p"])
    record["quantity"] = Decimal(data["q"])
    record["trade_time"] = data["T"]
    record["trade_time_us"] = None
    record["is_buyer_maker"] = data.get("m")
    record["is_best_match"] = data.get("M")
    record["trade_type"] = data.get("X")
    record["side"] = data.get("S")
    record["symbol_type"] = data.get("st")
    return int(data["T"])


def agg_trade(record: dict[str, Any], data: dict[str, Any]) -> int:
    """Add an aggregate trade's own fields; return the record time in ms."""
    normal = data.get("nq")
    record["agg_trade_id"] = data["a"]
    record["price"] = Decimal(data["p"])
    record["quantity"] = Decimal(data["q"])
    record["normal_quantity"] = None if normal is None else Decimal(normal)
    record["first_trade_id"] = data["f"]
    record["last_trade_id"] = data["l"]
    record["trade_time"] = data["T"]
    record["trade_time_us"] = None
    record["is_buyer_maker"] = data["m"]
    record["is_best_match"] = data.get("M")
    record["symbol_type"] = data.get("st")
    return int(data["T"])


def depth_diff(record: dict[str, Any], data: dict[str, Any]) -> int:
    """Add a depth event's own fields; return the record time in ms."""
    record["transaction_time"] = data.get("T")
    record["transaction_time_us"] = None
    record["first_update_id"] = data["U"]
    record["last_update_id"] = data["u"]
    record["previous_update_id"] = data.get("pu")
    record["bids"] = [{"price": Decimal(p), "quantity": Decimal(q)} for p, q in data["b"]]
    record["asks"] = [{"price": Decimal(p), "quantity": Decimal(q)} for p, q in data["a"]]
    record["pair"] = data.get("ps")
    record["symbol_type"] = data.get("st")
    return int(data["E"])


def kline(record: dict[str, Any], data: dict[str, Any]) -> int:
    """Add a candle's own fields; return the record time in ms."""
    candle = data["k"]
    record["open_time"] = candle["t"]
    record["close_time"] = candle["T"]
    record["open_time_us"] = None
    record["close_time_us"] = None
    record["kline_interval"] = candle["i"]
    record["first_trade_id"] = candle["f"]
    record["last_trade_id"] = candle["L"]
    record["open_price"] = Decimal(candle["o"])
    record["close_price"] = Decimal(candle["c"])
    record["high_price"] = Decimal(candle["h"])
    record["low_price"] = Decimal(candle["l"])
    record["volume"] = Decimal(candle["v"])
    record["quote_volume"] = Decimal(candle["q"])
    record["taker_buy_volume"] = Decimal(candle["V"])
    record["taker_buy_quote_volume"] = Decimal(candle["Q"])
    record["trade_count"] = candle["n"]
    record["is_closed"] = candle["x"]
    record["symbol_type"] = data.get("st")
    return int(data["E"])


def book_ticker(record: dict[str, Any], data: dict[str, Any]) -> int:
    """Add a book ticker's own fields; return the record time in ms (spot: when received)."""
    record["update_id"] = data["u"]
    record["bid_price"] = Decimal(data["b"])
    record["bid_quantity"] = Decimal(data["B"])
    record["ask_price"] = Decimal(data["a"])
    record["ask_quantity"] = Decimal(data["A"])
    record["transaction_time"] = data.get("T")
    record["transaction_time_us"] = None
    record["pair"] = data.get("ps")
    record["symbol_type"] = data.get("st")
    return int(data.get("E") or record["receive_time"])


BUILD = {
    "trade": trade,
    "agg-trade": agg_trade,
    "depth-diff": depth_diff,
    "kline": kline,
    "book-ticker": book_ticker,
}
_HEADER = struct.pack(">bI", 0, SCHEMA_ID)


def routes_of(streams: list[Stream]) -> dict[str, Route]:
    """Return what to do with each stream of one connection."""
    schemas = {
        kind: fastavro.parse_schema(json.loads((ROOT / "schemas" / f"{kind}.avsc").read_text()))
        for kind in {stream.kind for stream in streams}
    }
    return {s.name: _route(s, schemas[s.kind]) for s in streams}


def _route(stream: Stream, schema: Any) -> Route:
    known = parse(stream.product, stream.name)  # type: ignore[arg-type]
    build = BUILD.get(stream.kind) or general(stream.kind, known.row.record_time)
    named, rule = known.symbol, known.row.symbol
    wire = next(field.wire for field in load(stream.kind).fields if field.name == "symbol")

    def symbol(data: dict[str, Any]) -> str:
        if named is not None:
            return named
        if rule == "event":
            return str(data["e"]).removesuffix("Update").upper()
        return str(first(data, wire))

    plain = rule == "wire" and wire == ("s",)
    by_key: Callable[[dict[str, Any]], str] = operator.itemgetter("s")
    return Route(
        stream.product, stream.name, stream.topic, build, schema, by_key if plain else symbol
    )


def first(data: dict[str, Any], wire: tuple[str | int, ...]) -> Any:
    """Return the value under the first of the wire paths that is there."""
    for path in wire:
        value: Any = data
        for key in str(path).split("."):
            value = value.get(key) if value is not None else None
        if value is not None:
            return value
    return None


def general(kind: str, record_time: str) -> Callable[[dict[str, Any], dict[str, Any]], int]:
    """Return a builder for a kind, made from its schema: only hot kinds have code of their own."""
    fields = load(kind).fields
    own = [field for field in fields if field.wire and field.name != "symbol"]
    by_name = {field.name: field for field in fields}

    def build(record: dict[str, Any], data: dict[str, Any]) -> int:
        for field in own:
            record[field.name] = value_of(field, first(data, field.wire))
        time = first(data, by_name[record_time].wire)
        return int(time if time is not None else record["receive_time"])

    return build


def value_of(field: Field, wire: Any) -> Any:
    """Return a field's value as fastavro wants it."""
    if wire is None or field.unit == "us" or (wire == "" and field.type == "decimal"):
        return None
    if field.type == "decimal":
        return Decimal(str(wire))
    if field.type == "array":
        return [
            {item.name: value_of(item, element[item.wire[0]]) for item in field.items}
            for element in wire
        ]
    return wire


def encode(route: Route, data: dict[str, Any], received_us: int) -> tuple[bytes, bytes, int]:
    """Return value, key and timestamp of the record of one event."""
    symbol = route.symbol(data)
    record = {
        "symbol": symbol,
        "product": route.product,
        "stream_name": route.name,
        "event_time": data.get("E"),
        "event_time_us": None,
        "receive_time": received_us // 1000,
        "receive_time_us": received_us,
        "origin": "live",
        "gap_id": None,
        "extra": None,
    }
    timestamp = route.build(record, data)
    buffer = io.BytesIO()
    buffer.write(_HEADER)
    fastavro.schemaless_writer(buffer, route.schema, record)
    return buffer.getvalue(), symbol.encode(), timestamp


class Writer:
    """Writes records to Kafka and counts what became of them."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 3, **PRODUCER})
        self._until_sample = SAMPLE_EVERY
        self.acknowledged = 0
        self.failed = 0
        self.samples_us: list[int] = []

    def handle(self, routes: dict[str, Route], frame: bytes | str) -> None:
        """Write the record of one frame."""
        received_us = time.time_ns() // 1000
        message = orjson.loads(frame)
        stream = message.get("stream")
        if stream is None:  # the answer to our subscription
            return
        route = routes[stream]
        data = message["data"]
        for event in data if isinstance(data, list) else (data,):
            self._write(route, event, received_us)

    def _write(self, route: Route, data: dict[str, Any], received_us: int) -> None:
        value, key, timestamp = encode(route, data, received_us)
        self._until_sample -= 1
        report: Any = self._on_delivery
        if not self._until_sample:
            self._until_sample = SAMPLE_EVERY
            report = functools.partial(self._on_sampled, received_us)
        while True:
            try:
                self._producer.produce(
                    route.topic, value, key, on_delivery=report, timestamp=timestamp
                )
            except BufferError:
                self._producer.poll(0.01)
            else:
                return

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1

    def _on_sampled(self, received_us: int, error: KafkaError | None, message: Message) -> None:
        self._on_delivery(error, message)
        if error is None:
            self.samples_us.append(time.time_ns() // 1000 - received_us)

    async def poll(self) -> None:
        """Serve the callbacks for ever."""
        while True:
            self._producer.poll(0)
            await asyncio.sleep(POLL_S)

    def answer(self) -> None:
        """Answer the runner's question with the counts, and what was sampled since the last."""
        if not sys.stdin.readline():
            sys.exit()
        samples, self.samples_us = self.samples_us, []
        report = {"acknowledged": self.acknowledged, "failed": self.failed, "samples_us": samples}
        print(json.dumps(report), flush=True)


Read = Callable[[str, list[str], Callable[[bytes | str], None]], Coroutine[Any, Any, None]]


def run(read: Read) -> None:
    """Run a floor: `read(url, names, handle)` is all that tells them apart.

    argv[1] is JSON: bootstrap, and the connections as [url, [[product, path, name, kind], ...]].
    """
    plan = json.loads(sys.argv[1])

    async def work() -> None:
        writer = Writer(plan["bootstrap"])
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), writer.answer)
        async with asyncio.TaskGroup() as group:
            group.create_task(writer.poll())
            for url, rows in plan["connections"]:
                streams = [Stream(*row) for row in rows]
                handle = functools.partial(writer.handle, routes_of(streams))
                group.create_task(read(url, [stream.name for stream in streams], handle))

    uvloop.run(work())
