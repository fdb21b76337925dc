"""Order book snapshots: at the start of a depth stream, after each gap, and at an interval."""

import asyncio
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from connector.backfill.job import RestCalls
from connector.backfill.pages import fewer_levels, snapshot
from connector.backfill.publisher import RestEventPublisher
from connector.backfill.scheduler import BackfillScheduler
from connector.backoff import Backoff
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, event_from_book
from connector.continuity.rest_requests import SnapshotBook
from connector.continuity.series import Series
from connector.errors import BadMessage, Refused
from connector.telemetry import events

POLL_INTERVAL_S = 5.0  # between two looks which snapshots are due
URGENCY_MS = 3_600_000  # a snapshot comes before whatever expires later than in an hour
LATE_AFTER_S = 10.0  # of asking again: then the log says that a book is late


class BookSnapshots:
    """Keeps the order books of depth streams supplied with snapshots; counts those `published`."""

    def __init__(
        self, scheduler: BackfillScheduler, publisher: RestEventPublisher, interval_s: float
    ) -> None:
        self._scheduler = scheduler
        self._publisher = publisher
        self._interval_s = interval_s
        self._due: dict[str, tuple[Series, float]] = {}  # name -> series, monotonic seconds
        # The newest by name. A change that shows two gaps carries the id of the first one: two.
        self._jobs: defaultdict[str, deque[BookSnapshotJob]] = defaultdict(lambda: deque(maxlen=2))
        # Name of a series whose book Kafka refused -> levels a side to ask for; None: no book.
        self._levels: dict[str, int | None] = {}
        self.published = 0

    def request(self, request: SnapshotBook) -> None:
        """Fetch a snapshot of a series' book now, and again after the interval."""
        series, name, refused = request.series, request.series.name, request.fewer_than
        if refused is not None:
            levels = self._levels.get(name, refused)
            if levels is None or levels < refused:
                return  # it was on its way when fewer levels were asked for
            self._levels[name] = fewer_levels(series.stream, refused)
            events.book_too_large(series.stream.name, series.symbol, refused, self._levels[name])
        if name in self._levels and self._levels[name] is None:
            self._due.pop(name, None)
            return
        self._due[name] = series, time.monotonic() + self._interval_s
        job = BookSnapshotJob(self, request, self._levels.get(name))
        self._jobs[name].append(job)
        self._scheduler.add(job)

    async def run(self) -> None:
        """Request the snapshots that are due until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            now = time.monotonic()
            for name, (series, due) in list(self._due.items()):
                if series.ended is not None:
                    del self._due[name], self._jobs[name]
                elif due <= now:
                    self.request(SnapshotBook(series, None, series.last_id))

    def wants(self, job: "BookSnapshotJob") -> bool:
        """Say whether a job's snapshot is wanted still: not once later ones are, or none."""
        return job in self._jobs[job.series.name] and job.series.ended is None

    async def publish(self, series: Series, book: RestEvent, gap_id: str | None) -> bool:
        """Publish a snapshot; return False if it went to the dead letter instead."""
        published = await self._publisher.publish(series, book, gap_id, "snapshot")
        self.published += published
        return published


@dataclass(slots=True, eq=False)
class BookSnapshotJob:
    """Fetches the present state of one book, until one is as new as the stream.

    A snapshot that is older than the first change after a break does not join the changes: it is
    asked for again (Binance's procedure for a local order book, step 4).
    """

    books: BookSnapshots
    request: SnapshotBook
    levels: int | None = None  # a side; None: as many as the catalogue says
    backoff: Backoff = field(default_factory=Backoff)
    waited_s: float = 0.0
    late: bool = False  # the log said so

    @property
    def series(self) -> Series:
        """The series of the book's changes."""
        return self.request.series

    @property
    def stream(self) -> Stream:
        """The stream of the book's changes."""
        return self.series.stream

    def urgency(self, now_ms: float) -> tuple[float, float]:
        """Return its place in the queue: see `Job.urgency`."""
        return now_ms + URGENCY_MS, -now_ms

    async def step(self, rest: RestCalls) -> float | None:
        """Fetch the book; publish it if it joins, else return the seconds until the next try."""
        if not self.books.wants(self):
            return None
        stream, symbol = self.stream, self.series.symbol
        try:
            raw = await rest.fetch(stream, snapshot(stream, symbol, self.levels))
        except Refused as error:
            events.book_refused(stream.name, symbol, str(error))
            return None
        try:
            book = event_from_book(stream, raw, symbol)
        except BadMessage as error:
            return self._ask_again(error.detail)
        since = self.request.since
        if since is not None and book.last < since:
            return self._ask_again(f"REST's book is of id {book.last}, the stream's of {since}")
        if not await self.books.publish(self.series, book, self.request.gap_id):
            return self._ask_again("it cannot become a record: see the dead letter")
        if self.late:
            events.book_joined(stream.name, symbol, self.waited_s)
        return None

    def _ask_again(self, cause: str) -> float:
        """Return the seconds until the next try; log once if it takes long."""
        if self.waited_s >= LATE_AFTER_S and not self.late:
            self.late = True
            events.book_late(self.stream.name, self.series.symbol, self.waited_s, cause)
        delay_s = self.backoff.delay(0.0, None, 1.0)
        self.waited_s += delay_s
        return delay_s
