"""Frames that wait while Kafka has no room, bounded in bytes, and actions in order among them.

When the queue is full, everything is dropped until it is half empty: one episode, one gap per
series.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

from connector.feed.route import Route
from connector.telemetry import events
from connector.telemetry.ledger import Ledger

FRAME_OVERHEAD_BYTES = 180  # bytes a queued frame costs beside its payload (measured: 166 to 182)

QueuedAction = Callable[[], None]
QueuedFrame = tuple[Route, bytes, int, int]  # stream, payload, received (us), id of the connection


class FrameQueue:
    """The queue between the connections and Kafka: full at `hold_bytes`.

    `mark_dropped` is called with the streams of which frames were dropped, in the place where these
    frames would have been.
    """

    def __init__(
        self, ledger: Ledger, hold_bytes: int, mark_dropped: Callable[[list[Route]], None]
    ) -> None:
        self._ledger = ledger
        self._hold_bytes = hold_bytes
        self._mark_dropped = mark_dropped
        self._actions = self._superseded = 0
        self._dropping = False
        self._dropped: dict[int, Route] = {}  # by identity: products share names
        self.entries: deque[QueuedFrame | QueuedAction] = deque()  # the oldest first
        self.bytes = 0  # of the payloads, overhead included

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return len(self.entries) - self._actions

    @property
    def oldest_received_us(self) -> int | None:
        """When the oldest frame was received, epoch microseconds; None: no frame waits."""
        frames = (entry for entry in self.entries if isinstance(entry, tuple))
        oldest = next(frames, None)
        return None if oldest is None else oldest[2]

    def put(self, route: Route, payload: bytes, received_us: int, feed: int) -> None:
        """Queue a frame of a stream, or drop it when the queue is full."""
        if self._dropping:
            self._ledger.frames.dropped += 1
            self._dropped[id(route)] = route
            return
        self.entries.append((route, payload, received_us, feed))
        self.bytes += len(payload) + FRAME_OVERHEAD_BYTES
        if self.bytes >= self._hold_bytes:
            self._dropping = True
            self._ledger.overloads += 1
            events.overload_began(queued_bytes=self.bytes)

    def put_action(self, action: QueuedAction) -> None:
        """Queue a call, to be made once everything before it is published."""
        self.entries.append(action)
        self._actions += 1

    def pop(self) -> None:
        """Remove the oldest entry: it is published, or called."""
        entry = self.entries.popleft()
        if isinstance(entry, tuple):
            self.bytes -= len(entry[1]) + FRAME_OVERHEAD_BYTES
        else:
            self._actions -= 1

    def supersede(self, position: int, most_bytes: int) -> int:
        """Let go of the frames before a position, and of the oldest ones beyond a size.

        The calls among them are made. Positions count what was ever queued; nothing else takes
        anything out of the queue meanwhile.

        Returns the position of the oldest entry that is left.
        """
        while self.entries and (self._superseded < position or self.bytes > most_bytes):
            entry = self.entries[0]
            if isinstance(entry, tuple):
                self._ledger.frames.superseded += 1
            else:
                entry()
            self.pop()
            self._superseded += 1
        self.end_overload()
        return self._superseded

    @property
    def end_position(self) -> int:
        """The position of the next entry, as `supersede` counts."""
        return self._superseded + len(self.entries)

    def end_overload(self) -> bool:
        """End an episode of dropping once the queue is half empty; True if one ended."""
        if not self._dropping or self.bytes > self._hold_bytes // 2:
            return False
        self._dropping = False
        dropped, self._dropped = list(self._dropped.values()), {}
        if dropped:
            self.put_action(partial(self._mark_dropped, dropped))
        events.overload_ended(dropped=self._ledger.frames.dropped)
        return True
