"""One shard: the plan against supervisors, one for each bundle, so that one that fails never stops
the others. A new plan is applied by its differences: who stays is not disturbed, and who moves to
another connection is read on the old one until the new one brings it.

Next along the way: feed/supervisor.py (one bundle), feed/router.py (where frames go).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connector.binance.products import LIMITS, Product
from connector.feed.arbitration import OVERLAP_S
from connector.feed.context import SessionContext
from connector.feed.router import Key, Router, key_of
from connector.feed.session import MAX_HANDOVER_S
from connector.feed.supervisor import Supervisor
from connector.planning.model import ConnectionPlan, Plan, PlannedStream, StreamKey

HANDOVER_GRACE_S = (
    10.0  # a stream given up is still known for so long: its last frames are under way
)
TIDY_INTERVAL_S = 1.0  # between two looks for ways that nothing needs any more


@dataclass(slots=True)
class _Running:
    """A bundle that is being read.

    Attributes:
        supervisor: Reads it.
        own: What the plan gives it; empty when the plan has no such bundle any more.
        moving: What other connections are to read from now on, and do not yet.
        task: The supervisor's.
    """

    supervisor: Supervisor
    own: tuple[PlannedStream, ...]
    moving: tuple[PlannedStream, ...] = ()
    task: "asyncio.Task[None] | None" = None


@dataclass(slots=True)
class Shard:
    """Keeps a connection open for every bundle of the plan.

    Attributes:
        context: What its supervisors share.
        router: Where each stream's records go.
    """

    context: SessionContext
    router: Router = field(default_factory=Router)
    _running: dict[Key, _Running] = field(default_factory=dict)
    _homes: dict[StreamKey, set[Key]] = field(default_factory=dict)  # by the plan
    _ended: dict[Key, float] = field(default_factory=dict)  # connection -> when it was given up
    _group: asyncio.TaskGroup | None = None

    @property
    def supervised(self) -> list[Supervisor]:
        """The supervisors, in the plan's order."""
        return [kept.supervisor for kept in self._running.values()]

    async def run(self) -> None:
        """Supervise every bundle of the plan as it stands until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            for kept in self._running.values():
                self._start(kept)
            while True:
                await asyncio.sleep(TIDY_INTERVAL_S)
                self._relieve()
                self._tidy()

    def apply(self, plan: Plan, ids: Mapping[str, int]) -> None:
        """Want this plan from now on.

        Only differences act: connections that stay subscribe and unsubscribe what changed, those
        of bundles that are gone close, new ones open.

        Args:
            plan: What is wanted.
            ids: Topic -> schema id, for every topic of the plan.
        """
        self.router.apply(plan, ids, self.context.pipeline.continuity)
        bundles = {key_of(bundle): bundle for bundle in plan.connections}
        homes = self._homes = {}
        for key, bundle in bundles.items():
            for one in bundle.streams:
                homes.setdefault(one.stream_key, set()).add(key)
        for key, kept in list(self._running.items()):
            bundle = bundles.get(key, replace(kept.supervisor.bundle, streams=()))
            kept.moving = _moving(key, kept, homes)
            self._want(key, bundle)
        for key in [key for key in bundles if key not in self._running]:
            self._begin(key, bundles[key])
        order = [*bundles, *(key for key in self._running if key not in bundles)]
        self._running = {key: self._running[key] for key in order}

    def _want(self, key: Key, bundle: ConnectionPlan) -> None:
        """Have a connection read what the plan gives it, and what it has not been relieved of."""
        kept = self._running[key]
        kept.own = bundle.streams
        both = (*bundle.streams, *kept.moving)
        if not both:
            self._end(key)
            return
        most = LIMITS[bundle.product].streams_per_connection
        for one in both[most:]:  # no room: what it misses on its way is marked, and fetched
            self.router.tables[key][one.stream.name.encode()].moving_away = True
        kept.moving = both[len(bundle.streams) : most]
        kept.supervisor.want(replace(bundle, streams=both[:most]))

    def _relieve(self) -> None:
        """Leave what other connections bring by now."""
        for key, kept in list(self._running.items()):
            left = tuple(one for one in kept.moving if not self._is_relieved(key, kept, one))
            if left != kept.moving:
                kept.moving = left
                self._want(key, replace(kept.supervisor.bundle, streams=kept.own))

    def _is_relieved(self, key: Key, kept: _Running, one: PlannedStream) -> bool:
        """Say whether a connection that is to bring a stream from now on surely does."""
        way = self.router.tables[key][one.stream.name.encode()]
        there = [self._running[home].supervisor.session for home in self._homes[one.stream_key]]
        legs = [leg.connection.id for leg in there if leg is not None]
        since = [way.confirmed_at[leg] for leg in legs if leg in way.confirmed_at]
        if not since:
            return False
        seconds = asyncio.get_running_loop().time() - min(since)
        leg = kept.supervisor.session
        old = 0 if leg is None else leg.connection.id
        joined = self.context.pipeline.arbitration.may_close([way], old)
        return seconds >= (OVERLAP_S if joined else MAX_HANDOVER_S)

    def _begin(self, key: Key, bundle: ConnectionPlan) -> None:
        self._ended.pop(key, None)
        supervisor = Supervisor(bundle, self.router.tables[key], self.context)
        kept = self._running[key] = _Running(supervisor, bundle.streams)
        if self._group is not None:
            self._start(kept)

    def _start(self, kept: _Running) -> None:
        assert self._group is not None  # noqa: S101 - run() made it
        name = kept.supervisor.bundle.name
        kept.task = self._group.create_task(kept.supervisor.run(), name=name)

    def _end(self, key: Key) -> None:
        kept = self._running.pop(key)
        self._ended[key] = asyncio.get_running_loop().time()
        if kept.task is not None:
            kept.task.cancel()  # closes its connection on its way out

    def _tidy(self) -> None:
        """Forget the ways of streams given up, once nothing of theirs is under way or queued."""
        if self.context.pipeline.waiting:
            return
        before = asyncio.get_running_loop().time() - HANDOVER_GRACE_S
        for key in [key for key, when in self._ended.items() if when <= before]:
            del self._ended[key]
            self.context.pipeline.continuity.forget(self.router.forget(key))
        for key, kept in self._running.items():
            one = kept.supervisor
            if one.touched <= before and len(one.routes) > len(one.bundle.streams):
                keep = {name.encode() for name in (*one.wanted(), *one.held)}
                self.context.pipeline.continuity.forget(self.router.forget(key, keep))

    # What is shown

    def streams(self) -> dict[Product, tuple[int, int]]:
        """Return for each product how many streams are wanted, and how many subscribed now."""
        sums: dict[Product, tuple[int, int]] = {}
        for one in self.supervised:
            wanted, held = sums.get(one.bundle.product, (0, 0))
            more = len(one.bundle.streams), len(one.held)
            sums[one.bundle.product] = wanted + more[0], held + more[1]
        return sums


def _moving(
    key: Key, kept: _Running, homes: Mapping[StreamKey, set[Key]]
) -> tuple[PlannedStream, ...]:
    """Return what a connection reads that the plan gives to others."""
    read = kept.supervisor.bundle.streams
    return tuple(one for one in read if key not in homes.get(one.stream_key, {key}))
