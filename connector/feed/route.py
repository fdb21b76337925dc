"""A stream's way to its topic, and what waits on it for the word of another leg. No I/O.

Next along the way: feed/pipeline.py (one message's life), continuity/gap_tracker.py (what is known
of a series).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.compile import Codec
from connector.codec.framing import prefix
from connector.codec.schema import load
from connector.continuity.arbitration_rules import arbiter_for
from connector.continuity.gap_tracker import GapTracker, Series
from connector.errors import BadMessage

SYMBOL_KEY = "{symbol}"


@dataclass(slots=True)
class Route:
    """A subscribed stream's way to its topic.

    Attributes:
        stream: The stream.
        topic: Topic name.
        schema_id: Id the registry gave the schema.
        codec: Decoder and encoder of its kind, shared by the streams of one catalogue row.
        product: Product its records name.
        symbol: Symbol when the wire names none.
        carries_other_product: Rows of the other futures product come on this stream too.
        other_product: Their way; None leaves them out.
        messages: Events published; the exporter sums them by kind.
        last_event_ms: Record time of the newest event published.
        key: Template of the record key: {symbol} {product} {kind} {stream}.
        series: Symbol -> what is known of its series.
        damaged: An event of the stream went to the dead letter: its id may be missing.
        feeds: The connections that deliver the stream, the oldest first.
        moving_away: Another connection will deliver it soon, though none does now.
        confirmed_at: Of them, those whose subscription is acknowledged: since when, monotonic
        seconds.
    """

    stream: Stream
    topic: str
    schema_id: int
    codec: Codec
    product: Product
    symbol: str | None = None
    carries_other_product: bool = False
    other_product: "Route | None" = None
    messages: int = 0
    last_event_ms: int = 0
    key: str = SYMBOL_KEY
    series: dict[str, Series] = field(default_factory=dict)
    damaged: bool = False
    feeds: list[int] = field(default_factory=list)
    moving_away: bool = False
    confirmed_at: dict[int, float] = field(default_factory=dict)

    def open_series(self, symbol: str | None, continuity: GapTracker) -> Series:
        """Open a series: its symbol has not been seen before.

        Raises:
            BadMessage: the message names no symbol.
        """
        if not symbol:
            raise BadMessage("field", "the message names no symbol")
        opening = prefix(self.schema_id, symbol, self.product, self.stream.name)
        series = continuity.open(
            self.stream, self.product, symbol, self.topic, opening, self._key_of(symbol).encode()
        )
        self.series[symbol] = series
        if len(self.feeds) > 1:
            deliver_from(series, self.feeds)
        return series

    def retarget(self, topic: str, schema_id: int, key: str, continuity: GapTracker) -> None:
        """Lead to another topic, or under another key, from now on."""
        if (topic, schema_id, key) == (self.topic, self.schema_id, self.key):
            return
        self.topic, self.schema_id, self.key = topic, schema_id, key
        for symbol, series in self.series.items():
            opening = prefix(schema_id, symbol, self.product, self.stream.name)
            continuity.change_topic(series, topic, opening, self._key_of(symbol).encode())

    def all_series(self) -> list[Series]:
        """Return the series the stream carries, a merged stream's of the other product too."""
        return [one for way in with_other_product(self) for one in way.series.values()]

    def series_of_raw(self, raw: bytes) -> list[Series]:
        """Return the series that an event which cannot be decoded belongs to, if that shows."""
        every = self.all_series()
        if len(every) > 1:
            symbol = self.codec.symbol_in(raw)
            every = [one for one in every if one.symbol == symbol]
        return every

    def _key_of(self, symbol: str) -> str:
        if self.key == SYMBOL_KEY:
            return symbol
        stream = self.stream
        return self.key.format(
            symbol=symbol, product=self.product, kind=stream.row.kind, stream=stream.name
        )


Codecs = dict[tuple[Row, str], Codec]  # by catalogue row and time unit of the connection


def codec_of(row: Row, unit: str, codecs: Codecs) -> Codec:
    """Return the codec of a catalogue row and time unit, made when it is first asked for."""
    if (row, unit) not in codecs:
        codecs[row, unit] = Codec(
            load(row.kind), row.record_time, unit, symbol=row.symbol, span=row.span_fields
        )
    return codecs[row, unit]


def route_to(topic: str, schema_id: int, stream: Stream, codecs: Codecs, unit: str = "ms") -> Route:
    """Return a stream's route; streams of one row and time unit share a codec, kept in `codecs`."""
    row = stream.row
    return Route(stream, topic, schema_id, codec_of(row, unit, codecs), row.product, stream.symbol)


Routes = dict[bytes, Route]  # one connection's streams, by wire name as it stands in a frame


@dataclass(slots=True, eq=False)
class PendingEvent:
    """An event ready to be published, but for the word of another leg."""

    route: Route
    series: Series
    message: Any
    value: bytes
    millis: int
    received_us: int
    feed: int  # the connection that delivered it


def deliver_from(series: Series, legs: Sequence[int]) -> None:
    """Let several legs deliver a series."""
    if series.arbiter is None:
        series.arbiter = arbiter_for(series.stream.row, series.tracker)
        for leg in legs[:-1]:
            series.arbiter.feed_opened(leg, leading=leg == legs[0])
    series.arbiter.feed_opened(legs[-1])


def with_other_product(route: Route) -> Iterator[Route]:
    """Yield a way and, of a merged stream, that of the other product."""
    yield route
    if route.other_product is not None:
        yield route.other_product
