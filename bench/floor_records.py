"""Frames into the connector's own records, in the straightforward way: decimal and fastavro.

Fields, key, timestamp and header equal the connector's, byte for byte (record_parity.py). Checks
less than the connector: no unknown keys, no dead letters.
"""

import io
import json
import operator
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import fastavro

from bench.frames import Stream
from bench.processes import ROOT
from connector.binance.stream_name import parse
from connector.codec.schema import Field, load

SCHEMA_ID = 100_001  # the lab registry gives ids of four bytes from here on
Builder = Callable[[dict[str, Any], dict[str, Any]], int]


@dataclass(frozen=True, slots=True)
class Route:
    """What a floor needs for the records of one stream.

    Attributes:
        build: (record, data) -> record time in ms; adds the kind's own fields to the record.
        schema: Parsed by fastavro.
        symbol: data -> the record's symbol.
    """

    product: str
    name: str
    topic: str
    build: Builder
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


BUILDERS: dict[str, Builder] = {
    "trade": trade,
    "agg-trade": agg_trade,
    "depth-diff": depth_diff,
    "kline": kline,
    "book-ticker": book_ticker,
}
_HEADER = struct.pack(">bI", 0, SCHEMA_ID)


def routes_of(streams: list[Stream]) -> dict[str, Route]:
    """Return the routes of one connection by stream name."""
    schemas = {
        kind: fastavro.parse_schema(json.loads((ROOT / "schemas" / f"{kind}.avsc").read_text()))
        for kind in {stream.kind for stream in streams}
    }
    return {s.name: _route(s, schemas[s.kind]) for s in streams}


def _route(stream: Stream, schema: Any) -> Route:
    parsed = parse(stream.product, stream.name)  # type: ignore[arg-type]
    build = BUILDERS.get(stream.kind) or general_builder(stream.kind, parsed.row.record_time)
    named, rule = parsed.symbol, parsed.row.symbol
    wire = next(field.wire for field in load(stream.kind).fields if field.name == "symbol")

    def symbol(data: dict[str, Any]) -> str:
        if named is not None:
            return named
        if rule == "event":
            return str(data["e"]).removesuffix("Update").upper()
        return str(first_value(data, wire))

    get_symbol: Callable[[dict[str, Any]], str] = symbol
    if rule == "wire" and wire == ("s",):
        get_symbol = operator.itemgetter("s")
    return Route(stream.product, stream.name, stream.topic, build, schema, get_symbol)


def first_value(data: dict[str, Any], wire: tuple[str | int, ...]) -> Any:
    """Return the value at the first wire path that has one; None if no path has."""
    for path in wire:
        value: Any = data
        for key in str(path).split("."):
            value = value.get(key) if value is not None else None
        if value is not None:
            return value
    return None


def general_builder(kind: str, record_time: str) -> Builder:
    """Return a builder made from a kind's schema. The hot kinds have functions of their own."""
    fields = load(kind).fields
    own = [field for field in fields if field.wire and field.name != "symbol"]
    by_name = {field.name: field for field in fields}

    def build(record: dict[str, Any], data: dict[str, Any]) -> int:
        for field in own:
            record[field.name] = value_of(field, first_value(data, field.wire))
        time = first_value(data, by_name[record_time].wire)
        return int(time if time is not None else record["receive_time"])

    return build


def value_of(field: Field, wire: Any) -> Any:
    """Return a field's value in the type that fastavro expects."""
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
