"""A gap on its way to being filled: what is left of it, what was found, what became of it.

Pure. `history` says what to ask; here the answers are counted. Nothing is called filled that is
not: whatever REST did not give is in the outcome, with the reason where it is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from connector.binance.history import Page, Span, page, rest_of, wanted
from connector.binance.names import Stream

State = Literal["filled", "partial", "unfillable"]


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
    """

    gap_id: str
    stream: Stream
    symbol: str
    span: Span
    before_ms: int
    after_ms: int
    whole: bool = False

    def too_old(self, now_ms: float) -> bool:
        """Say whether all of it lies farther back than REST looks."""
        backfill = self.stream.row.backfill
        if backfill is None or backfill.lookback_s is None:
            return False
        return self.after_ms + backfill.lookback_s * 1000 < now_ms


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a gap.

    Args:
        gap: The gap.
        state: filled, partial or unfillable, as its marker says.
        missing: Events that were missing.
        recovered: Events fetched and delivered.
        detail: What stays missing and why, for a person; "" where nothing does.
    """

    gap: Gap
    state: State
    missing: int
    recovered: int
    detail: str = ""


@dataclass(slots=True)
class Filling:
    """The state of filling one gap.

    Attributes:
        gap: The gap.
        left: What is still to be asked for; None when nothing can follow.
        missing: Events missing at the start.
        recovered: Events found so far.
        gone: Events older than anything REST still has.
        answered: REST has given at least one row.
        broken: An answer was refused: what was not answered is not known.
        notes: Why something stays missing.
    """

    gap: Gap
    left: Span | None = field(init=False)
    missing: int = field(init=False)
    recovered: int = 0
    gone: int = 0
    answered: bool = False
    broken: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = self.gap.span
        self.missing = wanted(self.gap.stream, self.gap.span)

    def next_page(self) -> Page:
        """Return the call to make now.

        Raises:
            Refused: REST knows nothing of this stream's past.
        """
        assert self.left is not None, "asked after the end"  # noqa: S101 - a bug of the caller
        return page(self.gap.stream, self.left, self.gap.symbol)

    def take(self, asked: Page, rows: Sequence[int]) -> slice:
        """Take the ids or opening times of an answer's rows; return which of them are the gap's."""
        left, stream = self.left, self.gap.stream
        assert left is not None, "answered after the end"  # noqa: S101 - a bug of the caller
        if rows and not self.answered:
            self._note_where_it_begins(rows[0])
        self.answered = self.answered or bool(rows)
        begin = next((n for n, row in enumerate(rows) if row >= left.first), len(rows))
        end = next((n for n, row in enumerate(rows) if row > left.last), len(rows))
        self.recovered += max(0, end - begin)
        self.left = rest_of(stream, left, asked, len(rows), rows[-1] if rows else None)
        return slice(begin, end)

    def _note_where_it_begins(self, first: int) -> None:
        """See whether REST still had the beginning: an id too old is answered from later on."""
        span, stream = self.gap.span, self.gap.stream
        older = 0
        if first > span.first:
            older = wanted(stream, Span(span.first, min(first, span.last + 1))) - 1
            older = min(older, self.missing)
        if self.gap.whole:
            self.missing -= older
        elif older > (1 if stream.row.sequence.may_skip_single else 0):
            self.gone = older
            self.notes.append(f"REST has nothing before {first}: {older} are gone for good")

    def outcome(self) -> Outcome:
        """Return what became of the gap, as far as it has been filled."""
        lost = self.missing - self.recovered
        notes = list(self.notes)
        unexplained = lost - self.gone
        sure = self.answered and not self.broken
        if unexplained and sure and self.gap.stream.row.sequence.may_skip_single:
            lost = self.gone
            notes.append(
                f"{unexplained} ids REST never lists (insurance fund, ADL, or spent without a fill)"
            )
        elif unexplained and not notes:
            notes.append(f"REST does not have {unexplained} of them")
        return Outcome(
            self.gap, _state(lost, self.recovered), self.missing, self.recovered, "; ".join(notes)
        )


def _state(lost: int, recovered: int) -> State:
    if lost <= 0:
        return "filled"
    return "partial" if recovered else "unfillable"
