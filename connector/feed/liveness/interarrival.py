"""The silences of one stream, and the longest that is usual. Pure; times are listening time."""

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

ENOUGH = 100  # silences from which on something is known
GENERATION = 4_096  # silences that are remembered at least; twice as many at most
# Upper edges of the histogram, in seconds: 19 % apart, from half a second to half a day.
EDGES = tuple(0.5 * 2 ** (step / 4) for step in range(66))
_RARE = 1_000  # one silence in so many is longer than the usual longest


@dataclass(slots=True)
class InterarrivalHistogram:
    """The silences of one stream, in a histogram that forgets by generations: under 500 bytes."""

    number: int = 0
    _new: "array[int]" = field(default_factory=lambda: array("H", bytes(2 * len(EDGES) + 2)))
    _old: "array[int]" = field(default_factory=lambda: array("H", bytes(2 * len(EDGES) + 2)))
    _in_new: int = 0

    def note(self, silence: float, weight: int = 1) -> None:
        """Count a silence that ended well, in seconds; its weight is how often it counts."""
        self._new[bisect_left(EDGES, silence)] += weight
        self._in_new += weight
        self.number += weight
        if self._in_new >= GENERATION:
            self._old, self._new = self._new, array("H", bytes(2 * len(EDGES) + 2))
            self.number, self._in_new = self._in_new, 0

    def note_surprise(self, silence: float) -> None:
        """Count a healthy silence that was doubted: from now on it is among the usual ones."""
        self.note(silence, 1 + min(self.number // 400, GENERATION // 8))

    def usual_maximum(self) -> float | None:
        """Return the silence that one in a thousand exceeds; None before enough is known.

        Before a thousand silences there is none so rare: the longest one is stretched as it would
        grow for events that come by chance.
        """
        if self.number < ENOUGH:
            return None
        longer = self.number / _RARE
        for step in range(len(EDGES), -1, -1):
            inside = self._new[step] + self._old[step]
            if inside > longer:
                value = _within(step, longer / inside)
                stretch = math.log(_RARE) / math.log(min(self.number, _RARE))
                return value * stretch
            longer -= inside
        return None


def _within(step: int, share: float) -> float:
    """Return the silence in a step of the histogram that this share of its silences exceeds."""
    upper = EDGES[min(step, len(EDGES) - 1)]
    lower = EDGES[step - 1] if step else 0.0
    return upper - share * (upper - lower)
