"""Rate limiters: sliding window, request weight per exchange minute, per-second sampler. PURE.

Callers pass `now`: monotonic seconds, for request weight epoch seconds. Source: Binance spot
web-socket-streams.md, 2026-07-21 (5 messages a second, pongs included; 300 connection attempts
per 5 minutes and IP address).
"""

from collections import deque
from dataclasses import dataclass, field

EDGE_S = 2.0  # clocks and network delay may shift the start of the exchange's window by so much


@dataclass(slots=True)
class SlidingWindow:
    """At most `limit` actions (connection attempts, messages) in any window of `seconds`."""

    limit: int
    seconds: float
    _taken: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """Return the seconds until one more action is allowed; 0.0: it is now."""
        self._forget(now)
        if len(self._taken) < self.limit:
            return 0.0
        return self._taken[len(self._taken) - self.limit] + self.seconds - now

    def take(self, now: float) -> None:
        """Count one action, allowed or not: a pong has to be sent at once."""
        self._forget(now)
        self._taken.append(now)

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()


@dataclass(slots=True)
class WeightBudget:
    """Weight of REST calls in each window of the exchange's clock (a minute, five minutes).

    `now` is in epoch seconds: Binance counts by whole windows of its clock, and all programs of an
    IP address together. So there are two counts: our own stays within our share, that of the
    exchange within the whole limit.
    """

    limit: int  # weight that the exchange allows an address in a window
    seconds: float = 60.0  # length of a window
    share: float = 1.0  # our part of the limit, above 0
    banned_until: float = 0.0  # epoch seconds before which no call may go out; 0.0: never banned
    _ours: int = 0
    _used: int = 0  # by all programs of the address
    _window: int = 0  # number of the window that both counts are of

    @property
    def allowed(self) -> int:
        """Weight that we may use in a window."""
        return max(1, int(self.limit * self.share))

    def used(self, now: float) -> int:
        """Return the weight that the address has used in this window, as far as known."""
        return self._used if self._window == self._number(now) else 0

    def ours(self, now: float) -> int:
        """Return the weight that we have used in this window."""
        return self._ours if self._window == self._number(now) else 0

    def wait(self, weight: int, now: float, share: float = 1.0) -> float:
        """Return the seconds until a call of this weight may go out; 0.0: it may now.

        It may use `share` of `allowed`. A call that weighs more than that goes out alone in its
        window; else, with a small share, it never could.
        """
        ban_s = max(0.0, self.banned_until - now)
        allowed = max(1, int(self.allowed * share))
        if _fits(self.ours(now), weight, allowed) and _fits(self.used(now), weight, self.limit):
            return ban_s
        return max(ban_s, (self._number(now) + 1) * self.seconds - now)

    def take(self, weight: int, now: float) -> float:
        """Count a call if it may go out now; else return the seconds to wait and count nothing."""
        seconds = self.wait(weight, now)
        if seconds <= 0.0:
            self._count(self.ours(now) + weight, self.used(now) + weight, now)
        return seconds

    def set_used(self, used: int, now: float, in_flight: int = 0) -> None:
        """Take over the exchange's count, unless it may be that of the previous window.

        Args:
            used: Its count, from a response header.
            now: When the response came, epoch seconds.
            in_flight: Weight of calls sent and not answered, which the count may lack.
        """
        if now % self.seconds >= EDGE_S:
            used += in_flight
            # Our count may include calls that never arrived.
            self._count(min(self.ours(now), used), used, now)

    def _count(self, ours: int, used: int, now: float) -> None:
        self._ours, self._used, self._window = ours, used, self._number(now)

    def ban(self, until: float) -> None:
        """Let no call out before `until`, epoch seconds: the exchange answered 429 or 418."""
        self.banned_until = max(self.banned_until, until)

    def _number(self, now: float) -> int:
        return int(now // self.seconds)


def _fits(used: int, weight: int, limit: int) -> bool:
    return used == 0 or used + weight <= limit


class Sampler:
    """Allows the first `limit` of each second: for floods of dead letters and log lines."""

    __slots__ = ("_count", "_second", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._second = -1
        self._count = 0

    def allows(self, now: float) -> bool:
        """Count one more, and say whether it is among the first `limit` of its second."""
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        return self._count <= self.limit
