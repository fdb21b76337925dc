"""The shape of one catalogue row, and the means to write one in a line or three.

Never holds a row itself: those stand in rows_spot, rows_usdm, rows_coinm and rows_options, and
`catalogue` puts them together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict, Unpack

from connector.binance.candles import HOUR_MS
from connector.binance.products import Product

Status = Literal["live", "undocumented", "unverified", "retired", "event"]
Cadence = Literal["periodic", "active", "sparse"]
SequenceRule = Literal["contiguous", "chained", "range", "increasing", "candle", "identity"]


@dataclass(frozen=True, slots=True)
class Sequence:
    """How the events of one series follow one another, in names of record fields.

    Args:
        rule: contiguous: `first` is the previous `last` + 1. range: the same for spot depth,
            where events may also overlap. chained: `previous` equals the previous `last`.
            increasing: `last` grows and its holes mean nothing. candle: open times follow by the
            interval. identity: no ids at all.
        first: Field with the first id of an event.
        last: Field with the last id of an event.
        previous: Field with the last id of the event before.
        may_skip_single: A hole of one id is normal and cannot be filled.
    """

    rule: SequenceRule
    first: str | None = None
    last: str | None = None
    previous: str | None = None
    may_skip_single: bool = False


@dataclass(frozen=True, slots=True)
class RestHistory:
    """What REST can still tell of a stream's past, or only of its present (`by="state"`).

    Args:
        path: Path after the REST base.
        weight: Request weight of one call with `limit` rows.
        limit: Rows to ask for in one call; 0 where the path takes no limit.
        by: id: from an exact id. time: by a time span. state: only as things stand now,
            or the latest rows.
        needs_key: The call carries an API key in its header (no signature).
        lookback_s: How far back the answers reach, in seconds; None: not limited, or a state.
        note: What else a caller has to know.
        not_carried: Record fields that the REST answer does not have.
    """

    path: str
    weight: int
    limit: int
    by: Literal["id", "time", "state"]
    needs_key: bool = False
    lookback_s: float | None = None
    note: str = ""
    not_carried: tuple[str, ...] = ()


NO_IDS = Sequence("identity")
CANDLE = Sequence("candle", "open_time", "close_time")
RANGE = Sequence("range", "first_update_id", "last_update_id")
CHAINED = Sequence("chained", "first_update_id", "last_update_id", "previous_update_id")


# Rows are singletons: compared and hashed by identity (eq=False), so that caches can key on them.
@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One kind of stream of one product: everything the connector needs to know about it.

    Args:
        product: The product that serves it.
        pattern: Its wire name, `<parameter>` and `[may be left out]`, as Binance prints it.
        kind: The record type; empty for connection events.
        route: Path of the connection that delivers it. A wrong one is acknowledged and silent.
        source: Where the facts come from, with dates.
        status: live, undocumented, unverified, retired or event; the last two cannot be subscribed.
        symbol: Where a record's symbol comes from. wire: the payload. A parameter's name: that
            parameter, upper-cased. event: the event type, without "Update" and upper-cased
            (`KR_EquityUpdate` is market `KR_EQUITY`). const:X: always X. none: it makes no record.
        record_time: Record field that becomes the Kafka timestamp.
        sequence: How events follow one another inside a series.
        identity: Record fields that tell an event from every other one of its series.
        cadence: periodic: data by the clock. active: as often as the market moves. sparse: rarely.
        period_s: Longest normal spacing of a periodic stream, in seconds.
        array: The payload is documented as an array; the JSON decides all the same.
        events: Values of the payload's `e`; empty where it has none.
        parameters: Closed lists of values; "" means that the parameter may be left out.
        backfill: What REST knows of it.
        retired: The day Binance switched it off.
        successor: Pattern of the stream to use in its place.
        notes: What else a user has to know.
    """

    product: Product
    pattern: str
    kind: str
    route: str | None
    source: str
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

    @property
    def fillable(self) -> bool:
        """Whether REST can give past events of this stream one by one."""
        backfill = self.backfill
        return backfill is not None and (backfill.by != "state" or self.kind == "trade")

    @property
    def has_snapshots(self) -> bool:
        """Whether the stream carries changes of a book whose state REST gives."""
        return self.backfill is not None and self.kind in {"depth-diff", "rpi-depth"}

    @property
    def tells_book_ids(self) -> bool:
        """Whether the ids of the stream are those of its symbol's book: REST tells the newest.

        Update ids of book tickers and partial books are the order book's (web-socket-streams.md,
        2026-07-21: "u": order book updateId).
        """
        return self.kind in {"depth-diff", "rpi-depth", "depth-partial", "book-ticker"}

    @property
    def zone_ms(self) -> int:
        """How much earlier than UTC the stream's days begin, in milliseconds."""
        return 8 * HOUR_MS if self.pattern.endswith("@+08:00") else 0

    @property
    def span_fields(self) -> tuple[str, str, str | None, str | None]:
        """The record fields a tracker observes: first, last, previous, final; None: left out."""
        sequence = self.sequence
        if sequence.rule == "candle":
            return "open_time", "close_time", "event_time", "is_closed"
        if sequence.first is None or sequence.last is None:
            return self.record_time, self.record_time, None, None
        return sequence.first, sequence.last, sequence.previous, None


class Facts(TypedDict, total=False):
    """Some columns of a row: what a kind has in common, or what one row has of its own."""

    kind: str
    status: Status
    symbol: str
    record_time: str
    sequence: Sequence
    identity: tuple[str, ...]
    cadence: Cadence
    period_s: float | None
    array: bool
    events: tuple[str, ...]
    parameters: Mapping[str, tuple[str, ...]]
    backfill: RestHistory | None
    retired: str | None
    successor: str | None
    notes: str


@dataclass(frozen=True, slots=True)
class Section:
    """Product, route and source shared by neighbouring rows."""

    product: Product
    route: str | None
    source: str

    def row(self, pattern: str, common: Facts, **own: Unpack[Facts]) -> Row:
        """A row of this section: the kind's common facts, then the row's own over them."""
        facts: Facts = {"kind": "", **common, **own}
        return Row(self.product, pattern, route=self.route, source=self.source, **facts)


def by_id(name: str, *, may_skip_single: bool = False) -> Sequence:
    """Ids without holes: each event's id is the one before plus one."""
    return Sequence("contiguous", name, name, may_skip_single=may_skip_single)


def state(path: str, weight: int, limit: int = 0, note: str = "") -> RestHistory:
    """REST knows only how things stand now."""
    return RestHistory(path, weight, limit, "state", note=note)


def candles(
    path: str,
    note: str = "",
    *,
    weight: int = 2,
    limit: int = 499,
    edges: tuple[str, str] = ("first_trade_id", "last_trade_id"),
) -> RestHistory:
    """REST candles by time span; futures weigh <100: 1, 100-499: 2, 500-1000: 5, 1001-1500: 10.

    The default asks for 499 because that gives the most rows for each unit of weight
    (klines page of developers.binance.com, 2026-05-28). `edges` are the fields that `k.f` and
    `k.L` become: no REST candle has them.
    """
    return RestHistory(path, weight, limit, "time", note=note, not_carried=("event_time", *edges))


UPDATE_IDS = ("first_update_id", "last_update_id")
SAMPLE_TIMES = ("first_sample_time", "last_sample_time")
