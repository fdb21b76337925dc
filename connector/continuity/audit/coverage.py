"""The markers of one series: which holes they explain, and what was never to be covered. PURE.

A marker's edges are the last id before a hole and the first after it; for candles they are open
times, or where there are none the times of the records at the edges.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, IdRange

MISSING_STATES = frozenset({"opened", "partial", "unfillable"})
CLOSED_STATES = frozenset({"filled", "clear"})  # what is still missing then never existed
UNMARKED, UNCOVERED = "unmarked", "uncovered"
IDS_RESET = "ids_reset"  # the one reason after which another id epoch begins


@dataclass(frozen=True, slots=True)
class Marker:
    """One record of the markers topic: the fields that matter here. Times in milliseconds."""

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
    place: int = 0  # in the order written; see PartitionClock

    @classmethod
    def of(cls, record: Mapping[str, Any], place: int = 0) -> "Marker":
        """Return the marker of a record."""
        names = (field.name for field in fields(cls) if field.name != "place")
        return cls(**{name: record[name] for name in names}, place=place)

    @property
    def began(self) -> int:
        """When the gap began, as far as it is known; epoch milliseconds."""
        return self.marked_time if self.before_time is None else self.before_time

    @property
    def ended(self) -> int:
        """When the gap ended, as far as it is known; epoch milliseconds."""
        return max(self.began, self.marked_time) if self.after_time is None else self.after_time


@dataclass(frozen=True, slots=True)
class MissingRange:
    """Missing ids, `last` included, and how they are explained."""

    first: int
    last: int
    state: str  # of the marker that explains them; or UNMARKED, UNCOVERED, or one of series.py
    gap_id: str | None = None  # of that marker

    @property
    def size(self) -> int:
        """How many ids it has."""
        return self.last - self.first + 1


EdgesOf = Callable[[Marker], tuple[int, int]]  # returns the ids just outside a marker's gap
Explain = Callable[[int, int], list[MissingRange]]  # first and last missing id -> their explanation


def id_edges(marker: Marker) -> tuple[int, int]:
    """Return the edges of a marker of a series with ids; an unknown one lies beyond any id."""
    before = BEFORE_ALL if marker.before_id is None else marker.before_id
    return before, AFTER_ALL if marker.after_id is None else marker.after_id


class ExplainedRanges:
    """Explained ranges of one id epoch; they may overlap."""

    def __init__(self, ranges: Iterable[MissingRange]) -> None:
        nonempty = (each for each in ranges if each.first <= each.last)
        self._ranges = sorted(nonempty, key=attrgetter("first"))
        self._firsts = [each.first for each in self._ranges]
        self._reach = list(accumulate((each.last for each in self._ranges), max))

    def explain(self, part: MissingRange) -> Iterator[MissingRange]:
        """Yield the explained parts of UNMARKED ids and those between them; others unchanged."""
        if part.state != UNMARKED:
            yield part
            return
        first, last = part.first, part.last
        begin, end = bisect_left(self._reach, first), bisect_right(self._firsts, last)
        for each in self._ranges[begin:end]:
            if each.last < first:
                continue
            if each.first > first:
                yield MissingRange(first, each.first - 1, UNMARKED)
            low, high = max(first, each.first), min(last, each.last)
            yield replace(each, first=low, last=high)
            first = high + 1
            if first > last:
                return
        if first <= last:
            yield MissingRange(first, last, UNMARKED)


class Coverage:
    """The markers of one series, in the order of their places, else in that of `add`."""

    def __init__(self) -> None:
        self.gaps: dict[str, Marker] = {}  # by gap_id: the newest one, with the edges known so far
        self.newest_epoch = 0
        self._runs: list[Marker] = []  # `started` and `stopped`

    def note_epoch(self, epoch: int) -> None:
        """Note an id epoch from another source: retention deletes markers."""
        self.newest_epoch = max(self.newest_epoch, epoch)

    def epoch_at(self, time: int) -> int:
        """Return the id epoch of a record of that time: the newest less the resets after it."""
        gaps = self.gaps.values()
        later = sum(gap.reason == IDS_RESET and gap.began >= time for gap in gaps)
        return max(0, self.newest_epoch - later)

    def add(self, marker: Marker) -> None:
        """Add a marker; the newest one of a gap counts."""
        self.note_epoch(marker.id_epoch + (marker.reason == IDS_RESET))
        gap_id = marker.gap_id
        if gap_id is None:
            insort(self._runs, marker, key=attrgetter("place"))
            return
        if (other := self.gaps.get(gap_id)) is not None:
            older, marker = sorted((other, marker), key=attrgetter("place"))
            edges = ("before_id", "after_id", "before_time", "after_time", "missing")
            unknown = [name for name in edges if getattr(marker, name) is None]
            marker = replace(marker, **{name: getattr(older, name) for name in unknown})
        self.gaps[gap_id] = marker

    def times(self, known_until: int | None) -> Iterator[tuple[int, int]]:
        """Yield from when to when the series was read, epoch milliseconds.

        `known_until`: how far a writer that has not stopped has read it; None: there is no progress
        of it.
        """
        if not self._runs and known_until is not None:  # its markers are past retention
            yield BEFORE_ALL, known_until
        open_at: dict[tuple[str, int], int] = {}
        for run in self._runs:
            writer = run.instance, run.shard
            if run.state == "started":
                open_at.setdefault(writer, run.ended)
            elif run.state == "stopped":
                began = open_at.pop(writer, BEFORE_ALL)
                yield began, max(began, run.began)
        for began in open_at.values():
            yield began, max(began, known_until or began)

    def is_contradicted(self, gap_id: str, missing: int, *, rest_omits_ids: bool) -> bool:
        """Say whether more ids of a closed gap are missing than REST does not list.

        `rest_omits_ids`: there are such ids in the series (`RestHistory.omits_ids`).
        """
        gap = self.gaps[gap_id]
        if gap.missing is None:
            return False
        return missing > (gap.missing - (gap.recovered or 0) if rest_omits_ids else 0)

    def explains_silence(self, began: int, ended: int) -> bool:
        """Say whether a gap, or the border of a run, lies between two record times."""
        gaps = (gap.began < ended and gap.ended > began for gap in self.gaps.values())
        return any(gaps) or any(began <= run.began <= ended for run in self._runs)

    def states(self, since: int, until: int) -> Counter[str]:
        """Count the gaps that touch a time, by their last state."""
        gaps = self.gaps.values()
        return Counter(gap.state for gap in gaps if gap.began < until and gap.ended >= since)

    def explainer(self, epoch: int, edges_of: EdgesOf) -> Explain:
        """Return the function that explains missing ids of an id epoch by the markers so far."""

        def ranges_in(states: Collection[str]) -> Iterator[MissingRange]:
            for gap in self.gaps.values():
                # Behind the end of an epoch there are no ids, though one may have been far ahead.
                is_end = gap.reason == IDS_RESET and gap.before_id is not None
                state = "clear" if is_end else gap.state
                if gap.id_epoch == epoch and state in states:
                    before, after = edges_of(gap)
                    yield MissingRange(before + 1, after - 1, state, gap.gap_id)

        uncovered = _uncovered(self._runs, epoch, edges_of)
        # A gap over a restart lies between `stopped` and `started`: its marker knows more.
        sources = (ranges_in(MISSING_STATES), ranges_in(CLOSED_STATES), uncovered)
        explanations = [ExplainedRanges(ranges) for ranges in sources]

        def explain(first: int, last: int) -> list[MissingRange]:
            parts = [MissingRange(first, last, UNMARKED)]
            for ranges in explanations:
                parts = list(chain.from_iterable(map(ranges.explain, parts)))
            return parts

        return explain


def _uncovered(runs: Iterable[Marker], epoch: int, edges_of: EdgesOf) -> Iterator[MissingRange]:
    """Yield the ids that no run covered; none when no marker says that a run began or ended."""
    covered = sorted(_covered(runs, epoch, edges_of))
    if not covered:
        return
    reached = BEFORE_ALL
    for first, last in covered:
        if first > reached:
            yield MissingRange(reached, first - 1, UNCOVERED)
        reached = max(reached, last + 1)
    if reached < AFTER_ALL:
        yield MissingRange(reached, AFTER_ALL, UNCOVERED)


def _covered(runs: Iterable[Marker], epoch: int, edges_of: EdgesOf) -> Iterator[IdRange]:
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
        before, after = edges_of(run) if run.id_epoch == epoch else (BEFORE_ALL, AFTER_ALL)
        if run.state == "started":
            open_at.setdefault(writer, after if after != AFTER_ALL else BEFORE_ALL)
        elif run.id_epoch < epoch:
            open_at.pop(writer, None)
        elif run.state == "stopped":
            yield open_at.pop(writer, BEFORE_ALL), before if before != BEFORE_ALL else AFTER_ALL
    for first in open_at.values():
        yield first, AFTER_ALL
