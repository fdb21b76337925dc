"""One run: what is missing in a span, fetched, written and marked, and what came of it."""

import asyncio
import time

from connector.backfill.manual.filler import Job, ManualFiller, finished, jobs_of, left_open
from connector.backfill.manual.missing import PresentEvents, SpanIndex
from connector.backfill.manual.report import FillReport
from connector.backfill.manual.request import FillRequest, SpanResolver, planned_stream
from connector.backfill.manual.topic_state import Tell, TopicState, WriterState
from connector.backfill.manual.writer import ManualWriter, manual_instance
from connector.backfill.pages import Span
from connector.backfill.scheduler import BackfillScheduler
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.plan import bases_of
from connector.config.secrets import api_key_of, proxy_of
from connector.continuity.audit.coverage import Marker
from connector.planning.model import PlannedStream
from connector.transport.rest import RestClient


async def run_manual_backfill(loaded: Loaded, asked: FillRequest, tell: Tell) -> FillReport:
    """Fill what a topic lacks of a span.

    Args:
        loaded: The config file: it says where the stream goes.
        asked: The span.
        tell: Called with what is done ("reading", "fetching"), how far, and of how many.

    Raises:
        Refused: the span, the stream or the file is wrong. Retry: the exchange, Kafka or the
            registry cannot be reached; what is stored by then stays. Fatal: Kafka refused us.
    """
    asked.check()
    settings = loaded.settings
    rest = RestClient(
        bases_of(settings),
        share=settings.limits.share,
        proxy=proxy_of(settings),
        api_key=api_key_of(settings),
    )
    await rest.start()
    try:
        planned, symbol = await planned_stream(loaded, asked, rest)
        return await _Run(settings, planned, symbol, rest, tell).run(asked)
    finally:
        await rest.close()


class _Run:
    def __init__(
        self, settings: Settings, planned: PlannedStream, symbol: str, rest: RestClient, tell: Tell
    ) -> None:
        self._settings = settings
        self._stream = planned.stream
        self._symbol = symbol
        self._rest = rest
        self._tell = tell
        self._writing = ManualWriter(settings, planned, symbol)
        self._reading = TopicState(settings, planned.topic, self._stream, symbol)
        stream = self._stream
        self._report = FillReport(planned.topic, stream.product, stream.name, symbol, 0, 0)

    async def run(self, asked: FillRequest) -> FillReport:
        """Do it."""
        await self._writing.ensure_topics()
        known = await asyncio.to_thread(self._reading.known)
        spans, report = SpanResolver(self._rest, self._stream, self._symbol), self._report
        whole = await spans.span(asked, known.last)
        report.first, report.last = whole.first, whole.last
        span = self._up_to_what_is_stored(whole, known)
        places = SpanIndex(self._stream, span)
        if not places.count:
            return report
        since = await spans.read_from(asked, span)
        there = await asyncio.to_thread(self._reading.present, span, known, since, self._tell)
        self._leave_what_is_under_way(there, known, open_ended=asked.open_ended)
        report.present = there.records
        jobs = jobs_of(there, known, self._settings.topic_prefix)
        stale = left_open(known.coverage, manual_instance(self._settings), span, jobs)
        if jobs or stale:
            await self._fill(jobs, stale)
        return report

    def _up_to_what_is_stored(self, span: Span, known: WriterState) -> Span:
        """Leave out what the worker has still to write: it fetches itself what it then misses."""
        if known.last is None or span.last <= known.last:
            return span
        whole, last = SpanIndex(self._stream, span), max(known.last, span.first - 1)
        ours = whole.of(known.last) + 1 if known.last >= span.first else 0
        words = f"after {known.last}, the last one stored: the worker writes or fetches them itself"
        self._leave(whole.count - ours, words)
        return Span(span.first, last)

    def _leave_what_is_under_way(
        self, there: PresentEvents, known: WriterState, *, open_ended: bool
    ) -> None:
        """Leave to the worker what it writes by itself: it would stand in the topic twice."""
        newer = there.exclude_newer() if known.last is None else 0
        if not open_ended:
            self._leave(newer, "newer than the last live record: the worker's")
        for gap_id in known.open_gaps:
            marker = known.coverage.gaps.get(gap_id)
            if marker is not None:
                words = f"of gap {gap_id}: {marker.instance} is filling it itself"
                self._leave(there.exclude(marker), words)

    def _leave(self, events: int, words: str) -> None:
        if events:
            self._report.left += events
            self._report.notes.append(f"{events} events {words}")

    async def _fill(self, jobs: dict[str, Job], stale: list[Marker]) -> None:
        await self._writing.start()
        try:
            filler = ManualFiller(self._writing, jobs, self._report, self._tell)
            share = self._settings.backfill.weight_share
            backfill = BackfillScheduler(
                self._rest, filler.deliver, filler.settle, weight_share=share
            )
            now = round(time.time() * 1000)
            for job in jobs.values():
                backfill.add(job.as_asked(self._stream, self._symbol, now))
            await finished(backfill, filler)
            for marker in stale:
                await filler.close_up(marker)
            await self._writing.stored()
        finally:
            await self._writing.close()
