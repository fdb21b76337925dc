"""Backfill job: one gap, what is still to be asked for, and what became of it.

PURE: calls go through `RestCalls`. No gap is called filled unless all of it was published.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, Protocol

from connector.backfill import pages
from connector.backfill.pages import RestPage, Span, count_of
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, events_from_rows, rows_in
from connector.continuity.gap import Gap
from connector.continuity.series import Series
from connector.errors import BadMessage, Refused

BATCH_EVENTS = 100  # read or delivered at once, about 2 ms of work: then live events go on
MAX_REST_DELAY_S = 3.0  # REST may be so far behind: then the missing tail is asked for again
NEVER_MS = 1e15  # sorts after every expiry

FillState = Literal["filled", "partial", "unfillable"]


class RestCalls(Protocol):
    """Makes the calls of a job: backfill/scheduler.py."""

    def now_ms(self) -> float:
        """Return the time in epoch milliseconds."""

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

    Attributes:
        span: What was missing when the job began: an earlier run may have filled a part.
        left: What is still to be asked for; None when nothing can follow.
        missing: Events missing in all.
        fetched: Events fetched so far, by earlier runs too.
        newest: Highest id or open time that REST has answered; None before the first answer.
    """

    def __init__(self, series: Series, gap: Gap, now_ms: float) -> None:
        self.series, self.gap = series, gap
        self._ends_ms = now_ms if gap.after_ms is None else gap.after_ms
        self._begins_ms = self._ends_ms if gap.before_ms is None else gap.before_ms
        self.span = pages.span_left(series.stream, gap)
        size = count_of(series.stream, self.span)
        self.left: Span | None = self.span if size > 0 else None
        self.missing, self.fetched = size, 0
        if gap.filled_to is not None:
            self.fetched = gap.recovered
            known = None if gap.whole else gap.missing
            self.missing = gap.recovered + gap.expired + size if known is None else known
        # REST's first event is the first of all, so that nothing before it is missing.
        self._from_first_event = gap.whole and gap.filled_to is None
        self.newest: int | None = None
        self._broken = False  # an answer was refused: what it would have held is not known
        self._asked_again = False  # for the missing tail
        self._notes: list[str] = []  # why something stays missing

    @property
    def stream(self) -> Stream:
        """The stream whose events are missing."""
        return self.series.stream

    def urgency(self, _now_ms: float) -> tuple[float, float]:
        """Return its place in the queue: what expires soonest first, then the newest."""
        row = self.stream.row
        expires = pages.expires_ms(row, self._begins_ms) if row.fillable else 0.0
        return min(expires, NEVER_MS), -self._ends_ms

    async def step(self, rest: RestCalls) -> float | None:
        """Make the next call and deliver its events; after the last one, close the gap.

        Return the seconds until the next call is due; None when the gap is closed.
        """
        if self.left is not None:
            await self._fetch_page(rest)
        if self.left is not None:
            return 0.0
        if self._may_be_late(rest.now_ms()):
            self.ask_again()
            return MAX_REST_DELAY_S
        await self.close()
        return None

    @abstractmethod
    async def deliver(self, events: list[RestEvent]) -> None:
        """Publish events of the gap, in their order; may wait for room."""

    @abstractmethod
    async def close(self) -> None:
        """Write the final marker, as `result` says."""

    async def _fetch_page(self, rest: RestCalls) -> None:
        try:
            page = self.next_page(rest.now_ms())
            rows = await self._read(rest, await rest.fetch(self.stream, page))
        except (Refused, BadMessage) as error:
            self.refuse(str(error))
            return
        events = rows[self.accept(page, [row.first for row in rows])]
        for begin in range(0, len(events), BATCH_EVENTS):
            await self.deliver(events[begin : begin + BATCH_EVENTS])
            await rest.pause()

    async def _read(self, rest: RestCalls, raw: bytes) -> list[RestEvent]:
        # A candle before another one has closed, whatever our clock says.
        closed_by_ms = round(max(rest.now_ms(), self._ends_ms))
        rows, symbol = rows_in(raw), self.series.symbol
        events: list[RestEvent] = []
        for begin in range(0, len(rows), BATCH_EVENTS):
            batch = rows[begin : begin + BATCH_EVENTS]
            events += events_from_rows(self.stream, batch, symbol, closed_by_ms)
            await rest.pause()
        return events

    # What to ask, and what the answers hold

    def next_page(self, now_ms: float) -> RestPage:
        """Return the call to make now. Raises Refused: REST has none of it, or none so old."""
        if self.is_too_old(now_ms):
            raise Refused("older than REST looks back")
        assert self.left is not None, "asked after the end"  # noqa: S101 - a bug of the caller
        return pages.next_page(self.stream, self.left, self.series.symbol)

    def is_too_old(self, now_ms: float) -> bool:
        """Say whether all of the gap lies farther back than REST looks."""
        history = self.stream.row.backfill
        lookback_s = history.lookback_s if history else None
        return lookback_s is not None and self._ends_ms + lookback_s * 1000 < now_ms

    def accept(self, page: RestPage, rows: Sequence[int]) -> slice:
        """Count an answer by the ids, or open times, of its rows; return which are the gap's."""
        left = self.left
        assert left is not None, "answered after the end"  # noqa: S101 - a bug of the caller
        if rows and self.newest is None:
            self._count_expired(rows[0])
        self.newest = rows[-1] if rows else self.newest
        begin = next((n for n, row in enumerate(rows) if row >= left.first), len(rows))
        end = next((n for n, row in enumerate(rows) if row > left.last), len(rows))
        self.fetched += max(0, end - begin)
        self.left = pages.rest_of(self.stream, left, page, len(rows), rows[-1] if rows else None)
        return slice(begin, end)

    def _count_expired(self, first: int) -> None:
        """Count what REST has no more: an id that is too old is answered from a later one on."""
        begin, until = self.span.first, min(first, self.span.last + 1)
        older = count_of(self.stream, Span(begin, until)) - 1 if first > begin else 0
        if self._from_first_event:
            self.missing -= older
        elif older > (1 if self._rest_omits_ids else 0):
            self.gap.expired += older
            self._notes.append(f"REST has nothing before {first}: {older} are gone for good")

    def refuse(self, why: str) -> None:
        """Note that the exchange refuses the rest."""
        self._notes.append(why)
        self.left, self._broken = None, True

    @property
    def missing_tail(self) -> Span | None:
        """The end of the gap, if REST has answered none of it: REST may be behind the stream."""
        first, last = self.span.first, self.span.last
        tail = Span(first if self.newest is None else max(self.newest + 1, first), last)
        return tail if count_of(self.stream, tail) > 0 else None

    def _may_be_late(self, now_ms: float) -> bool:
        """Say whether the tail is missing so soon that REST may only be behind the stream."""
        if self._asked_again or self._broken or self.missing_tail is None:
            return False
        return now_ms - self._ends_ms < MAX_REST_DELAY_S * 1000

    def ask_again(self) -> None:
        """Ask once more for the missing tail."""
        self.left, self._asked_again = self.missing_tail, True

    # What became of it

    def result(self) -> tuple[FillState, str]:
        """Return state and detail of the final marker, and set the gap's `missing`.

        Call it when all that was delivered is published. The detail says what stays missing and
        why; "" where nothing does.
        """
        notes = list(self._notes)
        if self._from_first_event and self.newest is None and not self._broken:
            self.missing = 0  # nothing was before
        self.gap.missing = self.missing
        lost = self.missing - self.fetched
        unexplained, unlisted = lost - self.gap.expired, self._never_listed(lost)
        if unlisted:
            kinds = "insurance fund, ADL, or spent without a fill"
            notes.append(f"{unlisted} ids REST never lists ({kinds})")
        if unexplained > unlisted and not self._notes:
            notes.append(f"REST does not have {unexplained - unlisted} of them")
        return self._state(lost - unlisted), "; ".join(notes)

    def _never_listed(self, lost: int) -> int:
        """Return how many ids are tolerated as missing: only such as REST has answered beyond."""
        if not self._rest_omits_ids or self._broken:
            return 0
        tail = self.missing_tail
        return lost - self.gap.expired - (0 if tail is None else count_of(self.stream, tail))

    @property
    def _rest_omits_ids(self) -> bool:
        rest = self.stream.row.backfill
        return rest is not None and rest.omits_ids

    def _state(self, lost: int) -> FillState:
        if lost > 0:
            return "partial" if self.fetched else "unfillable"
        # What was fetched and not published went to the dead letter.
        return "filled" if self.gap.recovered >= self.fetched else "partial"
