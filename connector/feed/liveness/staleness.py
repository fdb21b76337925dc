"""Whether a suspected stream is stale: its session compared with the probe connection. Pure.

A stream is stale only if the probe delivers it and its session does not; if neither does, it is
quiet. A stale stream is subscribed again on its session; until that delivers it, the probe does. If
its session still does not deliver it, the session should be replaced.
"""

from dataclasses import dataclass
from enum import Enum

# For so long two connections may differ: twice the time that arbitration holds an event back.
CONFIRM_S = 1.0
MAX_RESUBSCRIBES = 2  # of one stream, before its session is replaced


class Action(Enum):
    """What to do about a suspected stream."""

    WAIT = "wait"
    HEALTHY = "healthy"  # its session delivers it: the suspicion is refuted
    RESUBSCRIBE = "resubscribe"  # stale: subscribe it again on its session
    HEALED = "healed"  # subscribed again, and its session delivers it
    REPLACE = "replace"  # subscribed again in vain: replace its session
    QUIET = "quiet"  # no connection delivers it


@dataclass(slots=True)
class StalenessCheck:
    """The check of one suspected stream. Times are observed time.

    Attributes:
        timeout_s: How long the probe may deliver nothing until the stream counts as quiet.
        since: When the comparison began; None: not yet subscribed on the probe connection.
        resubscribes: How often it has been subscribed again on its session.
    """

    timeout_s: float
    since: float | None = None
    resubscribes: int = 0
    _session_events: int = 0  # when the comparison began
    _probe_events: int = 0
    _probe_ahead_since: float | None = None

    def begin(self, now: float, session_events: int, probe_events: int) -> None:
        """Begin the comparison: subscribed on the probe, or subscribed again on the session.

        Args:
            now: Observed time.
            session_events: Events of the stream that its session has delivered.
            probe_events: Events of the stream that the probe has delivered.
        """
        self.since, self._probe_ahead_since = now, None
        self._session_events, self._probe_events = session_events, probe_events

    def judge(self, now: float, session_events: int, probe_events: int) -> Action:
        """Return what to do next. Arguments as in `begin`."""
        if self.since is None:
            return Action.WAIT
        if session_events > self._session_events:
            return Action.HEALED if self.resubscribes else Action.HEALTHY
        if probe_events > self._probe_events and self._probe_ahead_since is None:
            self._probe_ahead_since = now
        if self._probe_ahead_since is not None:
            confirmed = now - self._probe_ahead_since >= CONFIRM_S
            return self._next_cure() if confirmed else Action.WAIT
        if not self.resubscribes and now - self.since >= self.timeout_s:
            return Action.QUIET
        return Action.WAIT

    def _next_cure(self) -> Action:
        if self.resubscribes > MAX_RESUBSCRIBES:
            return Action.WAIT  # being replaced
        self.resubscribes += 1
        return Action.RESUBSCRIBE if self.resubscribes <= MAX_RESUBSCRIBES else Action.REPLACE
