"""Fetches what was missed, while REST still has it: gap -> pages -> events for the pipeline.

What expires soonest goes first, then the newest. One page at a time of each product, so that what
is more urgent overtakes between two pages and a host that is away holds up no other product; only a
share of the weight, so that others can ask too; a few events at a time, so that live ones never
wait. What to ask is binance/history.py, what came of it binance/filling.py, what the answers mean
codec/recovered.py.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connector.binance.filling import Filling, Gap, Outcome
from connector.binance.history import Page, expires_ms, fillable, snapshot
from connector.binance.names import Stream
from connector.binance.products import PRODUCTS, Product
from connector.codec.recovered import Recovered, recover_book, recover_rows, rows_in
from connector.errors import BadMessage, Refused, Retry
from connector.policy import Backoff, WeightBudget
from connector.rest import Rest
from connector.rest.client import POOL_OF
from connector.telemetry import events

BATCH = 100  # events handed over at once: about 2 ms of work, then live ones have their turn
LOOK_AGAIN_S = 1.0  # while waiting for weight: another limit may have been learned
BOOK_URGENCY_MS = 3_600_000  # a book comes before whatever expires later than in an hour
NEVER_MS = 1e15  # sorts after every expiry there is


@dataclass(frozen=True, slots=True)
class Book:
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


Deliver = Callable[[Gap | Book, list[Recovered]], Awaitable[None]]
Settle = Callable[[Outcome], Awaitable[None]]
Job = Filling | Book
Queue = asyncio.PriorityQueue[tuple[tuple[float, float, int], Job]]


class Backfill:
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
        rest: Rest,
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
        self._queues: dict[Product, Queue] = {one: asyncio.PriorityQueue() for one in PRODUCTS}
        self._budgets = {
            name: WeightBudget(pool.limit, share=weight_share) for name, pool in rest.pools.items()
        }
        self._turn = 0

    def add(self, gap: Gap) -> None:
        """Take a gap; `settle` hears of every one, of those too that cannot be filled."""
        row = gap.stream.row
        expires = expires_ms(row, gap.before_ms) if fillable(row) else 0.0
        self._put(Filling(gap), gap.stream, min(expires, NEVER_MS), -gap.after_ms)

    def want(self, book: Book) -> None:
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
        self._queues[stream.product].put_nowait(((expires, newest, self._turn), job))

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for product in self._queues:
                tasks.create_task(self._work(product), name=f"backfill {product}")

    async def idle(self) -> None:
        """Wait until everything asked for so far is settled."""
        for queue in self._queues.values():
            await queue.join()

    async def _work(self, product: Product) -> None:
        """Take the most urgent job, do one step of it, put it back unless it is done."""
        queue, backoff = self._queues[product], Backoff()
        while True:
            order, job = await queue.get()
            pause, done = 0.0, False
            try:
                done = await self._step(job)
                backoff = Backoff()
                self.trouble = ""
            except Retry as error:
                self.failures += 1
                self.trouble = str(error)
                delay = backoff.delay(0.0, None, random.random())  # noqa: S311 - spread, no secret
                pause = delay if error.after_s is None else error.after_s
                events.backfill_waits(product, str(error), pause)
            if done:
                self.waiting -= 1
            else:
                queue.put_nowait((order, job))
            queue.task_done()
            await asyncio.sleep(pause)

    async def _step(self, job: Job) -> bool:
        """Make one call; say whether the job is done.

        Raises:
            Retry: the call did not go through, and nothing has changed.
        """
        if isinstance(job, Book):
            await self._fetch_book(job)
            return True
        try:
            await self._fetch_page(job)
        except (Refused, BadMessage) as error:
            job.notes.append(str(error))
            job.left, job.broken = None, True
        if job.left is not None:
            return False
        await self._end(job.outcome())
        return True

    async def _fetch_page(self, job: Filling) -> None:
        gap, asked = job.gap, job.next_page()
        if gap.too_old(self._clock() * 1000):
            raise Refused("older than REST looks back")
        raw = await self.ask(gap.stream, asked)
        rows = await self._read(gap, raw)
        found = rows[job.take(asked, [row.first for row in rows])]
        for begin in range(0, len(found), BATCH):
            batch = found[begin : begin + BATCH]
            await self._deliver(gap, batch)
            self.recovered += len(batch)
            await asyncio.sleep(0)

    async def _read(self, gap: Gap, raw: bytes) -> list[Recovered]:
        """Return the events in an answer, live ones having their turn meanwhile."""
        now_ms, rows = int(self._clock() * 1000), rows_in(raw)
        found: list[Recovered] = []
        for begin in range(0, len(rows), BATCH):
            some = rows[begin : begin + BATCH]
            found += recover_rows(gap.stream, some, gap.symbol, closed_by_ms=now_ms)
            await asyncio.sleep(0)
        return found

    async def _fetch_book(self, book: Book) -> None:
        asked = snapshot(book.stream, book.symbol, book.levels)
        try:
            raw = await self.ask(book.stream, asked)
            found = recover_book(book.stream, raw, book.symbol)
        except (Refused, BadMessage) as error:
            events.book_refused(book.stream.name, book.symbol, str(error))
            return
        await self._deliver(book, [found])

    async def ask(self, stream: Stream, asked: Page) -> bytes:
        """Return an answer's body, once our share of the weight allows the call.

        Raises:
            Retry: it did not go through. Refused: the exchange does not take it.
        """
        pool = POOL_OF[stream.product]
        budget = self._budgets[pool]
        budget.limit = self._rest.pools[pool].limit
        while (seconds := budget.take(asked.weight, self._clock())) > 0.0:
            await asyncio.sleep(min(seconds, LOOK_AGAIN_S))
            budget.limit = self._rest.pools[pool].limit
        return await self._rest.get(
            stream.product, asked.path, asked.params, asked.weight, keyed=asked.keyed
        )

    async def _end(self, outcome: Outcome) -> None:
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
