"""Gaps of made-up series, and a job that keeps what it is given instead of publishing it."""

from dataclasses import dataclass, field

from typing_extensions import override

from connector.backfill.job import BackfillJob
from connector.backfill.pages import RestPage, Span
from connector.backfill.row_reader import FillState
from connector.binance.candles import next_open, nth_open
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent
from connector.continuity.gap import Gap
from connector.continuity.sequence_rules import tracker_for
from connector.continuity.series import Series
from connector.errors import Refused


def series_of(stream: Stream, symbol: str = "BTCUSDT") -> Series:
    """Return a series of which nothing has been read."""
    product, tracker = stream.row.product, tracker_for(stream.row)
    return Series(product, stream, symbol, "topic", b"", b"", b"", tracker)


def gap_around(
    stream: Stream, span: Span, *, before_ms: int | None = 0, after_ms: int | None = 0
) -> Gap:
    """Return the gap whose missing ids, or open times of candles, are a span."""
    before, after = span.first - 1, span.last + 1
    if stream.row.sequence.rule == "candle":
        interval, zone = stream.parameters["interval"], stream.row.zone_ms
        before = nth_open(interval, span.first, -1, zone)
        after = next_open(interval, span.last, zone)
    return Gap(f"{stream.name}/{span.first}", "sequence", before, before_ms, after, after_ms)


@dataclass
class PreparedRest:
    """Gives prepared answers in turn; an exception is raised.

    Attributes:
        answers: The next ones, in order.
        pages: What was asked for.
        clock_ms: The exchange's clock, which stands still.
    """

    answers: list[bytes | Refused] = field(default_factory=list)
    pages: list[RestPage] = field(default_factory=list)
    clock_ms: float = 0.0

    def now_ms(self, product: Product) -> float:
        del product
        return self.clock_ms

    async def fetch(self, stream: Stream, page: RestPage) -> bytes:
        del stream
        self.pages.append(page)
        answer = self.answers.pop(0)
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def pause(self) -> None:
        """Nobody else is there."""


class KeptJob(BackfillJob):
    """A job that keeps its events and its result.

    Attributes:
        events: Delivered so far.
        batches: How many were delivered at once.
        state, detail: Its result, once it is closed.
    """

    def __init__(
        self, series: Series, gap: Gap, now_ms: float = 0.0, patience_s: float = 0.0
    ) -> None:
        super().__init__(series, gap, now_ms, patience_s)
        self.events: list[RestEvent] = []
        self.batches: list[int] = []
        self.state: FillState | None = None
        self.detail = ""

    @property
    def ids(self) -> list[int]:
        """Ids, or open times, of what was delivered."""
        return [event.first for event in self.events]

    @property
    def outcome(self) -> tuple[FillState | None, int, int]:
        """State, events missing, events recovered."""
        return self.state, self.reader.missing, self.gap.recovered

    @override
    async def deliver(self, events: list[RestEvent]) -> None:
        self.events += events
        self.batches.append(len(events))
        self.gap.recovered += len(events)

    @override
    async def close(self) -> None:
        self.state, self.detail = self.result()
