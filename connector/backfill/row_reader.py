"""Row reader: what to ask REST for, which rows of an answer to take, and what stays missing. PURE.

An answer is evidence, not truth: it may be no answer at all, may hold rows in any order, twice, or
from too early on, may end too soon, and may be older than the stream. Rows are taken in ascending
order, each once, behind those taken before; candles when they are final by the exchange's clock.
Whatever is missing is asked for again with back-off. After `patience_s` of waiting in all, REST's
rows are taken as they are.
"""

from collections.abc import Sequence
from typing import Literal

from connector.backfill import candle_finality, pages
from connector.backfill.pages import RestPage, Span, after, count_of
from connector.backoff import Backoff
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent
from connector.continuity.gap import Gap

FillState = Literal["filled", "partial", "unfillable"]


class RowReader:
    """Reads the rows of one gap from REST's answers, until nothing is left to ask for.

    Args:
        stream, symbol: The series.
        gap: Both its edges have ids (of a new listing: the right one).
        begins_ms: Record time before it, epoch milliseconds.
        patience_s: How long in all it may wait for rows that REST does not show.

    Attributes:
        stream: The series' stream.
        span: What was missing at the beginning: an earlier run may have filled a part.
        left: What is still to be asked for; None when there is nothing more.
        missing: Events missing in all.
        fetched: Events taken so far, by earlier runs too.
        newest: Highest id or open time that REST has shown; None before the first row.
        wait_s: Seconds until the next call is due.
    """

    def __init__(
        self, stream: Stream, symbol: str, gap: Gap, begins_ms: float, patience_s: float
    ) -> None:
        self.stream, self._symbol, self._gap = stream, symbol, gap
        self._begins_ms = begins_ms
        self._patience_s = self._total_patience_s = patience_s
        self._backoff = Backoff()
        self.span = pages.span_left(stream, gap)
        size = count_of(stream, self.span)
        self.left: Span | None = self.span if size > 0 else None
        self.missing, self.fetched = size, 0
        self._resumed = gap.filled_to is not None
        if self._resumed:
            self.fetched = gap.recovered
            known = None if gap.whole else gap.missing
            self.missing = gap.recovered + gap.expired + size if known is None else known
        self.newest: int | None = None
        self.wait_s = 0.0
        self._cause = ""  # what was waited for last
        self._omits_ids = stream.row.backfill is not None and stream.row.backfill.omits_ids
        self._by_state = stream.row.backfill is not None and stream.row.backfill.by == "state"
        self._latest: dict[int, RestEvent] = {}  # rows of answers that have the latest ones alone
        self._is_full = False  # the newest answer has as many rows as a page takes
        self._at_start = True  # no row was taken yet
        self._longest = 0  # rows taken of one answer
        self._wide = False  # ask for as many rows as a page takes
        self._refused = False  # the newest answer was none: what it would have held is not known
        self._has_odd_rows = False  # rows could not be read to the end
        self._notes: list[str] = []  # why something stays missing

    # What to ask

    def next_page(self) -> RestPage:
        """Return the call to make now. Raises Refused: REST has none of it."""
        assert self.left is not None, "asked after the end"  # noqa: S101 - a bug of the caller
        return pages.next_page(self.stream, self.left, self._symbol, wide=self._wide)

    def wait_until_final(self, now_ms: float) -> float:
        """Return the seconds until the last missing candle is final; 0 when REST may be asked.

        now_ms: The exchange's time. A clock that does not advance is waited for once.
        """
        if self.left is None:
            return 0.0
        return self._spend(candle_finality.seconds_left(self.stream, self.left.last, now_ms))

    # What the answers hold

    def read(self, page: RestPage, rows: Sequence[RestEvent], now_ms: float) -> list[RestEvent]:
        """Return the rows of an answer that are to be published now, in their order.

        now_ms: The exchange's time.
        """
        left = self.left
        assert left is not None, "answered after the end"  # noqa: S101 - a bug of the caller
        self._refused = False
        by_number = self._latest | {row.first: row for row in rows}
        self._is_full = len(by_number) >= page.limit
        if self._by_state:
            self._latest = by_number  # newer rows may push them out of the next answer
        if by_number:
            newest = max(by_number)
            self.newest = newest if self.newest is None else max(self.newest, newest)
        self._wide = min(by_number, default=left.first) < left.first or self._wide
        ordered = [by_number[number] for number in sorted(by_number) if number >= left.first]
        final = candle_finality.final_rows(self.stream, ordered, left.last, now_ms)
        taken, reached, cause = self._take(left, final, now_ms)
        self.fetched += len(taken)
        few = 2 * len(taken) < self._longest  # REST has come to its end for now
        self._longest = max(self._longest, len(taken))
        if reached > left.first:
            self._go_on(left, reached)
        if reached == left.first or (few and self.left is not None and self._patience_s > 0):
            self._wait(cause if ordered else f"REST shows nothing from {reached} on", page.until)
        elif not few:
            self._backoff = Backoff()
        return taken

    def _take(
        self, left: Span, rows: Sequence[RestEvent], now_ms: float
    ) -> tuple[list[RestEvent], int, str]:
        """Return rows up to the first unexplained hole, what is asked for next, and why it ends."""
        end = after(self.stream, left.last)
        taken: list[RestEvent] = []
        reached = left.first
        for row in rows:
            number = min(row.first, end)
            hole = self._hole(reached, number)
            if hole and not self._explains(hole, now_ms):
                return taken, reached, f"REST shows {row.first} and not {reached} before it"
            if hole and self._at_start:
                self._count_expired(hole, row.first)
            reached = number
            if number == end:
                break
            self._at_start = False
            taken.append(row)
            reached = after(self.stream, number)
        return taken, reached, f"the candle of {reached} is not final yet"

    def _hole(self, begin: int, end: int) -> int:
        """Return how many events lie from one id, or open time, up to the one before another."""
        return count_of(self.stream, Span(begin, end)) - 1 if end > begin else 0

    def _explains(self, size: int, now_ms: float) -> bool:
        """Say whether it is normal that REST does not show so many events before one it shows."""
        history = self.stream.row.backfill
        if self._patience_s <= 0:
            return True
        if self._omits_ids and (not self._at_start or self._resumed or size == 1):
            return True  # it never lists them
        if not self._at_start or history is None:
            return False
        lookback_s = history.lookback_s
        expired = lookback_s is not None and self._begins_ms + lookback_s * 1000 < now_ms
        pushed_out = self._by_state and self._is_full
        return expired or pushed_out or (self._gap.whole and not self._resumed)

    def _count_expired(self, size: int, first: int) -> None:
        """Count what REST has no more, or never had, before the first event that it shows."""
        if self._gap.whole and not self._resumed:
            self.missing -= size  # REST's first event is the first of all: nothing is missing
        elif size > (1 if self._omits_ids else 0):
            self._gap.expired += size
            self._notes.append(f"REST has nothing before {first}: {size} are gone for good")

    def _go_on(self, left: Span, reached: int) -> None:
        """Ask next from here on, and at once."""
        self.left = Span(reached, left.last) if reached <= left.last else None
        self.wait_s = 0.0

    def note_bad_answer(self, cause: str) -> None:
        """Note an answer that holds no rows that can be read; it is asked for again."""
        self._refused = True
        self._wait(cause, None)

    def note_odd_row(self, cause: str) -> bool:
        """Note a row that cannot be read; False: the answer is asked for again.

        True: its other rows are to be taken. What is missing is not what REST never lists.
        """
        self._has_odd_rows = self._patience_s <= 0
        if not self._has_odd_rows:
            self.note_bad_answer(cause)
        return self._has_odd_rows

    def _wait(self, cause: str, until: int | None) -> None:
        """Wait before the next call; if the patience is spent, leave out what this one was about.

        until: Last id or open time that the call reached for; None: the whole rest.
        """
        left, self._wide = self.left, True
        if self._patience_s > 0:
            self.wait_s = self._spend(self._backoff.delay(0.0, None, 1.0))
            self._cause = cause
        elif left is None or until is None:
            self.left = None
        else:
            self._go_on(left, after(self.stream, max(until, left.first)))

    def _spend(self, seconds: float) -> float:
        """Return how much of a wait the patience allows, and spend it."""
        seconds = min(seconds, self._patience_s)
        self._patience_s -= seconds
        return seconds

    def refuse(self, why: str) -> None:
        """Note that the exchange refuses the rest for good."""
        self._notes.append(why)
        self.left, self._refused = None, True

    # What became of it

    @property
    def missing_tail(self) -> Span | None:
        """The end of the gap, if REST has shown none of it."""
        first, last = self.span.first, self.span.last
        tail = Span(first if self.newest is None else max(self.newest + 1, first), last)
        return tail if count_of(self.stream, tail) > 0 else None

    def result(self) -> tuple[FillState, str]:
        """Return state and detail of the final marker, and set the gap's `missing`.

        Call it when all that was taken is published. The detail says what stays missing and why; ""
        where nothing does.
        """
        notes = list(self._notes)
        self._gap.missing = self.missing
        lost = self.missing - self.fetched
        unlisted = self._never_listed(lost)
        unexplained = lost - self._gap.expired
        if unlisted:
            kinds = "insurance fund, ADL, or spent without a fill"
            notes.append(f"{unlisted} ids REST never lists ({kinds})")
        if unexplained > unlisted and not self._notes:
            notes.append(f"REST does not have {unexplained - unlisted} of them")
        if self._cause and self._patience_s <= 0 and lost > unlisted:
            notes.append(f"asked again for {self._total_patience_s:g} s: {self._cause}")
        return self._state(lost - unlisted), "; ".join(notes)

    def _never_listed(self, lost: int) -> int:
        """Return how many ids are tolerated as missing: only such as REST has answered beyond."""
        if not self._omits_ids or self._refused or self._has_odd_rows:
            return 0
        tail = self.missing_tail
        return lost - self._gap.expired - (0 if tail is None else count_of(self.stream, tail))

    def _state(self, lost: int) -> FillState:
        if lost > 0:
            return "partial" if self.fetched else "unfillable"
        # What was fetched and not published went to the dead letter.
        return "filled" if self._gap.recovered >= self.fetched else "partial"
