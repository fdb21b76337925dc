"""Rate limiters: sliding window, request weight per exchange minute, per-second sampler. PURE.

Callers pass `now`, monotonic seconds unless said otherwise. Facts: Binance spot
web-socket-streams.md 2026-07-21 (5 messages a second with pongs, 300 connects per 5 minutes and
IP address).
"""

from collections import deque
from dataclasses import dataclass, field

EDGE_S = 2.0  # how far two clocks, and an answer's way, may shift the beginning of a window


@dataclass(slots=True)
class SlidingWindow:
    """A budget of so many acts in any window of so many seconds (connects, messages)."""

    limit: int
    seconds: float
    _taken: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """Return the seconds until the budget allows one more act; 0 when it does now."""
        self._forget(now)
        if len(self._taken) < self.limit:
            return 0.0
        return self._taken[len(self._taken) - self.limit] + self.seconds - now

    def take(self, now: float) -> None:
        """Count one act, allowed or not: a pong must be sent whatever the budget says."""
        self._forget(now)
        self._taken.append(now)

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()


@dataclass(slots=True)
class WeightBudget:
    """What REST calls may weigh in each window of the exchange's clock (a minute, five minutes).

    Unlike the others here, `now` is in seconds since 1970: Binance counts by whole windows, not by
    sliding ones. It counts all programs at an address together. So there are two counts: our own,
    which must stay within our share, and the exchange's, which must stay within the whole limit.

    Args:
        limit: What the exchange allows an address in a window.
        seconds: Length of the window.
        share: The part of the limit we may use, above 0 and up to 1.
    """

    limit: int
    seconds: float = 60.0
    share: float = 1.0
    away_until: float = 0.0
    _ours: int = 0
    _used: int = 0  # by everybody
    _window: int = 0

    @property
    def allowed(self) -> int:
        """What we may use of the limit in a window."""
        return max(1, int(self.limit * self.share))

    def used(self, now: float) -> int:
        """Return what the running window has seen of everybody, as far as known."""
        return self._used if self._window == self._number(now) else 0

    def ours(self, now: float) -> int:
        """Return what the running window has seen of us."""
        return self._ours if self._window == self._number(now) else 0

    def wait(self, weight: int, now: float) -> float:
        """Return the seconds until a call of this weight may go out; 0 when it may now.

        A call that weighs more than all we may use goes out alone in its window: with a small share
        it could never go otherwise.
        """
        away = max(0.0, self.away_until - now)
        if _fits(self.ours(now), weight, self.allowed) and _fits(
            self.used(now), weight, self.limit
        ):
            return away
        return max(away, (self._number(now) + 1) * self.seconds - now)

    def take(self, weight: int, now: float) -> float:
        """Count a call if it may go out now; else return the seconds to wait and count nothing."""
        seconds = self.wait(weight, now)
        if seconds <= 0.0:
            self._count(self.ours(now) + weight, self.used(now) + weight, now)
        return seconds

    def told(self, used: int, now: float, in_flight: int = 0) -> None:
        """Take over what the exchange counted, unless it may be the count of the last window.

        Args:
            used: Its count of the running window, from an answer's header.
            now: When the answer came.
            in_flight: Weight of calls sent and not answered: the count may lack them.
        """
        if now % self.seconds >= EDGE_S:
            used += in_flight
            # Calls that never arrived are in our count alone.
            self._count(min(self.ours(now), used), used, now)

    def _count(self, ours: int, used: int, now: float) -> None:
        self._ours, self._used, self._window = ours, used, self._number(now)

    def stay_away(self, until: float) -> None:
        """Let nothing out before `until`: the exchange said so (429, 418)."""
        self.away_until = max(self.away_until, until)

    def _number(self, now: float) -> int:
        return int(now // self.seconds)


def _fits(used: int, weight: int, limit: int) -> bool:
    return used == 0 or used + weight <= limit


class Sampler:
    """At most so many a second, the rest only counted: for floods of dead letters and log lines."""

    __slots__ = ("_count", "_second", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._second = -1
        self._count = 0

    def allows(self, now: float) -> bool:
        """Say whether this one is among the first `limit` of its second."""
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        return self._count <= self.limit
