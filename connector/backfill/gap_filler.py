"""Serves the requests of the gap tracker: REST fills gaps, gives books snapshots, confirms ids."""

import asyncio
from collections.abc import Collection

from typing_extensions import override

from connector.backfill.book_snapshots import BookSnapshots
from connector.backfill.job import BackfillJob
from connector.backfill.latest_id import LatestIdProbe
from connector.backfill.publisher import RestEventPublisher
from connector.backfill.row_reader import FillState
from connector.backfill.scheduler import BackfillScheduler
from connector.binance.products import Product
from connector.codec.rest_rows import RestEvent
from connector.config.model import BackfillSettings
from connector.continuity.gap import Gap
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.rest_requests import (
    ConfirmReset,
    FillGap,
    SnapshotBook,
)
from connector.continuity.series import Series
from connector.feed.pipeline import Pipeline
from connector.feed.route import Codecs
from connector.telemetry import events
from connector.transport.rest import RestClient

POLL_INTERVAL_S = 0.05  # between two looks for requests of the gap tracker
CLOCK_INTERVAL_S = 60.0  # between two measurements of the exchange's clock
CLOCK_RETRY_S = 5.0  # after one that failed
ROOM_POLL_INTERVAL_S = 0.005  # between two tries to publish a fetched event: live ones go first


class GapFiller:
    """Serves the requests of a gap tracker; the pipeline publishes the fetched events."""

    def __init__(
        self, rest: RestClient, pipeline: Pipeline, codecs: Codecs, settings: BackfillSettings
    ) -> None:
        self._exchange_clock, self._codecs = rest.exchange_clock, codecs
        self._pipeline, self._gap_tracker = pipeline, pipeline.gap_tracker
        self._publisher = RestEventPublisher(
            pipeline, codecs, lambda: asyncio.sleep(ROOM_POLL_INTERVAL_S)
        )
        self.scheduler = BackfillScheduler(rest, weight_share=settings.weight_share)
        self._patience_s = settings.patience.total_seconds()
        book_interval_s = settings.book_interval.total_seconds()
        self.books = BookSnapshots(self.scheduler, self._publisher, book_interval_s)
        self.latest_ids = LatestIdProbe(self.scheduler, pipeline, enabled=settings.enabled)

    async def run(self) -> None:
        """Serve requests until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._serve(), name="backfill requests")
            tasks.create_task(self._follow_clock(), name="exchange clock")
            tasks.create_task(self.scheduler.run(), name="backfill")
            tasks.create_task(self.books.run(), name="book snapshots")
            tasks.create_task(self.latest_ids.run(), name="latest ids")

    async def _serve(self) -> None:
        requests = self._gap_tracker.requests
        while True:
            while requests:
                match requests.popleft():
                    case FillGap(series, gap):
                        self._fill(series, gap)
                    case SnapshotBook() as request:
                        self.books.request(request)
                    case ConfirmReset(series):
                        self.latest_ids.confirm_reset(series)
            await asyncio.sleep(POLL_INTERVAL_S)

    async def measure_clock(self, products: Collection[Product]) -> bool:
        """Measure the exchange's clock by products; return whether each of them told the time."""
        measured = await self._exchange_clock.measure(products)
        offsets_ms = self._exchange_clock.offsets_ms.values()
        self._pipeline.set_clock_ahead(max(offsets_ms, default=0))
        return measured

    async def _follow_clock(self) -> None:
        """Measure the exchange's clock again and again, by the products that are read."""
        while True:
            products = {row.product for row, _ in self._codecs}
            measured = await self.measure_clock(products)
            await asyncio.sleep(CLOCK_INTERVAL_S if measured else CLOCK_RETRY_S)

    def _fill(self, series: Series, gap: Gap) -> None:
        now_ms = self.scheduler.now_ms(series.product)
        publishers = self._publisher, self._gap_tracker
        self.scheduler.add(LiveGapJob(series, gap, *publishers, now_ms, self._patience_s))


class LiveGapJob(BackfillJob):
    """Fills a gap of a series that is being read: its markers are the gap tracker's."""

    def __init__(
        self,
        series: Series,
        gap: Gap,
        publisher: RestEventPublisher,
        gap_tracker: GapTracker,
        now_ms: float,
        patience_s: float,
    ) -> None:
        super().__init__(series, gap, now_ms, patience_s)
        self._publisher = publisher
        self._gap_tracker = gap_tracker

    @property
    @override
    def wanted(self) -> bool:
        return self.gap.id in self.series.open_gaps

    @override
    async def deliver(self, events: list[RestEvent]) -> None:
        target = self.gap.id, "backfill", lambda: self.wanted
        for event in events:
            if await self._publisher.publish(self.series, event, *target):
                self._gap_tracker.on_recovered(self.series, self.gap, event.last)

    @override
    async def close(self) -> None:
        state, detail = logged_result(self)
        self._gap_tracker.close_gap(self.series, self.gap, state, detail)


def logged_result(job: BackfillJob) -> tuple[FillState, str]:
    """Return the result of a job, and log it."""
    state, detail = job.result()
    gap = job.gap
    counts = {"missing": job.reader.missing, "recovered": gap.recovered}
    events.gap_settled(gap.id, job.stream.name, job.series.symbol, state, **counts, detail=detail)
    return state, detail
