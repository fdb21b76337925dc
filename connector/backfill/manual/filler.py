"""Fills the gaps of a manual backfill: their markers are written around their records."""

import asyncio
import time
from collections.abc import Collection, Iterable
from typing import cast

from typing_extensions import override

from connector.backfill.gap_filler import logged_result
from connector.backfill.job import BackfillJob
from connector.backfill.manual.missing import MissingSpan, PresentEvents
from connector.backfill.manual.report import FilledGap, FillReport, OnProgress
from connector.backfill.manual.topic_state import WriterState
from connector.backfill.manual.writer import ManualWriter
from connector.backfill.pages import Span
from connector.backfill.publisher import RestEventPublisher
from connector.backfill.scheduler import BackfillScheduler
from connector.codec.rest_rows import RestEvent
from connector.continuity.audit.coverage import Coverage, Marker, id_edges
from connector.continuity.gap import Gap
from connector.continuity.marker import GapReason, MarkerState, digest
from connector.continuity.series import Series
from connector.errors import Retry

POLL_INTERVAL_S = 0.5
GIVE_UP_AFTER_S = 150.0  # of nothing but failing calls: a ban for the rest of a minute passes
DETAIL = "by hand"  # of the markers, and a part of their gap_ids


def gaps_of(present: PresentEvents, state: WriterState, environment: str) -> list[Gap]:
    """Return what is missing as gaps; a later run finds the same gap_ids.

    environment: the topic prefix.
    """
    stream, epoch = present.stream, state.epoch
    series = environment, stream.product, stream.name, present.symbol, epoch
    gaps = []
    for missing in present.missing():
        before, after = missing.before_id, missing.after_id
        gap_id = digest(*series, before, after, DETAIL)
        edges = before, missing.before_ms, after, missing.after_ms
        reason = _reason(state.coverage, missing)
        gaps.append(Gap(gap_id, reason, *edges, missing.size, epoch=epoch))
    return gaps


def _reason(coverage: Coverage, missing: MissingSpan) -> GapReason:
    """Return the reason of the marker that covers a missing span; `sequence` if none does."""
    for marker in coverage.gaps.values():
        before, after = id_edges(marker)
        if before < missing.span.last and after > missing.span.first:
            return cast("GapReason", marker.reason)
    return "sequence"


def unfinished_markers(
    coverage: Coverage, instance: str, span: Span, found: Iterable[Gap]
) -> list[Marker]:
    """Return the markers of gaps within a span that an earlier run was killed before closing.

    instance: that of manual backfills; found: gaps that this run fills, and closes by itself.
    """
    own = {gap.id for gap in found}
    return [
        marker
        for gap_id, marker in coverage.gaps.items()
        if (marker.state, marker.instance) == ("opened", instance)
        and gap_id not in own
        and (marker.before_id or 0) + 1 >= span.first
        and marker.after_id is not None
        and marker.after_id - 1 <= span.last
    ]


class ManualFiller:
    """Fills gaps of one series, and reports what became of each.

    on_progress: called with "fetching", the events fetched, and how many are missing.
    """

    def __init__(
        self,
        series: Series,
        writer: ManualWriter,
        publisher: RestEventPublisher,
        report: FillReport,
        on_progress: OnProgress,
    ) -> None:
        self.series, self.writer, self.publisher = series, writer, publisher
        self._report, self._on_progress = report, on_progress
        self._fetched = self._total = 0
        self._written_at = time.monotonic()

    async def fill(
        self, scheduler: BackfillScheduler, gaps: Collection[Gap], patience_s: float
    ) -> None:
        """Fetch what is missing and write it, until every gap is closed.

        patience_s: how long in all each gap waits for events that REST does not show.

        Raises:
            Retry: the exchange cannot be reached, or has banned us for long; Kafka does not answer.
            Fatal: Kafka refused us for good.
        """
        now_ms = scheduler.now_ms(self.series.product)
        jobs = [ManualJob(self, gap, now_ms, patience_s) for gap in gaps]
        self._total = sum(gap.missing or 0 for gap in gaps)
        for job in jobs:
            scheduler.add(job)
        running = asyncio.create_task(scheduler.run(), name="backfill")
        idle = asyncio.create_task(scheduler.idle(), name="idle")
        try:
            while not (idle.done() or running.done()):
                await asyncio.wait(
                    (running, idle), timeout=POLL_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
                )
                if scheduler.trouble and time.monotonic() - self._written_at > GIVE_UP_AFTER_S:
                    await _cancel(running)
                    for job in jobs:
                        await job.give_up(scheduler.trouble)
                    raise Retry(f"{scheduler.trouble}; run it again: what is stored stays")
            if running.done():
                _raise_cause(running)
        finally:
            await _cancel(running, idle)

    def note_written(self, events: int) -> None:
        """Note that events of a gap were published."""
        self._fetched += events
        self._written_at = time.monotonic()
        self._on_progress("fetching", self._fetched, self._total)

    async def close_gap(self, job: BackfillJob, state: MarkerState, detail: str) -> None:
        """Write the final marker of a gap, and report what became of it."""
        gap, span = job.gap, job.span
        text = f"{DETAIL}: {detail}" if detail else DETAIL
        await self.writer.write_marker(state, self.series, gap, text)
        await self.writer.wait_until_stored()
        self._written_at = time.monotonic()
        counts = gap.missing or 0, gap.recovered
        filled = FilledGap(gap.id, span.first, span.last, *counts, state, detail)
        self._report.gaps.append(filled)

    async def close_unfinished(self, marker: Marker) -> None:
        """Write the final marker of a gap that an earlier run was killed before closing."""
        before, after = id_edges(marker)
        inside = [gap for gap in self._report.gaps if before < gap.first and gap.last < after]
        missing, reason = marker.missing or 0, cast("GapReason", marker.reason)
        recovered = max(0, missing - sum(gap.missing - gap.recovered for gap in inside))
        edges = marker.before_id, marker.before_time, marker.after_id, marker.after_time
        gap = Gap(marker.gap_id or "", reason, *edges, missing, recovered, epoch=marker.id_epoch)
        filled = all(gap.state == "filled" for gap in inside)
        state: MarkerState = "filled" if filled else "partial"
        await self.writer.write_marker(state, self.series, gap, f"{DETAIL}, in two runs")


class ManualJob(BackfillJob):
    """Fills one gap: its `opened` marker goes out with the first of its records, not before."""

    def __init__(self, filler: ManualFiller, gap: Gap, now_ms: float, patience_s: float) -> None:
        super().__init__(filler.series, gap, now_ms, patience_s)
        self._filler = filler
        self._opened = self._closed = False
        self._refused_before = 0

    @override
    async def deliver(self, events: list[RestEvent]) -> None:
        await self._open()
        publisher = self._filler.publisher
        for event in events:
            published = await publisher.publish(self.series, event, self.gap.id, "backfill")
            self.gap.recovered += published
        self._filler.note_written(len(events))

    @override
    async def close(self) -> None:
        await self._open()
        writer = self._filler.writer
        await writer.wait_until_stored()
        self.gap.recovered -= writer.refused - self._refused_before
        await self._close(*logged_result(self))

    async def give_up(self, cause: str) -> None:
        """Mark how far the gap is filled, if it was opened and is not closed."""
        if self._opened and not self._closed:
            await self._filler.writer.wait_until_stored()
            await self._close("partial", f"given up: {cause}")

    async def _open(self) -> None:
        if not self._opened:
            writer = self._filler.writer
            self._opened, self._refused_before = True, writer.refused
            await writer.write_marker("opened", self.series, self.gap, DETAIL)

    async def _close(self, state: MarkerState, detail: str) -> None:
        self._closed = True
        await self._filler.close_gap(self, state, detail)


async def _cancel(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _raise_cause(task: "asyncio.Task[None]") -> None:
    """Raise the error that ended a group of tasks, without the group."""
    cause = task.exception()
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if cause is not None:
        raise cause
