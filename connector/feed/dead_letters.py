"""Dead letters: the raw bytes of what cannot become a record, and the gap it leaves. No I/O."""

from typing import Any, Protocol

from connector.binance.envelope import unwrap
from connector.codec.compile import Codec
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.series import Series
from connector.continuity.tracker import NEW
from connector.errors import BadMessage
from connector.feed.route import Route
from connector.telemetry.ledger import Ledger

MAX_SHOWN_CHARACTERS = 80  # of the name of an unknown stream


class DeadLetterSink(Protocol):
    """Where dead letters go: kafka/idempotent_producer.py."""

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> bool:
        """Publish the raw bytes and why they are no record; received in epoch microseconds.

        Returns True: the sink counts it once it is stored or lost. False: the caller counts it.
        """


class DeadLetterHandler:
    """Publishes and counts dead letters, and marks what they leave missing.

    Of the ledger's frames it counts those of `frame` alone; those of `event` are the caller's.
    """

    def __init__(self, sink: DeadLetterSink, ledger: Ledger, gap_tracker: GapTracker) -> None:
        self._sink = sink
        self._ledger = ledger
        self._gap_tracker = gap_tracker

    def event(self, route: Route, raw: bytes, error: Exception, received_us: int) -> None:
        """Publish the raw bytes of an event; mark that it is missing in its series."""
        cause = _as_bad_message(error)
        if not cause.marked:
            # Its ids are not used: a wrong one, taken as seen, would hide all that follow.
            route.damaged = True
            self._gap_tracker.suspect(route.series_of_raw(raw), "dead_letter")
        self.send(route.topic, route.stream.name, raw, cause, received_us)

    def rejected(self, codec: Codec, series: Series, message: Any, error: Exception) -> BadMessage:
        """Return the error for a decoded event that cannot be encoded; its ids are valid."""
        cause = _as_bad_message(error)
        cause.marked = self._mark(codec, series, message)
        return cause

    def _mark(self, codec: Codec, series: Series, message: Any) -> bool:
        """Mark a rejected event and have the tracker observe its ids.

        Returns False, having done nothing, when the gap before the next event will show it instead.
        """
        if not series.gapless or series.needs_check or series.arbiter is not None:
            return False
        first, last = codec.span(message)
        if series.tracker.judge(first, last) is not NEW:
            return False
        series.tracker.observe(first, last)
        self._gap_tracker.on_dead_letter(series, first, last, codec.record_time(message))
        return True

    def frame(self, frame: bytes, received_us: int) -> None:
        """Publish and count a frame that is no answer, and of no stream of ours."""
        try:
            name, _ = unwrap(frame)
        except BadMessage as error:
            cause = error
        else:
            shown = name.decode()[:MAX_SHOWN_CHARACTERS]
            cause = BadMessage("unknown_stream", f"no subscription of ours is called {shown!r}")
        self._ledger.frames.undecodable += 1
        self.send("", "", frame, cause, received_us)

    def send(self, topic: str, name: str, raw: bytes, error: BadMessage, received_us: int) -> None:
        """Publish and count a dead letter.

        `topic`, `name`: where its stream's records go, and the stream's wire name; empty without.
        """
        self._ledger.records.produced += 1
        self._ledger.dead_letters_of[topic, error.reason] += 1
        if not self._sink.dead_letter(name, raw, error, received_us):
            self._ledger.records.dead_lettered += 1


def _as_bad_message(error: Exception) -> BadMessage:
    """Return what stopped a message; any error but BadMessage is a bug of ours (reason `bug`)."""
    return error if isinstance(error, BadMessage) else BadMessage("bug", repr(error))
