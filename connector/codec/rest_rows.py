"""Rows of REST answers into the payloads that the stream would have sent. Pure.

So one codec serves both. The .avsc files say which key or index of an answer becomes which wire key
(`rest` and `wire`). Times of REST are milliseconds: for a stream read in microseconds, encode these
payloads with a codec of unit ms (its `*_us` fields are then null).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connector.binance.catalogue.row import Row
from connector.binance.stream_name import Stream
from connector.codec.schema import Field, RestSource, load
from connector.errors import BadMessage

_UPPER_CASE = ("symbol", "pair", "contractType")  # parameters that payloads have in upper case


@dataclass(frozen=True, slots=True)
class RestEvent:
    """One event from a REST answer.

    Attributes:
        first, last: First and last id in it, or the open time of a candle.
        time_ms: Its record time, as a live record has it: trade time for trades; close time + 1 ms
            for a candle; None where the answer has none (spot's book: use the time of receipt).
    """

    payload: bytes  # the stream's, as JSON, without the fields that REST lacks
    first: int
    last: int
    time_ms: int | None


def recover(stream: Stream, raw: bytes, symbol: str) -> list[RestEvent]:
    """Return the events of an answer: `rows_in`, then `events_from_rows`."""
    return events_from_rows(stream, rows_in(raw), symbol)


def rows_in(raw: bytes) -> list[Any]:
    """Return an answer's rows as decoded JSON; takes 0.5 ms for a thousand.

    Raises:
        BadMessage: the answer is not a JSON array of rows.
    """
    answer = _decoded(raw)
    if not isinstance(answer, list) or not all(isinstance(row, dict | list) for row in answer):
        raise BadMessage("shape", f"REST answered no array of rows: {raw[:80]!r}")
    return answer


def events_from_rows(stream: Stream, rows: Sequence[Any], symbol: str) -> list[RestEvent]:
    """Return the events of an answer's rows, in their order; takes 7 to 13 us for each.

    Give a few rows at a time where the event loop must not be held up. Candles may be open ones.

    Raises:
        BadMessage: a row lacks its id or times.
    """
    implied = _implied_fields(stream, symbol)
    return [_event(stream.row, row, implied) for row in rows]


def readable_events(
    stream: Stream, rows: Sequence[Any], symbol: str
) -> tuple[list[RestEvent], str | None]:
    """Return the events of the rows that can be read, and what is wrong with the first other one.

    Takes as long as `events_from_rows`.
    """
    implied = _implied_fields(stream, symbol)
    found: list[RestEvent] = []
    problem: str | None = None
    for row in rows:
        try:
            found.append(_event(stream.row, row, implied))
        except BadMessage as bad:
            problem = problem or bad.detail
    return found, problem


def event_from_book(stream: Stream, raw: bytes, symbol: str) -> RestEvent:
    """Return the depth event of an order book: its last id is the book's, first id it has none.

    Raises:
        BadMessage: the answer is not a JSON object with an update id.
    """
    answer = _decoded(raw)
    if not isinstance(answer, dict) or "lastUpdateId" not in answer:
        raise BadMessage("shape", f"a book without lastUpdateId: {raw[:80]!r}")
    return _event(stream.row, answer, _implied_fields(stream, symbol))


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("json", f"REST answered no JSON: {raw[:80]!r}") from error


def _event(row: Row, answer: Any, implied: dict[str, str]) -> RestEvent:
    payload: dict[str, Any] = {"e": row.events[0]} if row.events else {}
    values: dict[str, Any] = {}
    for field in _rest_fields(row.kind):
        value = _value(field, answer, implied)
        if value is not None:
            values[field.name] = value
            *parents, key = str(field.wire[0]).split(".")
            place = payload
            for parent in parents:
                place = place.setdefault(parent, {})
            place[key] = value
    return RestEvent(msgspec.json.encode(payload), *_ids_and_time(row, values))


def _ids_and_time(row: Row, values: dict[str, Any]) -> tuple[int, int, int | None]:
    """Return an event's first id, last id and record time from its fields."""
    if row.sequence.rule == "candle":
        open_ms, close_ms = values.get("open_time"), values.get("close_time")
        if not isinstance(open_ms, int) or not isinstance(close_ms, int):
            raise BadMessage("field", "a candle from REST without its times")
        return open_ms, open_ms, close_ms + 1
    number = values.get(str(row.sequence.last))
    if not isinstance(number, int):
        raise BadMessage("field", f"{row.kind} from REST without {row.sequence.last}")
    return number, number, values.get(row.record_time)


@functools.cache
def _rest_fields(kind: str) -> tuple[Field, ...]:
    """Return the fields that REST answers have; those in microseconds are the same keys again."""
    return tuple(field for field in load(kind).fields if field.rest and field.unit == "ms")


def _implied_fields(stream: Stream, symbol: str) -> dict[str, str]:
    """Return values that follow from stream and symbol and are not in answers, as in payloads."""
    implied = {"symbol": symbol}
    if stream.product in {"usdm", "coinm"}:
        implied["pair"] = symbol.partition("_")[0]
    for name, value in stream.parameters.items():
        implied[name] = value.upper() if name in _UPPER_CASE else value
    return implied


def _value(field: Field, answer: Any, implied: dict[str, str]) -> Any:
    values = (_value_from(source, answer, implied) for source in field.rest)
    return next((value for value in values if value is not None), None)


def _value_from(source: RestSource, answer: Any, implied: dict[str, str]) -> Any:
    """Return the value from one source; None: this answer does not have it."""
    if source.parameter:
        return implied.get(source.parameter)
    if (key := source.key) is None:
        return source.always
    if isinstance(answer, dict):
        value = answer.get(key)
    else:
        value = answer[key] if isinstance(key, int) and key < len(answer) else None
    return source.values.get(str(value)) if source.values else value
