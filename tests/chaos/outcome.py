"""What a run gave: the topics read back, judged by the lab's ids, and by `bkc verify` as well."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.config.load import load
from connector.continuity.audit.report import SeriesReport, VerifyReport
from connector.continuity.audit.topic_reader import TimeWindow
from connector.diagnostics.verify import Verification
from connector.lab.oracle import Oracle, Series
from tests.chaos.judge import Hole, Score, covered, holes_of, judge
from tests.chaos.observer import Made, Witness
from tests.chaos.reading import Topics, stream_of

NOT_LOST = ("uncovered",)  # what `bkc verify` calls no hole


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave.

    Attributes:
        score: All series together.
        notice_s: From the fault to the first marker that speaks of it; None: none did.
        disagrees: What `bkc verify` says differently from us; empty: nothing.
        ended: What went wrong with the connector's processes; empty: nothing.
        dead_letters: Messages put aside.
        reasons: Gaps by the reason their markers give.
        seconds: How long the run took.
    """

    score: Score
    notice_s: float | None
    disagrees: list[str]
    ended: list[str]
    dead_letters: int
    reasons: Counter[str]
    seconds: float


def scores(
    witness: Witness, oracle: Oracle, topics: Topics, *, silent_at_edges: bool
) -> dict[Series, Score]:
    """Judge every series, those of which nothing was found included."""
    found = {}
    for series in witness.made.keys() | topics.records.keys():
        product, name, symbol = series
        row = stream_of(product, name).row
        made = _without_tail(witness.made.get(series, []), oracle.sent.get(series, []))
        if silent_at_edges:
            made = covered(row, made, topics.markers.get(series, []))
        found[series] = judge(
            row,
            f"{product}/{name}/{symbol}",
            made,
            topics.records.get(series, []),
            holes(topics, series),
        )
    return found


def _without_tail(made: Sequence[Made], sent: Sequence[tuple[Any, ...]]) -> Sequence[Made]:
    """Leave out what a misaligned connection still kept back when the market stopped."""
    if not made or made[-1].span is None:
        return made
    left = set(sent)
    end = next((n for n in range(len(made), 0, -1) if made[n - 1].identity in left), 0)
    return made[:end]


def holes(topics: Topics, series: Series) -> list[Hole]:
    """Return a series' gaps as its markers tell them."""
    return holes_of(topics.markers.get(series, []))


def noticed(topics: Topics, struck_ms: int) -> float | None:
    """Return the seconds from a fault to the first marker of a gap after it."""
    marked = [
        hole.marked_ms
        for series in topics.markers
        for hole in holes(topics, series)
        if hole.marked_ms >= struck_ms
    ]
    return (min(marked) - struck_ms) / 1000 if marked else None


def reasons(topics: Topics) -> Counter[str]:
    """Count the gaps by reason."""
    return Counter(hole.reason for series in topics.markers for hole in holes(topics, series))


def verified(config: Path) -> VerifyReport:
    """Return what `bkc verify` finds; blocks."""
    return Verification(load(config).settings, TimeWindow()).run(lambda _done, _total: None)


def disagreements(verdict: VerifyReport, ours: dict[Series, Score]) -> list[str]:
    """Say where `bkc verify`, which sees the topics alone, comes to another judgement."""
    differences = []
    for report in verdict.series:
        series: Series = (report.product, report.stream_name, report.symbol)
        score = ours.get(series, Score())
        theirs, mine = _compared(report), [score.missing, score.unmarked > 0, score.repeats]
        if report.rule != "contiguous":  # verify counts ids or nothing there, not events
            theirs, mine = theirs[2:], mine[2:]
        if theirs != mine:
            differences.append(f"{'/'.join(series)}: verify {theirs}, the oracle {mine}")
    return differences + [
        f"unreadable: {name} {count}" for name, count in verdict.unreadable.items()
    ]


def _compared(report: SeriesReport) -> list[int]:
    lost = sum(number for state, number in report.ids.items() if state not in NOT_LOST)
    return [lost, report.unexplained > 0, report.repeats]


def total(found: dict[Series, Score]) -> Score:
    """Put the series together."""
    score = Score()
    for event in found.values():
        score.add(event)
    return score


def same_as_the_oracle(witness: Witness, oracle: Oracle) -> bool:
    """Say whether the witness has seen what the lab's own oracle has noted as made."""
    seen = {series: [event.identity for event in made] for series, made in witness.made.items()}
    return seen == oracle.made
