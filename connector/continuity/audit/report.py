"""The report of `bkc verify`: one of each series, and one of all. PURE: made of audited series."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from connector.continuity.audit.series import UNEXPLAINED, AuditedSeries

# Attributes that an audited series and its report have in common; the counts are of every part.
COUNTS = ("records", "backfilled", "snapshots", "repeats")
COPIED = ("complete_until", "open_gaps", "late", "longest_silence")


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """What was found of one series. Times in milliseconds; ids of candles are open times.

    States of holes. Unexplained: unmarked; denied (a marker says that fewer are missing); short (a
    gap of a series without ids in a row, whose marker ends before the next record; its first and
    last are times). Explained by a marker: opened, partial, unfillable; filled and clear (the
    exchange has no such id). No holes: uncovered (no run was to read it).
    """

    topic: str
    product: str
    stream_name: str
    symbol: str
    rule: str
    records: int  # inside the window, those of `backfilled` and `snapshots` included
    backfilled: int
    snapshots: int
    repeats: int  # records that were there before: same ids, same candle state, same event time
    first_id: int | None
    last_id: int | None
    holes: dict[str, int]  # state -> how many
    ids: dict[str, int]  # state -> ids they span; of chained streams these may hold fewer events
    examples: list[dict[str, Any]]  # the first holes of each state: first, last, state, gap_id
    gaps: dict[str, int]  # last state -> gaps of markers that touch the window
    complete_until: int | None  # as in the newest progress
    open_gaps: list[str]  # gap_ids of the gaps that were still being filled
    # Of a series without ids in a row: the longest time without a record that no marker explains,
    # begin and end. Nobody can tell from the topic whether something is missing in it.
    longest_silence: tuple[int, int] | None
    settled: bool  # there were so many holes that some were judged early, to bound the memory
    late: int  # records that came for those afterwards

    @property
    def unexplained(self) -> int:
        """Holes that no marker explains."""
        return sum(self.holes.get(state, 0) for state in UNEXPLAINED)


def report_of(topic: str, series: AuditedSeries) -> SeriesReport:
    """Return the report of a series, once all of its records have been observed."""
    counts = series.hole_counts()
    parts = series.parts.values() or (series,)
    stream, label = series.stream, series.label
    first_id, last_id = map(label, series.id_range) if series.id_range else (None, None)
    examples = [
        asdict(hole) | {"first": label(hole.first), "last": label(hole.last)}
        for hole in counts.examples
    ]
    return SeriesReport(
        topic=topic,
        product=stream.product,
        stream_name=stream.name,
        symbol=series.symbol,
        rule=stream.row.sequence.rule,
        first_id=first_id,
        last_id=last_id,
        holes=dict(counts.holes),
        ids=dict(counts.ids),
        examples=examples,
        gaps=dict(series.coverage.states(series.since, series.until)),
        settled=series.settled,
        **{name: getattr(series, name) for name in COPIED},
        **{name: sum(getattr(part, name) for part in parts) for name in COUNTS},
    )


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found of all series."""

    series: Sequence[SeriesReport]  # in order of topic, product, stream and symbol
    read: int  # records, those outside the window included
    unreadable: dict[str, int] = field(default_factory=dict)  # topic -> records
    notes: list[str] = field(default_factory=list)  # sentences
    lost: bool = False  # no record of the window was read, though by its progress there were some
    uncovered: bool = False  # no record lies in the window, and no writer read anything in it

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
        bad = self.unexplained or self.repeats or self.unreadable or self.lost or self.uncovered
        return not bad

    @property
    def open_gaps(self) -> int:
        """Gaps that touch the window and have no last marker yet."""
        return sum(report.gaps.get("opened", 0) for report in self.series)

    def as_json(self) -> dict[str, Any]:
        """Return it as an object for JSON."""
        totals = {"good": self.good, "unmarked": self.unexplained, "repeats": self.repeats}
        totals["open"] = self.open_gaps
        return totals | asdict(self)
