"""A series as its writer knows it, and a gap in it until what became of it is known. No I/O."""

from dataclasses import dataclass, field
from typing import Any

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.continuity.arbitration_rules import FeedArbiter
from connector.continuity.marker import GapReason, gap_id
from connector.continuity.sequence_rules import Tracker


@dataclass(slots=True)
class Gap:
    """Something missing in one series, until it is known what became of it.

    Attributes:
        id: As in the markers and records.
        reason: Why.
        before_id, after_id, before_ms, after_ms: Its edges, published both.
        missing: How many events, where that is known.
        recovered: How many of them have been written since.
        expired: How many of them are known to be lost for good.
        filled_to: The last id of what was written; None as long as nothing was.
        whole: It reaches back to the series' first event, wherever that is: a new listing.
        epoch: How often the ids had begun anew, before it.
    """

    id: str
    reason: GapReason
    before_id: int | None
    before_ms: int | None
    after_id: int | None = None
    after_ms: int | None = None
    missing: int | None = None
    recovered: int = 0
    expired: int = 0
    filled_to: int | None = None
    whole: bool = False
    epoch: int = 0


@dataclass(slots=True)
class Series:
    """One series as the writer knows it.

    Attributes:
        product, stream, symbol, topic: Which one, and where it goes.
        record_prefix: Confluent header and the first three fields of its records.
        key: Their Kafka key.
        head: What never changes in its progress.
        tracker: Its ids.
        last_ms: Record time of the newest record.
        pending: A gap whose other edge the next event will tell.
        stamp: Id of a gap that is settled, for the next record to carry.
        ended: Nobody reads it any more: the next event begins its coverage anew.
        forgotten: It is let go of once its open gaps are settled.
        suspects: The connections that brought it when it was suspected: it is not known yet whether
            they bring it still. Empty: it is not suspected.
        suspected_after: The newest id published by then.
        alert: The next event must be looked at: one of these is set, or it is the first.
        open_gaps: Gaps being filled.
        arbiter: Puts two legs together, while there are two.
        dirty: Something was published since its progress was written.
    """

    product: Product
    stream: Stream
    symbol: str
    topic: str
    record_prefix: bytes
    key: bytes
    head: bytes
    tracker: Tracker
    last_ms: int | None = None
    pending: Gap | None = None
    next_gap_id: str | None = None
    ended: bool = False
    forgotten: bool = False
    suspects: tuple[int, ...] = ()
    suspected_after: int | None = None
    needs_check: bool = True
    open_gaps: dict[str, Gap] = field(default_factory=dict)
    arbiter: FeedArbiter[Any] | None = None
    dirty: bool = False

    @property
    def name(self) -> str:
        """The key of its markers and progress."""
        return f"{self.product}/{self.stream.name}/{self.symbol}"

    @property
    def ids_reveal_gaps(self) -> bool:
        """Whether the ids of the next event tell if something is missing before it."""
        return self.stream.row.sequence.rule not in ("identity", "increasing")

    @property
    def gapless(self) -> bool:
        """Whether each id follows the one before."""
        return self.stream.row.sequence.rule in ("contiguous", "range")

    @property
    def last_id(self) -> int | None:
        """The newest id published."""
        return self.tracker.last if self.tracker.has_ids else None

    @property
    def fillings(self) -> list[dict[str, Any]]:
        """How far the open gaps have been filled, as progress tells it."""
        return [
            {
                "gap_id": gap.id,
                "filled_to": gap.filled_to,
                "recovered": gap.recovered,
                "gone": gap.expired,
            }
            for gap in self.open_gaps.values()
            if gap.filled_to is not None
        ]

    @property
    def complete_until(self) -> int | None:
        """Record time before which nothing is missing that may still come."""
        edges = [gap.before_ms for gap in self.open_gaps.values() if gap.before_ms is not None]
        if self.pending is not None and self.pending.before_ms is not None:
            edges.append(self.pending.before_ms)
        return min(edges, default=self.last_ms)

    def gap(self, environment: str, reason: GapReason, before: int | None = None) -> Gap:
        """Return a gap that begins behind the newest record.

        Args:
            environment: The topic prefix: its id is the same for the same gap, anywhere.
            reason: Why something is missing.
            before: The edge that tells it from other gaps; the newest id or time by default.
        """
        edge = before if before is not None else self.last_id
        edge = edge if edge is not None else self.last_ms
        epoch = self.tracker.epoch
        number = gap_id(environment, self.product, self.stream.name, self.symbol, epoch, edge)
        return Gap(number, reason, self.last_id, self.last_ms, epoch=epoch)

    def gap_around(self, environment: str, reason: GapReason, before: int, last: int) -> Gap:
        """Return the gap that one record leaves: its edges are ids, or times where it has none."""
        gap = self.gap(environment, reason, before)
        if self.tracker.has_ids:
            gap.before_id, gap.after_id, gap.before_ms = before, last + 1, None
        else:
            gap.before_id, gap.before_ms, gap.after_ms = None, before, last + 1
        return gap
