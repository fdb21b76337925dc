"""What cannot become a record: its raw bytes go to the dead letter, and what it leaves missing is
marked. No I/O.
"""

from typing import Any, Protocol

from connector.codec.compile import Codec
from connector.continuity.gap_tracker import GapTracker, Series
from connector.continuity.sequence_rules import NEW
from connector.errors import BadMessage
from connector.feed.route import Route
from connector.telemetry.ledger import Ledger


class DeadLetterSink(Protocol):
    """Where they go: kafka/idempotent_producer.py."""

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        """Put aside what cannot become a record: its raw bytes and why."""
        ...


class DeadLetterHandler:
    """Puts aside and marks; the accounts of frames are the pipeline's."""

    def __init__(self, letters: DeadLetterSink, ledger: Ledger, continuity: GapTracker) -> None:
        self._letters = letters
        self._ledger = ledger
        self._records = ledger.records
        self._continuity = continuity

    def event(self, route: Route, raw: bytes, error: Exception, received_us: int) -> None:
        """Put an event aside; what it was is missing in its series.

        The ids of what cannot be decoded are not believed: a wrong one would hide all that follow.
        """
        bad = _as_bad(error)
        if not bad.marked:
            route.damaged = True
            self._continuity.suspect(route.series_of_raw(raw), "dead_letter")
        self.send(route.stream.name, raw, bad, received_us)

    def rejected(self, codec: Codec, series: Series, message: Any, error: Exception) -> BadMessage:
        """Return the error for an event that was decoded and cannot be encoded; its ids count."""
        bad = _as_bad(error)
        bad.marked = self._is_taken_in(codec, series, message)
        return bad

    def _is_taken_in(self, codec: Codec, series: Series, message: Any) -> bool:
        """Tell the tracker the ids of an event that is no record; say whether all is marked.

        Only where ids have no gaps, and in the plain case: else the next event tells.
        """
        if not series.gapless or series.needs_check or series.arbiter is not None:
            return False
        first, last = codec.span(message)
        if series.tracker.judge(first, last) is not NEW:
            return False
        series.tracker.observe(first, last)
        self._continuity.on_dead_letter(series, first, last, codec.record_time(message))
        return True

    def frame(self, frame: bytes, error: BadMessage, received_us: int) -> None:
        """Put a frame aside that is of no stream of ours, or nobody knows of which."""
        self._ledger.frames.undecodable += 1
        self.send("", frame, error, received_us)

    def send(self, name: str, raw: bytes, error: BadMessage, received_us: int) -> None:
        """Send raw bytes to the dead letter."""
        self._records.produced += 1
        self._records.dead_lettered += 1
        self._ledger.dead_letters[error.reason] += 1
        self._letters.dead_letter(name, raw, error, received_us)


def _as_bad(error: Exception) -> BadMessage:
    """Return what stopped a message; what nobody foresaw is a bug of ours, and is said to be."""
    return error if isinstance(error, BadMessage) else BadMessage("bug", repr(error))
