"""What is known of every series: what was published last, where something is missing, and what
became of it. Told by the pipeline and the supervisors; continuity/outbox.py writes it down. No I/O.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.avro import decode_record
from connector.codec.schema import load
from connector.continuity.checkpoint import Checkpoint
from connector.continuity.marker import GapReason, MarkerState
from connector.continuity.outbox import MARKERS, PROGRESS, Outbox, Record
from connector.continuity.sequence_rules import IdentityTracker, tracker_for
from connector.continuity.sequence_rules import IdGap as Hole
from connector.continuity.series import Gap, Series
from connector.errors import BadMessage

__all__ = ["MARKERS", "PROGRESS", "Gap", "GapTracker", "Record", "Series"]


class GapTracker:
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
        begun: Told of each series when its coverage begins, and at which record time.
        doubt: Told of a series whose ids may have begun anew.
        outbox: Writes it down.
        schedule_progress: Have the progress of a series written with the next transaction.
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
        self._repeats_possible = repeats_possible
        self._series: dict[str, Series] = {}
        self._checkpoint = Checkpoint()
        self.outbox = Outbox(environment, shard, instance, run)
        self.schedule_progress = self.outbox.schedule_progress
        self.fill: Callable[[Series, Gap], str | None] = lambda _series, _gap: "no backfill"
        self.begun: Callable[[Series, int], None] = lambda _series, _record_ms: None
        self.doubt: Callable[[Series], None] = lambda _series: None
        self.gaps: Counter[str] = Counter()
        self.missing = 0
        self.recovered = 0

    def begin(
        self,
        schema_ids: Mapping[str, int],
        stored: Mapping[str, Mapping[str, Any]],
        unfinished: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Take up where the writer before stopped.

        Args:
            schema_ids: Ids of `marker` and `progress`.
            stored: Newest progress by series, as records.
            unfinished: Markers of the gaps it was filling, as records.
        """
        self._checkpoint = Checkpoint(stored, unfinished)
        self.outbox.begin(schema_ids, stored)

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
        if there is not None:  # its stream was given up, or has another way now
            self.change_topic(there, topic, opening, key)
            return there
        head = self.outbox.head(product, stream.name, symbol, stream.row.kind, topic)
        tracker = tracker_for(stream.row) if self._tracking else IdentityTracker()
        series = Series(product, stream, symbol, topic, opening, key, head, tracker)
        self._series[name] = series
        unfinished = self._checkpoint.restore(series)
        if unfinished is not None:
            self._open_pending(series, "restart", self._repeats_possible)
            for gap in unfinished:
                self._fill_again(series, gap)
            self.change_topic(series, topic, opening, key)
        return series

    def _fill_again(self, series: Series, gap: Gap) -> None:
        """Go on with a gap that the writer before was filling, from where it had come to."""
        why = self._let_fill(series, gap)
        if why is not None:
            self.outbox.add_marker("unfillable", series, gap, why)

    def _let_fill(self, series: Series, gap: Gap) -> str | None:
        """Have a gap filled; return why it cannot be, None when it is under way."""
        why = self.fill(series, gap)
        if why is None:
            series.open_gaps[gap.id] = gap
        return why

    def on_event(
        self,
        series: Series,
        hole: Hole | None,
        record_ms: int,
        last: int,
        reason: GapReason = "sequence",
    ) -> str | None:
        """Settle what an event tells of the gap before it.

        Args:
            series: Whose next event it is, its ids told to the tracker.
            hole: What is missing before it, by its ids.
            record_ms: Its record time.
            last: Its last id.
            reason: Why something is missing, when nobody has said so before.

        Returns:
            The gap id the record must carry, if any.
        """
        gap, stamp = series.pending, series.next_gap_id
        series.pending, series.next_gap_id, series.needs_check = None, None, False
        if series.ended:
            series.ended = False
            self._start_coverage(series, record_ms)
            return None
        if gap is None and hole is None:
            if series.last_ms is None:
                self._start_coverage(series, record_ms)
            return stamp
        if hole is None and gap is not None:
            hole = series.tracker.last_tolerated_skip()  # after a break, no missing id is normal
        gap = gap or series.gap(self._environment, reason, None if hole is None else hole.before_id)
        gap.after_ms = record_ms
        told = self._close_pending(series, gap, hole, last, again=stamp == gap.id)
        return stamp or told

    def _close_pending(
        self, series: Series, gap: Gap, hole: Hole | None, last: int, *, again: bool
    ) -> str | None:
        """Say what became of a gap that an event ends; return its id if something is missing.

        Again: it was settled when the series was read again, and then nothing came.
        """
        if hole is not None:
            gap.before_id, gap.after_id, gap.missing = hole.before_id, hole.after_id, hole.missing
            return self._count_gap(series, gap, again=again)
        if series.ids_reveal_gaps:
            gap.after_id = series.last_id
            self.outbox.add_marker("clear", series, gap)  # the ids go on: nothing was missing
            return None
        gap.after_id = last if series.tracker.has_ids else None
        return self._count_gap(series, gap, again=again)

    def _start_coverage(self, series: Series, record_ms: int) -> None:
        """Note where the coverage of a series begins that nobody has written before."""
        began = Gap("", "restart", None, None, series.last_id, record_ms)
        began.epoch = series.tracker.epoch
        self.outbox.add_marker("started", series, began)
        self.begun(series, record_ms)

    def _count_gap(self, series: Series, gap: Gap, *, again: bool = False) -> str:
        """Count a real gap, and have it filled where that is possible."""
        self.gaps[gap.reason] += not again
        self.missing += gap.missing or 0
        self._mark_found(series, gap)
        return gap.id

    def _mark_found(self, series: Series, gap: Gap, detail: str = "") -> None:
        """Have a gap filled, and marked: opened, or why it cannot be."""
        why = self._let_fill(series, gap)
        if why is None:
            self.outbox.add_marker("opened", series, gap, detail)
        else:
            self.outbox.add_marker("unfillable", series, gap, why)

    def open_listing(self, series: Series, first_id: int, record_ms: int) -> None:
        """Open the gap between the first event of a new symbol and the first one we have read."""
        gap = series.gap(self._environment, "plan_changed", 0)
        gap.before_id = gap.before_ms = None
        gap.after_id, gap.after_ms, gap.whole = first_id, record_ms, True
        self._mark_found(series, gap, "a new listing: from its first event on")

    def on_recovered(self, series: Series, gap: Gap, to: int) -> None:
        """Note that an event of a gap has just been published; call it in the same breath."""
        gap.recovered += 1
        gap.filled_to = to
        self.recovered += 1
        self.schedule_progress(series)

    def on_dead_letter(self, series: Series, first: int, last: int, record_ms: int | None) -> None:
        """Mark an event that cannot become a record, its ids told to the tracker."""
        gap = series.gap_around(self._environment, "dead_letter", first - 1, last)
        gap.missing = last - first + 1
        gap.before_ms, gap.after_ms = series.last_ms, record_ms
        series.next_gap_id, series.needs_check = self._count_gap(series, gap), True

    def on_refused(self, topic: str, value: bytes, reason: GapReason) -> None:
        """Mark a record that Kafka did not take: it is missing in its series, for good."""
        here = [one for one in self._series.values() if one.topic == topic]
        kinds = {one.stream.row.kind for one in here or self._series.values()}
        for kind in kinds:
            try:
                record = decode_record(load(kind), value)
            except BadMessage:
                continue
            name = f"{record['product']}/{record['stream_name']}/{record['symbol']}"
            series = self._series.get(name)
            if series is not None:
                first, last, previous, _ = series.stream.row.span_fields
                before = record[first] - 1
                if series.stream.row.sequence.rule == "chained" and previous is not None:
                    before = record[previous] if record[previous] is not None else before
                gap = series.gap_around(self._environment, reason, before, record[last])
                gap.missing = record[last] - before if series.gapless else 1
                self.outbox.add_marker("unfillable", series, gap, topic=topic)

    # Told by the supervisors

    def suspect(self, series: Iterable[Series], reason: GapReason) -> list[Series]:
        """Note that these series may miss something from now on; return those not noted before.

        All markers go out together.
        """
        begun = [one for one in series if one.last_ms is not None and not one.ended]
        new = [one for one in begun if one.pending is None]
        for one in new:
            self._open_pending(one, reason)
        return new

    def open_after(self, series: Series, reason: GapReason) -> None:
        """Note the same of a suspect when the next event has been taken, by somebody else."""
        if series.pending is None and series.last_ms is not None and not series.ended:
            gap = series.gap(self._environment, reason, series.suspected_after)
            gap.before_id = series.suspected_after
            self._open(series, gap)

    def confirm(self, series: Iterable[Series], now_ms: int) -> None:
        """Note that these series are read again. Those whose ids tell nothing are settled."""
        for one in series:
            gap = one.pending
            if gap is not None and not one.ids_reveal_gaps:
                gap.after_ms = now_ms
                again = one.next_gap_id == gap.id  # lost again, and nothing came in between
                one.pending, one.next_gap_id = None, self._count_gap(one, gap, again=again)

    def close_gap(self, series: Series, gap: Gap, state: MarkerState, detail: str = "") -> None:
        """Note that no more of a gap will be fetched, and what became of it."""
        series.open_gaps.pop(gap.id, None)
        self.outbox.add_marker(state, series, gap, detail)
        self.schedule_progress(series)
        if series.forgotten:
            self.forget([series])

    def mark(self, series: Series, gap: Gap, state: MarkerState, detail: str = "") -> None:
        """Have a marker of a gap written that somebody else has found; its progress is not ours."""
        self.outbox.add_marker(state, series, gap, detail)

    def reset(self, series: Series, first: int | None) -> None:
        """Begin the ids of a series anew: REST has confirmed that they did. No leg may wait.

        Args:
            series: Which one.
            first: The first of the new ids, as far as it was seen and taken for a repeat: the next
                event shows that it and what followed is missing.
        """
        gap = series.gap(self._environment, "ids_reset")
        self.gaps["ids_reset"] += 1
        self.outbox.add_marker("unfillable", series, gap, "the exchange began the ids anew")
        self.schedule_progress(series)
        self.fill(series, gap)  # nothing to fetch of it, but a book begins anew
        series.tracker.restore(None if first is None else first - 1, series.tracker.epoch + 1)
        # Where ids tell nothing, the next event only tells the other edge.
        series.pending = None if series.ids_reveal_gaps else gap
        series.next_gap_id, series.needs_check = gap.id, True

    def end_coverage(self, series: Iterable[Series], reason: GapReason) -> None:
        """Note where the coverage of these series ends; should it begin again, it begins anew."""
        for one in series:
            if one.last_ms is None or one.ended:
                continue
            if one.pending is not None:
                self._end_before(one, one.pending)
            end = Gap("", reason, one.last_id, one.last_ms, epoch=one.tracker.epoch)
            self.outbox.add_marker("stopped", one, end)
            one.pending = one.next_gap_id = None
            one.ended = one.needs_check = True
            self.schedule_progress(one)

    def _end_before(self, series: Series, gap: Gap) -> None:
        """Settle a gap that nobody will see the end of: what is covered ends before it."""
        gap.missing = 0
        if series.tracker.has_ids and gap.before_id is not None:
            gap.after_id = gap.before_id + 1
        gap.after_ms = None if gap.before_ms is None else gap.before_ms + 1
        self.outbox.add_marker("clear", series, gap, "given up: what is covered ends before it")

    def change_topic(self, series: Series, topic: str, opening: bytes, key: bytes) -> None:
        """Have the records of a series go elsewhere: one topic's cover ends, another's begins."""
        before = series.topic
        series.record_prefix, series.key = opening, key
        if topic == before:
            return
        covers = series.last_ms is not None and not series.ended
        edges, epoch = (series.last_id, series.last_ms), series.tracker.epoch
        if covers:
            self.outbox.add_marker("stopped", series, Gap("", "plan_changed", *edges, epoch=epoch))
        series.topic = topic
        series.head = self.outbox.head(
            series.product, series.stream.name, series.symbol, series.stream.row.kind, topic
        )
        if covers:
            first = None if series.last_id is None else series.last_id + 1
            began = Gap("", "plan_changed", None, None, first, series.last_ms, epoch=epoch)
            self.outbox.add_marker("started", series, began)
            self.schedule_progress(series)
            self.begun(series, series.last_ms or 0)

    def forget(self, series: Iterable[Series]) -> None:
        """Let go of series that nobody reads any more, whoever should have said so."""
        gone = list(series)
        self.end_coverage(gone, "plan_changed")
        for one in gone:
            if self._series.get(one.name) is not one:
                continue
            one.forgotten = bool(one.open_gaps)  # until they are settled
            if not one.forgotten:
                del self._series[one.name]
                self.outbox.add_tombstone(one)
                self._checkpoint.forget(one)

    def _open_pending(
        self, series: Series, reason: GapReason, repeats_possible: bool = False
    ) -> None:
        self._open(series, series.gap(self._environment, reason), repeats_possible)

    def _open(self, series: Series, gap: Gap, repeats_possible: bool = False) -> None:
        series.pending, series.needs_check = gap, True
        self.outbox.add_marker("opened", series, gap, repeats_possible=repeats_possible)
