"""Backfill scheduler: a queue of jobs for each product, worked off call by call.

What expires soonest goes first, then the newest. One call at a time of each product, so that what
is more urgent overtakes between two calls and a host that is away holds up no other product; only a
share of the request weight, so that other calls go out too.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Protocol

from connector.backfill.job import RestCalls
from connector.backfill.pages import RestPage
from connector.backoff import Backoff
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream
from connector.errors import Retry
from connector.telemetry import events
from connector.transport.rest import RestClient


class Job(Protocol):
    """What is fetched through REST, in one or more calls."""

    @property
    def stream(self) -> Stream:
        """The stream it belongs to; its product is the queue."""

    def urgency(self, now_ms: float) -> tuple[float, float]:
        """Return its place in the queue, the lowest first: when it expires, minus its time (ms)."""

    async def step(self, rest: RestCalls) -> float | None:
        """Make one call; return the seconds until the next one is due, None when it is done.

        What `rest.fetch` raises beside Refused must pass through, with nothing changed: the step is
        made again.
        """


@dataclass(order=True, slots=True)
class _Entry:
    order: tuple[tuple[float, float], int]
    job: Job = field(compare=False)
    backoff: Backoff = field(compare=False, default_factory=Backoff)


class _CallFailed(Exception):
    """A call did not go through, and nothing has changed: it is made again."""

    def __init__(self, error: Retry) -> None:
        super().__init__(str(error))
        self.after_s = error.after_s


class BackfillScheduler:
    """The queues of jobs and the tasks that work them off, one for each product.

    Args:
        rest: The client.
        weight_share: Part of each pool's weight that may be used here, above 0 and up to 1.
    """

    def __init__(self, rest: RestClient, *, weight_share: float = 0.5) -> None:
        self.failures = 0  # calls that did not go through and were made again
        self.waiting = 0  # jobs that are not done yet
        self.trouble = ""  # why the last call did not go through; "" once one has
        self._rest, self._weight_share = rest, weight_share
        self._queues: dict[Product, asyncio.PriorityQueue[_Entry]] = {
            product: asyncio.PriorityQueue() for product in PRODUCTS
        }
        self._idle = asyncio.Event()
        self._idle.set()
        self._added = 0

    def add(self, job: Job) -> None:
        """Queue a job."""
        self._added += 1
        self.waiting += 1
        self._idle.clear()
        entry = _Entry((job.urgency(self.now_ms(job.stream.product)), self._added), job)
        self._queues[job.stream.product].put_nowait(entry)

    async def run(self) -> None:
        """Work off the queues until cancelled. What a job raises ends it."""
        async with asyncio.TaskGroup() as tasks:
            for product in self._queues:
                tasks.create_task(self._work(product), name=f"backfill {product}")

    async def idle(self) -> None:
        """Wait until every job added so far is done."""
        await self._idle.wait()

    async def _work(self, product: Product) -> None:
        """Take the most urgent job, make one step of it, put it back unless it is done.

        A call that fails is made again later: its job waits ever longer and the others go on. While
        every call fails, or when the exchange says for how long, all of them wait.
        """
        queue, backoff = self._queues[product], Backoff()
        while True:
            entry, pause_s = await queue.get(), 0.0
            try:
                next_s = await entry.job.step(self)
                entry.backoff, backoff = Backoff(), Backoff()
                self.trouble = ""
            except _CallFailed as failed:
                next_s = 0.0 if failed.after_s is not None else _delay_s(entry.backoff)
                pause_s = _delay_s(backoff) if failed.after_s is None else failed.after_s
                self.failures += 1
                self.trouble = str(failed)
                events.backfill_waits(product, self.trouble, max(pause_s, next_s))
            if next_s is None:
                self.waiting -= 1
                if not self.waiting:
                    self._idle.set()
            elif next_s:
                asyncio.get_running_loop().call_later(next_s, queue.put_nowait, entry)
            else:
                queue.put_nowait(entry)
            await asyncio.sleep(pause_s)

    async def ask(self, stream: Stream, page: RestPage) -> bytes:
        """Return the body of an answer, once the share of the weight allows the call.

        Raises:
            Retry: it did not go through. Refused: the exchange does not take it.
        """
        call = stream.product, page.path, page.params, page.weight
        return await self._rest.get(*call, keyed=page.keyed, share=self._weight_share)

    # For the jobs: see `RestCalls`

    def now_ms(self, product: Product) -> float:
        """Return the exchange's time in epoch milliseconds."""
        return self._rest.exchange_clock.now_ms(product)

    async def fetch(self, stream: Stream, page: RestPage) -> bytes:
        """As `ask`; an error of its own keeps its Retry apart from one that a job raises."""
        try:
            return await self.ask(stream, page)
        except Retry as error:
            raise _CallFailed(error) from error

    async def pause(self) -> None:
        """Let live events have their turn."""
        await asyncio.sleep(0)


def _delay_s(backoff: Backoff) -> float:
    return backoff.delay(0.0, None, random.random())  # noqa: S311 - spread, no secret
