"""Runs `bkc decode`: frames of a file or of standard input, as records."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from typer import echo

from connector.binance.envelope import unwrap
from connector.binance.infer import infer_stream
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream, parse_any
from connector.binance.ws_messages import control_text
from connector.codec.avro import to_json
from connector.codec.schema import load
from connector.errors import BadMessage, Refused
from connector.feed.replay import Replay, Result
from connector.planning.model import TimeUnit


def run(
    product: Product, file: Path | None, stream: str | None, time_unit: TimeUnit, *, avro: bool
) -> int:
    """Print what becomes of each line; return how many dead letters there were.

    Raises:
        Refused: microseconds of another product than spot; no such stream; no such file.
    """
    if time_unit == "us" and product != "spot":
        raise Refused(f"--time-unit us is for spot only, {product} has milliseconds: leave it out")
    given = parse_any(product, stream) if stream is not None else None
    replay, dead_letters = Replay(product, time_unit), 0
    for line in json_lines(file):
        for shown in _decoded(replay, line, given, avro=avro):
            dead_letters += "dead_letter" in shown
            echo(json.dumps(shown, ensure_ascii=False))
    return dead_letters


def with_streams(name: str) -> Product:
    """Return a product that has market streams; raises Refused."""
    for product in PRODUCTS:
        if name == product:
            return product
    raise Refused(f"{name} has no market streams, only accounts: give --account")


def json_lines(file: Path | None) -> Iterator[bytes]:
    """Yield the lines of a file, or of standard input, that are not blank; raises Refused."""
    try:
        source = sys.stdin.buffer if file is None else file.open("rb")
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from error
    with source:
        yield from (line.strip() for line in source if line.strip())


def _decoded(
    replay: Replay, line: bytes, given: Stream | None, *, avro: bool
) -> Iterator[dict[str, Any]]:
    """Yield what to print of one line: its control text, dead letters or records."""
    if control := control_text(line):
        yield {"control": control}
        return
    replay.results.clear()
    try:
        stream, payload = _stream_and_payload(replay.product, line, given)
        replay.feed(stream, payload, time.time_ns() // 1000)
    except Refused as error:
        yield {"dead_letter": str(error), "raw": line.decode("utf-8", "replace")}
    yield from (_shown(result, avro=avro) for result in replay.results)


def _stream_and_payload(
    product: Product, line: bytes, given: Stream | None
) -> tuple[Stream, bytes]:
    """Return a line's stream and payload: by its wrapper, by --stream, or inferred."""
    try:
        name, payload = unwrap(line)
    except BadMessage:
        if given is not None:
            return given, line
        try:
            data = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(f"not JSON: {error}") from error
        return infer_stream(product, data), line
    return parse_any(product, name.decode()), payload


def _shown(result: Result, *, avro: bool) -> dict[str, Any]:
    if result.reason:
        raw = result.value.decode("utf-8", "replace")
        return {"dead_letter": result.reason, "stream": result.key.decode(), "raw": raw}
    key = result.key.decode()
    shown: dict[str, Any] = {"topic": result.topic, "key": key, "timestamp": result.timestamp}
    if avro:
        return shown | {"avro": result.value.hex()}
    return shown | {"record": to_json(load(result.kind).text, result.value)}
