"""Backfill job: fetches the events of one gap, call by call, and closes it.

PURE: calls go through `RestCalls`. No gap is called filled unless all of it was published.
"""

from abc import ABC, abstractmethod
from typing import Protocol

from connector.backfill import pages
from connector.backfill.pages import RestPage, Span
from connector.backfill.row_reader import FillState, RowReader
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, readable_events, rows_in
from connector.continuity.gap import Gap
from connector.continuity.series import Series
from connector.errors import BadMessage, Refused

BATCH_EVENTS = 100  # read or delivered at once, about 2 ms of work: then live events go on
NEVER_MS = 1e15  # sorts after every expiry


class RestCalls(Protocol):
    """Makes the calls of a job: backfill/scheduler.py."""

    def now_ms(self, product: Product) -> float:
        """Return the exchange's time in epoch milliseconds."""

    async def fetch(self, stream: Stream, page: RestPage) -> bytes:
        """Return the body of an answer. Raises Refused: the exchange does not take the call."""

    async def pause(self) -> None:
        """Let live events have their turn."""


class BackfillJob(ABC):
    """The fill of one gap. The subclass publishes the events and writes the final marker.

    Args:
        series: The series.
        gap: Both its edges have ids (of a new listing: the right one).
        now_ms: Epoch milliseconds; stands in for the times of edges that are not known.
        patience_s: How long in all it waits for what REST does not show.

    Attributes:
        reader: Knows what is still to be asked for, and what became of the rest.
    """

    def __init__(self, series: Series, gap: Gap, now_ms: float, patience_s: float) -> None:
        self.series, self.gap = series, gap
        self._ends_ms = now_ms if gap.after_ms is None else gap.after_ms
        self._begins_ms = self._ends_ms if gap.before_ms is None else gap.before_ms
        self.reader = RowReader(series.stream, series.symbol, gap, self._begins_ms, patience_s)

    @property
    def stream(self) -> Stream:
        """The stream whose events are missing."""
        return self.series.stream

    @property
    def span(self) -> Span:
        """What was missing when the job began: an earlier run may have filled a part."""
        return self.reader.span

    def urgency(self, _now_ms: float) -> tuple[float, float]:
        """Return its place in the queue: what expires soonest first, then the newest."""
        row = self.stream.row
        expires = pages.expires_ms(row, self._begins_ms) if row.fillable else 0.0
        return min(expires, NEVER_MS), -self._ends_ms

    async def step(self, rest: RestCalls) -> float | None:
        """Make the next call and deliver its events; after the last one, close the gap.

        Return the seconds until the next call is due; None when the gap is closed.
        """
        if not self.wanted:
            return None
        reader, now_ms = self.reader, rest.now_ms(self.stream.product)
        if wait_s := reader.wait_until_final(now_ms):
            return wait_s
        if reader.left is not None:
            await self._fetch_page(rest, now_ms)
        if reader.left is not None:
            return reader.wait_s
        await self.close()
        return None

    @property
    def wanted(self) -> bool:
        """Whether the gap is open still: another part of the program may have closed it."""
        return True

    @abstractmethod
    async def deliver(self, events: list[RestEvent]) -> None:
        """Publish events of the gap, in their order; may wait for room."""

    @abstractmethod
    async def close(self) -> None:
        """Write the final marker, as `RowReader.result` says."""

    async def _fetch_page(self, rest: RestCalls, now_ms: float) -> None:
        if self.is_too_old(now_ms):
            self.reader.refuse("older than REST looks back")
            return
        try:
            page = self.reader.next_page()
            raw = await rest.fetch(self.stream, page)
        except Refused as refused:
            self.reader.refuse(str(refused))
            return
        try:
            rows, problem = await self._rows(rest, raw)
        except BadMessage as bad:
            self.reader.note_bad_answer(bad.detail)
            return
        if problem is not None and not self.reader.note_odd_row(problem):
            return
        events = self.reader.read(page, rows, rest.now_ms(self.stream.product))
        for begin in range(0, len(events), BATCH_EVENTS):
            await self.deliver(events[begin : begin + BATCH_EVENTS])
            await rest.pause()

    async def _rows(self, rest: RestCalls, raw: bytes) -> tuple[list[RestEvent], str | None]:
        """Return the readable rows of an answer, and what is wrong with the first other one.

        Raises BadMessage: it is no answer.
        """
        rows, symbol = rows_in(raw), self.series.symbol
        events: list[RestEvent] = []
        problem: str | None = None
        for begin in range(0, len(rows), BATCH_EVENTS):
            batch = rows[begin : begin + BATCH_EVENTS]
            readable, odd = readable_events(self.stream, batch, symbol)
            events += readable
            problem = problem or odd
            await rest.pause()
        return events, problem

    def is_too_old(self, now_ms: float) -> bool:
        """Say whether all of the gap lies farther back than REST looks."""
        history = self.stream.row.backfill
        lookback_s = history.lookback_s if history else None
        return lookback_s is not None and self._ends_ms + lookback_s * 1000 < now_ms

    def result(self) -> tuple[FillState, str]:
        """Return state and detail of the final marker, and set the gap's `missing`."""
        return self.reader.result()
