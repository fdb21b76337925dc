"""The series of one writer: opened, covered, moved to other topics, left. It marks gaps."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.continuity.checkpoint import Checkpoint
from connector.continuity.gap import Gap
from connector.continuity.gap_marking import GapMarking
from connector.continuity.marker import GapReason, MarkerState, digest
from connector.continuity.outbox import Outbox
from connector.continuity.rest_requests import FillPolicy
from connector.continuity.sequence_rules import IdentityTracker, tracker_for
from connector.continuity.series import Series

NO_REST = FillPolicy(enabled=False)
# How long a series is kept that no stream carries any more. Until then its next event goes on from
# its last one: what lies between is a gap. Later it begins anew.
KEEP_LEFT_MS = 86_400_000
LEFT_PLAN = "not fetched: its topic has left the plan"


class SeriesRegistry(GapMarking):
    """The series of one writer, their coverage, and the records about them.

    Args:
        environment: The topic prefix.
        shard, instance, run: The writer's shard, its name, the random id of its process.
        repeats_possible: The writer cannot know what it had stored before (delivery: idempotent).
        tracking: False: every event counts as new (captured frames, in any order).

    Attributes:
        outbox: Marker and progress records of the next transaction.
        others: as of `GapMarking`.
    """

    def __init__(
        self,
        environment: str,
        *,
        shard: int = 0,
        instance: str = "market",
        run: str = "",
        policy: FillPolicy = NO_REST,
        repeats_possible: bool = False,
        tracking: bool = True,
    ) -> None:
        super().__init__(environment, Outbox(environment, shard, instance, run), policy)
        self._tracking = tracking
        self._repeats_possible = repeats_possible
        self._series: dict[str, Series] = {}
        self._left: dict[str, int] = {}  # series that no stream carries -> since when
        self._checkpoint = Checkpoint()
        self._listings: set[tuple[Product, str]] = set()
        self._listing_gaps: set[str] = set()  # names of series whose listing gap has been opened

    def begin(
        self,
        schema_ids: Mapping[str, int],
        stored: Mapping[str, Mapping[str, Any]],
        unfinished: Iterable[Mapping[str, Any]] = (),
        generation: int = 1,
    ) -> None:
        """Go on from the checkpoint of the previous writer.

        Args:
            schema_ids: Kind (`marker`, `progress`, `checkpoint`) -> schema id.
            stored: Newest progress by series, as records.
            unfinished: Opening markers of the gaps that were being filled, as records.
            generation: Of this writer; above that of every writer before it.
        """
        self._checkpoint = Checkpoint(stored, unfinished)
        self.outbox.begin(schema_ids, stored, generation)

    @property
    def open_gaps(self) -> int:
        """Gaps whose final marker is not written yet."""
        return sum(1 for _ in self.unsettled())

    def unsettled(self) -> Iterator[tuple[Series, Gap]]:
        """Yield the gaps whose final marker is not written yet, each with its series."""
        for series in self._series.values():
            for gap in series.open_gaps.values():
                yield series, gap
            if series.pending is not None:
                yield series, series.pending

    @property
    def filling_topics(self) -> frozenset[str]:
        """Topics that records of open gaps go to; a series may have left one of them."""
        series = self._series.values()
        return frozenset(each.topic_of(name) for each in series for name in each.open_gaps)

    def open(
        self,
        stream: Stream,
        product: Product,
        symbol: str,
        topic: str,
        prefix: bytes,
        key: bytes,
        *,
        unbroken: bool = False,
    ) -> Series:
        """Return the series of a symbol: a new one, or the previous writer's as it was stored.

        `unbroken`: it was read here since before what that writer stored last: nothing is missing.
        """
        name = f"{product}/{stream.name}/{symbol}"
        existing = self._series.get(name)
        if existing is not None:  # its stream was unsubscribed before, or has another route now
            self._left.pop(name, None)
            existing.forgotten = False
            self.change_topic(existing, topic, prefix, key)
            return existing
        series = self._add(stream, product, symbol, topic, prefix, key)
        unfinished = self._checkpoint.restore(series)
        if unfinished is not None:
            if unbroken and series.covered:
                first = None if series.last_id is None else series.last_id + 1
                self._mark_started(series, "restart", first, series.edge_ms)
            else:
                self._open_pending(series, self._gap(series, "restart"), self._repeats_possible)
            self._resume_filling(series, unfinished)
            self.change_topic(series, topic, prefix, key)
        return series

    def _add(
        self, stream: Stream, product: Product, symbol: str, topic: str, prefix: bytes, key: bytes
    ) -> Series:
        head = self.outbox.head(product, stream.name, symbol, stream.row.kind, topic)
        tracker = tracker_for(stream.row) if self._tracking else IdentityTracker()
        series = Series(product, stream, symbol, topic, prefix, key, head, tracker)
        self._series[series.name] = series
        return series

    def _resume_filling(self, series: Series, unfinished: Iterable[Gap], refusal: str = "") -> None:
        """Request what the previous writer did not fetch; `refusal`: why it may not be fetched."""
        for gap in unfinished:
            why = refusal or self._request_fill(series, gap)
            self.account.found(series.stream.row, gap, why)
            if why:
                state: MarkerState = "partial" if gap.recovered else "unfillable"
                self.outbox.add_marker(state, series, gap, why)

    @property
    def unclaimed(self) -> Mapping[str, Mapping[str, Any]]:
        """Progress of the previous writer whose series were not opened yet, by series."""
        return self._checkpoint.stored

    def retire(self, stream: Stream, symbol: str, prefix: bytes | None, key: bytes) -> None:
        """Settle a series of the previous writer that no stream carries any more, as `leave` does.

        It is kept for KEEP_LEFT_MS from the time until which it was read, by its progress.

        Args:
            stream, symbol: The series; its progress is among `unclaimed`.
            prefix: Header and first fields of its records; None: its topic is not written any more,
                so that nothing of it can be fetched.
            key: Kafka key of its records.
        """
        progress = self.unclaimed[f"{stream.product}/{stream.name}/{symbol}"]
        series = self._add(stream, stream.product, symbol, progress["topic"], prefix or b"", key)
        unfinished = self._checkpoint.restore(series) or ()
        series.pending = self._gap(series, "restart")  # the id of one that was open at the end
        self._resume_filling(series, unfinished, "" if prefix else LEFT_PLAN)
        read_until = max(progress["last_time"] or 0, progress["complete_until"] or 0)
        self.leave([series], read_until)

    def add_listings(self, symbols: Collection[tuple[Product, str]]) -> None:
        """Note new listings: their series are requested from their first event on."""
        self._listings |= set(symbols)

    def _start_coverage(self, series: Series, record_ms: int, first: int | None = None) -> None:
        """Mark where the coverage of a series begins that the checkpoint does not have.

        `first`: the id it begins with, if that is not the newest one read.
        """
        self._mark_started(series, "restart", first or series.last_id, record_ms)
        self._request_snapshot(series, None)
        if (series.product, series.symbol) in self._listings:
            self._open_listing_gap(series, record_ms, first or series.newest_id)

    def _mark_started(
        self, series: Series, reason: GapReason, first: int | None, record_ms: int | None
    ) -> None:
        edge = Gap("", reason, None, None, first, record_ms, epoch=series.tracker.epoch)
        self.outbox.add_marker("started", series, edge)

    def _open_listing_gap(self, series: Series, record_ms: int, first: int | None) -> None:
        """Open the gap from the first event of a new listing to the first one that was read."""
        row = series.stream.row
        if first is None or row.sequence.rule not in ("contiguous", "candle") or not row.fillable:
            return
        if series.name not in self._listing_gaps:
            self._listing_gaps.add(series.name)
            name = self._gap(series, "plan_changed", 0).id
            edges, epoch = (None, None, first, record_ms), series.tracker.epoch
            gap = Gap(name, "plan_changed", *edges, whole=True, epoch=epoch)
            self._mark_found(series, gap, "a new listing: from its first event on")

    def end_coverage(self, series: Iterable[Series], reason: GapReason) -> None:
        """Mark where the coverage of these series ends; it begins anew with their next event.

        What lies between is a gap then.
        """
        for each in (each for each in series if each.covered):
            if each.pending is not None:
                self._clear_at_end(each, each.pending)
            self.outbox.add_marker("stopped", each, each.edges(reason))
            each.pending = each.next_gap_id = None
            each.ended, each.needs_check = self._gap(each, "plan_changed"), True
            self.schedule_progress(each)

    def _clear_at_end(self, series: Series, gap: Gap) -> None:
        """Close a gap that will have no right edge: the coverage ends before it."""
        gap.missing = 0
        if series.tracker.has_ids and gap.before_id is not None:
            gap.after_id = gap.before_id + 1
        gap.after_ms = None if gap.before_ms is None else gap.before_ms + 1
        self.outbox.add_marker("clear", series, gap, "given up: what is covered ends before it")

    def change_topic(self, series: Series, topic: str, prefix: bytes, key: bytes) -> None:
        """Have the records of a series go to a topic: coverage ends in one, begins in the other.

        Gaps that are being filled stay in the topic that they are in. A gap without a right edge
        ends there, and another one begins in the new topic.
        """
        series.record_prefix, series.key = prefix, key
        if topic == series.topic:
            return
        covered, pending, moved = series.covered, series.pending, None
        if pending is not None:
            moved = replace(pending, id=digest(pending.id, topic), topic=topic)
            self._clear_at_end(series, pending)
        if covered:
            self.outbox.add_marker("stopped", series, series.edges("plan_changed"))
        series.topic = topic
        stream, last = series.stream, series.last_id
        names = (series.product, stream.name, series.symbol, stream.row.kind)
        series.head = self.outbox.head(*names, topic)
        if covered:
            self.schedule_progress(series)
            first = None if last is None else last + 1
            self._mark_started(series, "plan_changed", first, series.last_ms)
            self._request_snapshot(series, None)
        if moved is not None:
            self._open_pending(series, moved)

    def leave(self, series: Iterable[Series], now_ms: int) -> None:
        """End the coverage of series that no stream carries any more; they are kept for a while."""
        left = list(series)
        self.end_coverage(left, "plan_changed")
        for each in left:
            if self._series.get(each.name) is each:
                self._left[each.name] = now_ms

    def forget_left(self, now_ms: int) -> None:
        """Remove the series that were left KEEP_LEFT_MS ago, once their open gaps are closed."""
        due = [name for name, since in self._left.items() if now_ms - since >= KEEP_LEFT_MS]
        for name in due:
            del self._left[name]
            self._forget(self._series[name])

    def _forget(self, series: Series) -> None:
        series.forgotten = bool(series.open_gaps)
        if not series.forgotten:
            del self._series[series.name]
            self.outbox.add_tombstone(series)
            self._checkpoint.forget(series)

    def close_gap(self, series: Series, gap: Gap, state: MarkerState, detail: str = "") -> None:
        """Write the final marker of an open gap: no more of it will be fetched."""
        series.open_gaps.pop(gap.id, None)
        self.account.settled(series.stream.row, gap, state, detail)
        self.outbox.add_marker(state, series, gap, detail)
        self.schedule_progress(series)
        if series.forgotten:
            self._forget(series)
