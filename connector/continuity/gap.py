"""A gap in a series: what is missing between two published records, and how much was recovered."""

from dataclasses import dataclass
from typing import NamedTuple

from connector.continuity.marker import GapReason

# Events come so irregularly; what is more is a step of the exchange's clock, up to a day.
MIN_CLOCK_STEP_MS, MAX_CLOCK_STEP_MS = 1_000, 86_400_000


class EventTimes(NamedTuple):
    """Times of one event, epoch milliseconds."""

    record_ms: int
    exchange_ms: int  # by the exchange's clock; the record time where the wire has none
    received_ms: int  # by ours


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

    def widen_over_clock_step(
        self, last_ms: int | None, last_received_ms: int | None, after: EventTimes
    ) -> None:
        """Cover what was lost before and after a step of the exchange's clock inside the gap.

        Only where no id bounds it. Events were lost until the clock stepped, with times that follow
        `before_ms`, and from then on, with times before that of the next event; neither is longer
        than the gap by our clock. Two steps that cancel each other show nowhere.

        Args:
            last_ms, last_received_ms: Record time of the record before, and when it was received;
                None: unknown.
            after: Of the event behind the gap.
        """
        if last_ms is None or last_received_ms is None or self.after_id is not None:
            return
        if self.before_ms is None or self.after_ms is None:
            return
        blind_ms = after.received_ms - last_received_ms - (self.before_ms - last_ms)
        step_ms = after.exchange_ms - self.before_ms - blind_ms
        if blind_ms >= 0 and MIN_CLOCK_STEP_MS <= abs(step_ms) <= MAX_CLOCK_STEP_MS:
            before_ms, after_ms = after.exchange_ms - blind_ms, self.before_ms + blind_ms
            self.before_ms = min(self.before_ms, before_ms)
            self.after_ms = max(self.after_ms, after.exchange_ms, after_ms)
