"""One series as it lies in a topic, judged by its catalogue row's rule: holes, repeats, accounts.

Pure: told record after record in the order of the topic (backfilled ones late), it keeps ranges of
ids, never records. `AuditedSeries.see` is on the hot path of `bkc verify`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from connector.binance.stream_name import Stream
from connector.continuity.audit.coverage import (
    IDS_RESET,
    SETTLED,
    UNCOVERED,
    UNMARKED,
    Coverage,
    Marker,
    MissingRange,
    id_edges,
)
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, MOST_RANGES, Ranges

LIVE, BACKFILL = b"live", b"backfill"
NORMAL = "normal"  # one id, by a rule that says so (may_skip_single)
MOST_EXAMPLES = 100  # holes kept one by one for each series and state; all are counted
DENIED = "denied"  # more is missing than the marker of a settled gap says
UNEXPLAINED = frozenset({UNMARKED, DENIED})  # states of a hole that nobody owned up to
NOT_MISSING = frozenset({UNCOVERED, NORMAL})


@dataclass(slots=True)
class HoleCounts:
    """Holes by how they are explained: how many, how many ids, and the first of each."""

    holes: Counter[str] = field(default_factory=Counter)
    ids: Counter[str] = field(default_factory=Counter)
    examples: list[MissingRange] = field(default_factory=list)

    def add(self, piece: MissingRange) -> None:
        """Count a hole and keep it while there are few of its sort."""
        self.holes[piece.state] += 1
        self.ids[piece.state] += piece.size
        if self.holes[piece.state] <= MOST_EXAMPLES:
            self.examples.append(piece)


class EpochIds:
    """The ids of one series in one id epoch.

    Attributes:
        ranges: Those seen, inside the window of time or not.
        low, high: The first and the last one inside it.
    """

    __slots__ = ("_judge", "_settled", "_skips_single", "high", "low", "ranges")

    def __init__(self, series: "AuditedSeries", epoch: int) -> None:
        self.ranges = Ranges()
        self.low, self.high = AFTER_ALL, BEFORE_ALL
        self._judge = series.coverage.judge(epoch, series.edges)
        self._skips_single = series.stream.row.sequence.may_skip_single
        self._settled: list[MissingRange] = []

    def add(self, first: int, last: int) -> int | None:
        """Note ids out of turn; see `Ranges.add`."""
        new = self.ranges.add(first, last)
        if len(self.ranges) > MOST_RANGES:
            for hole in self.ranges.settle():
                self._settled += self._explained(*hole)
        return new

    def holes(self) -> Iterator[MissingRange]:
        """Yield what is missing between the first and the last id of the window."""
        for piece in self._settled:
            if piece.last > self.low and piece.first < self.high:
                yield piece
        for hole in self.ranges.holes(self.low, self.high):
            yield from self._explained(*hole)

    def _explained(self, first: int, last: int) -> list[MissingRange]:
        pieces = self._judge(first, last)
        if self._skips_single and first == last and pieces[0].state == UNMARKED:
            return [MissingRange(first, last, NORMAL)]
        return pieces


class AuditedSeries:
    """A series of a rule without ids: counted, no more. The other rules are its subclasses.

    Attributes:
        records: How many lie inside the window of time.
        repeats: How many of them were there before.
        coverage: Its markers; all of them are known before the first record.
        last_time, complete_until, open_gaps: The progress topic's word.
    """

    fields: ClassVar[
        tuple[str, ...]
    ] = ()  # sequence fields that `see` takes, by their place in the row

    def __init__(self, stream: Stream, symbol: str, window: tuple[int, int]) -> None:
        self.stream = stream
        self.symbol = symbol
        self.since, self.until = window
        self.coverage = Coverage()
        self.records = self.backfilled = self.snapshots = self.repeats = 0
        self.last_time: int | None = None
        self.complete_until: int | None = None
        self.open_gaps: list[str] = []
        self._epoch: int | None = None  # that of the live records; None before the first
        self._chains: dict[int, EpochIds] = {}
        self._current: EpochIds | None = None  # that of `_epoch`

    @classmethod
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        """The record fields that `see` takes after origin and gap_id."""
        rule = stream.row.sequence
        names = (getattr(rule, name) for name in cls.fields)
        return tuple(name for name in names if name is not None)

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Take one record: its time in milliseconds, its head and its sequence fields."""
        del ids
        if gap is not None:
            self._belongs(time, origin, gap)
        if self.since <= time < self.until:
            self.records += 1

    def edges(self, marker: Marker) -> tuple[int, int]:
        """The ids just outside a marker's span, as this series counts them."""
        return id_edges(marker)

    def label(self, number: int) -> int:
        """An id as a person knows it."""
        return number

    def findings(self) -> HoleCounts:
        """Judge the holes of every epoch."""
        found = HoleCounts()
        pieces = [piece for epoch in sorted(self._chains) for piece in self._chains[epoch].holes()]
        sizes = Counter[str]()
        for piece in pieces:
            if piece.state in SETTLED and piece.gap_id is not None:
                sizes[piece.gap_id] += piece.size
        broken = {gap for gap, size in sizes.items() if self.coverage.broken(gap, size)}
        for piece in pieces:
            denied = piece.state in SETTLED and piece.gap_id in broken
            found.add(replace(piece, state=DENIED) if denied else piece)
        return found

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last id inside the window, of the newest epoch; None without ids."""
        chains = [self._chains[epoch] for epoch in sorted(self._chains)]
        found = [(chain.low, chain.high) for chain in chains if chain.low <= chain.high]
        return found[-1] if found else None

    @property
    def late(self) -> int:
        """Records that came after their ids had been settled to bound the memory."""
        return sum(chain.ranges.late for chain in self._chains.values())

    @property
    def settled(self) -> bool:
        """Whether holes had to be judged before the end of the topic."""
        return any(chain.ranges.floor > BEFORE_ALL for chain in self._chains.values())

    def _chain(self, time: int, origin: bytes, gap: bytes | None) -> EpochIds:
        epoch = self._belongs(time, origin, gap)
        if epoch not in self._chains:
            self._chains[epoch] = EpochIds(self, epoch)
        chain = self._chains[epoch]
        if origin != BACKFILL:
            self._current = chain
        return chain

    def _belongs(self, time: int, origin: bytes, gap: bytes | None) -> int:
        """Return the id epoch a record is of; count it when it was fetched.

        The marker of an `ids_reset` has the epoch of its `before_id`, as every other; the first
        live record after it begins the next one. Where reading begins later, nothing says which
        epoch that is but what came after.
        """
        marker = None if gap is None else self.coverage.gaps.get(gap.decode())
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
