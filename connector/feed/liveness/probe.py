"""Probe connection: subscribes suspected streams a second time, to prove or refute staleness.

A ConnectionPlan has at most one, for all of its suspected streams. Its events are published like
any others: arbitration publishes an event once, however many connections deliver it.

Next along the way: feed/liveness/staleness.py (what follows from what both deliver),
feed/session.py (a connection and its subscriptions).
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from connector.continuity.marker import GapReason
from connector.errors import Retry
from connector.feed.context import SessionContext
from connector.feed.liveness.staleness import Action, StalenessCheck
from connector.feed.liveness.suspicions import Suspicions
from connector.feed.route import Routes
from connector.feed.session import MAX_HANDOVER_S, Session
from connector.planning.model import ConnectionPlan
from connector.telemetry import events

POLL_INTERVAL_S = 0.1  # between two comparisons of what session and probe have delivered
RETRY_DELAY_S = 15.0  # after a probe connection that failed
ENDED = frozenset({Action.HEALTHY, Action.HEALED, Action.QUIET})
WITHOUT_LOSS = frozenset({"plan_changed", "restart"})  # ends after which nothing counts as missing


class ProbeConnection:
    """Checks suspected streams, and subscribes those that are stale again on their session.

    Args:
        context: What all sessions share.
        routes: The routes of the connection's streams.
        suspicions: Takes the findings.
        changed: Set when the session may not hold all that is wanted.
    """

    def __init__(
        self,
        context: SessionContext,
        routes: Routes,
        suspicions: Suspicions,
        changed: asyncio.Event,
    ) -> None:
        self._context, self._routes = context, routes
        self._suspicions, self._changed = suspicions, changed
        self._loop = asyncio.get_running_loop()
        self._checks: dict[str, StalenessCheck] = {}
        self._leaving: dict[str, float] = {}  # checked name -> latest time to unsubscribe
        self._session: Session | None = None  # its streams are checked
        self._probe: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._end_reason: GapReason = "stale"

    @property
    def busy(self) -> bool:
        """Whether there is a probe connection, or an attempt at one."""
        return self._task is not None and not self._task.done()

    def take(self, session: Session, checks: dict[str, StalenessCheck]) -> None:
        """Check these streams of a session."""
        self._session, self._end_reason = session, "stale"
        self._checks |= checks
        self._leaving = {name: at for name, at in self._leaving.items() if name not in checks}
        if not self.busy:
            self._task = asyncio.create_task(self._run())

    def follow(self, session: Session) -> None:
        """Drop the checks of any other session than this one, which has taken over."""
        if session is not self._session:
            unproved = [name for name, check in self._checks.items() if not check.resubscribes]
            self._suspicions.drop(unproved)
            self._leave(list(self._checks))
        self._session = session

    def end(self, reason: GapReason) -> None:
        """Close the probe connection: the session is gone."""
        self._end_reason = reason
        if self._task is not None:
            self._task.cancel()
        self._close()

    # The task

    async def _run(self) -> None:
        name = f"{self._suspicions.plan.name} (probe)"
        try:
            await self._check_streams()
        except Retry as error:
            retry_s = max(RETRY_DELAY_S, error.after_s or 0.0)
            events.connect_failed(connection=name, cause=str(error), retry_s=retry_s)
            self._close()
            await asyncio.sleep(RETRY_DELAY_S)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the session
            events.liveness_monitor_failed(connection=self._suspicions.plan.name, error=error)
        finally:
            self._close()

    async def _check_streams(self) -> None:
        """Compare session and probe until no stream is left to check.

        Raises:
            Retry: there is no probe connection, or it ended.
        """
        probe = self._probe = await Session.open(self._probe_plan(), self._routes, self._context)
        while self._checks or self._leaving:
            await probe.sync_subscriptions(self._wanted)
            if probe.refused:
                raise Retry(f"refused: {', '.join(probe.refused)}")
            self._begin_checks(probe)
            await asyncio.sleep(POLL_INTERVAL_S)
            if probe.connection.closed.done():
                raise Retry(f"closed: {probe.connection.closed.result()}")
            if not self._context.pipeline.queued:
                for action, names in self._judge(probe).items():
                    await self._act(probe, action, names)
            self._forget_taken_over(probe)

    def _probe_plan(self) -> ConnectionPlan:
        """Return a plan that is served by another address of the host, where it has several."""
        plan = self._suspicions.plan
        return replace(plan, replica=1 - plan.replica)

    def _wanted(self) -> list[str]:
        """Return the names to subscribe on the probe; checks of streams not wanted are dropped."""
        wanted = {planned.stream.name for planned in self._suspicions.plan.streams}
        self._checks = {name: check for name, check in self._checks.items() if name in wanted}
        return [name for name in (*self._checks, *self._leaving) if name in wanted]

    def _begin_checks(self, probe: Session) -> None:
        for name, check in self._checks.items():
            if check.since is None and name in probe.held:
                check.begin(self._suspicions.clock.now, *self._delivered(name, probe))

    def _delivered(self, name: str, probe: Session) -> tuple[int, int]:
        """Return how many events of a stream the session and the probe have delivered."""
        assert self._session is not None  # noqa: S101 - take() set it
        route, arbitration = self._routes[name.encode()], self._context.pipeline.arbitration
        session_id, probe_id = self._session.connection.id, probe.connection.id
        return arbitration.delivered(route, session_id), arbitration.delivered(route, probe_id)

    def _judge(self, probe: Session) -> dict[Action, list[str]]:
        """Return what to do, and about which streams."""
        actions: dict[Action, list[str]] = {}
        now = self._suspicions.clock.now
        for name, check in self._checks.items():
            action = check.judge(now, *self._delivered(name, probe))
            if action is not Action.WAIT:
                actions.setdefault(action, []).append(name)
        return actions

    async def _act(self, probe: Session, action: Action, names: list[str]) -> None:
        self._suspicions.settle(action, names)
        if action in ENDED:
            self._leave(names)
        elif action is Action.RESUBSCRIBE:
            await self._resubscribe(probe, names)

    async def _resubscribe(self, probe: Session, names: Sequence[str]) -> None:
        """Subscribe stale streams again on their session, and compare anew."""
        if self._session is None:
            return
        try:
            await self._session.renew(names)
        except Retry as error:  # a dead connection is noticed by its own end
            plan_name = self._suspicions.plan.name
            events.resubscribe_failed(connection=plan_name, cause=str(error), retry_s=0.0)
            self._changed.set()
        for name in names:
            if name in self._checks:
                check, now = self._checks[name], self._suspicions.clock.now
                check.begin(now, *self._delivered(name, probe))

    def _leave(self, names: Iterable[str]) -> None:
        """Unsubscribe checked streams once the session has taken them over, or is too slow."""
        deadline = self._loop.time() + MAX_HANDOVER_S
        for name in names:
            self._checks.pop(name, None)
            self._leaving[name] = deadline

    def _forget_taken_over(self, probe: Session) -> None:
        pipeline, now = self._context.pipeline, self._loop.time()
        for name, deadline in list(self._leaving.items()):
            route = self._routes.get(name.encode())
            if route is None or now >= deadline or pipeline.may_close([route], probe.connection.id):
                del self._leaving[name]

    def _close(self) -> None:
        """Close the probe connection; events that it alone delivered are missing from now on."""
        probe, self._probe = self._probe, None
        checks, self._checks, self._leaving = self._checks, {}, {}
        self._suspicions.drop(list(checks))
        if probe is None:
            return
        if self._session is not None and self._end_reason not in WITHOUT_LOSS:
            stale = [
                self._routes.get(name.encode())
                for name, check in checks.items()
                if check.resubscribes
            ]
            routes = [route for route in stale if route is not None]
            self._context.pipeline.feed_distrusted(routes, self._session.connection.id)
        probe.end(self._end_reason)
