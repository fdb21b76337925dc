"""What the markers say of one series: which holes are known, and what was never ours. Pure.

A marker's edges are the last id before a hole and the first after it; for candles they are open
times, or where there are none the times of the records at the edges.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import accumulate
from typing import Any

from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, Span

KNOWN = frozenset({"opened", "partial", "unfillable"})  # missing, and said to be
SETTLED = frozenset({"filled", "clear"})  # what is still missing then was never there
UNMARKED, UNCOVERED = "unmarked", "uncovered"
IDS_RESET = "ids_reset"  # the one reason after which another id epoch begins


@dataclass(frozen=True, slots=True)
class Marker:
    """One record of the markers topic, as far as it matters here. Times in milliseconds."""

    state: str
    reason: str
    gap_id: str | None
    before_id: int | None
    after_id: int | None
    before_time: int | None
    after_time: int | None
    marked_time: int
    missing: int | None = None
    recovered: int | None = None
    id_epoch: int = 0
    instance: str = ""
    shard: int = 0

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Marker":
        """Take what matters from a record."""
        return cls(**{field.name: record[field.name] for field in fields(cls)})

    @property
    def never_there(self) -> int | None:
        """How many ids a settled gap may leave missing: REST had none of them; None: unknown."""
        return None if self.missing is None else self.missing - (self.recovered or 0)

    @property
    def began(self) -> int:
        """When the break it speaks of began, as far as it is known."""
        return self.marked_time if self.before_time is None else self.before_time

    def at(self, since: int, until: int) -> bool:
        """Whether the break it speaks of touches the time from `since` up to `until`."""
        began = self.began
        ended = max(began, self.marked_time) if self.after_time is None else self.after_time
        return began < until and ended >= since


@dataclass(frozen=True, slots=True)
class MissingRange:
    """A span of missing ids and how it is explained: a marker's state, unmarked or uncovered."""

    first: int
    last: int
    state: str
    gap_id: str | None = None

    @property
    def size(self) -> int:
        """How many ids it spans."""
        return self.last - self.first + 1


Edges = Callable[[Marker], tuple[int, int]]  # the ids just outside what a marker speaks of


def id_edges(marker: Marker) -> tuple[int, int]:
    """The edges of a marker of a series with ids; an unknown one is out of reach."""
    before = BEFORE_ALL if marker.before_id is None else marker.before_id
    return before, AFTER_ALL if marker.after_id is None else marker.after_id


class ExplainedRanges:
    """Explained spans of one id epoch, to be taken out of a hole."""

    def __init__(self, pieces: Iterable[MissingRange]) -> None:
        self._pieces = sorted(
            (piece for piece in pieces if piece.first <= piece.last), key=lambda it: it.first
        )
        self._firsts = [piece.first for piece in self._pieces]
        self._reach = list(accumulate((piece.last for piece in self._pieces), max))

    def split(self, first: int, last: int) -> Iterator[MissingRange]:
        """Yield what is explained of a span and, between, what is not (unmarked)."""
        begin = bisect_left(self._reach, first)
        end = bisect_right(self._firsts, last)
        for piece in self._pieces[begin:end]:
            if piece.last < first:
                continue
            if piece.first > first:
                yield MissingRange(first, piece.first - 1, UNMARKED)
            low, high = max(first, piece.first), min(last, piece.last)
            yield replace(piece, first=low, last=high)
            first = high + 1
            if first > last:
                return
        if first <= last:
            yield MissingRange(first, last, UNMARKED)


class Coverage:
    """The markers of one series, in the order in which they were written.

    Attributes:
        newest: The newest id epoch that a marker tells of, or that `told` was.
    """

    def __init__(self) -> None:
        self.gaps: dict[str, Marker] = {}
        self.newest = 0
        self._runs: list[Marker] = []

    def told(self, epoch: int) -> None:
        """Take another source's word for the id epoch: markers do not live for ever."""
        self.newest = max(self.newest, epoch)

    def epoch_at(self, time: int) -> int:
        """Return the id epoch of a record of that time: the newest less the resets after it."""
        later = sum(it.reason == IDS_RESET and it.began >= time for it in self.gaps.values())
        return max(0, self.newest - later)

    def add(self, marker: Marker) -> None:
        """Note a marker; the last state of a gap stands, with the edges known so far."""
        self.told(marker.id_epoch + (marker.reason == IDS_RESET))
        gap = marker.gap_id
        if gap is None:
            self._runs.append(marker)
            return
        earlier = self.gaps.get(gap)
        if earlier is not None:
            edges = ("before_id", "after_id", "before_time", "after_time", "missing")
            missing = [name for name in edges if getattr(marker, name) is None]
            marker = replace(marker, **{name: getattr(earlier, name) for name in missing})
        self.gaps[gap] = marker

    def broken(self, gap: str, missing: int) -> bool:
        """Whether a settled gap has more ids missing than its marker says were never there."""
        allowed = self.gaps[gap].never_there
        return allowed is not None and missing > allowed

    def states(self, since: int, until: int) -> Counter[str]:
        """Count the gaps that touch a time, by their last state."""
        return Counter(it.state for it in self.gaps.values() if it.at(since, until))

    def judge(self, epoch: int, edges: Edges) -> Callable[[int, int], list[MissingRange]]:
        """Return what tells how a span of missing ids is explained."""
        mine = [marker for marker in self.gaps.values() if marker.id_epoch == epoch]
        known = ExplainedRanges(_piece(marker, edges) for marker in mine if marker.state in KNOWN)
        outside = ExplainedRanges(_uncovered(self._runs, epoch, edges))
        settled = ExplainedRanges(
            _piece(marker, edges) for marker in mine if marker.state in SETTLED
        )

        def judged(first: int, last: int) -> list[MissingRange]:
            pieces = [MissingRange(first, last, UNMARKED)]
            for spans in (known, outside, settled):
                pieces = [
                    part
                    for piece in pieces
                    for part in (
                        spans.split(piece.first, piece.last)
                        if piece.state == UNMARKED
                        else (piece,)
                    )
                ]
            return pieces

        return judged


def _piece(marker: Marker, edges: Edges) -> MissingRange:
    before, after = edges(marker)
    return MissingRange(before + 1, after - 1, marker.state, marker.gap_id)


def _uncovered(runs: Iterable[Marker], epoch: int, edges: Edges) -> Iterator[MissingRange]:
    """Yield the spans that no run covered; none when no marker says that a run began or ended."""
    covered = sorted(_covered(runs, epoch, edges))
    if not covered:
        return
    reached = BEFORE_ALL
    for first, last in covered:
        if first > reached:
            yield MissingRange(reached, first - 1, UNCOVERED)
        reached = max(reached, last + 1)
    if reached < AFTER_ALL:
        yield MissingRange(reached, AFTER_ALL, UNCOVERED)


def _covered(runs: Iterable[Marker], epoch: int, edges: Edges) -> Iterator[Span]:
    """Yield what each writer covered: from its `started` to its `stopped`.

    A `stopped` that follows none covers what came before it (its `started` is past retention). A
    writer that starts again without having stopped was killed: that hole is its to mark. One that
    ran on from an earlier epoch covers this one from its beginning.
    """
    open_at: dict[tuple[str, int], int] = {}
    for run in runs:
        writer = run.instance, run.shard
        if run.id_epoch > epoch:
            continue
        before, after = edges(run) if run.id_epoch == epoch else (BEFORE_ALL, AFTER_ALL)
        if run.state == "started":
            open_at.setdefault(writer, after if after != AFTER_ALL else BEFORE_ALL)
        elif run.id_epoch < epoch:
            open_at.pop(writer, None)
        elif run.state == "stopped":
            yield open_at.pop(writer, BEFORE_ALL), before if before != BEFORE_ALL else AFTER_ALL
    for first in open_at.values():
        yield first, AFTER_ALL
