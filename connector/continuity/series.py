"""One series as its writer keeps it: how far it is published, and its open gaps."""

import math
from dataclasses import dataclass, field
from typing import Any

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.continuity.arbiter import FeedArbiter
from connector.continuity.candle_tracker import CandleTracker
from connector.continuity.gap import Gap
from connector.continuity.marker import GapReason, gap_id
from connector.continuity.tracker import Tracker

MAX_SKEW_MS = 1  # between the times that two connections give one event
# Reasons of gaps that begin before they are noticed: right behind the newest record.
NOTICED_LATE = frozenset({"stale", "sequence", "ids_reset"})


@dataclass(slots=True)
class StoredPoint:
    """How far the previous writer has stored a series whose ids do not tell repeats.

    Attributes:
        last_ms: Record time of its newest record.
        last_id: As of the series; of candles the open time of the newest closed one.
        has_unique_times: No two events of the series share a time.
        same_time: Events that were read again and have the time of that record.
    """

    last_ms: int
    last_id: int | None
    has_unique_times: bool
    same_time: int = 0

    @property
    def is_doubtful(self) -> bool:
        """Whether several events have the time of the newest record: not all may be stored."""
        return self.same_time > 1 and not self.has_unique_times

    def covers(self, record_ms: int, last_id: int | None) -> bool:
        """Say whether an event is stored that was read before the writer was fenced.

        Two connections may stamp one event 1 ms apart.

        Args:
            record_ms: Its record time.
            last_id: The id of the series behind it: it is another one if the event closed a candle.
        """
        if last_id != self.last_id:
            return False
        self.same_time += abs(record_ms - self.last_ms) <= MAX_SKEW_MS
        return record_ms <= self.last_ms + MAX_SKEW_MS


@dataclass(slots=True, eq=False)
class Series:
    """One series of a writer."""

    product: Product
    stream: Stream
    symbol: str
    topic: str  # where its records go
    record_prefix: bytes  # Confluent header and the first three fields of its records
    key: bytes  # Kafka key of its records
    head: bytes  # the part of its progress records that never changes
    tracker: Tracker
    last_ms: int | None = None  # record time of the newest record; None: before the first
    last_received_ms: int | None = None  # when it was received; None: by an earlier process
    quiet_until: int | None = None  # nothing later than that record happened before; epoch ms
    quiet_noted_at: float = -math.inf  # when its quiet was noted last, monotonic seconds
    pending: Gap | None = None  # an open gap whose right edge the next event will show
    next_gap_id: str | None = None  # gap_id that the next published record carries
    # The gap since its coverage ended, which the next event begins anew; None: it has not ended.
    ended: Gap | None = None
    forgotten: bool = False  # it is removed as soon as its open gaps are closed
    # Ids of the connections that delivered it when it was suspected to be stale, until settled.
    suspects: tuple[int, ...] = ()
    suspected_after: int | None = None  # newest id published when it was suspected
    stored: StoredPoint | None = None  # by the previous writer, until a newer event comes
    # One of pending, next_gap_id, ended, suspects, stored is set, or no event has come: one test.
    needs_check: bool = True
    open_gaps: dict[str, Gap] = field(default_factory=dict)  # by gap_id; REST is asked for them
    arbiter: FeedArbiter[Any] | None = None  # orders the events of several connections
    dirty: bool = False  # something was published since the last checkpoint
    scheduled: bool = False  # its progress is written with the next transaction
    number: int = 0  # series_number of its progress; 0: none was written
    written_ms: int = 0  # when its progress was last written; epoch milliseconds
    written_in: int = 0  # number of the transaction with it; 0: none

    @property
    def name(self) -> str:
        """Key of its markers and progress."""
        return f"{self.product}/{self.stream.name}/{self.symbol}"

    @property
    def ids_reveal_gaps(self) -> bool:
        """Whether the ids of the next event show if something is missing before it."""
        return self.stream.row.sequence.rule not in ("identity", "increasing")

    @property
    def gapless(self) -> bool:
        """Whether each id follows the one before."""
        return self.stream.row.sequence.rule in ("contiguous", "range")

    @property
    def covered(self) -> bool:
        """Whether something was published or known not to have happened, and that has not ended."""
        return self.edge_ms is not None and self.ended is None

    @property
    def edge_ms(self) -> int | None:
        """Until when all that happened is known; None before anything is."""
        if self.last_ms is None or self.quiet_until is None:
            return self.quiet_until if self.last_ms is None else self.last_ms
        return max(self.last_ms, self.quiet_until)

    @property
    def last_id(self) -> int | None:
        """Newest id published; None where there are no ids."""
        return self.tracker.last if self.tracker.has_ids else None

    @property
    def newest_id(self) -> int | None:
        """Newest id read; of candles the open time of the one that is not closed yet."""
        return self.tracker.current if isinstance(self.tracker, CandleTracker) else self.last_id

    @property
    def fillings(self) -> list[dict[str, Any]]:
        """How far the open gaps are filled, as values of the progress record's `fillings`."""
        return [
            {"gap_id": name, "filled_to": to, "recovered": gap.recovered, "gone": gap.expired}
            for name, gap in self.open_gaps.items()
            if (to := gap.filled_to) is not None
        ]

    @property
    def complete_until(self) -> int | None:
        """Record time before which nothing is missing that may still come; epoch milliseconds."""
        gaps = [*self.open_gaps.values(), *([self.pending] if self.pending else ())]
        edges = (gap.before_ms for gap in gaps if gap.before_ms is not None)
        return min(edges, default=self.edge_ms)

    def gap(self, environment: str, reason: GapReason, before: int | None = None) -> Gap:
        """Return a gap behind the newest record.

        Its gap_id is made of the environment (topic prefix) and of `before`, by default the newest
        id or time.
        """
        edge = before if before is not None else self.last_id
        edge = edge if edge is not None else self.last_ms
        epoch = self.tracker.epoch
        number = gap_id(environment, self.product, self.stream.name, self.symbol, epoch, edge)
        late = reason in NOTICED_LATE and self.last_ms is not None
        before_ms = self.last_ms if late else self.edge_ms
        return Gap(number, reason, self.last_id, before_ms, epoch=epoch, topic=self.topic)

    def gap_with(self, number: int) -> Gap | None:
        """Return the open gap that an id lies in; None: there is none."""
        for gap in self.open_gaps.values():
            before, after = gap.before_id, gap.after_id
            if gap.epoch != self.tracker.epoch or before is None or after is None:
                continue
            if before < number < after:
                return gap
        return None

    def topic_of(self, gap_id: str | None) -> str:
        """Return where a record goes: one that fills a gap goes where the gap is."""
        gap = None if gap_id is None else self.open_gaps.get(gap_id)
        return self.topic if gap is None else gap.topic or self.topic

    def gap_around(self, environment: str, reason: GapReason, before: int, last: int) -> Gap:
        """Return the gap of one record, which ends with `last`; the one before ends with `before`.

        Both are ids, or times where there are no ids.
        """
        gap = self.gap(environment, reason, before)
        if self.tracker.has_ids:
            gap.before_id, gap.after_id, gap.before_ms = before, last + 1, None
        else:
            gap.before_id, gap.before_ms, gap.after_ms = None, before, last + 1
        return gap

    def gap_of(self, environment: str, reason: GapReason, record: dict[str, Any]) -> Gap:
        """Return the gap that a record of this series leaves when Kafka does not take it.

        Every field that the schema lets be null may be null: REST does not know all of them.
        """
        first_field, last_field, previous_field, _ = self.stream.row.span_fields
        last = _first_present(record, last_field, "receive_time")
        before = _first_present(record, first_field, last_field, "receive_time") - 1
        chained = self.stream.row.sequence.rule == "chained"
        if chained and previous_field and record[previous_field] is not None:
            before = record[previous_field]
        gap = self.gap_around(environment, reason, before, last)
        gap.missing = last - before if self.gapless else 1
        return gap

    def edges(self, reason: GapReason) -> Gap:
        """Return the left edge of what follows the newest record: where a coverage ends."""
        return Gap("", reason, self.last_id, self.edge_ms, epoch=self.tracker.epoch)


def _first_present(record: dict[str, Any], *names: str) -> int:
    """Return the first of these fields that is not null."""
    return int(next(record[name] for name in names if record[name] is not None))
