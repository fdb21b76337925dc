"""A series that is not delivered, and what REST's newest id proves about it. Pure.

REST may be behind the stream: one answer does not prove that nothing happened. The same newest id
in two answers proves it until the first of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from connector.continuity.series import Series

# Between two questions about a series, in seconds: doubled each time. REST is behind the stream for
# less than the first interval.
MIN_INTERVAL_S, MAX_INTERVAL_S = 10.0, 1_800.0


class IdEvidence(Enum):
    """What an answer of REST proves."""

    NOTHING = "nothing"
    NEWER = "newer"  # something happened that was not delivered
    QUIET = "quiet"  # nothing happened


@dataclass(frozen=True, slots=True)
class QuietListener:
    """What does not deliver a series, and what to call once REST has proved something of it."""

    owner: object
    on_newer: Callable[[], None]
    on_quiet: Callable[[], None]


@dataclass(slots=True)
class QuietSeries:
    """A series that is asked about.

    Attributes:
        series: The series.
        due: Monotonic seconds at which REST is asked next.
        listeners: By what does not deliver it: streams of several connections.
    """

    series: Series
    due: float
    listeners: dict[object, QuietListener] = field(default_factory=dict)
    _since_ms: int | None = field(init=False)
    _interval_s: float = field(init=False)
    _seen: tuple[int, int] | None = None  # newest id of the last answer, and when: epoch ms

    def __post_init__(self) -> None:
        self._since_ms, self._interval_s = self.series.last_ms, MIN_INTERVAL_S

    @property
    def over(self) -> bool:
        """Whether it is delivered again, or no longer wanted."""
        return self.series.ended is not None or self.series.last_ms != self._since_ms

    def judge(self, newest: int, at_ms: int) -> tuple[IdEvidence, int]:
        """Return what an answer proves, and until when (epoch ms).

        Args:
            newest: REST's newest id.
            at_ms: When REST was asked, epoch milliseconds.
        """
        seen, self._seen = self._seen, (newest, at_ms)
        series = self.series
        is_delivered = series.covered and series.pending is None
        seen_id = None if seen is None else seen[0]
        known = series.last_id if is_delivered else seen_id
        if known is not None and newest > known:
            return IdEvidence.NEWER, at_ms
        is_behind = series.last_id is not None and newest < series.last_id
        if seen is None or seen_id != newest or is_behind:
            return IdEvidence.NOTHING, at_ms
        return IdEvidence.QUIET, seen[1]

    def postpone(self, now: float) -> None:
        """Ask again after the interval, and ever more rarely."""
        self.due = now + self._interval_s
        self._interval_s = min(2 * self._interval_s, MAX_INTERVAL_S)
