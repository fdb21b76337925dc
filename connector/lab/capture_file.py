"""Reads capture files: one JSON a line, as `bkc decode` reads them, with the time of each. Pure.

A line is a combined frame (`{"stream": ..., "data": ...}`) or a raw payload, whose stream is given
for the whole file or inferred from the payload.
"""

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connector.binance.envelope import unwrap
from connector.binance.infer import infer_stream
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream, parse_any
from connector.errors import Refused

STEP_MS = 10  # between two lines of which one has no time
# A longer pause, or a step back, is no pace but a seam: two captures one after the other.
SEAM_MS = 600_000
_BEFORE_1990_MS, _IN_US = 600_000_000_000, 100_000_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a capture.

    Attributes:
        at_ms: When it comes, in milliseconds from the beginning of its file.
        stream: Its stream.
        payload: What is inside the wrapper, byte for byte.
    """

    at_ms: int
    stream: Stream
    payload: bytes


def product_in(file: str, product: str | None) -> Product:
    """Return the product of a capture: as given, else what the file's name begins with.

    Raises:
        Refused: neither is a product.
    """
    named = product if product is not None else file.partition(".")[0]
    for known_product in PRODUCTS:
        if named == known_product:
            return known_product
    known = ", ".join(PRODUCTS)
    if product is not None:
        raise Refused(f"{product!r} is no product; known: {known}")
    raise Refused(f"{file}: which product? Give --product, or begin its name with one of {known}.")


def read(
    lines: Iterable[bytes], file: str, product: Product, stream: str | None = None
) -> Iterator[Line]:
    """Yield the messages of a capture in their order.

    Args:
        lines: The file's lines; empty ones are skipped.
        file: Its name, for errors.
        product: Whose streams they are.
        stream: Name of the stream of raw payloads.

    Raises:
        Refused: a line is no JSON, or its stream is unknown; with file and line.
    """
    named = parse_any(product, stream) if stream is not None else None
    pace = _Pace()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found, payload, data = _parsed(product, line.strip(), named)
        except Refused as error:
            raise Refused(f"{file}:{number}: {error}") from error
        yield Line(pace.at(_time(data)), found, payload)


def together(files: Sequence[Iterator[Line]]) -> Iterator[Line]:
    """Yield the messages of several captures by their time; all begin at once."""
    yield from heapq.merge(*files, key=lambda line: line.at_ms)


def _parsed(product: Product, line: bytes, named: Stream | None) -> tuple[Stream, bytes, Any]:
    try:
        frame = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"not JSON: {error}") from error
    if isinstance(frame, dict) and isinstance(frame.get("stream"), str) and "data" in frame:
        return parse_any(product, frame["stream"]), unwrap(line)[1], frame["data"]
    return named or infer_stream(product, frame), line, frame


def _time(data: Any) -> int | None:
    """Return the event's time in milliseconds: `E`, else a `t` that is one (reference prices)."""
    first = data[0] if isinstance(data, list) and data else data
    if not isinstance(first, dict):
        return None
    time = first.get("E", first.get("t"))
    if type(time) is not int or time < _BEFORE_1990_MS:
        return None
    return time if time < _IN_US else time // 1000


class _Pace:
    """Turns event times into the time since the beginning, which never steps back."""

    def __init__(self) -> None:
        self._at = -STEP_MS
        self._known: tuple[int, int] | None = None  # the last event time, and when it was played

    def at(self, time: int | None) -> int:
        """Return when a message comes whose event has this time."""
        due = self._at + STEP_MS
        if time is not None and self._known is not None:
            passed = time - self._known[0]
            if 0 <= passed <= SEAM_MS:
                due = max(self._at, self._known[1] + passed)
        self._at = due
        if time is not None:
            self._known = (time, due)
        return due
