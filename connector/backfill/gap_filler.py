"""What can be put right: gaps are fetched through REST and written like live records, order books
get a snapshot to start from, new listings what they had before we read them.

Next along the way: backfill.py (the queue), feed/pipeline.py (`recover`), continuity/gap_tracker.py
(the markers), backfill/latest_id.py (what REST's newest id says).
"""

import asyncio
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from connector.backfill import job
from connector.backfill.latest_id import LatestIdProbe
from connector.backfill.pages import Span, count_of
from connector.backfill.scheduler import BackfillScheduler, BookSnapshotJob
from connector.binance.candles import next_open, open_time
from connector.binance.products import Product
from connector.codec.compile import Codec
from connector.codec.rest_rows import RestEvent
from connector.config.model import Settings
from connector.continuity.gap_tracker import Gap, Series
from connector.continuity.sequence_rules import CandleTracker
from connector.errors import BadMessage, Refused
from connector.feed.pipeline import Codecs, Pipeline, codec_of
from connector.telemetry import events
from connector.transport.rest import RestClient

ROOM_POLL_INTERVAL_S = (
    0.005  # between two looks whether a fetched event may be published: live ones go first
)
LISTING_MS = 6 * 3_600_000  # candles of a new symbol are asked for so far back
BOOK_POLL_INTERVAL_S = 5.0  # between two looks which books are due


@dataclass(slots=True)
class _Job:
    series: Series
    gap: Gap


class GapFiller:
    """Puts right what the pipeline finds missing.

    Attributes:
        scheduler: The queue of what is to be fetched.
        books: Snapshots written.
        latest_ids: Asks REST about series in doubt.
    """

    def __init__(
        self, rest: RestClient, pipeline: Pipeline, codecs: Codecs, settings: Settings
    ) -> None:
        self._pipeline = pipeline
        self._continuity = pipeline.continuity
        self._codecs = codecs
        self._enabled = settings.backfill.enabled
        self._keyed = settings.backfill.api_key_file is not None
        self._books_s = settings.backfill.book_interval / 1000 if settings.backfill.books else None
        self._jobs: dict[str, _Job] = {}
        self._wanted: dict[str, tuple[Series, float]] = {}  # books: when each is due again
        self._listed: set[tuple[Product, str]] = set()
        self._begun_listings: set[str] = set()  # series that are or were fetched from their start
        self.books = 0
        share = settings.backfill.weight_share
        self.scheduler = BackfillScheduler(rest, self._deliver, self._settle, weight_share=share)
        self._continuity.fill = self.fill
        self._continuity.begun = self.on_series_started
        self.latest_ids = LatestIdProbe(self.scheduler, pipeline, enabled=self._enabled)

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.scheduler.run(), name="backfill")
            group.create_task(self._keep_books(), name="books")
            group.create_task(self.latest_ids.run(), name="witness")

    # Gaps

    def fill(self, series: Series, gap: Gap) -> str | None:
        """Have a gap filled; return why it cannot be, None when it is under way."""
        if series.stream.row.has_snapshots:
            self._want_book(series, gap.id)
        why = self._why_not(series, gap)
        if why is not None:
            return why
        self._jobs[gap.id] = _Job(series, gap)
        self.scheduler.add(_asked(series, gap))
        return None

    def _why_not(self, series: Series, gap: Gap) -> str | None:
        row = series.stream.row
        if not row.fillable:
            return "REST does not have it"
        if not self._enabled:
            return "backfill.enabled is false"
        if row.backfill is not None and row.backfill.needs_key and not self._keyed:
            return "the call needs an API key: set backfill.api_key_file"
        if gap.after_id is None or (gap.before_id is None and not gap.whole):
            return "its edges have no ids"
        return None

    async def _deliver(
        self, what: job.BackfillJob | BookSnapshotJob, found: list[RestEvent]
    ) -> None:
        """Publish what was fetched, as room allows: live records go first."""
        if isinstance(what, BookSnapshotJob):
            name = _book_name(what.stream.product, what.stream.name, what.symbol)
            if name in self._wanted:  # else nobody reads its changes any more
                await self._publish(self._wanted[name][0], found, what.gap_id, "snapshot")
                self.books += 1
            return
        job = self._jobs[what.gap.gap_id]
        job.gap.expired = what.expired
        await self._publish(job.series, found, job.gap.id, "backfill", job.gap)

    async def _publish(
        self,
        series: Series,
        found: Iterable[RestEvent],
        gap: str | None,
        origin: str,
        filled: Gap | None = None,
    ) -> None:
        codec = self._codec(series)
        for one in found:
            now_us = time.time_ns() // 1000
            try:
                while not self._pipeline.recover(codec, series, one, gap, origin, now_us):
                    await asyncio.sleep(ROOM_POLL_INTERVAL_S)
                    now_us = time.time_ns() // 1000
            except BadMessage as error:
                self._pipeline.dead_letters.send(series.stream.name, one.payload, error, now_us)
            else:
                if filled is not None:
                    self._continuity.on_recovered(series, filled, one.last)

    def _codec(self, series: Series) -> Codec:
        return codec_of(series.stream.row, "ms", self._codecs)  # REST's times are milliseconds

    async def _settle(self, outcome: job.BackfillResult) -> None:
        job = self._jobs.pop(outcome.gap.gap_id)
        job.gap.missing = outcome.missing
        state = outcome.state
        if state == "filled" and job.gap.recovered < outcome.recovered:
            state = "partial"  # some of it was put aside
        self._continuity.close_gap(job.series, job.gap, state, outcome.detail)

    # Order books

    def on_series_started(self, series: Series, record_ms: int) -> None:
        """Ask for a book's first snapshot, and for what a new listing had before it was read."""
        if series.stream.row.has_snapshots:
            self._want_book(series, None)
        if (series.product, series.symbol) in self._listed:
            self._fill_listing(series, record_ms)

    # New listings

    def add_listings(self, symbols: Collection[tuple[Product, str]]) -> None:
        """Take note of symbols that are new on the exchange: they are fetched from their start."""
        self._listed |= set(symbols)

    def _fill_listing(self, series: Series, record_ms: int) -> None:
        """Fetch what a new symbol had before we read it: from its first event, wherever that is."""
        first, row = _first_of(series), series.stream.row
        if first is None or row.sequence.rule not in ("contiguous", "candle") or not row.fillable:
            return
        if series.name not in self._begun_listings:
            self._begun_listings.add(series.name)
            self._continuity.open_listing(series, first, record_ms)

    def _want_book(self, series: Series, gap: str | None) -> None:
        if self._books_s is None or not self._enabled:
            return
        stream = series.stream
        name = _book_name(series.product, stream.name, series.symbol)
        self._wanted[name] = series, time.monotonic() + self._books_s
        try:
            self.scheduler.want(BookSnapshotJob(stream, series.symbol, gap))
        except Refused as error:
            events.book_refused(stream.name, series.symbol, str(error))

    async def _keep_books(self) -> None:
        """Ask for every book again at its interval."""
        while True:
            await asyncio.sleep(BOOK_POLL_INTERVAL_S)
            now = time.monotonic()
            for name, (series, due) in list(self._wanted.items()):
                if series.ended:
                    del self._wanted[name]
                elif due <= now:
                    self._want_book(series, None)


def _asked(series: Series, gap: Gap) -> job.Gap:
    """Return a gap as the backfill takes it: what is left of it, and what was made of it before."""
    span, before = _span(series, gap), None
    if gap.filled_to is not None:
        done = gap.recovered + gap.expired
        all_of_it = None if gap.whole else gap.missing
        missing = done + count_of(series.stream, span) if all_of_it is None else all_of_it
        before = job.Before(missing, gap.recovered, gap.expired)
    edges = gap.before_ms or gap.after_ms or 0, gap.after_ms or 0
    whole = gap.whole and before is None
    return job.Gap(gap.id, series.stream, series.symbol, span, *edges, whole, before)


def _span(series: Series, gap: Gap) -> Span:
    """Return the first and last id that are missing still, or opening times of candles."""
    candle = series.stream.row.sequence.rule == "candle"
    begin = gap.before_id if gap.filled_to is None else gap.filled_to
    assert gap.after_id is not None  # noqa: S101 - _why_not
    if begin is None:  # a new listing: an id before any; no candle is older than some hours
        begin = gap.after_id - LISTING_MS if candle else -1
    if not candle:
        return Span(begin + 1, gap.after_id - 1)
    interval, zone = series.stream.parameters["interval"], series.stream.row.zone_ms
    first = next_open(interval, open_time(interval, begin, zone), zone)
    return Span(first, open_time(interval, gap.after_id - 1, zone))


def _first_of(series: Series) -> int | None:
    """Return the id of the first event read of a series; of candles when the open one opened."""
    tracker = series.tracker
    return tracker.current if isinstance(tracker, CandleTracker) else series.last_id


def _book_name(product: str, stream_name: str, symbol: str) -> str:
    return f"{product}/{stream_name}/{symbol}"
