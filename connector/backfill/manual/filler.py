"""The holes that were found, while they are filled: their markers stand around their records."""

import asyncio
import time
from collections.abc import Container
from dataclasses import dataclass
from typing import cast

from connector.backfill import job as jobs
from connector.backfill.manual.missing import MissingSpan, PresentEvents
from connector.backfill.manual.report import Filled, FillReport
from connector.backfill.manual.topic_state import Tell, WriterState
from connector.backfill.manual.writer import ManualWriter
from connector.backfill.pages import Span
from connector.backfill.scheduler import BackfillScheduler, BookSnapshotJob
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent
from connector.continuity.audit.coverage import Coverage, Marker, id_edges
from connector.continuity.gap_tracker import Gap
from connector.continuity.marker import GapReason, MarkerState, digest
from connector.errors import Retry

POLL_INTERVAL_S = 0.5
GIVE_UP_AFTER_S = (
    150.0  # for an exchange that does not answer or sends us away: a minute's limit passes
)
BY_HAND = "by hand"


@dataclass(slots=True)
class Job:
    """A hole on its way to being filled.

    Attributes:
        span: What is missing.
        gap: The same as its markers tell it.
        opened: Its first marker is written.
        refused: Records that Kafka had refused before.
    """

    span: Span
    gap: Gap
    opened: bool = False
    refused: int = 0

    def as_asked(self, stream: Stream, symbol: str, now_ms: int) -> jobs.Gap:
        """Return it as the backfill takes it; where its age is not known, REST is asked."""
        before, after = self.gap.before_ms, self.gap.after_ms
        return jobs.Gap(
            self.gap.id,
            stream,
            symbol,
            self.span,
            now_ms if before is None else before,
            now_ms if after is None else after,
        )


def jobs_of(there: PresentEvents, known: WriterState, environment: str) -> dict[str, Job]:
    """Return what there is to fill, by gap id: the same ids when it is found again."""
    jobs = [Job(hole.span, _gap(there, hole, known, environment)) for hole in there.holes()]
    return {job.gap.id: job for job in jobs}


def _gap(there: PresentEvents, hole: MissingSpan, known: WriterState, environment: str) -> Gap:
    stream, edges = there.stream, (hole.before_id, hole.after_id)
    series = stream.product, stream.name, there.symbol
    return Gap(
        id=digest(environment, *series, known.epoch, *edges, BY_HAND),
        reason=_reason(known.coverage, hole),
        before_id=hole.before_id,
        before_ms=hole.before_ms,
        after_id=hole.after_id,
        after_ms=hole.after_ms,
        missing=there.places.of(hole.span.last) - there.places.of(hole.span.first) + 1,
        epoch=known.epoch,
    )


def _reason(coverage: Coverage, hole: MissingSpan) -> GapReason:
    """Return the reason of the marker that speaks of the hole; without one its ids tell of it."""
    for marker in coverage.gaps.values():
        before, after = id_edges(marker)
        if before < hole.span.last and after > hole.span.first:
            return cast("GapReason", marker.reason)
    return "sequence"


def left_open(coverage: Coverage, instance: str, span: Span, jobs: Container[str]) -> list[Marker]:
    """Return the gaps within the span that an earlier run by hand did not live to settle."""
    return [
        marker
        for gap_id, marker in coverage.gaps.items()
        if (marker.state, marker.instance) == ("opened", instance)
        and gap_id not in jobs
        and (marker.before_id or 0) + 1 >= span.first
        and marker.after_id is not None
        and marker.after_id - 1 <= span.last
    ]


class ManualFiller:
    """Takes what the backfill fetches.

    Attributes:
        moved: Monotonic seconds at which something was last written.
    """

    def __init__(
        self, writing: ManualWriter, todo: dict[str, Job], report: FillReport, tell: Tell
    ) -> None:
        self._writing = writing
        self._jobs = dict(todo)
        self._report = report
        self._tell = tell
        self._total = sum(job.gap.missing or 0 for job in todo.values())
        self._done = 0
        self.moved = time.monotonic()

    async def deliver(
        self, what: jobs.BackfillJob | BookSnapshotJob, found: list[RestEvent]
    ) -> None:
        """Write events of a gap; its `opened` goes out with the first of them, not before."""
        assert isinstance(what, jobs.BackfillJob)  # noqa: S101 - no book is asked for
        job = self._jobs[what.gap.gap_id]
        await self._open(job)
        job.gap.recovered += await self._writing.records(job.gap.id, found)
        self._done += len(found)
        self.moved = time.monotonic()
        self._tell("fetching", self._done, self._total)

    async def settle(self, outcome: jobs.BackfillResult) -> None:
        """Say what became of a gap, once its records are stored."""
        job = self._jobs.pop(outcome.gap.gap_id)
        await self._open(job)
        await self._writing.stored()
        job.gap.recovered -= self._refused - job.refused
        state = outcome.state
        if state == "filled" and job.gap.recovered < outcome.recovered:
            state = "partial"  # some of it was put aside
        await self._close(job, state, outcome.detail)

    async def give_up(self, cause: str) -> None:
        """Say of the gaps of which something is written already how far they came."""
        for job in [one for one in self._jobs.values() if one.opened]:
            await self._writing.stored()
            await self._close(job, "partial", f"given up: {cause}")

    async def close_up(self, marker: Marker) -> None:
        """Settle a gap that an earlier run by hand did not live to settle."""
        before, after = id_edges(marker)
        inside = [one for one in self._report.gaps if before < one.first and one.last < after]
        missing = marker.missing or 0
        gap = Gap(
            marker.gap_id or "",
            cast("GapReason", marker.reason),
            marker.before_id,
            marker.before_time,
            marker.after_id,
            marker.after_time,
            missing,
            max(0, missing - sum(one.missing - one.recovered for one in inside)),
            marker.id_epoch,
        )
        good = all(one.state == "filled" for one in inside)
        await self._writing.marker(gap, "filled" if good else "partial", f"{BY_HAND}, in two runs")

    @property
    def _refused(self) -> int:
        return self._writing.ledger.dead_letters["refused"]

    async def _open(self, job: Job) -> None:
        if not job.opened:
            job.opened, job.refused = True, self._refused
            await self._writing.marker(job.gap, "opened", BY_HAND)

    async def _close(self, job: Job, state: MarkerState, detail: str) -> None:
        gap, span = job.gap, job.span
        await self._writing.marker(gap, state, f"{BY_HAND}: {detail}" if detail else BY_HAND)
        await self._writing.stored()
        self.moved = time.monotonic()
        self._report.gaps.append(
            Filled(gap.id, span.first, span.last, gap.missing or 0, gap.recovered, state, detail)
        )


async def finished(backfill: BackfillScheduler, filler: ManualFiller) -> None:
    """Run the backfill until every gap is settled.

    Raises:
        Retry: the exchange cannot be reached, or sends us away for long.
    """
    running = asyncio.create_task(backfill.run(), name="backfill")
    idle = asyncio.create_task(backfill.idle(), name="idle")
    try:
        while not (idle.done() or running.done()):
            await asyncio.wait(
                (running, idle), timeout=POLL_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
            )
            if backfill.trouble and time.monotonic() - filler.moved > GIVE_UP_AFTER_S:
                await _ended(running)
                await filler.give_up(backfill.trouble)
                raise Retry(f"{backfill.trouble}; run it again: what is stored stays")
        if running.done():
            _raise_cause(running)
    finally:
        await _ended(running, idle)


async def _ended(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _raise_cause(task: "asyncio.Task[None]") -> None:
    """Raise what ended a group of tasks, without the group."""
    cause = task.exception()
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if cause is not None:
        raise cause
