"""Delays between connection attempts: doubled by each failure, reset by a stable minute. PURE."""

from dataclasses import dataclass

STABLE_S = 60.0  # after its first data, before a connection counts as healthy
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 60.0


@dataclass(slots=True)
class Backoff:
    """Delays between connection attempts; reset only by data plus a stable minute.

    A handshake alone proves nothing: a server that accepts and closes would otherwise be asked
    hundreds of times a second.
    """

    attempts: int = 0

    def delay(self, now: float, first_data: float | None, jitter: float) -> float:
        """Return the seconds to wait before the next attempt.

        Args:
            now: Monotonic seconds.
            first_data: When the connection that ended had its first data; None: it had none.
            jitter: Random, 0 to 1; spreads the delay over its upper half.
        """
        if first_data is not None and now - first_data >= STABLE_S:
            self.attempts = 0
        longest: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2**self.attempts)
        self.attempts = min(self.attempts + 1, 16)
        return longest * (0.5 + jitter / 2)
