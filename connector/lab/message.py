"""One message of the market on its way to the connections. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.market import Event

_TIMES = frozenset("ETtOC")
_LEAST_TIME_MS = 1_000_000_000_000  # `t` is an id in trades


@dataclass(slots=True, eq=False)
class Message:
    """One message of one stream.

    Attributes:
        product: Product of its stream.
        name: Wire name of its stream.
        payload: What is inside the wrapper.
        events: Its events; none if it is broken, or not of the market.
        parts: The messages it was merged from, if it was.
        sent: It was written to at least one connection.
    """

    product: Product
    name: str
    payload: bytes
    events: tuple[Event, ...] = ()
    parts: tuple["Message", ...] = ()
    sent: bool = False


def message_of(stream: Stream, events: Sequence[Event]) -> Message:
    """Return the message with the events of one turn of a stream."""
    data = [event.data for event in events] if stream.row.array else events[0].data
    return Message(stream.product, stream.name, encode(data), tuple(events))


def in_microseconds(payload: bytes) -> bytes:
    """Return a spot payload as a connection with `timeUnit=MICROSECOND` gets it.

    The market has milliseconds: the digits below are made up, the same for the same time.
    """
    return encode(_finer(json.loads(payload), ""))


def _finer(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _finer(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finer(inner, "") for inner in value]
    if key in _TIMES and type(value) is int and value >= _LEAST_TIME_MS:
        return value * 1000 + value % 1000
    return value


def encode(data: Any) -> bytes:
    """Return JSON as Binance writes it: no spaces, UTF-8."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
