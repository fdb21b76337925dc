"""One message's life: look up the stream ▸ process ▸ publish. No asyncio, no sockets.

A connection never waits: while the publisher has no room, its frames queue here, bounded in bytes.
What else happens to a stream (a subscription, the end of a connection) is queued among its frames.
"""

import functools
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import ParamSpec

import msgspec

from connector.binance.envelope import NAME_START, SEPARATOR, SEPARATOR_BYTES
from connector.codec import framing
from connector.codec.compile import Codec
from connector.codec.native.loader import NativeReader
from connector.codec.rest_rows import RestEvent
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.marker import GapReason
from connector.continuity.series import Series
from connector.errors import BadMessage
from connector.feed.arbitration import Clock
from connector.feed.event_processor import EventProcessor
from connector.feed.frame_queue import FrameQueue
from connector.feed.lifecycle import FeedLifecycle
from connector.feed.publisher import Publisher
from connector.feed.route import Route, Routes, find_route
from connector.telemetry.ledger import Ledger

ROOM_RESERVE = 1_024  # records: the held events of one series (MAX_HELD_EVENTS), and a margin

Params = ParamSpec("Params")


class Pipeline:
    """Turns frames into records; owns the queue between the connections and Kafka.

    At most `hold_bytes` are queued; beyond it frames are dropped. `native` takes the usual frames.
    """

    def __init__(
        self,
        publisher: Publisher,
        ledger: Ledger,
        hold_bytes: int,
        gap_tracker: GapTracker | None = None,
        clock: Clock = time.monotonic,
        native: NativeReader | None = None,
    ) -> None:
        self._publisher = publisher
        self._frames = ledger.frames
        self._records = ledger.records
        self.gap_tracker = gap_tracker or GapTracker("binance")
        self._processor = EventProcessor(publisher, ledger, self.gap_tracker, clock, native)
        self._native = native
        self._lifecycle = FeedLifecycle(self._processor, self.gap_tracker)
        self._frame_queue = FrameQueue(ledger, hold_bytes, self._lifecycle.mark_dropped)
        self._queue = self._frame_queue.entries
        self.arbitration = self._processor.arbitration
        self.dead_letters = self._processor.dead_letters
        self.holding = False  # see `hold_back`

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return self._frame_queue.waiting

    @property
    def queued(self) -> bool:
        """Whether anything is queued: frames, or what happened to a stream among them."""
        return bool(self._queue)

    @property
    def oldest_received_us(self) -> int | None:
        """When the oldest frame in the queue was received, epoch microseconds; None: none is."""
        return self._frame_queue.oldest_received_us

    @property
    def queued_bytes(self) -> int:
        """Bytes in the queue, overhead included."""
        return self._frame_queue.bytes

    def set_clock_ahead(self, milliseconds: int) -> None:
        """Say how far the exchange's clock is ahead of this machine's; below 0: it is behind."""
        self._processor.max_ahead_ms = framing.max_ahead_ms(milliseconds)

    # Frames

    def receive(
        self, routes: Routes, frames: Sequence[bytes], received_us: int, feed: int
    ) -> list[bytes]:
        """Take what one read of a connection (id: `feed`) delivered. Never waits and never raises.

        Returns:
            The frames of no stream of ours (answers, shutdown notices, unknown streams), in their
            order. They are counted as received; the caller accounts for the rest.
        """
        self._frames.received += len(frames)
        self._frames.bytes += sum(map(len, frames))
        receipt = b""  # not needed while frames are queued
        if not self._queue:
            self._processor.feed, self._processor.room = feed, self._publisher.room()
            receipt = framing.receipt(received_us)
        if self._native is None or self._queue:
            others = self._take(routes, frames, receipt, received_us, feed)
        else:
            others = self._take_transcoded(routes, frames, receipt, received_us, feed)
        if feed in self.arbitration.unheard and len(others) < len(frames):
            self.arbitration.feed_heard(feed)
        return others

    def _take(
        self, routes: Routes, frames: Sequence[bytes], receipt: bytes, received_us: int, feed: int
    ) -> list[bytes]:
        """Publish or queue frames; returns those of no stream of ours."""
        others: list[bytes] = []
        queue, processor = self._queue, self._processor
        for frame in frames:
            end = frame.find(b'"', NAME_START)
            route = routes.get(frame[NAME_START:end])
            if route is not None and frame[end : end + SEPARATOR_BYTES] == SEPARATOR:
                payload = frame[end + SEPARATOR_BYTES : -1]
            elif (found := find_route(routes, frame)) is not None:
                route, payload = found
            else:
                others.append(frame)
                continue
            has_room = not queue and processor.room > 0
            if not (has_room and processor.process_in_python(route, payload, receipt, received_us)):
                self._frame_queue.put(route, payload, received_us, feed)
        return others

    def _take_transcoded(
        self, routes: Routes, frames: Sequence[bytes], receipt: bytes, received_us: int, feed: int
    ) -> list[bytes]:
        """As `_take`, by compiled code where it is sure of a frame."""
        others: list[bytes] = []
        queue, publish = self._queue, self._processor.publish_transcoded
        taken = self._native.read(routes, list(frames), receipt) if self._native else ()
        for frame, transcoded in zip(frames, taken, strict=True):
            if transcoded is None or queue or not publish(*transcoded, frame, received_us):
                others += self._take(routes, (frame,), receipt, received_us, feed)
        return others

    # Another process is the writer

    def hold_back(self) -> None:
        """Publish nothing, and queue what is read, until `go_on`: another process is the writer."""
        self.holding = True
        self._keep_queue()

    def _keep_queue(self) -> None:
        """Keep the queue from being empty: what is read then never passes it by."""
        if not self._queue:
            self._frame_queue.put_action(_nothing)

    @property
    def end_position(self) -> int:
        """Where what is read next will stand in the queue; see `supersede`."""
        return self._frame_queue.end_position

    def supersede(self, position: int, most_bytes: int) -> int:
        """Let go of frames that the writer has stored; see `FrameQueue.supersede`."""
        oldest = self._frame_queue.supersede(position, most_bytes)
        self._keep_queue()
        return oldest

    def go_on(self, overlap_until_us: int) -> None:
        """Publish from now on, what is queued first: this process is the writer.

        `overlap_until_us`: what was read before, epoch microseconds, may be stored already.
        """
        self.holding, self._processor.overlap_until_us = False, overlap_until_us

    def tick(self) -> None:
        """Publish what is queued and what was held long enough; call it every few milliseconds."""
        if self.holding:
            return
        self.gap_tracker.outbox.waiting_since_us = self._frame_queue.oldest_received_us
        self._processor.room = self._publisher.room()
        if self._queue:
            self._publish_queued()
            if self._frame_queue.end_overload():
                self._publish_queued()
        if not self._queue and self._publisher.room() > ROOM_RESERVE:
            self._processor.publish_decided(self.arbitration.expire())

    def _publish_queued(self) -> None:
        queue, processor = self._queue, self._processor
        while queue and processor.room > 0:
            entry = queue[0]
            if isinstance(entry, tuple):
                route, payload, received_us, processor.feed = entry
                receipt = framing.receipt(received_us)
                if not processor.process(route, payload, receipt, received_us):
                    break
            else:
                entry()
            self._frame_queue.pop()

    def recover(
        self,
        codec: Codec,
        series: Series,
        event: RestEvent,
        gap_id: str | None,
        origin: str,
        received_us: int,
    ) -> bool:
        """Publish one event fetched through REST; False when there is no room now.

        Raises BadMessage if it cannot become a record.
        """
        if self._queue or self._publisher.room() < ROOM_RESERVE:
            return False  # live records go first
        try:
            message = codec.decode(event.payload)
        except msgspec.DecodeError as error:
            raise BadMessage("field", str(error)) from error
        receipt = framing.receipt(received_us, origin, gap_id)
        value = codec.encode(message, series.record_prefix, receipt)
        most_ahead_ms = self._processor.max_ahead_ms
        record_ms = framing.timestamp_ms(event.time_ms, received_us // 1000, most_ahead_ms)
        topic = series.topic_of(gap_id if origin == "backfill" else None)
        self._publisher.publish(topic, value, series.key, record_ms, 0)
        self._records.produced += 1
        return True

    # What happens to streams, in order behind the frames that wait. `feed` is the id of the
    # connection.

    def feed_opened(self, routes: Iterable[Route], feed: int) -> None:
        """Note that a connection is about to subscribe to these streams: it may deliver them."""
        self.run_in_order(self.arbitration.feed_opened, list(routes), feed)

    def feed_confirmed(self, routes: Iterable[Route], feed: int) -> None:
        """Note that the exchange has acknowledged a connection's subscription to these streams."""
        at = self.arbitration.now()
        self.run_in_order(self.arbitration.feed_confirmed, list(routes), feed, at)

    def feed_closed(self, routes: Iterable[Route], feed: int, reason: GapReason) -> None:
        """Note that a connection delivers these streams no more; open the gaps this may leave."""
        at = self.arbitration.now()
        self.run_in_order(self._lifecycle.close, list(routes), feed, reason, at)

    def may_close(self, routes: Iterable[Route], feed: int) -> bool:
        """Return whether a feed of a hand-over may end: nothing missing, no overlap.

        False while anything is queued: what the frames and the subscriptions in the queue change is
        not known yet. During each commit a new connection's feeds wait there to be opened.
        """
        return not self._queue and self.arbitration.may_close(routes, feed)

    def is_relieved(self, routes: Iterable[Route], feed: int) -> bool:
        """Return whether nothing would be missing if this feed of a hand-over ended now.

        False while anything is queued, as `may_close`.
        """
        return not self._queue and self.arbitration.is_relieved(routes, feed)

    def feed_rejected(self, routes: Iterable[Route], feed: int) -> None:
        """Note that the exchange refused these subscriptions: nothing of them is missing."""
        self.run_in_order(self._lifecycle.remove, list(routes), feed)

    def feed_distrusted(self, routes: Iterable[Route], feed: int) -> None:
        """Note that a connection delivers none of these streams, although it was acknowledged."""
        self.run_in_order(self.arbitration.feed_distrusted, list(routes), feed)

    def feed_stale(self, routes: Iterable[Route], feed: int) -> None:
        """Mark what may be missing of suspected streams that a stale connection alone delivered."""
        self.run_in_order(self._lifecycle.mark_stale, list(routes), feed)

    def suspect(self, routes: Iterable[Route]) -> None:
        """Note that the connections of these streams may be stale; the next event decides."""
        self.run_in_order(self.arbitration.suspect, list(routes))

    def clear_suspicion(self, routes: Iterable[Route]) -> None:
        """Note that the connections of these streams are not stale."""
        self.run_in_order(self.arbitration.clear_suspicion, list(routes))

    def withhold(self, topics: Collection[str]) -> None:
        """Publish nothing into these topics, which do not exist, until the next call.

        What their series miss meanwhile is a gap; the first record after it ends the gap.
        """
        new = set(topics) - set(self._processor.withheld_topics)
        self._processor.withheld_topics = frozenset(topics)
        self.gap_tracker.suspect_topics(new, "delivery")

    def reset(self, series: Series) -> None:
        """Begin the ids of a series anew."""
        self.run_in_order(self._lifecycle.reset, series)

    def run_in_order(
        self, action: Callable[Params, None], *args: Params.args, **kwargs: Params.kwargs
    ) -> None:
        """Do something once everything read before is published: now, or behind the queue."""
        if self._queue or self._publisher.room() < ROOM_RESERVE:
            self._frame_queue.put_action(functools.partial(action, *args, **kwargs))
        else:
            action(*args, **kwargs)


def _nothing() -> None:
    """Do nothing, in order."""
