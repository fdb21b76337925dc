"""What is known of every series: what was published last, where something is missing, and what
became of it. Told by the pipeline and the supervisors; makes the marker and progress records that
belong to the next transaction. No I/O; `now` in epoch milliseconds is an argument.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.binance.handover import Merge
from connector.binance.markers import Reason, State, digest, gap_id
from connector.binance.names import Stream
from connector.binance.products import Product
from connector.binance.sequence import Gap as Hole
from connector.binance.sequence import IdentityTracker, Tracker, tracker_for
from connector.codec.progress import ProgressEncoder
from connector.codec.records import encode_record
from connector.codec.schema import load

MARKERS, PROGRESS = "markers", "progress"  # topics, behind the prefix
SLOWLY_MS = 1_000  # how often progress of series without ids is written; the others: each time
Record = tuple[str, bytes, bytes | None, int, Any]  # as a producer takes it


@dataclass(slots=True)
class Gap:
    """Something missing in one series, until it is known what became of it.

    Attributes:
        id: As in the markers and records.
        reason: Why.
        before_id, after_id, before_ms, after_ms: Its edges, published both.
        missing: How many events, where that is known.
        recovered: How many of them have been written since.
        epoch: How often the ids had begun anew, before it.
    """

    id: str
    reason: Reason
    before_id: int | None
    before_ms: int | None
    after_id: int | None = None
    after_ms: int | None = None
    missing: int | None = None
    recovered: int = 0
    epoch: int = 0


@dataclass(slots=True)
class Series:
    """One series as the writer knows it.

    Attributes:
        product, stream, symbol, topic: Which one, and where it goes.
        opening: Confluent header and the first three fields of its records.
        key: Their Kafka key.
        head: What never changes in its progress.
        tracker: Its ids.
        last_ms: Record time of the newest record.
        pending: A gap whose other edge the next event will tell.
        stamp: Id of a gap that is settled, for the next record to carry.
        ended: Nobody reads it any more: the next event begins its coverage anew.
        suspect: A connection that may bring it no more, until somebody delivers the next event.
        alert: The next event must be looked at: one of these is set, or it is the first.
        open_gaps: Gaps being filled.
        merge: Puts two legs together, while there are two.
        dirty: Something was published since its progress was written.
    """

    product: Product
    stream: Stream
    symbol: str
    topic: str
    opening: bytes
    key: bytes
    head: bytes
    tracker: Tracker
    last_ms: int | None = None
    pending: Gap | None = None
    stamp: str | None = None
    ended: bool = False
    suspect: int | None = None
    alert: bool = True
    open_gaps: dict[str, Gap] = field(default_factory=dict)
    merge: Merge[Any] | None = None
    dirty: bool = False

    @property
    def name(self) -> str:
        """The key of its markers and progress."""
        return f"{self.product}/{self.stream.name}/{self.symbol}"

    @property
    def can_tell(self) -> bool:
        """Whether the ids of the next event tell if something is missing before it."""
        return self.stream.row.sequence.rule not in ("identity", "increasing")

    @property
    def last_id(self) -> int | None:
        """The newest id published."""
        return self.tracker.last if self.tracker.has_ids else None

    @property
    def complete_until(self) -> int | None:
        """Record time before which nothing is missing that may still come."""
        edges = [gap.before_ms for gap in self.open_gaps.values() if gap.before_ms is not None]
        if self.pending is not None and self.pending.before_ms is not None:
            edges.append(self.pending.before_ms)
        return min(edges, default=self.last_ms)


class Continuity:
    """Every series of a writer, its gaps, and the records that tell of them.

    Args:
        environment: The topic prefix.
        shard: The writer's shard,
        instance: its name, and
        run: the random id of its process.
        repeats_possible: The writer cannot know what it had stored before (delivery: idempotent).
        tracking: False: every event counts as new (captured frames, in any order).

    Attributes:
        fill: Has a gap filled; returns why it cannot be, None when it is under way.
        begun: Told of each series when its coverage begins.
        doubt: Told of a series whose ids may have begun anew.
        sealed: Series whose progress was written -> number of the first transaction that did.
        gaps: Gaps found, by reason.
        missing: Events found missing; recovered: of them written since.
    """

    def __init__(
        self,
        environment: str,
        *,
        shard: int = 0,
        instance: str = "market",
        run: str = "",
        repeats_possible: bool = False,
        tracking: bool = True,
    ) -> None:
        self._tracking = tracking
        self._environment = environment
        self._shard = shard
        self._instance = instance
        self._run = run
        self._repeats_possible = repeats_possible
        self._marker_schema = 0
        self._progress = ProgressEncoder(0, shard, instance, run)
        self._series: dict[str, Series] = {}
        self._dirty: list[Series] = []
        self._waiting: list[tuple[State, Series, Gap, str, bool]] = []
        self._stored: dict[str, Mapping[str, Any]] = {}
        self._takeover: list[tuple[str, Mapping[str, Any]]] = []
        self._slowly_ms = 0
        self._marker_topic = f"{environment}.{MARKERS}"
        self._progress_topic = f"{environment}.{PROGRESS}"
        self.fill: Callable[[Series, Gap], str | None] = lambda _series, _gap: "no backfill"
        self.begun: Callable[[Series], None] = lambda _series: None
        self.doubt: Callable[[Series], None] = lambda _series: None
        self.sealed: dict[str, int] = {}
        self.gaps: Counter[str] = Counter()
        self.missing = 0
        self.recovered = 0

    def begin(self, schema_ids: Mapping[str, int], stored: Mapping[str, Mapping[str, Any]]) -> None:
        """Take up where the writer before stopped.

        Args:
            schema_ids: Ids of `marker` and `progress`.
            stored: Newest progress by series, as records.
        """
        self._marker_schema = schema_ids["marker"]
        self._progress = ProgressEncoder(
            schema_ids["progress"], self._shard, self._instance, self._run
        )
        self._stored = dict(stored)
        self._takeover = [
            (name, one)
            for name, one in stored.items()
            if (one["shard"], one["instance"]) == (self._shard, self._instance)
        ]

    @property
    def open_gaps(self) -> int:
        """Gaps of which it is not known yet what becomes of them."""
        return sum(len(one.open_gaps) + (one.pending is not None) for one in self._series.values())

    # Told by the pipeline

    def open(
        self, stream: Stream, product: Product, symbol: str, topic: str, opening: bytes, key: bytes
    ) -> Series:
        """Return the series of a symbol seen for the first time in this process."""
        name = f"{product}/{stream.name}/{symbol}"
        there = self._series.get(name)
        if there is not None and (there.opening, there.key) == (opening, key):
            return there  # its stream was given up, or has another way now
        head = self._progress.head(product, stream.name, symbol, stream.row.kind, topic)
        before = self._stored.pop(name, None)
        tracker = tracker_for(stream.row) if self._tracking else IdentityTracker()
        series = Series(product, stream, symbol, topic, opening, key, head, tracker)
        self._series[name] = series
        if before is not None:
            series.last_ms = before["last_time"]
            if tracker.has_ids:
                tracker.restore(before["last_id"], before["id_epoch"])
            self._suspect(series, "restart", self._repeats_possible)
        return series

    def judge(
        self, series: Series, hole: Hole | None, record_ms: int, reason: Reason = "sequence"
    ) -> str | None:
        """Settle what an event tells of the gap before it.

        Args:
            series: Whose next event it is, its ids told to the tracker.
            hole: What is missing before it, by its ids.
            record_ms: Its record time.
            reason: Why something is missing, when nobody has said so before.

        Returns:
            The gap id the record must carry, if any.
        """
        gap, stamp = series.pending, series.stamp
        series.pending, series.stamp, series.alert = None, None, False
        if series.ended:
            series.ended = False
            self._begun(series, record_ms)
            return None
        if stamp is not None and hole is None:
            return stamp
        if gap is None and hole is None:
            if series.last_ms is None:
                self._begun(series, record_ms)
            return None
        gap = gap or self._gap(series, reason, None if hole is None else hole.before_id)
        gap.after_ms = record_ms
        if hole is not None:
            gap.before_id, gap.after_id, gap.missing = hole.before_id, hole.after_id, hole.missing
            return self._found(series, gap)
        if series.can_tell:
            gap.after_id = series.last_id
            self._mark("clear", series, gap)  # the ids go on: nothing was missing
            return None
        return self._found(series, gap)

    def _begun(self, series: Series, record_ms: int) -> None:
        """Note where the coverage of a series begins that nobody has written before."""
        began = Gap("", "restart", None, None, series.last_id, record_ms)
        began.epoch = series.tracker.epoch
        self._mark("started", series, began)
        self.begun(series)

    def _found(self, series: Series, gap: Gap) -> str:
        """Count a real gap, and have it filled where that is possible."""
        self.gaps[gap.reason] += 1
        self.missing += gap.missing or 0
        why = self.fill(series, gap)
        if why is None:
            series.open_gaps[gap.id] = gap
            self._mark("opened", series, gap)
        else:
            self._mark("unfillable", series, gap, why)
        return gap.id

    def touch(self, series: Series) -> None:
        """Have the progress of a series written with the next transaction."""
        if not series.dirty:
            series.dirty = True
            self._dirty.append(series)

    # Told by the supervisors

    def interrupted(self, series: Iterable[Series], reason: Reason) -> None:
        """Note that these series may miss something from now on: all markers go out together."""
        for one in series:
            if one.pending is None and one.last_ms is not None and not one.ended:
                self._suspect(one, reason)

    def resumed(self, series: Iterable[Series], now_ms: int) -> None:
        """Note that these series are read again. Those whose ids tell nothing are settled."""
        for one in series:
            gap = one.pending
            if gap is not None and not one.can_tell:
                gap.after_ms = now_ms
                one.pending, one.stamp = None, self._found(one, gap)

    def settled(self, series: Series, gap: Gap, state: State, detail: str = "") -> None:
        """Note that no more of a gap will be fetched, and what became of it."""
        series.open_gaps.pop(gap.id, None)
        self.recovered += gap.recovered
        self._mark(state, series, gap, detail)
        self.touch(series)

    def reset(self, series: Series) -> None:
        """Begin the ids of a series anew: REST has confirmed that they did. No leg may wait."""
        gap = self._gap(series, "ids_reset")
        self.gaps["ids_reset"] += 1
        self._mark("unfillable", series, gap, "the exchange began the ids anew")
        self.touch(series)
        series.tracker.reset(series.tracker.epoch + 1)
        series.pending, series.stamp, series.alert = None, gap.id, True

    def ended(self, series: Iterable[Series], reason: Reason) -> None:
        """Note where the coverage of these series ends; should it begin again, it begins anew."""
        for one in series:
            if one.last_ms is None or one.ended:
                continue
            end = Gap("", reason, one.last_id, one.last_ms, epoch=one.tracker.epoch)
            self._mark("stopped", one, end)
            one.pending = one.stamp = None
            one.ended = one.alert = True
            self.touch(one)

    # Records

    def _suspect(self, series: Series, reason: Reason, repeats_possible: bool = False) -> None:
        series.pending = self._gap(series, reason)
        series.alert = True
        self._mark("opened", series, series.pending, repeats_possible=repeats_possible)

    def _gap(self, series: Series, reason: Reason, before: int | None = None) -> Gap:
        edge = before if before is not None else series.last_id
        edge = edge if edge is not None else series.last_ms
        number = gap_id(
            self._environment,
            series.product,
            series.stream.name,
            series.symbol,
            series.tracker.epoch,
            edge,
        )
        epoch = series.tracker.epoch
        return Gap(number, reason, series.last_id, series.last_ms, epoch=epoch)

    def _mark(
        self,
        state: State,
        series: Series,
        gap: Gap,
        detail: str = "",
        *,
        repeats_possible: bool = False,
    ) -> None:
        """Have a marker written with the next transaction."""
        self._waiting.append((state, series, replace(gap), detail, repeats_possible))

    def seal(self, number: int, now_us: int) -> list[Record]:
        """Return the markers and the progress that belong to a transaction.

        Args:
            number: The transaction's.
            now_us: Epoch microseconds.
        """
        now_ms = now_us // 1000
        waiting, self._waiting = self._waiting, []
        records = [self._marker(*one, now_us) for one in waiting]
        dirty, self._dirty = self._dirty, []
        slowly = now_ms - self._slowly_ms >= SLOWLY_MS
        if slowly:
            self._slowly_ms = now_ms
        for series in dirty:
            if not series.tracker.has_ids and not slowly:
                self._dirty.append(series)
                continue
            series.dirty = False
            self.sealed.setdefault(series.name, number)
            records.append(self._progress_of(series, number, now_ms))
        return records

    def take_over(self, number: int, now_us: int) -> list[Record]:
        """Return the progress of every series of the writer before, under our name.

        The first transaction: who was fenced by us can see that somebody newer writes.
        """
        taken, self._takeover = self._takeover, []
        records: list[Record] = []
        for name, one in taken:
            self.sealed.setdefault(name, number)
            value = self._progress.encode(
                self._progress.head(
                    one["product"], one["stream_name"], one["symbol"], one["kind"], one["topic"]
                ),
                one["last_id"],
                one["last_time"],
                one["complete_until"],
                one["open_gaps"],
                one["id_epoch"],
                now_us // 1000,
                number,
            )
            records.append((self._progress_topic, value, name.encode(), now_us // 1000, None))
        return records

    def _progress_of(self, series: Series, number: int, now_ms: int) -> Record:
        value = self._progress.encode(
            series.head,
            series.last_id,
            series.last_ms,
            series.complete_until,
            tuple(series.open_gaps),
            series.tracker.epoch,
            now_ms,
            number,
        )
        return self._progress_topic, value, series.name.encode(), now_ms, None

    def _marker(
        self,
        state: State,
        series: Series,
        gap: Gap,
        detail: str,
        repeats_possible: bool,
        now_us: int,
    ) -> Record:
        edges = gap.after_ms, gap.before_ms
        fact = gap.id or digest(self._environment, series.name, gap.epoch, *edges)
        values = {
            "marker_id": digest(fact, state),
            "state": state,
            "reason": gap.reason,
            "product": series.product,
            "stream_name": series.stream.name,
            "symbol": series.symbol,
            "kind": series.stream.row.kind,
            "topic": series.topic,
            "gap_id": gap.id or None,
            "marked_time": now_us // 1000,
            "marked_time_us": now_us,
            "before_id": gap.before_id,
            "after_id": gap.after_id,
            "before_time": gap.before_ms,
            "after_time": gap.after_ms,
            "missing": gap.missing,
            "recovered": gap.recovered if state in ("filled", "partial") else None,
            "id_epoch": gap.epoch,
            "repeats_possible": repeats_possible,
            "shard": self._shard,
            "instance": self._instance,
            "detail": detail or None,
        }
        value = encode_record(load("marker"), self._marker_schema, values)
        return self._marker_topic, value, series.name.encode(), now_us // 1000, None
