"""Streams that carry each other's events: planned together, they write the same events twice. Pure.

`!forceOrder@arr` next to `btcusdt@forceOrder`, `btcusdt@optionTrade` next to a symbol's own. A
stream planned twice under one name is `plan`'s.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.planning.model import KeyPath, PlannedStream, StreamKey

_EACH = ("symbol", "asset")  # parameters of streams about one thing
_NO_NEED = frozenset({"symbol", "pair", "asset", "underlying", "yymmdd"})

Planning = Mapping[StreamKey, tuple[KeyPath, PlannedStream]]


@dataclass(frozen=True, slots=True)
class DuplicateStream:
    """A stream whose events include all those of another one.

    Attributes:
        where: Place of the wider stream in the config.
        text: What happens, and the cure.
        refused: One topic would hold the same events twice. Else it is worth a warning: the topics
            differ, or the records are states, of which a repeated one is only waste.
    """

    where: KeyPath
    text: str
    refused: bool


def duplicate_streams(planning: Planning) -> Iterator[DuplicateStream]:
    """Yield an overlap for each wider stream and topic, naming one of the streams it includes."""
    narrow: dict[tuple[Product, str], list[PlannedStream]] = {}
    for _, one in planning.values():
        if not _is_wide(one.stream) and _subject(one.stream):
            narrow.setdefault((one.stream.product, one.stream.row.kind), []).append(one)
    for where, wide in planning.values():
        if not _is_wide(wide.stream):
            continue
        kind = wide.stream.row.kind
        yield from _own(where, wide, narrow.get((wide.stream.product, kind), []))
        if wide.other_product is not None:
            yield from _foreign(where, wide, narrow.get((wide.other_product, kind), []))


def _is_wide(stream: Stream) -> bool:
    if stream.name.startswith("!") or "underlying" in stream.parameters:
        return True
    return stream.row.array and "pair" in stream.parameters


def _subject(stream: Stream) -> str:
    return next((stream.parameters[name] for name in _EACH if name in stream.parameters), "")


def _own(
    where: KeyPath, wide: PlannedStream, narrow: list[PlannedStream]
) -> Iterator[DuplicateStream]:
    included: dict[bool, list[PlannedStream]] = {}
    for one in narrow:
        if _includes(wide.stream, one.stream):
            included.setdefault(one.topic == wide.topic, []).append(one)
    for same, several in included.items():
        states = wide.stream.row.cadence == "periodic"
        into = f"into topic {wide.topic}" if same else f"into {several[0].topic} and {wide.topic}"
        text = (
            f"{wide.stream.name} has the events of {_naming(several)} too, and both are written"
            f" {into}: leave one out" + (", or give it a topic of its own" if same else "")
        )
        yield DuplicateStream(where, text, refused=same and not states)


def _foreign(
    where: KeyPath, wide: PlannedStream, narrow: list[PlannedStream]
) -> Iterator[DuplicateStream]:
    included = [
        one
        for one in narrow
        if one.topic == wide.other_product_topic and _includes(wide.stream, one.stream)
    ]
    if included:
        text = (
            f"{wide.stream.name} has {wide.other_product}'s events too, which go to topic"
            f" {wide.other_product_topic}, where {_naming(included)} writes the same: leave one out"
        )
        yield DuplicateStream(where, text, refused=False)


def _naming(several: list[PlannedStream]) -> str:
    more = f" and {len(several) - 1} more" if several[1:] else ""
    return several[0].stream.name + more


def _includes(wide: Stream, narrow: Stream) -> bool:
    """Say whether the events of `narrow` come on `wide` as well, as the same events."""
    if not _same_events(wide, narrow):
        return False
    subject, parameters = _subject(narrow), wide.parameters
    if "pair" in parameters:
        return subject.startswith(parameters["pair"] + "_")
    if "underlying" not in parameters:
        return True
    asset, _, rest = subject.partition("-")
    expiry = parameters.get("yymmdd")
    return parameters["underlying"].startswith(asset) and expiry in (None, rest.partition("-")[0])


def _same_events(wide: Stream, narrow: Stream) -> bool:
    """A real-time book ticker is not the one of every 5 s, nor a 1 h window the 4 h one."""
    if (wide.row.cadence == "periodic") != (narrow.row.cadence == "periodic"):
        return "underlying" in wide.parameters  # tickers of single options: see rows_options
    shared = (wide.parameters.keys() & narrow.parameters.keys()) - _NO_NEED
    return all(wide.parameters[name] == narrow.parameters[name] for name in shared)
