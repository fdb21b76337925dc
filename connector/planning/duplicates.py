"""Streams that carry each other's events: planned together they publish the same events twice.

Pure. `!forceOrder@arr` beside `btcusdt@forceOrder`, `btcusdt@optionTrade` beside a symbol's own
stream. A stream planned twice under one name is plan.py's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.planning.model import KeyPath, PlannedStream, StreamKey

_SUBJECTS = ("symbol", "asset")  # parameters of streams about a single subject
_NAMES = frozenset({"symbol", "pair", "asset", "underlying", "yymmdd"})  # parameters that name it


@dataclass(frozen=True, slots=True)
class DuplicateStream:
    """A stream whose events include all those of another one.

    Attributes:
        where: Place of the wider stream in the config.
        text: What happens, and the cure.
        refused: One topic would hold the same events twice. False: a warning is enough, because the
            topics differ, or because the records are states, whose repeats are only a waste.
    """

    where: KeyPath
    text: str
    refused: bool


def duplicate_streams(
    streams: Mapping[StreamKey, tuple[KeyPath, PlannedStream]],
) -> Iterator[DuplicateStream]:
    """Yield a duplicate for each wide stream and topic; it names one of the included streams."""
    narrow: dict[tuple[Product, str], list[PlannedStream]] = {}
    for _, planned in streams.values():
        if not _is_wide(planned.stream) and _subject(planned.stream):
            narrow.setdefault(_product_kind(planned), []).append(planned)
    for where, wide in streams.values():
        if not _is_wide(wide.stream):
            continue
        yield from _own_events(where, wide, narrow.get(_product_kind(wide), []))
        if wide.other_product is not None:
            others = narrow.get((wide.other_product, wide.stream.row.kind), [])
            yield from _other_products_events(where, wide, others)


def _product_kind(planned: PlannedStream) -> tuple[Product, str]:
    return planned.stream.product, planned.stream.row.kind


def _is_wide(stream: Stream) -> bool:
    """Return whether a stream carries several subjects: the market, an underlying, a pair's."""
    if stream.name.startswith("!") or "underlying" in stream.parameters:
        return True
    return stream.row.array and "pair" in stream.parameters


def _subject(stream: Stream) -> str:
    return next((stream.parameters[name] for name in _SUBJECTS if name in stream.parameters), "")


def _own_events(
    where: KeyPath, wide: PlannedStream, narrow: Sequence[PlannedStream]
) -> Iterator[DuplicateStream]:
    included: dict[bool, list[PlannedStream]] = {}  # by whether they write to the same topic
    for planned in narrow:
        if _includes(wide.stream, planned.stream):
            included.setdefault(planned.topic == wide.topic, []).append(planned)
    for same_topic, streams in included.items():
        states = wide.stream.row.cadence == "periodic"
        own = f"into topic {wide.topic}"
        into = own if same_topic else f"into {streams[0].topic} and {wide.topic}"
        text = (
            f"{wide.stream.name} has the events of {_naming(streams)} too, and both are written"
            f" {into}: leave one out" + (", or give it a topic of its own" if same_topic else "")
        )
        yield DuplicateStream(where, text, refused=same_topic and not states)


def _other_products_events(
    where: KeyPath, wide: PlannedStream, narrow: Sequence[PlannedStream]
) -> Iterator[DuplicateStream]:
    topic = wide.other_product_topic
    included = [
        planned
        for planned in narrow
        if planned.topic == topic and _includes(wide.stream, planned.stream)
    ]
    if included:
        text = (
            f"{wide.stream.name} has {wide.other_product}'s events too, which go to topic"
            f" {topic}, where {_naming(included)} writes the same: leave one out"
        )
        yield DuplicateStream(where, text, refused=False)


def _naming(streams: Sequence[PlannedStream]) -> str:
    more = f" and {len(streams) - 1} more" if streams[1:] else ""
    return streams[0].stream.name + more


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
    """Return whether cadence and parameters agree.

    A real-time book ticker differs from the one of every 5 s, and a 1 h window from a 4 h one.
    """
    if (wide.row.cadence == "periodic") != (narrow.row.cadence == "periodic"):
        return "underlying" in wide.parameters  # tickers of single options: catalogue/options.py
    shared = (wide.parameters.keys() & narrow.parameters.keys()) - _NAMES
    return all(wide.parameters[name] == narrow.parameters[name] for name in shared)
