"""The report of a manual backfill: every gap that was found, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.continuity.marker import MarkerState

OnProgress = Callable[[str, int, int], None]  # what is done, how far, of how many


@dataclass(frozen=True, slots=True)
class FilledGap:
    """What became of one gap: how many events were missing, and how many of them were written."""

    gap_id: str
    first: int  # missing id, or open time of a candle
    last: int
    missing: int
    recovered: int
    state: MarkerState  # of its final marker
    detail: str  # what stays missing and why; "" where nothing does


@dataclass(slots=True)
class FillReport:
    """What a run found and wrote of a series and a span, `first` to `last`."""

    topic: str
    product: str
    stream_name: str
    symbol: str
    first: int = 0
    last: int = 0
    present: int = 0  # events of the span that the topic had before
    left: int = 0  # events left to the running worker, which fetches them itself
    gaps: list[FilledGap] = field(default_factory=list)  # in the order they were closed
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing of the span is missing any more."""
        return not self.left and all(gap.state == "filled" for gap in self.gaps)
