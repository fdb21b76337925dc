"""One shard: keeps the connections of the plan open, each under a supervisor of its own.

One that fails never stops the others. A new plan is applied by its differences: streams that stay
are not disturbed, and one that moves to another connection is read on the old one until the new one
delivers it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connector.binance.products import LIMITS, Product
from connector.feed.context import SessionContext
from connector.feed.route import Route
from connector.feed.router import Key, Router, key_of
from connector.feed.session import MAX_HANDOVER_S
from connector.feed.supervisor import Supervisor
from connector.planning.model import ConnectionPlan, Plan, PlannedStream, StreamKey

HANDOVER_GRACE_S = 10.0  # the last frames of an unsubscribed stream may arrive so much later
TIDY_INTERVAL_S = 1.0  # between two looks for routes that no frame can need any more


@dataclass(slots=True)
class _Running:
    """A connection that is supervised."""

    supervisor: Supervisor
    own: tuple[PlannedStream, ...]  # by the plan; empty once it has no such connection
    moving: tuple[PlannedStream, ...] = ()  # other connections are to deliver them, and do not yet
    task: "asyncio.Task[None] | None" = None  # the supervisor's


@dataclass(slots=True)
class Shard:
    """Keeps every connection of the plan open."""

    context: SessionContext
    router: Router = field(default_factory=Router)
    _running: dict[Key, _Running] = field(default_factory=dict)
    _homes: dict[StreamKey, set[Key]] = field(default_factory=dict)  # by the plan
    _ended: dict[Key, float] = field(default_factory=dict)  # connection -> when it was cancelled
    _group: asyncio.TaskGroup | None = None

    @property
    def supervised(self) -> list[Supervisor]:
        """The supervisors, in the plan's order."""
        return [running.supervisor for running in self._running.values()]

    async def run(self) -> None:
        """Supervise every connection of the plan as it stands until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            for running in self._running.values():
                self._start(running)
            while True:
                await asyncio.sleep(TIDY_INTERVAL_S)
                self._finish_moves()
                self._tidy()

    def apply(self, plan: Plan, ids: Mapping[str, int]) -> None:
        """Keep the connections of this plan open from now on; `ids`: topic -> schema id, for all.

        Only differences act: connections that stay subscribe and unsubscribe what changed, those
        that are not planned any more close, new ones open.
        """
        self.router.apply(plan, ids, self.context.pipeline.gap_tracker)
        planned = {key_of(connection): connection for connection in plan.connections}
        homes = self._homes = {}
        for key, connection in planned.items():
            for stream in connection.streams:
                homes.setdefault(stream.stream_key, set()).add(key)
        for key, running in list(self._running.items()):
            old = running.supervisor.plan
            # The streams that the new plan gives to other connections.
            away = (each for each in old.streams if key not in homes.get(each.stream_key, {key}))
            running.moving = tuple(away)
            self._want(key, planned.get(key, replace(old, streams=())))
        for key in [key for key in planned if key not in self._running]:
            self._begin(key, planned[key])
        order = [*planned, *(key for key in self._running if key not in planned)]
        self._running = {key: self._running[key] for key in order}

    def _want(self, key: Key, connection: ConnectionPlan) -> None:
        """Have a connection deliver its streams by the plan, and those that are still moving."""
        running = self._running[key]
        running.own = connection.streams
        streams = (*connection.streams, *running.moving)
        if not streams:
            self._end(key)
            return
        limit = LIMITS[connection.product].streams_per_connection
        for stream in streams[limit:]:  # no room: what it misses on its way is marked, and fetched
            self._route(key, stream).moving_away = True
        running.moving = streams[len(connection.streams) : limit]
        running.supervisor.want(replace(connection, streams=streams[:limit]))

    def _route(self, key: Key, stream: PlannedStream) -> Route:
        return self.router.tables[key][stream.stream.name.encode()]

    def _finish_moves(self) -> None:
        """Unsubscribe the moving streams that their new connections deliver by now."""
        for key, running in list(self._running.items()):
            left = [each for each in running.moving if not self._has_moved(key, running, each)]
            if len(left) < len(running.moving):
                running.moving = tuple(left)
                self._want(key, replace(running.supervisor.plan, streams=running.own))

    def _has_moved(self, key: Key, running: _Running, stream: PlannedStream) -> bool:
        """Return whether a new connection of a stream delivers all that this one does."""
        route = self._route(key, stream)
        homes = [self._running[home].supervisor.session for home in self._homes[stream.stream_key]]
        feeds = [session.connection.id for session in homes if session is not None]
        session, pipeline = running.supervisor.session, self.context.pipeline
        old = 0 if session is None else session.connection.id
        has_confirmed = pipeline.arbitration.has_confirmed
        if not has_confirmed(route, feeds, 0.0):
            return False
        return pipeline.may_close([route], old) or has_confirmed(route, feeds, MAX_HANDOVER_S)

    def _begin(self, key: Key, connection: ConnectionPlan) -> None:
        self._ended.pop(key, None)
        supervisor = Supervisor(connection, self.router.tables[key], self.context)
        running = self._running[key] = _Running(supervisor, connection.streams)
        if self._group is not None:
            self._start(running)

    def _start(self, running: _Running) -> None:
        assert self._group is not None  # noqa: S101 - run() made it
        name = running.supervisor.plan.name
        running.task = self._group.create_task(running.supervisor.run(), name=name)

    def _end(self, key: Key) -> None:
        running = self._running.pop(key)
        self._ended[key] = asyncio.get_running_loop().time()
        if running.task is not None:
            running.task.cancel()  # closes its connection on its way out

    def _tidy(self) -> None:
        """Forget the routes of unsubscribed streams once no frame of theirs can arrive or wait."""
        pipeline, now_ms = self.context.pipeline, self.context.now_ms()
        pipeline.gap_tracker.forget_left(now_ms)
        if pipeline.waiting:
            return
        before = asyncio.get_running_loop().time() - HANDOVER_GRACE_S
        for key in [key for key, when in self._ended.items() if when <= before]:
            del self._ended[key]
            pipeline.gap_tracker.leave(self.router.forget(key), now_ms)
        for key, running in self._running.items():
            supervisor = running.supervisor
            unused = len(supervisor.routes) > len(supervisor.plan.streams)
            if unused and supervisor.touched <= before:
                keep = {name.encode() for name in (*supervisor.wanted(), *supervisor.held)}
                pipeline.gap_tracker.leave(self.router.forget(key, keep), now_ms)

    def streams(self) -> dict[Product, tuple[int, int]]:
        """Return for each product how many streams are wanted, and how many subscribed now."""
        sums: dict[Product, tuple[int, int]] = {}
        for supervisor in self.supervised:
            plan = supervisor.plan
            wanted, held = sums.get(plan.product, (0, 0))
            sums[plan.product] = wanted + len(plan.streams), held + len(supervisor.held)
        return sums
