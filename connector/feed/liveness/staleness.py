"""What becomes of a stream in doubt: it is read a second time, on another connection. Pure.

Only a second connection that brings data while the first does not proves that the first is stale;
where neither does, the stream is quiet. A stale stream is moved: unsubscribed and subscribed again
where it was, and read on the second connection until it speaks there again.
"""

from dataclasses import dataclass
from enum import Enum

CONFIRM_S = 1.0  # by how much two connections may differ: twice what an event waits for another leg
MAX_RESUBSCRIBES = 2  # times a stream is subscribed again before its connection is given up


class Action(Enum):
    """What is to be done about a stream in doubt."""

    WAIT = "wait"
    HEALTHY = "healthy"  # the first connection brings it: the doubt was wrong
    MOVE = "move"  # stale: subscribe it again where it was
    HEALED = "healed"  # moved, and the first connection brings it again
    REPLACE = "replace"  # moved in vain: give the first connection up
    QUIET = "quiet"  # neither brings anything


@dataclass(slots=True)
class StalenessCheck:
    """One stream in doubt. Times are listening time.

    Attributes:
        patience: How long the second connection is listened to before the stream counts as quiet.
        since: When it was subscribed on the second connection; None: not yet.
        resubscribes: How often it has been subscribed again on the first.
    """

    patience: float
    since: float | None = None
    resubscribes: int = 0
    _first: int = 0  # events by then
    _second: int = 0
    _proof_at: float | None = None

    def begin(self, now: float, first: int, second: int) -> None:
        """Listen to both from now on: so many events they have brought by now.

        Called when the stream has been subscribed on the second connection, and after each move.
        """
        self.since, self._first, self._second, self._proof_at = now, first, second, None

    def judge(self, now: float, first: int, second: int) -> Action:
        """Say what to do next, by the events both have brought by now."""
        if self.since is None:
            return Action.WAIT
        if first > self._first:
            return Action.HEALED if self.resubscribes else Action.HEALTHY
        if second > self._second and self._proof_at is None:
            self._proof_at = now
        if self._proof_at is not None:
            return self._move() if now - self._proof_at >= CONFIRM_S else Action.WAIT
        if not self.resubscribes and now - self.since >= self.patience:
            return Action.QUIET
        return Action.WAIT

    def _move(self) -> Action:
        if self.resubscribes <= MAX_RESUBSCRIBES:
            self.resubscribes += 1
            return Action.MOVE if self.resubscribes <= MAX_RESUBSCRIBES else Action.REPLACE
        return Action.WAIT
