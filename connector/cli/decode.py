"""`bkc decode`: captured frames in, records out, without exchange or Kafka."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer

from connector.binance.infer import infer_stream
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream, parse_any
from connector.binance.ws_messages import control_text
from connector.codec.avro import to_json
from connector.codec.schema import load
from connector.errors import Refused
from connector.feed.replay import Replay, Result


class _Frame(msgspec.Struct):
    stream: str
    data: msgspec.Raw


def decode(
    product: Annotated[str, typer.Option(help=f"One of {', '.join(get_args(Product))}.")],
    file: Annotated[
        Path | None, typer.Argument(help="JSON lines; default: standard input.")
    ] = None,
    stream: Annotated[
        str | None, typer.Option(help="The stream's name, for raw payloads that do not tell.")
    ] = None,
    avro: Annotated[bool, typer.Option("--avro", help="Print the Avro bytes in hex.")] = False,
) -> None:
    """Turn captured frames into records: one JSON a line, combined or raw.

    Prints topic, key, timestamp and record for each, or the dead letter with its reason. What is no
    data (answers to requests, the serverShutdown notice) is said to be control.

    Exit codes: 0 all became records or were control; 1 there was a dead letter.
    """
    if product not in PRODUCTS:
        raise Refused(f"--product {product!r} is none of {', '.join(PRODUCTS)}")
    named = parse_any(product, stream) if stream is not None else None
    replay, bad = Replay(product), False
    for line in _lines(file):
        if control := control_text(line):
            typer.echo(json.dumps({"control": control}))
            continue
        now = time.time_ns() // 1000
        try:
            replay.feed(*_told(product, line, named), now)
        except Refused as error:
            bad = True
            typer.echo(
                json.dumps({"dead_letter": str(error), "raw": line.decode("utf-8", "replace")})
            )
        for result in replay.results:
            bad = bad or bool(result.reason)
            typer.echo(json.dumps(_shown(result, avro=avro), ensure_ascii=False))
        replay.results.clear()
    raise typer.Exit(1 if bad else 0)


def _lines(file: Path | None) -> Iterator[bytes]:
    try:
        source = sys.stdin.buffer if file is None else file.open("rb")
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from error
    with source:
        yield from (line.strip() for line in source if line.strip())


def _told(product: Product, line: bytes, named: Stream | None) -> tuple[Stream, bytes]:
    """Return a line's stream and payload: by its wrapper, by --stream, or by a guess."""
    try:
        frame = msgspec.json.decode(line, type=_Frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if named is not None:
            return named, line
        try:
            data = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(f"not JSON: {error}") from error
        return infer_stream(product, data), line
    return parse_any(product, frame.stream), bytes(frame.data)


def _shown(result: Result, *, avro: bool) -> dict[str, Any]:
    if result.reason:
        raw = result.value.decode("utf-8", "replace")
        return {"dead_letter": result.reason, "stream": result.key.decode(), "raw": raw}
    shown: dict[str, Any] = {
        "topic": result.topic,
        "key": result.key.decode(),
        "timestamp": result.timestamp,
    }
    if avro:
        return shown | {"avro": result.value.hex()}
    return shown | {"record": to_json(load(result.kind).text, result.value)}
