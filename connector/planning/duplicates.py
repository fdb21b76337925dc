"""Streams that carry each other's events: together they write the same events into a topic twice.

Pure. `!forceOrder@arr` beside `btcusdt@forceOrder`; `btcusdt@optionTrade` beside a symbol's own.
In topics of their own they may be meant.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.planning.model import Finding, KeyPath, PlannedStream, StreamKey

_SUBJECTS = ("symbol", "asset")  # parameters of streams about a single subject
_NAMES = frozenset({"symbol", "pair", "asset", "underlying", "yymmdd"})  # parameters that name it


@dataclass(frozen=True, slots=True)
class DuplicateStream:
    """A stream whose events include all those of another one.

    Attributes:
        where: Place of the wider stream in the config.
        name: Its product and name.
        refused: One topic would hold the same events twice. False: a warning is enough, because the
            records are states, whose repeats are only a waste.
    """

    where: KeyPath
    name: str
    text: str
    refused: bool


def duplicate_streams(
    streams: Mapping[StreamKey, tuple[KeyPath, PlannedStream]],
) -> Iterator[DuplicateStream]:
    """Yield a duplicate for each wide stream and topic; it names one of the included streams."""
    narrow: dict[tuple[Product, str], list[PlannedStream]] = {}
    for _, planned in streams.values():
        stream = planned.stream
        if not _is_wide(stream) and _subject(stream):
            narrow.setdefault((stream.product, stream.row.kind), []).append(planned)
    for where, wide in streams.values():
        if _is_wide(stream := wide.stream):
            own = narrow.get((stream.product, stream.row.kind), [])
            yield from _own_events(where, wide, own)
            if wide.other_product is not None:
                others = narrow.get((wide.other_product, stream.row.kind), [])
                yield from _other_products_events(where, wide, others)


def _is_wide(stream: Stream) -> bool:
    """Return whether a stream carries several subjects: the market, an underlying, a pair's."""
    of_pair = stream.row.array and "pair" in stream.parameters
    return of_pair or stream.name.startswith("!") or "underlying" in stream.parameters


def _subject(stream: Stream) -> str:
    return next((stream.parameters[name] for name in _SUBJECTS if name in stream.parameters), "")


def _own_events(
    where: KeyPath, wide: PlannedStream, narrow: Sequence[PlannedStream]
) -> Iterator[DuplicateStream]:
    included = _included(wide, wide.topic, narrow)
    if included:
        text = (
            f"{wide.stream.name} has the events of {_naming(included)} too, and both are written"
            f" into topic {wide.topic}: leave one out, or give it a topic of its own"
        )
        states = wide.stream.row.cadence == "periodic"
        yield DuplicateStream(where, _name(wide.stream), text, refused=not states)


def _other_products_events(
    where: KeyPath, wide: PlannedStream, narrow: Sequence[PlannedStream]
) -> Iterator[DuplicateStream]:
    topic = wide.other_product_topic
    included = _included(wide, topic, narrow)
    if included:
        text = (
            f"{wide.stream.name} has {wide.other_product}'s events too, which go to topic"
            f" {topic}, where {_naming(included)} writes the same: leave one out"
        )
        yield DuplicateStream(where, _name(wide.stream), text, refused=False)


def _included(
    wide: PlannedStream, topic: str | None, narrow: Sequence[PlannedStream]
) -> list[PlannedStream]:
    """Return the streams whose events a wider one writes into their own topic, too."""
    same_topic = (planned for planned in narrow if planned.topic == topic)
    return [planned for planned in same_topic if _includes(wide.stream, planned.stream)]


def wasteful(duplicates: Sequence[DuplicateStream]) -> list[Finding]:
    """Return one warning for all of them, at the place of the first; none for none."""
    if not duplicates:
        return []
    first, *others = duplicates
    names = dict.fromkeys(other.name for other in others)
    more = f"; the same of {', '.join(names)}" if names else ""
    return [(first.where, first.text + more)]


def _name(stream: Stream) -> str:
    return f"{stream.product} {stream.name}"


def _naming(streams: Sequence[PlannedStream]) -> str:
    return streams[0].stream.name + (f" and {len(streams) - 1} more" if streams[1:] else "")


def _includes(wide: Stream, narrow: Stream) -> bool:
    """Return whether `wide` carries the events of `narrow` as well, as the same events."""
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
    """Return whether cadence (real time or every 5 s) and parameters (1 h or 4 h) agree."""
    if (wide.row.cadence == "periodic") != (narrow.row.cadence == "periodic"):
        return "underlying" in wide.parameters  # tickers of single options: catalogue/options.py
    shared = (wide.parameters.keys() & narrow.parameters.keys()) - _NAMES
    return all(wide.parameters[name] == narrow.parameters[name] for name in shared)
