"""What `bkc verify` found of one series and of all of them. Pure: made of audited series."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from connector.continuity.audit.series import UNEXPLAINED, AuditedSeries


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """One series. Times in milliseconds; ids of candles are open times.

    Args:
        records: Inside the window, those of `backfilled` and `snapshots` included.
        repeats: Records whose ids were all there before (candles: the very same state).
        holes: How many there are of each explanation. Wrong: unmarked; denied (a marker says that
            fewer are missing). Owned up to by a marker: opened, partial, unfillable; filled and
            clear (the exchange has no such id). No holes: uncovered (no run was to read it), normal
            (single ids that the rule leaves out).
        ids: How many ids these span. Of chained streams a span may hold fewer events than ids.
        examples: The first holes of each explanation: first, last, state, gap_id.
        gaps: Markers' gaps that touch the window, by their last state.
        complete_until: The progress topic's word.
        open_gaps: Gaps that were still being filled.
        settled: There were so many holes that some were judged early, to bound the memory;
            `late` records came for them afterwards.
    """

    topic: str
    product: str
    stream_name: str
    symbol: str
    rule: str
    records: int
    backfilled: int
    snapshots: int
    repeats: int
    first_id: int | None
    last_id: int | None
    holes: dict[str, int]
    ids: dict[str, int]
    examples: list[dict[str, Any]]
    gaps: dict[str, int]
    complete_until: int | None
    open_gaps: list[str]
    settled: bool
    late: int

    @property
    def wrong(self) -> int:
        """Holes that nobody owned up to."""
        return sum(self.holes.get(state, 0) for state in UNEXPLAINED)


def report_of(topic: str, series: AuditedSeries) -> SeriesReport:
    """Sum a series up, once all has been read."""
    found = series.findings()
    span = series.span
    examples = [
        {
            "first": series.label(piece.first),
            "last": series.label(piece.last),
            "state": piece.state,
            "gap_id": piece.gap_id,
        }
        for piece in found.examples
    ]
    return SeriesReport(
        topic=topic,
        product=series.stream.product,
        stream_name=series.stream.name,
        symbol=series.symbol,
        rule=series.stream.row.sequence.rule,
        records=series.records,
        backfilled=series.backfilled,
        snapshots=series.snapshots,
        repeats=series.repeats,
        first_id=None if span is None else series.label(span[0]),
        last_id=None if span is None else series.label(span[1]),
        holes=dict(found.holes),
        ids=dict(found.ids),
        examples=examples,
        gaps=dict(series.coverage.states(series.since, series.until)),
        complete_until=series.complete_until,
        open_gaps=series.open_gaps,
        settled=series.settled,
        late=series.late,
    )


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All series, and what else a reader has to know.

    Args:
        series: In order of topic, product, stream and symbol.
        read: Records read, those outside the window included.
        unreadable: Records of each topic that could not be read.
        notes: Sentences.
        lost: None was read of the window, though progress tells of records in it.
    """

    series: Sequence[SeriesReport]
    read: int
    unreadable: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lost: bool = False

    @property
    def wrong(self) -> int:
        """Holes without an honest marker, in all series."""
        return sum(report.wrong for report in self.series)

    @property
    def repeats(self) -> int:
        """Repeated records in all series."""
        return sum(report.repeats for report in self.series)

    @property
    def good(self) -> bool:
        """Nothing is missing unsaid, nothing is there twice, all could be read."""
        return not (self.wrong or self.repeats or self.unreadable or self.lost)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "good": self.good,
            "unmarked": self.wrong,
            "repeats": self.repeats,
            **asdict(self),
        }
