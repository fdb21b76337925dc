"""The columns of a catalogue row, and short ways to write their values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from connector.binance.candles import HOUR_MS
from connector.binance.products import Product

Status = Literal["live", "undocumented", "unverified", "retired", "event"]
Cadence = Literal["periodic", "active", "sparse"]
SequenceRule = Literal["contiguous", "chained", "range", "increasing", "candle", "identity"]


@dataclass(frozen=True, slots=True)
class Sequence:
    """How the events of one series follow one another, in names of record fields.

    Attributes:
        rule: contiguous: `first` is the previous `last` + 1. range: the same for spot depth,
            where events may also overlap. chained: `previous` equals the previous `last`.
            increasing: `last` grows, and skipped ids mean nothing. candle: open times follow by
            the interval. identity: no ids at all.
        first, last: Fields with the first and the last id of an event.
        previous: Field with the last id of the event before.
    """

    rule: SequenceRule
    first: str | None = None
    last: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class RestHistory:
    """What REST returns of a stream's past, or only of its present (`by="state"`).

    Attributes:
        path: Path after the REST base.
        weight: Request weight of one call with `limit` rows.
        limit: Rows to ask for in one call; 0 where the path takes no limit.
        by: id: rows from an exact id on. time: rows of a time span. state: only the present
            state, or the latest rows.
        needs_key: The call carries an API key in its header (no signature).
        lookback_s: How far back the answers reach, in seconds; None: not limited, or a state.
        not_carried: Record fields that the REST answer lacks.
        omits_ids: Ids that the stream has are in no answer: what REST does not list between two
            ids is no fault of a fill. It excuses nothing that the stream itself lacks.
    """

    path: str
    weight: int
    limit: int = 1000
    by: Literal["id", "time", "state"] = "id"
    needs_key: bool = False
    lookback_s: float | None = None
    note: str = ""
    not_carried: tuple[str, ...] = ()
    omits_ids: bool = False


NO_IDS = Sequence("identity")
CANDLE = Sequence("candle", "open_time", "close_time")
RANGE = Sequence("range", "first_update_id", "last_update_id")
CHAINED = Sequence("chained", "first_update_id", "last_update_id", "previous_update_id")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KindDefaults:
    """The columns that rows of one kind share; a row may replace any of them.

    Attributes:
        kind: The record type; empty for connection events.
        status: live, undocumented, unverified, retired or event; the last two cannot be subscribed.
        symbol: Where a record's symbol comes from. wire: the payload. A parameter's name: that
            parameter, upper-cased. event: the event type, without "Update" and upper-cased
            (`KR_EquityUpdate` is market `KR_EQUITY`). const:X: always X. none: it makes no record.
        record_time: Record field that becomes the Kafka timestamp.
        sequence: How events follow one another inside a series.
        identity: Record fields whose values together are unique to an event within its series.
        cadence: periodic: data by the clock. active: as often as the market moves. sparse: rarely.
        period_s: Longest normal spacing of a periodic stream, in seconds; None for the others.
        array: The payload is documented as an array; the JSON decides all the same.
        events: Values of the payload's `e`; empty where it has none.
        parameters: Closed lists of values; "" means that the parameter may be left out.
        backfill: What REST returns of its past; None: nothing.
        retired: The day Binance switched it off, YYYY-MM-DD.
        successor: Pattern of the stream to use in its place.
    """

    kind: str = ""
    status: Status = "live"
    symbol: str = "wire"
    record_time: str = "event_time"
    sequence: Sequence = NO_IDS
    identity: tuple[str, ...] = ("event_time",)
    cadence: Cadence = "periodic"
    period_s: float | None = None
    array: bool = False
    events: tuple[str, ...] = ()
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    backfill: RestHistory | None = None
    retired: str | None = None
    successor: str | None = None
    notes: str = ""


# Rows are singletons: compared and hashed by identity (eq=False), so that caches can key on them.
@dataclass(frozen=True, slots=True, eq=False)
class Row(KindDefaults):
    """One kind of stream of one product: all the facts that the connector needs.

    Attributes:
        pattern: Its wire name, `<parameter>` and `[may be left out]`, as Binance prints it.
        route: Path of the connection that delivers it; None: the base itself. On a wrong route
            Binance acknowledges the subscription and sends no data.
        source: Where the facts come from, with dates.
    """

    product: Product
    pattern: str
    route: str | None
    source: str

    @property
    def fillable(self) -> bool:
        """Whether REST returns past events of this stream one by one."""
        history = self.backfill
        return history is not None and (history.by != "state" or self.kind == "trade")

    @property
    def has_newest_id(self) -> bool:
        """Whether REST tells the newest event of a series by an id that counts every event."""
        return self.fillable and self.sequence.rule == "contiguous"

    @property
    def has_unique_times(self) -> bool:
        """Whether each event of a series without ids has an event time of its own.

        A state that is sent by the clock has. Events that the market causes may share a time.
        """
        by_clock = self.sequence.rule == "identity" and self.cadence == "periodic"
        return by_clock and self.identity == (self.record_time,)

    @property
    def has_snapshots(self) -> bool:
        """Whether the stream carries changes of an order book whose state REST returns."""
        return self.backfill is not None and self.kind in {"depth-diff", "rpi-depth"}

    @property
    def has_book_ids(self) -> bool:
        """Whether the stream's ids are update ids of its symbol's order book.

        The newest is `lastUpdateId` of the book that REST returns (web-socket-streams.md,
        2026-07-21: "u": order book updateId).
        """
        return self.kind in {"depth-diff", "rpi-depth", "depth-partial", "book-ticker"}

    @property
    def zone_ms(self) -> int:
        """How much earlier than UTC the stream's candle days begin, in milliseconds."""
        return 8 * HOUR_MS if self.pattern.endswith("@+08:00") else 0

    @property
    def span_fields(self) -> tuple[str, str, str | None, str | None]:
        """Record fields a tracker observes: first, last, previous id, is final; None: no field."""
        sequence = self.sequence
        if sequence.rule == "candle":
            return "open_time", "close_time", "event_time", "is_closed"
        if sequence.first is None or sequence.last is None:
            return self.record_time, self.record_time, None, None
        return sequence.first, sequence.last, sequence.previous, None


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Product, route and source that several rows share."""

    product: Product
    route: str | None
    source: str

    def row(
        self,
        pattern: str,
        kind: KindDefaults,
        backfill: RestHistory | None = None,
        notes: str = "",
        *,
        array: bool = False,
    ) -> Row:
        """Return the row of a pattern; other columns of its own: `dataclasses.replace`."""
        columns = {each.name: getattr(kind, each.name) for each in fields(kind)}
        columns |= {"backfill": backfill, "notes": notes, "array": array or kind.array}
        return Row(self.product, pattern, self.route, self.source, **columns)


def by_id(name: str) -> Sequence:
    """Contiguous ids: each event's id is the id before plus one."""
    return Sequence("contiguous", name, name)


def state(path: str, weight: int, limit: int = 0, note: str = "") -> RestHistory:
    """REST returns only the present state."""
    return RestHistory(path, weight, limit, "state", note=note)


_TRADE_IDS = ("first_trade_id", "last_trade_id")


def candles(
    path: str,
    note: str = "",
    weight: int = 2,
    limit: int = 499,
    edges: tuple[str, str] = _TRADE_IDS,
) -> RestHistory:
    """REST candles by time span; futures weigh <100: 1, 100-499: 2, 500-1000: 5, 1001-1500: 10.

    The default asks for 499 because that gives the most rows for each unit of weight
    (klines page of developers.binance.com, 2026-05-28). `edges` are the record fields of `k.f`
    and `k.L`, which no REST candle has.
    """
    return RestHistory(path, weight, limit, "time", note=note, not_carried=("event_time", *edges))
