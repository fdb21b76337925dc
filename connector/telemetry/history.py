"""The last minutes of counters, for people: rates, and quantiles of histograms."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

_Key = TypeVar("_Key")


class RateHistory(Generic[_Key]):
    """Events a second of some counters, one number a step.

    Args:
        steps: How many numbers are kept.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._rates: dict[_Key, deque[float]] = {}
        self._last: Mapping[_Key, float] = {}
        self._last_s: float | None = None

    def add(self, now_s: float, counters: Mapping[_Key, float]) -> None:
        """Take all counters as they are at a time (monotonic seconds); a new one began at 0."""
        last, last_s = self._last, self._last_s
        self._last, self._last_s = dict(counters), now_s
        if last_s is None or now_s <= last_s:
            return
        for key, count in counters.items():
            rates = self._rates.setdefault(key, deque(maxlen=self._steps))
            rates.append(max(0.0, count - last.get(key, 0)) / (now_s - last_s))

    def rates(self, key: _Key) -> list[float]:
        """Return the numbers of a counter, the oldest first; empty before the second step."""
        return list(self._rates.get(key, ()))


class QuantileHistory:
    """Quantiles of what a histogram counted within its last steps.

    Args:
        bounds: Upper bounds of the buckets but for the last one, which has none.
        steps: Over how many steps.
    """

    def __init__(self, bounds: Sequence[float], steps: int) -> None:
        self._bounds = bounds
        self._counts: deque[Sequence[float]] = deque(maxlen=steps + 1)

    def add(self, counts: Sequence[float]) -> None:
        """Take the counts of all buckets since the start, each with those below it."""
        self._counts.append(counts)

    def quantile(self, part: float) -> float | None:
        """Return the upper bound below which this part (0 to 1) of the events lies.

        The largest bound stands for all above it. None: no event in these steps.
        """
        if len(self._counts) < 2:  # noqa: PLR2004 - a difference needs two
            return None
        first, last = self._counts[0], self._counts[-1]
        counted = [new - old for old, new in zip(first, last, strict=True)]
        if counted[-1] <= 0:
            return None
        wanted = part * counted[-1]
        found = (b for b, number in zip(self._bounds, counted, strict=False) if number >= wanted)
        return next(found, self._bounds[-1])
