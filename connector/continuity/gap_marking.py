"""How a gap is marked, counted and requested of REST. Pure: requests are left as data."""

from collections import Counter, deque

from connector.continuity.gap import Gap
from connector.continuity.gap_account import GapAccount
from connector.continuity.marker import GapReason
from connector.continuity.outbox import Outbox
from connector.continuity.rest_requests import FillGap, FillPolicy, RestRequest, SnapshotBook
from connector.continuity.series import Series


class GapMarking:
    """Marks the gaps of one writer's series, and asks for what they lack.

    Args:
        environment: The topic prefix.
        outbox: Where markers go.
        policy: What REST may be asked for.

    Attributes:
        requests: What REST is to be asked for, the oldest first; backfill/gap_filler.py drains it.
        account: Gaps by product and kind, and what becomes of them.
        gaps, missing, recovered: Gaps found by reason, events found missing, those published since.
    """

    def __init__(self, environment: str, outbox: Outbox, policy: FillPolicy) -> None:
        self._environment = environment
        self._policy = policy
        self.outbox = outbox
        self.schedule_progress = outbox.schedule_progress
        self.requests: deque[RestRequest] = deque()
        self.account = GapAccount()
        self.gaps: Counter[str] = Counter()
        self.missing = 0
        self.recovered = 0

    def _gap(self, series: Series, reason: GapReason, before: int | None = None) -> Gap:
        return series.gap(self._environment, reason, before)

    def _open_pending(self, series: Series, gap: Gap, repeats_possible: bool = False) -> None:
        series.pending, series.needs_check = gap, True
        self.outbox.add_marker("opened", series, gap, repeats_possible=repeats_possible)

    def _count(self, series: Series, gap: Gap, *, already_counted: bool = False) -> str:
        """Count a gap in which events are missing, mark it, and return its id."""
        self.gaps[gap.reason] += not already_counted
        self.missing += gap.missing or 0
        self._mark_found(series, gap)
        return gap.id

    def _mark_found(self, series: Series, gap: Gap, detail: str = "") -> None:
        """Request the events of a gap and mark it: opened, or why it is unfillable."""
        why = self._request_fill(series, gap)
        self.account.found(series.stream.row, gap, why)
        if why is None:
            self.outbox.add_marker("opened", series, gap, detail)
        else:
            self.outbox.add_marker("unfillable", series, gap, why)

    def _request_fill(self, series: Series, gap: Gap) -> str | None:
        """Request the events of a gap; return why that is impossible, None if requested."""
        self._request_snapshot(series, gap.id)
        why = self._policy.why_unfillable(series.stream.row, gap)
        if why is None:
            series.open_gaps[gap.id] = gap
            self.schedule_progress(series)
            self.requests.append(FillGap(series, gap))
        return why

    def _request_snapshot(
        self, series: Series, gap_id: str | None, fewer_than: int | None = None
    ) -> None:
        """Request a snapshot, if the series is an order book's."""
        if self._policy.gives_snapshots(series.stream.row):
            self.requests.append(SnapshotBook(series, gap_id, series.last_id, fewer_than))
