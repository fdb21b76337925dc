"""What came of a run: every hole that was found, and what became of it."""

from dataclasses import dataclass, field

from connector.continuity.marker import MarkerState


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of one hole: ids, or opening times of candles."""

    gap_id: str
    first: int
    last: int
    missing: int
    recovered: int
    state: MarkerState
    detail: str


@dataclass(slots=True)
class FillReport:
    """What came of a run.

    Attributes:
        topic, product, stream_name, symbol: The series.
        first, last: The span that was asked for.
        present: How many of its events the topic had before.
        left: How many are left to the running worker, which fetches them itself.
        gaps: What became of each hole, in the order they were settled.
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
    gaps: list[Filled] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing of the span is missing any more."""
        return not self.left and all(one.state == "filled" for one in self.gaps)
