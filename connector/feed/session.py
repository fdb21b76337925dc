"""One connection of a bundle, from opened to closed: subscribed to exactly what is wanted, and the
pipeline told which streams it delivers.

Next along the way: transport/websocket.py (the socket), feed/pipeline.py (its frames),
feed/arbitration.py (two connections).
"""

import asyncio
import functools
from collections.abc import Callable, Sequence

from connector.binance import ws_messages
from connector.binance.products import LIMITS
from connector.binance.ws_messages import Answer
from connector.continuity.marker import GapReason
from connector.continuity.series import Series
from connector.errors import Retry
from connector.feed.context import SessionContext
from connector.feed.liveness.first_data import FirstDataCheck
from connector.feed.pipeline import Route, Routes
from connector.feed.rejections import RejectedStreams
from connector.planning.model import ConnectionPlan
from connector.telemetry import events
from connector.transport.websocket import Connection, SubscriptionRejected

MAX_HANDOVER_S = 10.0  # longest time that two connections deliver the same streams
POLL_INTERVAL_S = 0.02  # between two looks whether the old one may go


class Session:
    """An open connection and the streams it holds.

    Attributes:
        name: Its bundle's.
        connection: The socket.
        held: Names the exchange has acknowledged, in their order.
        joined: Names subscribed when it was opened.
        silent: Periodic streams that delivered nothing within their deadline.
        touched: Monotonic seconds of the last change of `held`.
        opened_at: Monotonic seconds.
    """

    def __init__(
        self, name: str, connection: Connection, routes: Routes, around: SessionContext
    ) -> None:
        self.name = name
        self.connection = connection
        self.held: dict[str, None] = {}
        self.joined: list[str] = []
        self._routes = routes
        self._context = around
        self._loop = asyncio.get_running_loop()
        self._delivered: dict[str, Route] = {}  # what the pipeline was told that we deliver
        self._silence = FirstDataCheck(routes, self.held, self._ask)
        self._rejected = RejectedStreams()
        self.touched = self.opened_at = self._loop.time()

    @classmethod
    async def open(
        cls, bundle: ConnectionPlan, routes: Routes, around: SessionContext
    ) -> "Session":
        """Connect, within the budget of attempts.

        Raises:
            Retry: as Connection.open.
        """
        await around.acquire(bundle)
        receive = functools.partial(around.pipeline.receive, routes)
        limits = LIMITS[bundle.product]
        try:
            connection = await Connection.open(
                bundle.endpoint, limits, receive, around.proxy, bundle.replica
            )
        except Retry as error:
            if error.after_s is not None:
                around.ban(bundle, error.after_s)
            raise
        return cls(bundle.name, connection, routes, around)

    @property
    def refused(self) -> dict[str, Answer]:
        """Names the exchange refuses, which this connection does without, and its answers."""
        return self._rejected.answers

    async def sync_subscriptions(self, wanted: Callable[[], Sequence[str]]) -> list[str]:
        """Subscribe and unsubscribe until the exchange holds what is wanted; return what joined.

        The few names that it refuses are left out.

        Raises:
            Retry: as Connection.subscribe, or too many are refused; what was acknowledged until
                then is held.
        """
        joined: list[str] = []
        async with self._silence.subscribing:
            while True:
                names = dict.fromkeys(wanted())
                self._rejected.forget_unless(names)
                known = {**self.held, **self.refused}
                joining = [name for name in names if name not in known]
                leaving = [name for name in self.held if name not in names]
                if not joining and not leaving:
                    return joined
                for chunk in ws_messages.chunks(leaving):  # first: a full connection takes no more
                    await self._unsubscribe(chunk)
                for chunk in ws_messages.chunks(joining):
                    await self._subscribe(chunk)
                joined += [name for name in joining if name in self.held]

    async def _subscribe(self, names: Sequence[str]) -> None:
        """Subscribe; the pipeline is told before: frames may come before the acknowledgement."""
        ways = {name: self._routes[name.encode()] for name in names}
        self._delivered |= ways
        legs, leg = self._context.pipeline.arbitration, self.connection.id
        self._context.pipeline.run_in_order(
            functools.partial(legs.feed_opened, list(ways.values()), leg)
        )
        await self._ask(names)

    async def _ask(self, names: Sequence[str]) -> None:
        """Subscribe to names the pipeline was told of, without the few that are refused."""
        await self._subscribe_bisecting(names)
        for name, answer in self._rejected.take_new():
            events.subscription_refused(self.name, name, answer.code, answer.message)

    async def _subscribe_bisecting(self, names: Sequence[str]) -> None:
        """Subscribe; a request that is refused is halved until the culprits stand alone."""
        try:
            await self.connection.subscribe(names)
        except SubscriptionRejected as error:
            if error.answer.is_trouble:
                raise
            refused = error
        else:
            self._acknowledged(names)
            return
        if len(names) == 1:
            self._reject(names[0], refused)
            return
        middle = len(names) // 2
        await self._subscribe_bisecting(names[:middle])
        await self._subscribe_bisecting(names[middle:])

    def _acknowledged(self, names: Sequence[str]) -> None:
        self.held.update(dict.fromkeys(names))
        now = self.touched = self._loop.time()
        ways = [self._delivered[name] for name in names]
        self._context.pipeline.run_in_order(functools.partial(self._resumed, ways, now))

    def _reject(self, name: str, refused: SubscriptionRejected) -> None:
        """Take back what the pipeline was told of a name that the exchange refuses."""
        if name in self.held:
            del self.held[name]
            self.touched = self._loop.time()
            self._give_up([name], "connection_lost")
        elif name in self._delivered:  # never delivered: nothing of it is missing because of us
            way, legs = self._delivered.pop(name), self._context.pipeline.arbitration
            self._context.pipeline.run_in_order(
                functools.partial(legs.feed_closed, [way], self.connection.id)
            )
        self._rejected.reject(name, refused, len(self._delivered))

    def _resumed(self, ways: list[Route], at: float) -> None:
        self._context.pipeline.arbitration.feed_confirmed(ways, self.connection.id, at)
        for way in ways:
            self._context.pipeline.continuity.confirm(way.all_series(), self._context.now_ms())

    async def _unsubscribe(self, names: Sequence[str]) -> None:
        await self.connection.unsubscribe(names)
        for name in names:
            del self.held[name]
        self.touched = self._loop.time()
        self._give_up(names, "plan_changed")

    async def renew(self, names: Sequence[str]) -> None:
        """Subscribe anew to streams that are held, and acknowledged, and say nothing.

        Raises:
            Retry: as Connection.subscribe; what is held no more then must be asked for again.
        """
        async with self._silence.subscribing:
            for chunk in ws_messages.chunks([name for name in names if name in self.held]):
                await self._unsubscribe(chunk)
                await self._subscribe(chunk)

    async def wait_until_replaceable(self, new: "Session") -> None:
        """Wait until all that this one brings comes on the new one too, or long enough."""
        deadline = self._loop.time() + MAX_HANDOVER_S
        ways = list(self._routes.values())
        legs, leg = self._context.pipeline.arbitration, self.connection.id
        while self._loop.time() < deadline:
            over = self.connection.closed.done() or new.connection.closed.done()
            if over or (new.connection.first_data is not None and legs.may_close(ways, leg)):
                return
            await asyncio.sleep(POLL_INTERVAL_S)

    @property
    def silent(self) -> set[str]:
        """Periodic streams that delivered nothing within their deadline."""
        return self._silence.silent

    async def check_first_data(self, bundle: ConnectionPlan, names: Sequence[str]) -> None:
        """Ask once more for the periodic streams among these that stay silent, then say so."""
        await self._silence.watch(self.connection, bundle, names)

    def end(self, reason: GapReason) -> None:
        """Close, and tell the pipeline: streams that nobody else delivers miss something now."""
        self.connection.close()
        self.held.clear()
        self._give_up(list(self._delivered), reason)

    def _give_up(self, names: Sequence[str], reason: GapReason) -> None:
        ways = [self._delivered.pop(name) for name in names if name in self._delivered]
        at = self._loop.time()
        self._context.pipeline.run_in_order(functools.partial(self._ended, ways, reason, at))

    def _ended(self, ways: list[Route], reason: GapReason, at: float) -> None:
        legs, leg = self._context.pipeline.arbitration, self.connection.id
        for way in ways:
            missing = legs.series_at_risk(way, leg, at)
            legs.feed_closed([way], leg)
            self._say(way, missing, reason)

    def _say(self, way: Route, missing: list[Series], reason: GapReason) -> None:
        """Tell what may be missing of a stream that we deliver no more."""
        continuity = self._context.pipeline.continuity
        if way.feeds:  # another connection delivers it; at the end of all, that one ends too
            if reason == "restart":
                return
            marked = continuity.suspect(missing, reason)
            if way.confirmed_at:
                continuity.confirm(marked, self._context.now_ms())
        elif reason == "restart" or (reason == "plan_changed" and not way.moving_away):
            continuity.end_coverage(way.all_series(), reason)
        else:
            continuity.suspect(way.all_series(), reason)
