"""Asks the exchange about one account and product whenever its tracker wants it."""

import asyncio
import time
from collections.abc import Callable

from connector.account.reconcile_queries import Query
from connector.account.reconcile_reader import Steps
from connector.account.reconcile_result import Reconciled
from connector.account.reconcile_rows import QueryAnswer
from connector.account.tracker import AccountTracker, Reconciling
from connector.binance.account_queries import queries_of
from connector.binance.api_errors import DropSymbol, UnknownOrder, UnknownPath
from connector.binance.products import Product
from connector.binance.rest_calls import PathFamily, family_of
from connector.errors import Refused, Retry
from connector.telemetry import events
from connector.transport.signed_rest import SignedRest
from connector.transport.weight_pool import WeightPool
from connector.transport.wsapi_session import Keys

CHECK_INTERVAL_S = 0.02  # between two looks whether the tracker wants it
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 1.6  # between two attempts of a query, doubled
RETRY_S = 1.0  # until what the network or the exchange did not answer is asked again
REFUSED_RETRY_S = 60.0  # until what the exchange refuses is asked again
LONGEST_BAN_S = 5.0  # that a query waits out: the account's events wait as well
BUDGET_SHARE = 0.8  # of the weight of this minute; the rest is for listenKeys and probes


class AccountReconciler:
    """Reconciles one account and product.

    Args:
        tracker: Says when, and takes the result.
        rest: Makes the calls.
        keys: Returns the account's credentials.

    Attributes:
        seconds: How long the last one took.
        trouble: Why the query under way is not answered, or what the last ones left open.
    """

    def __init__(
        self,
        tracker: AccountTracker,
        rest: SignedRest,
        keys: Keys,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._tracker, self._rest, self._keys = tracker, rest, keys
        self._clock_us = clock_us
        self._delay_s = FIRST_DELAY_S
        self._is_refused = False  # the exchange refused a query of this reconciliation
        self._banned_s = 0.0  # for so long it answers none
        self.seconds = 0.0
        self.trouble = ""

    async def run(self) -> None:
        """Reconcile whenever it is wanted, until cancelled."""
        while True:
            if self._tracker.wants_reconciliation(_monotonic_us()):
                await self._reconcile()
            await asyncio.sleep(CHECK_INTERVAL_S)

    async def _reconcile(self) -> None:
        """Ask once.

        The exchange's clock is measured first: a picture that is stamped too late would hide what
        happens until then, in breaks to come.
        """
        tracker, began = self._tracker, time.monotonic()
        await self._rest.exchange_clock.measure([product_of(tracker)])
        if not tracker.wants_reconciliation(_monotonic_us()):
            return  # a break has come meanwhile
        self._is_refused, self._banned_s, self.trouble = False, 0.0, ""
        running = tracker.start(_monotonic_us(), self._budget())
        result = await self._result(running)
        if result is None or tracker.is_void(running):
            return
        self.seconds, self.trouble = time.monotonic() - began, result.detail
        tracker.complete(result, _monotonic_us(), self._retry_s(result))
        events.account_reconciled(
            tracker.account,
            tracker.place,
            result.state,
            self.seconds,
            None if running.gap is None else running.gap.id,
            result.detail,
            result.counts,
        )

    @property
    def _pool(self) -> WeightPool:
        return self._rest.pools[pool_of(self._tracker)]

    def _budget(self) -> int:
        return int(BUDGET_SHARE * max(0, self._pool.limit - self._pool.used))

    def _retry_s(self, result: Reconciled) -> float:
        """Return after which what was not answered is asked again.

        Events wait while the account is asked: so not before most of it can be paid.
        """
        paid_s = self._pool.seconds_until_free(BUDGET_SHARE) if result.is_unpaid else 0.0
        refused_s = REFUSED_RETRY_S if self._is_refused else RETRY_S
        return max(refused_s, paid_s, self._banned_s)

    async def _result(self, running: Reconciling) -> Reconciled | None:
        """Make the queries; None: a new break has made them void."""
        steps: Steps[Reconciled] = running.steps.steps()
        try:
            query = next(steps)
            while True:
                answer = await self._answer(query, running)
                if self._tracker.is_void(running):
                    steps.close()
                    return None
                query = steps.send(answer)
        except StopIteration as end:
            result: Reconciled = end.value
            return result

    async def _answer(self, query: Query, running: Reconciling) -> QueryAnswer:
        """Return the answer; a short ban is waited out, other failures are the reader's to repeat.

        A long ban fails every query at once: events would wait for as long, and then be dropped.
        """
        product, clock = family_of(query.kind.path).product, self._rest.exchange_clock
        if self._banned_s:
            return QueryAnswer(0, self._clock_us(), failure=self.trouble)
        while True:
            asked_ms = clock.now_ms(product) - clock.offset_ms(product)  # by this machine's clock
            try:
                body = await self._rest.call(
                    query.kind.path, query.params, query.weight, self._keys
                )
            except (Retry, Refused) as error:
                if _is_of_none(error, query):
                    as_of_ms = int(asked_ms + clock.offset_ms(product))
                    is_gone = isinstance(error, DropSymbol)
                    return QueryAnswer(as_of_ms, self._clock_us(), is_unknown=True, is_gone=is_gone)
                failure = str(error)
                if not await self._waited_out(error) or self._tracker.is_void(running):
                    return QueryAnswer(0, self._clock_us(), failure=failure)
            else:
                self._delay_s, self.trouble = FIRST_DELAY_S, ""
                # The call measures the clock anew where its time stamp was refused.
                as_of_ms = int(asked_ms + clock.offset_ms(product))
                return QueryAnswer(as_of_ms, self._clock_us(), body)

    async def _waited_out(self, error: Retry | Refused) -> bool:
        """Wait as a failure wants it; return whether it was a ban, and is over."""
        self.trouble = str(error)
        self._is_refused |= isinstance(error, Refused)
        ban_s = error.after_s if isinstance(error, Retry) else None
        if ban_s is None:
            await self._wait_before_next()
            return False
        if ban_s > LONGEST_BAN_S:
            self._banned_s = ban_s
            return False
        events.account_query_waits(self._tracker.account, self._tracker.place, self.trouble, ban_s)
        await asyncio.sleep(ban_s)
        return True

    async def _wait_before_next(self) -> None:
        await asyncio.sleep(self._delay_s)
        self._delay_s = min(LONGEST_DELAY_S, 2 * self._delay_s)


def _is_of_none(error: Retry | Refused, query: Query) -> bool:
    """Say whether an error means that there is no such row."""
    if isinstance(error, UnknownPath):
        return not query.kind.is_certain
    return isinstance(error, UnknownOrder | DropSymbol)


def _monotonic_us() -> int:
    """Return the time of the tracker's schedule: a step of the machine's clock does not move it."""
    return time.monotonic_ns() // 1000


def pool_of(tracker: AccountTracker) -> str:
    """Return the pool of request weight that a tracker's queries use; spot's, where it has none."""
    family = _family_of(tracker)
    return "spot" if family is None else family.pool


def product_of(tracker: AccountTracker) -> Product:
    """Return the product whose host answers a tracker's queries; spot, where it has none."""
    family = _family_of(tracker)
    return "spot" if family is None else family.product


def _family_of(tracker: AccountTracker) -> PathFamily | None:
    kinds = [kind for asked in queries_of(tracker.product) for kind in asked.kinds.values()]
    return family_of(kinds[0].path) if kinds else None
