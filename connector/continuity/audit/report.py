"""The report of `bkc verify`: one of each series, and one of all. PURE: made of audited series."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from connector.continuity.audit.series import UNEXPLAINED, AuditedSeries


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """What was found of one series. Times in milliseconds; ids of candles are open times.

    Attributes:
        records: Inside the window, those of `backfilled` and `snapshots` included.
        repeats: Records whose ids were all there before (candles: the very same state).
        holes: How many there are of each state. Unexplained: unmarked; denied (a marker says that
            fewer are missing). Explained by a marker: opened, partial, unfillable; filled and clear
            (the exchange has no such id). No holes: uncovered (no run was to read it), normal
            (single ids that the rule tolerates).
        ids: How many ids they span. Of chained streams a span may hold fewer events than ids.
        examples: The first holes of each state: first, last, state, gap_id.
        gaps: Gaps of markers that touch the window, by their last state.
        complete_until: As in the newest progress.
        open_gaps: gap_ids of the gaps that were still being filled.
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
    def unexplained(self) -> int:
        """Holes that no marker explains."""
        return sum(self.holes.get(state, 0) for state in UNEXPLAINED)


def report_of(topic: str, series: AuditedSeries) -> SeriesReport:
    """Return the report of a series, once all of its records have been observed."""
    counts = series.hole_counts()
    id_range = series.id_range
    examples = [
        {
            "first": series.label(hole.first),
            "last": series.label(hole.last),
            "state": hole.state,
            "gap_id": hole.gap_id,
        }
        for hole in counts.examples
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
        first_id=None if id_range is None else series.label(id_range[0]),
        last_id=None if id_range is None else series.label(id_range[1]),
        holes=dict(counts.holes),
        ids=dict(counts.ids),
        examples=examples,
        gaps=dict(series.coverage.states(series.since, series.until)),
        complete_until=series.complete_until,
        open_gaps=series.open_gaps,
        settled=series.settled,
        late=series.late,
    )


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found of all series.

    Attributes:
        series: In order of topic, product, stream and symbol.
        read: Records read, those outside the window included.
        unreadable: Records of each topic that could not be read.
        notes: Sentences.
        lost: No record of the window was read, though by its progress there were some.
    """

    series: Sequence[SeriesReport]
    read: int
    unreadable: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lost: bool = False

    @property
    def unexplained(self) -> int:
        """Holes that no marker explains, in all series."""
        return sum(report.unexplained for report in self.series)

    @property
    def repeats(self) -> int:
        """Repeated records in all series."""
        return sum(report.repeats for report in self.series)

    @property
    def good(self) -> bool:
        """Whether no hole is unexplained, no record is repeated, and all could be read."""
        return not (self.unexplained or self.repeats or self.unreadable or self.lost)

    def as_json(self) -> dict[str, Any]:
        """Return it as an object for JSON."""
        return {
            "good": self.good,
            "unmarked": self.unexplained,
            "repeats": self.repeats,
            **asdict(self),
        }
