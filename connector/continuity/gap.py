"""A gap in a series: what is missing between two published records, and how much was recovered."""

from dataclasses import dataclass

from connector.continuity.marker import GapReason


@dataclass(slots=True, eq=False)
class Gap:
    """Something missing in one series, until its final marker is written.

    Attributes:
        id: The gap_id of its markers and records; "" for the edges of a coverage, which are no gap.
        reason: Why something is missing.
        before_id, before_ms: Last id and record time before it; None where unknown.
        after_id, after_ms: First id and record time after it; None until the next event shows them.
        missing: How many events are missing; None where that is unknown.
        recovered: How many of them have been published since.
        expired: How many of them REST no longer has.
        filled_to: Last id published of it; None as long as nothing was.
        whole: A new listing: it reaches back to the first event of the series, wherever that is.
        epoch: The id epoch it lies in: how often the ids had begun anew before it.
    """

    id: str
    reason: GapReason
    before_id: int | None
    before_ms: int | None
    after_id: int | None = None
    after_ms: int | None = None
    missing: int | None = None
    recovered: int = 0
    expired: int = 0
    filled_to: int | None = None
    whole: bool = False
    epoch: int = 0
