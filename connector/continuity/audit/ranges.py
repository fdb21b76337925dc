"""Which ids of a series have been seen: sorted ranges that merge, in bounded memory. PURE."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

BEFORE_ALL, AFTER_ALL = -(1 << 62), 1 << 62  # beyond any id
MAX_RANGES = 10_000  # 16 bytes each; the holes of a series with more are judged early, the lowest
IdRange = tuple[int, int]  # first and last id, both included


class Ranges:
    """Ids that have been seen, in any order: backfilled ones come late and close holes.

    Attributes:
        tip: The highest id; a caller on the hot path that sees `tip + 1` may raise it by itself.
        floor: Holes up to it were returned by `settle`: later ids are neither new nor known.
        late: How many such came.
    """

    __slots__ = ("_ends", "_starts", "floor", "late", "tip")

    def __init__(self) -> None:
        self._starts = array("q")
        self._ends = array("q")
        self.tip = self.floor = BEFORE_ALL
        self.late = 0

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, first: int, last: int) -> int | None:
        """Add the ids `first..last`; return how many are new, None if they lie below the floor."""
        starts, ends = self._starts, self._ends
        self._sync()
        if last <= self.floor:
            self.late += 1
            return None
        low, high = bisect_left(ends, first - 1), bisect_right(starts, last + 1)
        merged = zip(starts[low:high], ends[low:high], strict=True)
        known = sum(max(0, min(end, last) - max(start, first) + 1) for start, end in merged)
        new = last - first + 1 - known
        if low < high:
            first, last = min(first, starts[low]), max(last, ends[high - 1])
        starts[low:high] = array("q", (first,))
        ends[low:high] = array("q", (last,))
        self.tip = ends[-1]
        return new

    def has(self, first: int, last: int) -> bool:
        """Return whether all of the ids `first..last` have been seen."""
        self._sync()
        at = bisect_left(self._ends, last)
        return at < len(self._ends) and self._starts[at] <= first

    def holes(self, low: int = BEFORE_ALL, high: int = AFTER_ALL) -> Iterator[IdRange]:
        """Yield the missing ranges between two seen ids, in order."""
        self._sync()
        for end, start in zip(self._ends, self._starts[1:], strict=False):
            if end >= low and start <= high:
                yield end + 1, start - 1

    def settle(self) -> list[IdRange]:
        """Free memory: return the holes of the lower half and forget them."""
        self._sync()
        half = len(self._starts) // 2
        holes = list(zip(self._ends[:half], self._starts[1 : half + 1], strict=True))
        self.floor = self._starts[half] - 1
        self._starts[: half + 1] = self._starts[:1]
        del self._ends[:half]
        return [(end + 1, start - 1) for end, start in holes]

    def _sync(self) -> None:
        if self._ends:
            self._ends[-1] = self.tip
