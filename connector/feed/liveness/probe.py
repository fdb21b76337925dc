"""A second connection for the streams in doubt, for as long as any is; one for all of a bundle's.

What comes on it is published like everything else: two connections of one stream neither repeat
nor lose anything. Next along the way: feed/liveness/staleness.py (what follows from what both
bring), feed/session.py.
"""

import asyncio
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from connector.continuity.marker import GapReason
from connector.errors import Retry
from connector.feed.context import SessionContext
from connector.feed.liveness.staleness import Action, StalenessCheck
from connector.feed.pipeline import Routes
from connector.feed.session import MAX_HANDOVER_S, Session
from connector.planning.model import ConnectionPlan
from connector.telemetry import events

POLL_INTERVAL_S = 0.1  # between two looks at what both connections have brought
RETRY_DELAY_S = 15.0  # after a second connection could not be had, before another one is tried
OVER = frozenset({Action.HEALTHY, Action.HEALED, Action.QUIET})
GIVEN_UP = frozenset({"plan_changed", "restart"})


@dataclass(frozen=True, slots=True)
class ProbeHooks:
    """What a second connection asks of whoever listens.

    Attributes:
        bundle: Returns the streams wanted now.
        now: Returns listening time.
        settled: Told of each step and the streams it concerns; None: nothing could be found out.
        misaligned: Called when the first connection may not hold all that is wanted.
    """

    bundle: Callable[[], ConnectionPlan]
    now: Callable[[], float]
    settled: Callable[[Action | None, list[str]], None]
    misaligned: Callable[[], None]


class ProbeConnection:
    """Reads streams in doubt a second time, and moves those that are stale.

    Args:
        around: What the supervisors share.
        routes: The bundle's.
        hands: How it asks and tells.
    """

    def __init__(self, around: SessionContext, routes: Routes, hands: ProbeHooks) -> None:
        self._context, self._routes = around, routes
        self._bundle, self._now, self._settled = hands.bundle, hands.now, hands.settled
        self._misaligned = hands.misaligned
        self._loop = asyncio.get_running_loop()
        self._checks: dict[str, StalenessCheck] = {}
        self._leaving: dict[str, float] = {}  # settled -> when it is left in any case
        self._first: Session | None = None
        self._leg: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: GapReason = "stale"

    @property
    def busy(self) -> bool:
        """Whether there is a second connection, or an attempt at one."""
        return self._task is not None and not self._task.done()

    def take(self, first: Session, doubts: dict[str, StalenessCheck]) -> None:
        """Find out about these streams of a connection."""
        self._first, self._ending = first, "stale"
        self._checks |= doubts
        self._leaving = {name: at for name, at in self._leaving.items() if name not in doubts}
        if not self.busy:
            self._task = asyncio.create_task(self._run())

    def follow(self, first: Session) -> None:
        """Another connection counts from now on: its streams are in no doubt."""
        if first is not self._first:
            self._settled(
                None, [name for name, one in self._checks.items() if not one.resubscribes]
            )
            self._leave(list(self._checks))
        self._first = first

    def end(self, reason: GapReason) -> None:
        """Give everything up: the first connection is gone."""
        self._ending = reason
        if self._task is not None:
            self._task.cancel()
        self._close()

    # The task

    async def _run(self) -> None:
        try:
            await self._find_out()
        except Retry as error:
            name, wait = f"{self._bundle().name} (second)", max(RETRY_DELAY_S, error.after_s or 0.0)
            events.connect_failed(connection=name, cause=str(error), retry_s=wait)
            self._close()
            await asyncio.sleep(RETRY_DELAY_S)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the first connection
            events.liveness_monitor_failed(connection=self._bundle().name, error=error)
        finally:
            self._close()

    async def _find_out(self) -> None:
        """Read the streams in doubt until there are none.

        Raises:
            Retry: there is no second connection, or no more.
        """
        leg = self._leg = await Session.open(self._elsewhere(), self._routes, self._context)
        while self._checks or self._leaving:
            await leg.sync_subscriptions(self._wanted)
            if leg.refused:
                raise Retry(f"refused: {', '.join(leg.refused)}")
            self._begin(leg)
            await asyncio.sleep(POLL_INTERVAL_S)
            if leg.connection.closed.done():
                raise Retry(f"closed: {leg.connection.closed.result()}")
            if not self._context.pipeline.queued:
                await self._act(self._judged(leg))
            self._let_go(leg)

    def _elsewhere(self) -> ConnectionPlan:
        """Return the bundle as one that another of the host's addresses serves, where it can."""
        bundle = self._bundle()
        return replace(bundle, replica=1 - bundle.replica)

    def _wanted(self) -> list[str]:
        """Return what is read a second time, as far as it is wanted at all."""
        wanted = {planned.stream.name for planned in self._bundle().streams}
        self._checks = {name: one for name, one in self._checks.items() if name in wanted}
        return [name for name in (*self._checks, *self._leaving) if name in wanted]

    def _begin(self, leg: Session) -> None:
        for name, doubt in self._checks.items():
            if doubt.since is None and name in leg.held:
                doubt.begin(self._now(), *self._brought(name, leg))

    def _brought(self, name: str, leg: Session) -> tuple[int, int]:
        """Return how many events of a stream each of both has brought."""
        assert self._first is not None  # noqa: S101 - take() set it
        way, legs = self._routes[name.encode()], self._context.pipeline.arbitration
        first, second = self._first.connection.id, leg.connection.id
        return legs.delivered(way, first), legs.delivered(way, second)

    def _judged(self, leg: Session) -> dict[Action, list[str]]:
        steps: dict[Action, list[str]] = {}
        for name, doubt in self._checks.items():
            step = doubt.judge(self._now(), *self._brought(name, leg))
            if step is not Action.WAIT:
                steps.setdefault(step, []).append(name)
        return steps

    async def _act(self, steps: dict[Action, list[str]]) -> None:
        for step, names in steps.items():
            self._settled(step, names)
            if step in OVER:
                self._leave(names)
            elif step is Action.MOVE:
                await self._move(names)

    async def _move(self, names: Sequence[str]) -> None:
        """Subscribe stale streams again where they were."""
        first, leg = self._first, self._leg
        if first is None or leg is None:
            return
        try:
            await first.renew(names)
        except Retry as error:  # a dead connection is noticed by its own end
            name = self._bundle().name
            events.resubscribe_failed(connection=name, cause=str(error), retry_s=0.0)
            self._misaligned()
        for name in names:
            if name in self._checks:
                self._checks[name].begin(self._now(), *self._brought(name, leg))

    def _leave(self, names: Iterable[str]) -> None:
        """Read these a second time no longer than the first connection needs to take over."""
        deadline = self._loop.time() + MAX_HANDOVER_S
        for name in names:
            self._checks.pop(name, None)
            self._leaving[name] = deadline

    def _let_go(self, leg: Session) -> None:
        legs, now = self._context.pipeline.arbitration, self._loop.time()
        for name, deadline in list(self._leaving.items()):
            way = self._routes.get(name.encode())
            if way is None or now >= deadline or legs.may_close([way], leg.connection.id):
                del self._leaving[name]

    def _close(self) -> None:
        """Close the second connection; what only it brought misses something from now on."""
        leg, self._leg = self._leg, None
        doubts, self._checks, self._leaving = self._checks, {}, {}
        self._settled(None, list(doubts))
        if leg is None:
            return
        if self._first is not None and self._ending not in GIVEN_UP:
            moved = [
                self._routes.get(name.encode()) for name, one in doubts.items() if one.resubscribes
            ]
            ways, first = [way for way in moved if way is not None], self._first.connection.id
            legs = self._context.pipeline.arbitration
            self._context.pipeline.run_in_order(
                functools.partial(legs.feed_distrusted, ways, first)
            )
        leg.end(self._ending)
