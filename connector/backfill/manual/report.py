"""The report of a manual backfill: every gap that was found, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.continuity.marker import MarkerState

OnProgress = Callable[[str, int, int], None]  # what is done, how far, of how many


@dataclass(frozen=True, slots=True)
class FilledGap:
    """What became of one gap.

    Attributes:
        gap_id: As in its markers and records.
        first, last: Missing ids, or open times of candles.
        missing: Events that were missing.
        recovered: How many of them were written.
        state: State of its final marker.
        detail: What stays missing and why; "" where nothing does.
    """

    gap_id: str
    first: int
    last: int
    missing: int
    recovered: int
    state: MarkerState
    detail: str


@dataclass(slots=True)
class FillReport:
    """What a run found and wrote.

    Attributes:
        topic, product, stream_name, symbol: The series.
        first, last: The span that was requested.
        present: How many of its events the topic had before.
        left: How many are left to the running worker, which fetches them itself.
        gaps: What became of each gap, in the order they were closed.
        notes: Sentences.
    """

    topic: str
    product: str
    stream_name: str
    symbol: str
    first: int = 0
    last: int = 0
    present: int = 0
    left: int = 0
    gaps: list[FilledGap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing of the span is missing any more."""
        return not self.left and all(gap.state == "filled" for gap in self.gaps)
