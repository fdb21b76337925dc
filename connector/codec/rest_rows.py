"""Answers of REST -> the wire payloads the stream would have sent, so that one codec serves both.

Pure. Which key or index of an answer becomes which wire key stands in the .avsc files (`rest` and
`wire`); nothing here knows a kind. Times of REST are milliseconds: on a stream read in
microseconds, encode these payloads with a codec of unit ms (its `*_us` fields are then null).
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connector.binance.catalogue.row import Row
from connector.binance.stream_name import Stream
from connector.codec.schema import Field, Origin, load
from connector.errors import BadMessage

_UPPER = ("symbol", "pair", "contractType")


@dataclass(frozen=True, slots=True)
class RestEvent:
    """One event that REST still had.

    Attributes:
        payload: The stream's payload as JSON, less what REST does not carry.
        first: First id in it, or the opening time of a candle.
        last: Last id in it, or the opening time of a candle.
        time_ms: Its record time, as a live record's: trade time for trades; close time + 1 ms for a
            candle; None where it has none (spot's book: take the time of receipt).
    """

    payload: bytes
    first: int
    last: int
    time_ms: int | None


def payloads(stream: Stream, raw: bytes, symbol: str) -> list[bytes]:
    """Return the payloads in an answer, in its order; see `recover`."""
    return [one.payload for one in recover(stream, raw, symbol)]


def recover(
    stream: Stream, raw: bytes, symbol: str, closed_by_ms: int | None = None
) -> list[RestEvent]:
    """Return the events in an answer of rows; as `rows_in`, then `events_from_rows`."""
    return events_from_rows(stream, rows_in(raw), symbol, closed_by_ms)


def rows_in(raw: bytes) -> list[Any]:
    """Return an answer's rows as they stand: 0.5 ms for a thousand.

    Raises:
        BadMessage: the answer is not a JSON array of rows.
    """
    answer = _decoded(raw)
    if not isinstance(answer, list) or not all(isinstance(row, dict | list) for row in answer):
        raise BadMessage("shape", f"REST answered no array of rows: {raw[:80]!r}")
    return answer


def events_from_rows(
    stream: Stream, rows: Sequence[Any], symbol: str, closed_by_ms: int | None = None
) -> list[RestEvent]:
    """Return the events that rows of an answer tell of, in their order: 7 to 13 us each.

    Args:
        stream: The stream that would have sent them.
        rows: Rows of an answer; a few at a time where others wait.
        symbol: Symbol of the series.
        closed_by_ms: Leave out candles that end at or after this time, epoch ms: they may change.

    Raises:
        BadMessage: a row lacks its id or times.
    """
    said = _implied_fields(stream, symbol)
    found = [_recovered(stream.row, row, said) for row in rows]
    if closed_by_ms is None or stream.row.sequence.rule != "candle":
        return found
    return [one for one in found if one.time_ms is not None and one.time_ms <= closed_by_ms]


def event_from_book(stream: Stream, raw: bytes, symbol: str) -> RestEvent:
    """Return the depth payload in an answer that is one book: no first id, the last one is its own.

    Raises:
        BadMessage: the answer is not a JSON object with an update id.
    """
    answer = _decoded(raw)
    if not isinstance(answer, dict) or "lastUpdateId" not in answer:
        raise BadMessage("shape", f"a book without lastUpdateId: {raw[:80]!r}")
    return _recovered(stream.row, answer, _implied_fields(stream, symbol))


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage("json", f"REST answered no JSON: {raw[:80]!r}") from error


def _recovered(row: Row, answer: Any, said: dict[str, str]) -> RestEvent:
    payload: dict[str, Any] = {"e": row.events[0]} if row.events else {}
    values: dict[str, Any] = {}
    for field in _carried(row.kind):
        value = _value(field, answer, said)
        if value is not None:
            values[field.name] = value
            _set_path(payload, str(field.wire[0]), value)
    first, last, time_ms = _edges(row)(values)
    return RestEvent(msgspec.json.encode(payload), first, last, time_ms)


@functools.cache
def _carried(kind: str) -> tuple[Field, ...]:
    """Return the fields REST carries; those in microseconds are the same keys again."""
    return tuple(field for field in load(kind).fields if field.rest and field.unit == "ms")


def _implied_fields(stream: Stream, symbol: str) -> dict[str, str]:
    """Return what the stream's name says and the answer need not: as payloads spell it."""
    said = {"symbol": symbol}
    if stream.product in {"usdm", "coinm"}:
        said["pair"] = symbol.partition("_")[0]
    for name, value in stream.parameters.items():
        said[name] = value.upper() if name in _UPPER else value
    return said


def _value(field: Field, answer: Any, said: dict[str, str]) -> Any:
    for origin in field.rest:
        value = _from(origin, answer, said)
        if value is not None:
            return value
    return None


def _from(origin: Origin, answer: Any, said: dict[str, str]) -> Any:
    """Return what one origin gives; None where this answer has no such thing."""
    if origin.parameter:
        return said.get(origin.parameter)
    if origin.key is None:
        return origin.always
    value = _at(answer, origin.key)
    return origin.values.get(str(value)) if origin.values else value


def _at(answer: Any, key: str | int) -> Any:
    if isinstance(answer, dict):
        return answer.get(key)
    return answer[key] if isinstance(key, int) and key < len(answer) else None


def _set_path(payload: dict[str, Any], path: str, value: Any) -> None:
    *parents, key = path.split(".")
    for parent in parents:
        payload = payload.setdefault(parent, {})
    payload[key] = value


Edges = tuple[int, int, int | None]


@functools.cache
def _edges(row: Row) -> Callable[[dict[str, Any]], Edges]:
    """Return how to read an event's ids and record time from its fields."""
    if row.sequence.rule == "candle":
        return _candle_edges
    last = str(row.sequence.last)

    def of_ids(values: dict[str, Any]) -> Edges:
        number = values.get(last)
        if not isinstance(number, int):
            raise BadMessage("field", f"{row.kind} from REST without {last}")
        return number, number, values.get(row.record_time)

    return of_ids


def _candle_edges(values: dict[str, Any]) -> Edges:
    opened, closed = values.get("open_time"), values.get("close_time")
    if not isinstance(opened, int) or not isinstance(closed, int):
        raise BadMessage("field", "a candle from REST without its times")
    return opened, opened, closed + 1
