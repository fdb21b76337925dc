"""A gap in a series: what is missing between two published records, and how much was recovered."""

from dataclasses import dataclass

from connector.continuity.marker import GapReason


@dataclass(slots=True, eq=False)
class Gap:
    """Something missing in one series, until its final marker is written."""

    id: str  # gap_id of its markers and records; "": the edge of a coverage, which is no gap
    reason: GapReason
    before_id: int | None  # last id before it; None: unknown
    before_ms: int | None  # record time before it; None: unknown
    after_id: int | None = None  # first id after it; None: the next event shows it
    after_ms: int | None = None  # record time after it; None: the next event shows it
    missing: int | None = None  # events that are missing; None: unknown
    recovered: int = 0  # those of them that have been published since
    expired: int = 0  # those of them that REST no longer has
    filled_to: int | None = None  # last id published of it
    whole: bool = False  # a new listing: it reaches back to the first event of the series
    epoch: int = 0  # id epoch it lies in: how often the ids had begun anew before it
    topic: str = ""  # where its records go, though the series may go elsewhere by now; "": there
