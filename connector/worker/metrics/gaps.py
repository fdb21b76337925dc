"""Metrics of gaps and of what fills them."""

import time

from connector.continuity.gap_account import GapCounts
from connector.continuity.marker import REASONS
from connector.telemetry.metrics import MetricRow, Values
from connector.worker.metrics.rows import counts, row
from connector.worker.status import Snapshot

STATES = ("opened", "filled", "partial", "unfillable")  # of markers
EVENT_OUTCOMES = ("missing", "recovered", "lost")


def _kinds(worker: Snapshot) -> set[tuple[str, str]]:
    """Return each product and kind of the plan, and those that had gaps."""
    planned = (each.stream.row for each in worker.replanner.plan.streams)
    had_gaps = worker.gap_tracker.account.totals
    return {*((catalogued.product, catalogued.kind) for catalogued in planned), *had_gaps}


def _by_state(worker: Snapshot) -> Values:
    totals = worker.gap_tracker.account.totals
    return {
        (*key, state): _gaps_in(totals[key], state) if key in totals else 0
        for key in sorted(_kinds(worker))
        for state in STATES
    }


def _gaps_in(found: GapCounts, state: str) -> int:
    """Return the gaps that ever were in a state: all of them were opened. It never falls."""
    return found.found if state == "opened" else found.by_state[state]


def _by_outcome(worker: Snapshot) -> Values:
    totals = worker.gap_tracker.account.totals
    return {
        (*key, outcome): getattr(totals[key], outcome) if key in totals else 0
        for key in sorted(_kinds(worker))
        for outcome in EVENT_OUTCOMES
    }


def _uncounted(worker: Snapshot) -> Values:
    totals = worker.gap_tracker.account.totals
    return {key: totals[key].uncounted if key in totals else 0 for key in sorted(_kinds(worker))}


def _oldest_open_s(worker: Snapshot) -> float:
    """Return the age of the oldest gap whose events are being fetched; 0: there is none.

    A gap whose end no event has shown yet does not count: its series may be a rare one.
    """
    now = time.time()
    edges = [gap.before_ms for _, gap in worker.gap_tracker.unsettled() if gap.after_ms is not None]
    return max((now - before_ms / 1e3 for before_ms in edges if before_ms is not None), default=0.0)


GAPS: tuple[MetricRow[Snapshot], ...] = (
    row("bkc_gaps_open", "Gaps not settled yet.", lambda w: w.gap_tracker.open_gaps),
    row(
        "bkc_gaps_oldest_open_seconds",
        "Time since the last record before the oldest gap that is being fetched; 0: there is none.",
        _oldest_open_s,
    ),
    row(
        "bkc_gaps_total",
        "Gaps by marker: opened (all that were found), and how they ended.",
        _by_state,
        "product",
        "kind",
        "state",
    ),
    row(
        "bkc_gap_events_total",
        "Events of gaps (of spot order books: update ids): missing, recovered by REST, lost.",
        _by_outcome,
        "product",
        "kind",
        "outcome",
    ),
    row(
        "bkc_gaps_uncounted_total",
        "Gaps of which nobody can know how many events are missing.",
        _uncounted,
        "product",
        "kind",
    ),
    row(
        "bkc_sequence_gaps_total",
        "Gaps found, by why something is missing.",
        lambda w: counts(w.gap_tracker.gaps, REASONS),
        "reason",
    ),
    row(
        "bkc_sequence_missing_events_total",
        "Events found missing.",
        lambda w: w.gap_tracker.missing,
    ),
    row(
        "bkc_backfilled_events_total",
        "Of them, fetched and written.",
        lambda w: w.gap_tracker.recovered,
    ),
    row(
        "bkc_backfill_waiting",
        "Gaps and books in the queue.",
        lambda w: w.gap_filler.scheduler.waiting,
    ),
    row(
        "bkc_backfill_failures_total",
        "REST calls made again.",
        lambda w: w.gap_filler.scheduler.failures,
    ),
    row("bkc_book_snapshots_total", "Order books written.", lambda w: w.gap_filler.books.published),
    row(
        "bkc_ids_resets_total",
        "Series whose ids began anew.",
        lambda w: w.gap_filler.latest_ids.resets,
    ),
)
