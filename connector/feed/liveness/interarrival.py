"""Histogram of a stream's inter-arrival times, and the longest that is usual. Pure."""

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

MIN_INTERVALS = 100  # fewer tell nothing
GENERATION = 4_096  # the newest so many intervals count for certain, twice as many at most
# Upper edges of the buckets, in seconds: 19 % apart, from half a second to half a day.
EDGES_S = tuple(0.5 * 2 ** (step / 4) for step in range(66))
_RARE = 1_000  # of so many intervals, one exceeds the usual maximum


def _empty_buckets() -> "array[int]":
    return array("H", bytes(2 * len(EDGES_S) + 2))


@dataclass(slots=True)
class InterarrivalHistogram:
    """The inter-arrival times of one stream; forgets by generations, takes under 500 bytes.

    Attributes:
        count: Intervals in it.
    """

    count: int = 0
    _new: "array[int]" = field(default_factory=_empty_buckets)
    _old: "array[int]" = field(default_factory=_empty_buckets)
    _in_new: int = 0

    def note(self, interval_s: float, weight: int = 1) -> None:
        """Count an interval between two events, `weight` times."""
        self._new[bisect_left(EDGES_S, interval_s)] += weight
        self._in_new += weight
        self.count += weight
        if self._in_new >= GENERATION:
            self._old, self._new = self._new, _empty_buckets()
            self.count, self._in_new = self._in_new, 0

    def note_refuted(self, interval_s: float) -> None:
        """Count a suspicious interval that was healthy, so often that it becomes usual."""
        self.note(interval_s, 1 + min(self.count // 400, GENERATION // 8))

    def usual_maximum(self) -> float | None:
        """Return the seconds that one interval in a thousand exceeds; None for too few intervals.

        Fewer than a thousand hold no interval that rare: the longest one is stretched as it would
        grow for independent events.
        """
        if self.count < MIN_INTERVALS:
            return None
        longer = self.count / _RARE
        for bucket in range(len(EDGES_S), -1, -1):
            inside = self._new[bucket] + self._old[bucket]
            if inside > longer:
                interval_s = _exceeded_by(longer / inside, bucket)
                return interval_s * math.log(_RARE) / math.log(min(self.count, _RARE))
            longer -= inside
        return None


def _exceeded_by(share: float, bucket: int) -> float:
    """Return the interval that this share of a bucket's intervals exceeds, in seconds."""
    upper = EDGES_S[min(bucket, len(EDGES_S) - 1)]
    lower = EDGES_S[bucket - 1] if bucket else 0.0
    return upper - share * (upper - lower)
