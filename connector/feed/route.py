"""A stream's route to its topic, and its events that wait for a decision. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connector.binance.catalogue.row import Row
from connector.binance.envelope import HEAD, unwrap
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.compile import Codec
from connector.codec.framing import prefix
from connector.codec.schema import load
from connector.continuity.arbitration_rules import arbiter_for
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.series import Series
from connector.errors import BadMessage

SYMBOL_KEY = "{symbol}"


@dataclass(slots=True)
class Route:
    """Where the events of a subscribed stream go, and which connections deliver it.

    Attributes:
        confirmed_at: Connection id -> when its subscription was acknowledged, seconds of the clock
            of `Arbitration`.
    """

    stream: Stream
    topic: str
    schema_id: int  # the registry's
    codec: Codec  # shared by the streams of one catalogue row and time unit
    product: Product  # the one its records name
    symbol: str | None = None  # where messages name none
    carries_other_product: bool = False  # rows of the other futures product come on it too
    other_product: "Route | None" = None  # the route of those rows; None leaves them out
    messages: int = 0  # events published
    last_event_ms: int = 0  # record time of the newest event published
    key: str = SYMBOL_KEY  # template of the record key: {symbol} {product} {kind} {stream}
    series: dict[str, Series] = field(default_factory=dict)  # by symbol
    damaged: bool = False  # an event of it went to the dead letter: its id may be missing
    feeds: list[int] = field(default_factory=list)  # ids of connections, the oldest first
    moving_away: bool = False  # another connection will deliver it soon, though none does now
    confirmed_at: dict[int, float] = field(default_factory=dict)

    def open_series(
        self, symbol: str | None, gap_tracker: GapTracker, *, unbroken: bool = False
    ) -> Series:
        """Open the series of a symbol that the stream has not carried before.

        `unbroken`: as of `SeriesRegistry.open`.

        Raises:
            BadMessage: the message names no symbol.
        """
        if not symbol:
            raise BadMessage("field", "the message names no symbol")
        record_prefix = prefix(self.schema_id, symbol, self.product, self.stream.name)
        key = self._key_of(symbol)
        names = (self.stream, self.product, symbol, self.topic)
        series = gap_tracker.open(*names, record_prefix, key, unbroken=unbroken)
        self.series[symbol] = series
        if len(self.feeds) > 1:
            deliver_from(series, self.feeds)
        return series

    def is_confirmed_since(self, time: float) -> bool:
        """Say whether a connection that delivers it was acknowledged by a time.

        `time`: in the seconds of `confirmed_at`.
        """
        return any(at <= time for at in self.confirmed_at.values())

    def retarget(self, topic: str, schema_id: int, key: str, gap_tracker: GapTracker) -> None:
        """Send the records to another topic, or under another key, from now on."""
        if (topic, schema_id, key) == (self.topic, self.schema_id, self.key):
            return
        self.topic, self.schema_id, self.key = topic, schema_id, key
        for symbol, series in self.series.items():
            record_prefix = prefix(schema_id, symbol, self.product, self.stream.name)
            gap_tracker.change_topic(series, topic, record_prefix, self._key_of(symbol))

    def all_series(self) -> list[Series]:
        """Return the series of the stream, those of the other product included."""
        return [series for route in with_other_product(self) for series in route.series.values()]

    def series_of_raw(self, raw: bytes) -> list[Series]:
        """Return the series that an event which cannot be decoded may belong to: one, or none."""
        all_series = self.all_series()
        if len(all_series) > 1:
            symbol = self.codec.symbol_in(raw)
            all_series = [series for series in all_series if series.symbol == symbol]
        return all_series

    def _key_of(self, symbol: str) -> bytes:
        return record_key(self.key, self.stream, self.product, symbol)


def record_key(template: str, stream: Stream, product: Product, symbol: str) -> bytes:
    """Return the Kafka key of a series' records."""
    if template == SYMBOL_KEY:
        return symbol.encode()
    names = {"symbol": symbol, "product": product, "stream": stream.name}
    return template.format(kind=stream.row.kind, **names).encode()


Codecs = dict[tuple[Row, str], Codec]  # by catalogue row and time unit of the connection


def codec_of(row: Row, unit: str, codecs: Codecs) -> Codec:
    """Return the codec of a catalogue row and time unit, made when it is first asked for."""
    if (row, unit) not in codecs:
        schema = load(row.kind)
        codecs[row, unit] = Codec(schema, row.record_time, unit, row.symbol, row.span_fields)
    return codecs[row, unit]


def route_to(topic: str, schema_id: int, stream: Stream, codecs: Codecs, unit: str = "ms") -> Route:
    """Return a stream's route; streams of one row and time unit share a codec, kept in `codecs`."""
    row = stream.row
    return Route(stream, topic, schema_id, codec_of(row, unit, codecs), row.product, stream.symbol)


Routes = dict[bytes, Route]  # one connection's streams, by wire name as it stands in a frame


def find_route(routes: Routes, frame: bytes) -> tuple[Route, bytes] | None:
    """Return route and payload of a frame, whatever its blanks and the order of its keys.

    None: it is of no stream of these routes. `Pipeline.receive` has the usual case inline.
    """
    try:
        name, payload = unwrap(frame)
    except BadMessage:
        return None
    route = routes.get(name)
    return None if route is None else (route, payload)


def payload_of(raw: bytes) -> bytes:
    """Return the payload of a frame, or of what is a payload already."""
    return unwrap(raw)[1] if raw.startswith(HEAD) else raw


def event_in(route: Route, raw: bytes, position: int) -> Any:
    """Return the decoded event at a position of a frame or payload; one that is no array has one.

    Raises msgspec.DecodeError if Python does not take it.
    """
    payload = payload_of(raw)
    if payload[:1] == b"[":
        payload = bytes(msgspec.json.decode(payload, type=list[msgspec.Raw])[position])
    return route.codec.decode(payload)


@dataclass(slots=True, eq=False)
class PendingEvent:
    """An event that is encoded and waits for the decision of an arbiter, or of the gap tracker."""

    route: Route
    series: Series
    message: Any  # decoded
    value: bytes  # its record, without a gap id
    record_ms: int  # its record time, epoch milliseconds
    received_us: int  # epoch microseconds
    feed: int  # id of the connection that delivered it


def deliver_from(series: Series, feeds: Sequence[int]) -> None:
    """Have the events of several connections arbitrated; the last one is new."""
    if series.arbiter is None:
        series.arbiter = arbiter_for(series.stream.row, series.tracker)
        delivered = series.covered and series.pending is None  # else by a connection before it
        for feed in feeds[:-1]:
            series.arbiter.feed_opened(feed, leading=delivered and feed == feeds[0])
    series.arbiter.feed_opened(feeds[-1])


def with_other_product(route: Route) -> Iterator[Route]:
    """Yield a route and, of a merged stream, that of the other product."""
    yield route
    if route.other_product is not None:
        yield route.other_product
