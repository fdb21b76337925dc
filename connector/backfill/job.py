"""A gap on its way to being filled: what is left of it, what was found, what became of it.

Pure. `history` says what to ask; here the answers are counted. Nothing is called filled that is
not: whatever REST did not give is in the outcome, with the reason where it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from connector.backfill.pages import RestPage, Span, count_of, next_page, rest_of
from connector.binance.stream_name import Stream
from connector.errors import Refused

FillState = Literal["filled", "partial", "unfillable"]


@dataclass(frozen=True, slots=True)
class Before:
    """How far an earlier run has come with a gap.

    Args:
        missing: Events that were missing at the start.
        recovered: Events that were written.
        expired: Events that REST had no more.
    """

    missing: int
    recovered: int
    expired: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in one series, its edges known.

    Args:
        gap_id: Id that markers and records carry.
        stream: The stream that would have sent what is missing.
        symbol: Symbol of the series.
        span: First and last missing id, or opening time of a candle that has closed since.
        before_ms: Record time of the last event before it: how soon it expires.
        after_ms: Record time of the first event after it.
        whole: It reaches back to the series' first event, wherever that is: a new listing.
        before: What an earlier run had made of the gap; the span is what that has left.
    """

    gap_id: str
    stream: Stream
    symbol: str
    span: Span
    before_ms: int
    after_ms: int
    whole: bool = False
    before: Before | None = None

    def too_old(self, now_ms: float) -> bool:
        """Say whether all of it lies farther back than REST looks."""
        backfill = self.stream.row.backfill
        if backfill is None or backfill.lookback_s is None:
            return False
        return self.after_ms + backfill.lookback_s * 1000 < now_ms


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What became of a gap.

    Args:
        gap: The gap.
        state: filled, partial or unfillable, as its marker says.
        missing: Events that were missing.
        recovered: Events fetched and delivered.
        detail: What stays missing and why, for a person; "" where nothing does.
    """

    gap: Gap
    state: FillState
    missing: int
    recovered: int
    detail: str = ""


@dataclass(slots=True)
class BackfillJob:
    """The state of filling one gap.

    Attributes:
        gap: The gap.
        left: What is still to be asked for; None when nothing can follow.
        missing: Events missing at the start.
        recovered: Events found so far.
        expired: Events older than anything REST still has.
        newest: The highest id that REST has answered; None before the first.
        broken: An answer was refused: what was not answered is not known.
        asked_again: What was lacking at the end was asked for twice.
        notes: Why something stays missing.
    """

    gap: Gap
    left: Span | None = field(init=False)
    missing: int = field(init=False)
    recovered: int = 0
    expired: int = 0
    newest: int | None = None
    broken: bool = False
    asked_again: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.missing = count_of(self.gap.stream, self.gap.span)
        self.left = self.gap.span if self.missing > 0 else None
        before = self.gap.before
        if before is not None:
            self.missing, self.recovered, self.expired = (
                before.missing,
                before.recovered,
                before.expired,
            )

    def next_page(self, now_ms: float = 0.0) -> RestPage:
        """Return the call to make now.

        Raises:
            Refused: REST knows nothing of this stream's past, or nothing of so long ago.
        """
        if self.gap.too_old(now_ms):
            raise Refused("older than REST looks back")
        assert self.left is not None, "asked after the end"  # noqa: S101 - a bug of the caller
        return next_page(self.gap.stream, self.left, self.gap.symbol)

    def accept(self, asked: RestPage, rows: Sequence[int]) -> slice:
        """Take the ids or opening times of an answer's rows; return which of them are the gap's."""
        left, stream = self.left, self.gap.stream
        assert left is not None, "answered after the end"  # noqa: S101 - a bug of the caller
        if rows and self.newest is None:
            self._note_where_it_begins(rows[0])
        self.newest = rows[-1] if rows else self.newest
        begin = next((n for n, row in enumerate(rows) if row >= left.first), len(rows))
        end = next((n for n, row in enumerate(rows) if row > left.last), len(rows))
        self.recovered += max(0, end - begin)
        self.left = rest_of(stream, left, asked, len(rows), rows[-1] if rows else None)
        return slice(begin, end)

    @property
    def missing_tail(self) -> Span | None:
        """The last ones, if REST has answered none of them: it may be behind the stream."""
        span = self.gap.span
        first = span.first if self.newest is None else max(self.newest + 1, span.first)
        rest = Span(first, span.last)
        return rest if count_of(self.gap.stream, rest) > 0 else None

    def ask_again(self) -> None:
        """Ask once more for what REST may not have had yet."""
        self.left, self.asked_again = self.missing_tail, True

    def refuse(self, why: str) -> None:
        """Take note that the exchange refuses to tell the rest."""
        self.notes.append(why)
        self.left, self.broken = None, True

    def _note_where_it_begins(self, first: int) -> None:
        """See whether REST still had the beginning: an id too old is answered from later on."""
        span, stream = self.gap.span, self.gap.stream
        older = 0
        if first > span.first:
            older = count_of(stream, Span(span.first, min(first, span.last + 1))) - 1
        if self.gap.whole:
            self.missing -= older
        elif older > (1 if stream.row.sequence.may_skip_single else 0):
            self.expired += older
            self.notes.append(f"REST has nothing before {first}: {older} are gone for good")

    def outcome(self) -> BackfillResult:
        """Return what became of the gap, as far as it has been filled."""
        notes = list(self.notes)
        if self.gap.whole and self.newest is None and not self.broken:
            self.missing = 0  # nothing was before
        lost = self.missing - self.recovered
        unexplained, excused = lost - self.expired, self._never_listed(lost)
        if excused:
            notes.append(
                f"{excused} ids REST never lists (insurance fund, ADL, or spent without a fill)"
            )
        if unexplained > excused and not self.notes:
            notes.append(f"REST does not have {unexplained - excused} of them")
        state = _state(lost - excused, self.recovered)
        return BackfillResult(self.gap, state, self.missing, self.recovered, "; ".join(notes))

    def _never_listed(self, lost: int) -> int:
        """Return how many ids may be missing as normal: only such as REST has answered beyond."""
        if not self.gap.stream.row.sequence.may_skip_single or self.broken:
            return 0
        lacking = self.missing_tail
        return lost - self.expired - (0 if lacking is None else count_of(self.gap.stream, lacking))


def _state(lost: int, recovered: int) -> FillState:
    if lost <= 0:
        return "filled"
    return "partial" if recovered else "unfillable"
