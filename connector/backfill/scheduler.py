"""Fetches what was missed, while REST still has it: gap -> pages -> events for the pipeline.

What expires soonest goes first, then the newest. One page at a time of each product, so that what
is more urgent overtakes between two pages and a host that is away holds up no other product; only a
share of the weight, so that others can ask too; a few events at a time, so that live ones never
wait. What to ask is backfill/pages.py, what came of it backfill/job.py, what the answers mean
codec/rest_rows.py.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from connector.backfill.job import BackfillJob, BackfillResult, Gap
from connector.backfill.pages import RestPage, expires_ms, snapshot
from connector.backoff import Backoff
from connector.binance.products import PRODUCTS, Product
from connector.binance.rest_calls import POOL_OF
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, event_from_book, events_from_rows, rows_in
from connector.errors import BadMessage, Refused, Retry
from connector.rate_limit import WeightBudget
from connector.telemetry import events
from connector.transport.rest import RestClient

BATCH_EVENTS = 100  # events handed over at once: about 2 ms of work, then live ones have their turn
WEIGHT_POLL_INTERVAL_S = 1.0  # while waiting for weight: another limit may have been learned
BOOK_URGENCY_MS = 3_600_000  # a book comes before whatever expires later than in an hour
MAX_REST_DELAY_S = (
    3.0  # by so much REST may be behind the stream: then what it lacks is asked for again
)
NEVER_MS = 1e15  # sorts after every expiry there is


@dataclass(frozen=True, slots=True)
class BookSnapshotJob:
    """A book whose present state is wanted.

    Args:
        stream: A stream of its changes.
        symbol: Its symbol.
        gap_id: The break of the chain after which it is wanted; None at the start.
        levels: Levels a side; the catalogue's number by default.
    """

    stream: Stream
    symbol: str
    gap_id: str | None = None
    levels: int | None = None


Deliver = Callable[[BackfillJob | BookSnapshotJob, list[RestEvent]], Awaitable[None]]
Settle = Callable[[BackfillResult], Awaitable[None]]
Job = BackfillJob | BookSnapshotJob


@dataclass(order=True, slots=True)
class _Entry:
    """A job in its queue: what expires soonest first, then the newest."""

    order: tuple[float, float, int]
    job: Job = field(compare=False)
    backoff: Backoff = field(compare=False, default_factory=Backoff)


class _NotNow(Exception):
    """A call did not go through, and nothing has changed: it is made again."""

    def __init__(self, error: Retry) -> None:
        super().__init__(str(error))
        self.after_s = error.after_s


class BackfillScheduler:
    """The queues of gaps and the tasks that empty them, one for each product.

    Args:
        rest: The client.
        deliver: Takes events of a gap in order, a few at a time, or one book; may wait for room.
        settle: Told once for every gap what became of it, after its last event. What either of
            the two raises ends `run`.
        weight_share: Part of each pool's weight that may be used here, above 0 and up to 1.
        clock: Seconds since 1970.

    Attributes:
        outcomes: Gaps by what became of them.
        recovered: Events fetched and delivered.
        failures: Calls that did not go through and were made again.
        waiting: Gaps and books that are not settled yet.
        trouble: Why the last call did not go through; "" once one has.
    """

    def __init__(
        self,
        rest: RestClient,
        deliver: Deliver,
        settle: Settle,
        *,
        weight_share: float = 0.5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self.recovered = 0
        self.failures = 0
        self.waiting = 0
        self.trouble = ""
        self._rest = rest
        self._deliver, self._settle = deliver, settle
        self._clock = clock
        self._queues: dict[Product, asyncio.PriorityQueue[_Entry]] = {
            one: asyncio.PriorityQueue() for one in PRODUCTS
        }
        self._idle = asyncio.Event()
        self._idle.set()
        self._budgets = {
            name: WeightBudget(pool.limit, share=weight_share) for name, pool in rest.pools.items()
        }
        self._turn = 0

    def add(self, gap: Gap) -> None:
        """Take a gap; `settle` hears of every one, of those too that cannot be filled."""
        row = gap.stream.row
        expires = expires_ms(row, gap.before_ms) if row.fillable else 0.0
        self._put(BackfillJob(gap), gap.stream, min(expires, NEVER_MS), -gap.after_ms)

    def want(self, book: BookSnapshotJob) -> None:
        """Ask for a book's present state: at the start, and after each break of its chain.

        Raises:
            Refused: the stream tells of no book, or the levels are not allowed.
        """
        snapshot(book.stream, book.symbol, book.levels)
        now_ms = self._clock() * 1000
        self._put(book, book.stream, now_ms + BOOK_URGENCY_MS, -now_ms)

    def _put(self, job: Job, stream: Stream, expires: float, newest: float) -> None:
        self._turn += 1
        self.waiting += 1
        self._idle.clear()
        self._queues[stream.product].put_nowait(_Entry((expires, newest, self._turn), job))

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for product in self._queues:
                tasks.create_task(self._work(product), name=f"backfill {product}")

    async def idle(self) -> None:
        """Wait until everything asked for so far is settled."""
        await self._idle.wait()

    async def _work(self, product: Product) -> None:
        """Take the most urgent job, do one step of it, put it back unless it is done.

        A call that fails is made again later: its job waits ever longer and the others go on. While
        every call fails, or when the exchange says for how long, all of them wait.
        """
        queue, backoff = self._queues[product], Backoff()
        while True:
            entry, pause = await queue.get(), 0.0
            try:
                later = await self._step(entry.job)
                entry.backoff, backoff = Backoff(), Backoff()
                self.trouble = ""
            except _NotNow as failed:
                later = 0.0 if failed.after_s is not None else _delay(entry.backoff)
                pause = _delay(backoff) if failed.after_s is None else failed.after_s
                self.failures += 1
                self.trouble = str(failed)
                events.backfill_waits(product, self.trouble, max(pause, later))
            if later is None:
                self._done()
            elif later:
                asyncio.get_running_loop().call_later(later, queue.put_nowait, entry)
            else:
                queue.put_nowait(entry)
            await asyncio.sleep(pause)

    def _done(self) -> None:
        self.waiting -= 1
        if not self.waiting:
            self._idle.set()

    async def _step(self, job: Job) -> float | None:
        """Make one call; return after how many seconds the next one is due, None: it is done.

        Raises:
            _NotNow: the call did not go through, and nothing has changed.
        """
        if isinstance(job, BookSnapshotJob):
            await self._fetch_book(job)
            return None
        if job.left is not None:
            await self._fetch_page(job)
        if job.left is None and self._may_be_late(job):
            job.ask_again()
            return MAX_REST_DELAY_S
        if job.left is not None:
            return 0.0
        await self._end(job.outcome())
        return None

    def _may_be_late(self, job: BackfillJob) -> bool:
        """Say whether REST lacks the last ones so soon that it may only be behind the stream."""
        if job.asked_again or job.broken or job.missing_tail is None:
            return False
        return self._clock() * 1000 - job.gap.after_ms < MAX_REST_DELAY_S * 1000

    async def _fetch_page(self, job: BackfillJob) -> None:
        """Make one call for a gap, and deliver what it brings."""
        try:
            asked = job.next_page(self._clock() * 1000)
            rows = await self._read(job.gap, await self._ask(job.gap.stream, asked))
        except (Refused, BadMessage) as error:
            job.refuse(str(error))
            return
        found = rows[job.accept(asked, [row.first for row in rows])]
        for begin in range(0, len(found), BATCH_EVENTS):
            batch = found[begin : begin + BATCH_EVENTS]
            await self._deliver(job, batch)
            self.recovered += len(batch)
            await asyncio.sleep(0)

    async def _read(self, gap: Gap, raw: bytes) -> list[RestEvent]:
        """Return the events in an answer, live ones having their turn meanwhile."""
        # A candle before another one has closed, whatever our clock says.
        closed_by_ms = max(int(self._clock() * 1000), gap.after_ms)
        rows = rows_in(raw)
        found: list[RestEvent] = []
        for begin in range(0, len(rows), BATCH_EVENTS):
            some = rows[begin : begin + BATCH_EVENTS]
            found += events_from_rows(gap.stream, some, gap.symbol, closed_by_ms=closed_by_ms)
            await asyncio.sleep(0)
        return found

    async def _fetch_book(self, book: BookSnapshotJob) -> None:
        asked = snapshot(book.stream, book.symbol, book.levels)
        try:
            raw = await self._ask(book.stream, asked)
            found = event_from_book(book.stream, raw, book.symbol)
        except (Refused, BadMessage) as error:
            events.book_refused(book.stream.name, book.symbol, str(error))
            return
        await self._deliver(book, [found])

    async def _ask(self, stream: Stream, asked: RestPage) -> bytes:
        """As `ask`; what does not go through is told from what `deliver` and `settle` raise."""
        try:
            return await self.ask(stream, asked)
        except Retry as error:
            raise _NotNow(error) from error

    async def ask(self, stream: Stream, asked: RestPage) -> bytes:
        """Return an answer's body, once our share of the weight allows the call.

        Raises:
            Retry: it did not go through. Refused: the exchange does not take it.
        """
        pool = POOL_OF[stream.product]
        budget = self._budgets[pool]
        budget.limit = self._rest.pools[pool].limit
        while (seconds := budget.take(asked.weight, self._clock())) > 0.0:
            await asyncio.sleep(min(seconds, WEIGHT_POLL_INTERVAL_S))
            budget.limit = self._rest.pools[pool].limit
        return await self._rest.get(
            stream.product, asked.path, asked.params, asked.weight, keyed=asked.keyed
        )

    async def _end(self, outcome: BackfillResult) -> None:
        self.outcomes[outcome.state] += 1
        gap = outcome.gap
        events.gap_settled(
            gap.gap_id,
            gap.stream.name,
            gap.symbol,
            outcome.state,
            missing=outcome.missing,
            recovered=outcome.recovered,
            detail=outcome.detail,
        )
        await self._settle(outcome)


def _delay(backoff: Backoff) -> float:
    return backoff.delay(0.0, None, random.random())  # noqa: S311 - spread, no secret
