"""One connection to the stream of a listenKey: what comes on it, and why it ended."""

import asyncio
import ssl
import time

from connector.account.envelope import unwrap_user_frame
from connector.account.feed_items import InterruptionReason
from connector.account.path_proof import type_and_time
from connector.account.redaction import HIDDEN
from connector.account.source_state import SourceState
from connector.errors import BadMessage
from connector.transport.frame_reader import LONGEST_WAY_US, FrameReader
from connector.transport.ws_handshake import open_socket


class PrivatePath:
    """A path of a source. `open` comes first.

    It delivers from the moment on at which its key was confirmed behind the handshake (`confirm`),
    or an event came: a handshake proves nothing.

    Args:
        state: Of the source.
        listen_key: A secret: it is in no text of this class.
        life_s: Age from which on its end is the known one, in seconds.

    Attributes:
        wake: Set when somebody must look: it is over, or will be soon.
        is_over: It delivers no more.
        is_key_expired: Its end was that of its key.
        good_since: Monotonic seconds since which it has delivered; None: it has not.
    """

    def __init__(self, state: SourceState, listen_key: str, life_s: float) -> None:
        self.listen_key = listen_key
        self.wake = asyncio.Event()
        self.is_over = self.is_key_expired = False
        self.good_since: float | None = None
        self._state = state
        self._life_s = life_s
        self._is_announced = False
        self._reader: FrameReader | None = None
        self._event_us = 0

    async def open(
        self, place: str, url: str, proxy: str | None, tls: ssl.SSLContext | None
    ) -> None:
        """Connect. Raises as `open_socket`."""
        socket = await open_socket(place, url, proxy, tls)
        self._reader = FrameReader(socket, place, self._take)
        self._reader.closed.add_done_callback(self._on_closed)

    @property
    def age_s(self) -> float:
        """Seconds since the handshake."""
        opened = 0.0 if self._reader is None else self._reader.opened
        return asyncio.get_running_loop().time() - opened

    @property
    def whole_until_us(self) -> int:
        """As `FrameReader.whole_until_us`."""
        return time.time_ns() // 1000 if self._reader is None else self._reader.whole_until_us

    @property
    def event_us(self) -> int:
        """Until when its events prove that its key lived, epoch microseconds; 0: none has come."""
        return self._event_us

    def confirm(self) -> None:
        """Note that the exchange has said, behind the handshake, that the key lives."""
        if not self.is_over and self.good_since is None:
            self.good_since = asyncio.get_running_loop().time()
            self._state.up(self)

    def end(self, since_us: int, reason: InterruptionReason, detail: str) -> None:
        """End it: it delivers nothing since then."""
        if self.is_over:
            return
        self.is_over, self.is_key_expired = True, reason == "key_expired"
        self._state.down(self, since_us, reason, detail)
        if self._reader is not None:
            self._reader.end(detail)
        self.wake.set()

    async def close(self) -> None:
        """Close the connection without a report: another path has taken over, or the feed ends."""
        self.is_over = True
        if self._reader is not None:
            await self._reader.close()

    async def retire(self) -> None:
        """Close it: another path has taken over, if there was one."""
        self.end(self.whole_until_us, "lifetime", "replaced before another path was there")
        await self.close()

    def _take(self, frame: bytes, received_us: int) -> None:
        if self.is_over:
            return
        try:
            payload = unwrap_user_frame(frame).payload
        except BadMessage:
            payload = frame.replace(self.listen_key.encode(), HIDDEN.encode())
        if b"serverShutdown" in payload and type_and_time(payload)[0] == "serverShutdown":
            self._is_announced = True
            self.wake.set()
            return
        self.confirm()
        self._event_us = received_us - LONGEST_WAY_US
        kind = self._state.event(payload, received_us)
        if kind == "listenKeyExpired":  # what came before it, came; it was on its way for a while
            self.end(
                self.whole_until_us, "key_expired", "listenKeyExpired: the listenKey has ended"
            )

    def _on_closed(self, closed: "asyncio.Future[str]") -> None:
        if self._is_announced:
            reason: InterruptionReason = "server_shutdown"
        else:
            reason = "lifetime" if self.age_s >= self._life_s else "connection_lost"
        self.end(self.whole_until_us, reason, closed.result())
