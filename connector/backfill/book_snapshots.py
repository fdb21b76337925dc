"""Order book snapshots: at the start of a depth stream, after each gap, and at an interval."""

import asyncio
import time
from dataclasses import dataclass

from connector.backfill.job import RestCalls
from connector.backfill.pages import fewer_levels, snapshot
from connector.backfill.publisher import RestEventPublisher
from connector.backfill.scheduler import BackfillScheduler
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, event_from_book
from connector.continuity.series import Series
from connector.errors import BadMessage, Refused
from connector.telemetry import events

POLL_INTERVAL_S = 5.0  # between two looks which snapshots are due
URGENCY_MS = 3_600_000  # a snapshot comes before whatever expires later than in an hour


class BookSnapshots:
    """Keeps the order books of depth streams supplied with snapshots; counts those `published`."""

    def __init__(
        self, scheduler: BackfillScheduler, publisher: RestEventPublisher, interval_s: float
    ) -> None:
        self._scheduler = scheduler
        self._publisher = publisher
        self._interval_s = interval_s
        self._due: dict[str, tuple[Series, float]] = {}  # name -> series, monotonic seconds
        # Name of a series whose book Kafka refused -> levels a side to ask for; None: no book.
        self._levels: dict[str, int | None] = {}
        self.published = 0

    def request(self, series: Series, gap_id: str | None, fewer_than: int | None = None) -> None:
        """Fetch a snapshot of a series' book now, and again after the interval.

        Args:
            series: The series of the book's changes.
            gap_id: The gap after which it is wanted; None at the start and at the interval.
            fewer_than: Levels a side of the book that Kafka refused; from now on fewer are asked.
        """
        name = series.name
        if fewer_than is not None:
            self._levels[name] = fewer_levels(series.stream, fewer_than)
            events.book_too_large(series.stream.name, series.symbol, fewer_than, self._levels[name])
        if name in self._levels and self._levels[name] is None:
            self._due.pop(name, None)
            return
        self._due[name] = series, time.monotonic() + self._interval_s
        self._scheduler.add(BookSnapshotJob(self, series, gap_id, self._levels.get(name)))

    async def run(self) -> None:
        """Request the snapshots that are due until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            now = time.monotonic()
            for name, (series, due) in list(self._due.items()):
                if series.ended is not None:
                    del self._due[name]
                elif due <= now:
                    self.request(series, None)

    async def publish(self, series: Series, book: RestEvent, gap_id: str | None) -> None:
        """Publish a snapshot, unless the stream of its changes is no longer subscribed."""
        if series.name in self._due:
            await self._publisher.publish(series, book, gap_id, "snapshot")
            self.published += 1


@dataclass(frozen=True, slots=True)
class BookSnapshotJob:
    """Fetches the present state of one book."""

    books: BookSnapshots
    series: Series
    gap_id: str | None
    levels: int | None = None  # a side; None: as many as the catalogue says

    @property
    def stream(self) -> Stream:
        """The stream of the book's changes."""
        return self.series.stream

    def urgency(self, now_ms: float) -> tuple[float, float]:
        """Return its place in the queue: see `Job.urgency`."""
        return now_ms + URGENCY_MS, -now_ms

    async def step(self, rest: RestCalls) -> None:
        """Fetch the book and publish it; one that the exchange refuses is logged."""
        stream, symbol = self.stream, self.series.symbol
        try:
            raw = await rest.fetch(stream, snapshot(stream, symbol, self.levels))
            book = event_from_book(stream, raw, symbol)
        except (Refused, BadMessage) as error:
            events.book_refused(stream.name, symbol, str(error))
        else:
            await self.books.publish(self.series, book, self.gap_id)
