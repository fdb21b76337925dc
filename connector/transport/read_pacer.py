"""Spaces the reads of busy connections, by one tick for all (docs/decisions/0002-reader.md)."""

import asyncio

import picows

DEFAULT_INTERVAL_S = 0.005


class ReadPacer:
    """Lets busy connections rest after a read, until a tick that all of them share.

    One wake-up, one TLS pass and one call then serve many frames. A connection is busy if its read
    came within two intervals of the one before: others are read at once.

    Args:
        interval_s: Seconds between two ticks; 0: nothing rests.
    """

    def __init__(self, interval_s: float = DEFAULT_INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._busy_ns = int(2 * interval_s * 1e9)
        self._resting: list[picows.WSTransport] = []

    def after_read(self, transport: picows.WSTransport, since_last_ns: int) -> None:
        """Stop reading until the next tick, if the connection is busy.

        since_last_ns: nanoseconds between this read and the one before.
        """
        if since_last_ns >= self._busy_ns:
            return
        transport.underlying_transport.pause_reading()
        if not self._resting:
            asyncio.get_running_loop().call_later(self._interval_s, self._tick)
        self._resting.append(transport)

    def _tick(self) -> None:
        resting, self._resting = self._resting, []
        for transport in resting:
            if not transport.is_disconnected:
                transport.underlying_transport.resume_reading()
