"""Frames that wait while Kafka has no room, bounded in bytes, and what is to be done among them.

When it is full, everything is dropped until it is half empty: one episode, one gap per series.
"""

import functools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from connector.feed.route import Route, Routes
from connector.telemetry import events
from connector.telemetry.ledger import Ledger

FRAME_OVERHEAD_BYTES = 180  # bytes a queued frame costs beside its payload (measured: 166 to 182)
HEAD = b'{"stream":"'  # what every frame of a stream begins with
START = len(HEAD)

Ordered = Callable[[], None]
# Frame, received us, the routes to look it up in, its connection; or, without a frame, a Note in
# the place of the routes.
Queued = tuple[bytes | None, int, Any, int]


class Source(Protocol):
    """Where frames come from: transport/websocket.py."""

    @property
    def leg(self) -> int:
        """Tells the connection from every other of the process."""
        ...

    def control(self, frame: bytes) -> bool:
        """Take a frame that is no stream data; False when it is none of ours."""
        ...


class FrameQueue:
    """The queue between the readers and Kafka.

    Args:
        ledger: The accounts.
        hold_bytes: Its bound.
        missed: Told of the streams of which something was dropped, and when (epoch ms), in the
            place where the dropped frames would have been.

    Attributes:
        entries: What waits, the oldest first.
        bytes: Bytes of the frames, overhead included.
    """

    def __init__(
        self, ledger: Ledger, hold_bytes: int, missed: Callable[[list[Route], int], None]
    ) -> None:
        self._ledger = ledger
        self._frames = ledger.frames
        self._hold_bytes = hold_bytes
        self._missed = missed
        self._callbacks = 0
        self._newest_us = 0
        self._dropping = False
        self._dropped: Routes = {}
        self.entries: deque[Queued] = deque()
        self.bytes = 0

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return len(self.entries) - self._callbacks

    def put(
        self, routes: Routes, frames: Sequence[bytes], received_us: int, source: Source
    ) -> None:
        """Queue frames, or drop them; control frames are taken at once."""
        self._newest_us = received_us
        for frame in frames:
            if not _is_data(frame) and source.control(frame):
                self._frames.control += 1
            elif self._dropping:
                self._frames.dropped += 1
                self._remember_dropped(routes, frame)
            else:
                self._queue_dropped()
                self.entries.append((frame, received_us, routes, source.leg))
                self.bytes += len(frame) + FRAME_OVERHEAD_BYTES
                self._fill()

    def _fill(self) -> None:
        if self.bytes >= self._hold_bytes:
            self._dropping = True
            self._ledger.overloads += 1
            events.overload_began(queued_bytes=self.bytes)

    def run_in_order(self, note: Ordered) -> None:
        """Do something once everything before it has been published."""
        self.entries.append((None, self._newest_us, note, 0))
        self._callbacks += 1

    def pop(self) -> None:
        """Take the oldest entry out: it has been dealt with."""
        frame, *_ = self.entries.popleft()
        if frame is None:
            self._callbacks -= 1
        else:
            self.bytes -= len(frame) + FRAME_OVERHEAD_BYTES

    def end_overload(self) -> bool:
        """End an episode of dropping once the queue is half empty; say whether one ended."""
        if not self._dropping or self.bytes > self._hold_bytes // 2:
            return False
        self._dropping = False
        self._queue_dropped()
        events.overload_ended(dropped=self._frames.dropped)
        return True

    def _remember_dropped(self, routes: Routes, frame: bytes) -> None:
        name = frame[START : frame.find(b'"', START)]
        if name in routes:
            self._dropped[name] = routes[name]

    def _queue_dropped(self) -> None:
        """Put into the queue, where the dropped frames would have stood, that they are missing."""
        if self._dropped:
            gone, self._dropped = list(self._dropped.values()), {}
            self.run_in_order(functools.partial(self._missed, gone, self._newest_us // 1000))


def _is_data(frame: bytes) -> bool:
    """Say whether a frame is a stream's; a shutdown notice is worded like one, but is not."""
    return frame.startswith(HEAD) and frame[START : START + 1] != b"!"
