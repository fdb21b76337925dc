"""What is missing by product and kind, and what becomes of it, for log and metrics. PURE."""

import re
from collections import Counter
from dataclasses import dataclass, field

from connector.binance.catalogue.row import Row
from connector.continuity.gap import Gap
from connector.continuity.marker import MarkerState

FETCHING = "is being fetched"
MAX_CAUSES = 10  # texts in one report; the rest is summed
_NUMBER = re.compile(r"\d+")
ProductKind = tuple[str, str]


@dataclass(slots=True)
class GapCounts:
    """Gaps of one product and kind.

    Attributes:
        found: How many.
        missing: Events that were missing in those that can be counted; of order books whose events
            span ids (rule `range`): update ids.
        uncounted: Gaps of which nobody can know how many events are missing.
        recovered, lost: Events of settled gaps that were fetched, and that never will be.
        by_state: Gaps by their last marker: opened, filled, partial or unfillable.
        unit: What `missing`, `recovered` and `lost` count.
    """

    found: int = 0
    missing: int = 0
    uncounted: int = 0
    recovered: int = 0
    lost: int = 0
    by_state: Counter[str] = field(default_factory=Counter)
    unit: str = "events"

    def as_text(self) -> str:
        """Return the gaps found and what is missing in them."""
        return f"{self.found} gap{'s' * (self.found != 1)}, {self.missing} {self.unit}"


@dataclass(slots=True)
class GapReport:
    """What happened to gaps since the report before.

    Attributes:
        gaps, missing, uncounted: Gaps found, as of `GapCounts`.
        by_kind: "spot trade" -> its gaps found and events (or update ids) missing, as text.
        becomes: Text -> gaps of which it is true: "is being fetched" (found, not settled yet),
            "filled", or why they are lost.
        recovered: Events fetched in gaps that were settled.
    """

    gaps: int = 0
    missing: int = 0
    uncounted: int = 0
    recovered: int = 0
    by_kind: dict[str, str] = field(default_factory=dict)
    becomes: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no gap was found or settled."""
        return not (self.gaps or self.becomes)


class GapAccount:
    """Counts gaps when they are found and when they are settled.

    `totals` has all since the start, by product and kind.
    """

    def __init__(self) -> None:
        self.totals: dict[ProductKind, GapCounts] = {}
        self._found: dict[ProductKind, GapCounts] = {}  # since the last report
        self._becomes: Counter[str] = Counter()
        self._fetching: set[str] = set()  # ids of gaps found since then and not settled yet
        self._recovered = 0

    def found(self, row: Row, gap: Gap, why: str | None) -> None:
        """Count a gap in which events are missing; `why` it cannot be filled, None: it may be."""
        events = 0 if gap.missing is None else gap.missing - gap.recovered - gap.expired
        for counts in self._counts(row):
            counts.found += 1
            counts.unit = "update ids" if row.sequence.rule == "range" else "events"
            counts.missing += events
            counts.uncounted += gap.missing is None
            counts.by_state["opened" if why is None else "unfillable"] += 1
            counts.lost += 0 if why is None else events
        if why is None:
            self._fetching.add(gap.id)
        else:
            self._becomes[why] += 1

    def settled(self, row: Row, gap: Gap, state: MarkerState, detail: str) -> None:
        """Count a gap that was found before, by the state of its last marker."""
        lost = max(0, (gap.missing or 0) - gap.recovered)
        counts = self.totals.setdefault((row.product, row.kind), GapCounts())
        counts.by_state["opened"] -= 1
        counts.by_state[state] += 1
        counts.recovered += gap.recovered
        counts.lost += lost if state != "filled" else 0
        self._recovered += gap.recovered
        self._fetching.discard(gap.id)
        # Without its numbers the cause is the same for many gaps.
        self._becomes[state if state == "filled" else f"{state}: {_NUMBER.sub('N', detail)}"] += 1

    def report(self) -> GapReport:
        """Return what happened since the last call."""
        found, self._found = self._found, {}
        becomes, self._becomes = self._becomes, Counter()
        becomes[FETCHING], self._fetching = len(self._fetching), set()
        recovered, self._recovered = self._recovered, 0
        return GapReport(
            gaps=sum(counts.found for counts in found.values()),
            missing=sum(counts.missing for counts in found.values()),
            uncounted=sum(counts.uncounted for counts in found.values()),
            recovered=recovered,
            by_kind={
                f"{product} {kind}": counts.as_text()
                for (product, kind), counts in sorted(found.items())
            },
            becomes=_shortened(+becomes),
        )

    def _counts(self, row: Row) -> tuple[GapCounts, GapCounts]:
        key = row.product, row.kind
        totals = self.totals.setdefault(key, GapCounts())
        return totals, self._found.setdefault(key, GapCounts())


def _shortened(becomes: Counter[str]) -> dict[str, int]:
    """Return the most frequent causes, and the others as one."""
    shown = dict(becomes.most_common(MAX_CAUSES))
    others = becomes.total() - sum(shown.values())
    return shown | ({"other causes": others} if others else {})
