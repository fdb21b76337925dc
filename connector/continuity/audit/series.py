"""One series as it lies in a topic, judged by its catalogue row's rule: holes, repeats, counts.

PURE: records are observed in the order of the topic, backfilled ones late; only ranges of ids are
kept. `AuditedSeries.observe` is on the hot path of `bkc verify`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

from connector.binance.stream_name import Stream
from connector.continuity.audit.coverage import (
    CLOSED_STATES,
    IDS_RESET,
    UNMARKED,
    Coverage,
    Marker,
    MissingRange,
    id_edges,
)
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, MAX_RANGES, IdRange, Ranges

LIVE, BACKFILL = b"live", b"backfill"
MAX_EXAMPLES = 100  # holes kept for each series and state; all are counted
CONTRADICTED = "denied"  # state of a hole: more is missing than the marker of a closed gap says
SHORT = "short"  # state of a hole in time: the marker of its gap ends before the next record
UNEXPLAINED = frozenset({UNMARKED, CONTRADICTED, SHORT})
QUIET_MS = 60_000  # a writer that has not stopped still reads so long after its last progress


@dataclass(slots=True)
class HoleCounts:
    """Holes by state: how many, how many ids, and the first of each."""

    holes: Counter[str] = field(default_factory=Counter)
    ids: Counter[str] = field(default_factory=Counter)
    examples: list[MissingRange] = field(default_factory=list)

    def add(self, hole: MissingRange) -> None:
        """Count a hole and keep it among the first MAX_EXAMPLES of its state."""
        self.holes[hole.state] += 1
        self.ids[hole.state] += hole.size
        if self.holes[hole.state] <= MAX_EXAMPLES:
            self.examples.append(hole)


class EpochIds:
    """The ids of one series in one id epoch."""

    __slots__ = ("_explain", "_settled", "high", "low", "newest_ms", "number", "ranges")

    def __init__(self, series: "AuditedSeries", epoch: int) -> None:
        self.number = epoch
        self.ranges = Ranges()  # seen, inside the window of time or not
        self.newest_ms = BEFORE_ALL  # record time; kept of series with several epochs
        self.low, self.high = AFTER_ALL, BEFORE_ALL  # the first and the last one inside it
        self._explain = series.coverage.explainer(epoch, series.edges)
        self._settled: list[MissingRange] = []

    def add(self, first: int, last: int) -> int | None:
        """Add ids that are not the next ones; see `Ranges.add`."""
        new = self.ranges.add(first, last)
        if len(self.ranges) > MAX_RANGES:
            for hole in self.ranges.settle():
                self._settled += self._explain(*hole)
        return new

    def holes(self) -> Iterator[MissingRange]:
        """Yield what is missing between the first and the last id of the window."""
        low, high = self.low, self.high
        yield from (hole for hole in self._settled if hole.last > low and hole.first < high)
        for first, last in self.ranges.holes(low, high):
            yield from self._explain(first, last)


class AuditedSeries:
    """A series of a rule without ids: it is only counted. The other rules are its subclasses.

    `window`: record times from the first up to the second, not included; epoch milliseconds.
    `records` and `repeats` count inside it; `last_time`, `complete_until` and `open_gaps` are those
    of the newest progress.

    A topic that got more partitions holds a series in two of them, in no order between them: each
    is observed by a part of its own, which shares all ids with the others.
    """

    fields: ClassVar[tuple[str, ...]] = ()  # of the row's `sequence`: those that `observe` takes

    def __init__(self, stream: Stream, symbol: str, window: tuple[int, int]) -> None:
        self.stream = stream
        self.symbol = symbol
        self.since, self.until = window
        self.coverage = Coverage()  # all markers are added before the first record
        self.records = self.backfilled = self.snapshots = self.repeats = 0
        self.last_time: int | None = None
        self.complete_until: int | None = None
        self.open_gaps: list[str] = []
        self.parts: dict[int, AuditedSeries] = {}  # by partition
        self.has_event_times = True  # False: the broker stamps its records
        self._has_epochs = False  # ids have begun anew, or may have
        self._epoch: int | None = None  # that of the live records; None before the first
        self._epochs: dict[int, EpochIds] = {}
        self._current: EpochIds | None = None  # that of `_epoch`

    def part(self, partition: int) -> "AuditedSeries":
        """Return what observes the records of a partition."""
        if partition not in self.parts:
            part = self
            if self.parts:
                part = type(self)(self.stream, self.symbol, (self.since, self.until))
                part.coverage, part._epochs = self.coverage, self._epochs
            self.parts[partition] = part
        return self.parts[partition]

    @classmethod
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        """Return the record fields that `observe` takes after origin and gap_id."""
        sequence = stream.row.sequence
        names = (getattr(sequence, name) for name in cls.fields)
        return tuple(name for name in names if name is not None)

    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        """Count one record: its time in milliseconds, its head and its sequence fields."""
        del ids
        if gap_id is not None:
            self._epoch_of(time, origin, gap_id)
        if self.since <= time < self.until:
            self.records += 1

    def covered_times(self) -> Iterator[tuple[int, int]]:
        """Yield from when to when it was read, epoch milliseconds, as far as that is known."""
        known = [time for time in (self.last_time, self.complete_until) if time is not None]
        return self.coverage.times(max(known) + QUIET_MS if known else None)

    def edges(self, marker: Marker) -> IdRange:
        """Return the ids just outside a marker's gap, as this series counts them."""
        return id_edges(marker)

    def label(self, number: int) -> int:
        """Return an id as records have it."""
        return number

    def hole_counts(self) -> HoleCounts:
        """Explain and count the holes of every epoch."""
        holes = [hole for epoch in sorted(self._epochs) for hole in self._epochs[epoch].holes()]
        missing = Counter[str]()
        for hole in holes:
            if hole.state in CLOSED_STATES and hole.gap_id is not None:
                missing[hole.gap_id] += hole.size
        rest = self.stream.row.backfill
        is_contradicted = partial(
            self.coverage.is_contradicted, rest_omits_ids=rest is not None and rest.omits_ids
        )
        contradicted = {name for name, size in missing.items() if is_contradicted(name, size)}
        counts = HoleCounts()
        for hole in holes:
            denied = hole.state in CLOSED_STATES and hole.gap_id in contradicted
            counts.add(replace(hole, state=CONTRADICTED) if denied else hole)
        return counts

    @property
    def id_range(self) -> IdRange | None:
        """First and last id inside the window, of the newest epoch; None without ids."""
        epochs = (self._epochs[epoch] for epoch in sorted(self._epochs, reverse=True))
        return next(((ids.low, ids.high) for ids in epochs if ids.low <= ids.high), None)

    @property
    def longest_silence(self) -> tuple[int, int] | None:
        """Longest time without a record that no marker explains, of a series without ids in a row.

        Begin and end in epoch milliseconds, of one partition; None: it is short, or ids prove more.
        """
        return None

    @property
    def late(self) -> int:
        """Records that came after the holes at their ids had been judged to bound the memory."""
        return sum(epoch.ranges.late for epoch in self._epochs.values())

    @property
    def settled(self) -> bool:
        """Whether holes had to be judged before the end of the topic."""
        return any(epoch.ranges.floor > BEFORE_ALL for epoch in self._epochs.values())

    def _epoch_ids(self, time: int, origin: bytes, gap_id: bytes | None) -> EpochIds:
        """Return the ids of the epoch of a record; arguments as of `observe`."""
        self._has_epochs = self.coverage.newest_epoch > 0
        number = self._epoch_of(time, origin, gap_id)
        if number not in self._epochs:
            self._epochs[number] = EpochIds(self, number)
        epoch = self._epochs[number]
        if origin != BACKFILL:
            self._current = epoch
        return epoch

    def _epoch_of(self, time: int, origin: bytes, gap_id: bytes | None) -> int:
        """Return the id epoch of a record; count it if it was backfilled.

        The first live record after the marker of an `ids_reset` begins the next epoch. Where
        reading begins later, only the resets that follow show which epoch that is.
        """
        marker = None if gap_id is None else self.coverage.gaps.get(gap_id.decode())
        if origin == BACKFILL:
            self.backfilled += 1
            return self._epoch_now(time) if marker is None else marker.id_epoch
        if marker is None:
            self._epoch = self._epoch_now(time)
        else:
            after = marker.id_epoch + (marker.reason == IDS_RESET)
            self._epoch = after if self._epoch is None else max(self._epoch, after)
        return self._epoch

    def _epoch_now(self, time: int) -> int:
        return self.coverage.epoch_at(time) if self._epoch is None else self._epoch

    def _is_of_earlier_epoch(self, epoch: EpochIds, first: int, last: int, time: int) -> bool:
        """Say whether an event is in the topic already, under the same ids of an earlier epoch.

        Ids that truly began anew are those of events after all events of the epoch before.
        """
        epoch.newest_ms = max(epoch.newest_ms, time)
        return any(
            other.number < epoch.number
            and time <= other.newest_ms
            and other.ranges.has(first, last)
            for other in self._epochs.values()
        )
