"""Until when all that the exchange has sent on a connection is read: what its frames prove. Pure.

Frames of one connection come in order. What was sent before its newest frame, or before a ping that
was answered, has been read. So a stream that delivers on this connection, and has not delivered
since, had no event until then. Times are epoch milliseconds.
"""

from dataclasses import dataclass

# Events may be sent so long after their time, and streams differ in that: the slowest documented
# ones send what happened every 2 s (24 h tickers of USD-M, 2026-05-28).
MARGIN_MS = 3_000


@dataclass(slots=True)
class ReadBound:
    """What the frames of one connection have proved so far."""

    _newest_ms: int | None = None  # newest event time read
    _read_ms: int = 0  # when something was read last, by our clock
    # How far our clock is ahead of the newest event when that was read; the least so far, never
    # below 0. The way of the event is part of it: the bound is early by as much.
    _ahead_ms: int | None = None

    def note(self, newest_ms: int, read_ms: int) -> None:
        """Note the newest event time of its streams, and when the connection was read last."""
        if self._newest_ms is not None and newest_ms > self._newest_ms:
            ahead_ms = max(0, read_ms - newest_ms)
            self._ahead_ms = min(ahead_ms, self._ahead_ms or ahead_ms)
        self._newest_ms, self._read_ms = newest_ms, read_ms

    def until(self, *, by_our_clock: bool = False) -> int | None:
        """Return before what time no event can come any more; None: nothing is known yet.

        `by_our_clock`: of a stream whose record time is when we received it.
        """
        if by_our_clock:
            return self._read_ms - MARGIN_MS
        if self._newest_ms is None or self._ahead_ms is None:
            return None
        by_the_read = self._read_ms - self._ahead_ms
        return min(max(self._newest_ms, by_the_read), self._read_ms) - MARGIN_MS
