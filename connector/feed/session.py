"""One connection of a plan, from opened to closed, subscribed to exactly what is wanted."""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Sequence

from connector.binance import ws_messages
from connector.binance.products import LIMITS
from connector.binance.ws_messages import Answer
from connector.continuity.marker import GapReason
from connector.errors import Retry
from connector.feed.context import SessionContext
from connector.feed.rejections import RejectedStreams
from connector.feed.route import Route, Routes
from connector.planning.model import ConnectionPlan
from connector.telemetry import events
from connector.transport.websocket import Connection
from connector.transport.ws_requests import SubscriptionRejected

MAX_HANDOVER_S = 30.0  # longest time that two connections deliver the same streams
MAX_ALIGN_S = 1.0  # of it, so that both cut order books alike: else two events overlap
POLL_INTERVAL_S = 0.02  # between two looks whether the old connection may close


class Session:
    """An open connection and its subscriptions; `name` is its connection plan's."""

    def __init__(
        self, name: str, connection: Connection, routes: Routes, context: SessionContext
    ) -> None:
        self.name = name
        self.connection = connection
        self.held: dict[str, None] = {}  # the names the exchange has acknowledged, in order
        self._routes = routes
        self._context = context
        self._pipeline = context.pipeline
        self._loop = asyncio.get_running_loop()
        self._delivered: dict[str, Route] = {}  # the feeds opened in the pipeline, by name
        self._subscribing = asyncio.Lock()  # held while subscriptions are changed
        self._rejected = RejectedStreams()
        # Monotonic seconds; touched: of the last change of `held`.
        self.touched = self.opened_at = self._loop.time()

    @classmethod
    async def open(cls, plan: ConnectionPlan, routes: Routes, context: SessionContext) -> "Session":
        """Connect, within the budget of attempts. Raises Retry as Connection.open does."""
        await context.limiter.acquire(plan)
        receive = functools.partial(_receive, context, routes)
        try:
            connection = await Connection.open(
                plan.endpoint,
                LIMITS[plan.product],
                receive,
                context.proxy,
                plan.replica,
                context.pace,
                context.tls,
                context.read_pacer,
            )
        except Retry as error:
            if error.after_s is not None:
                context.limiter.ban(plan, error.after_s)
            raise
        return cls(plan.name, connection, routes, context)

    @property
    def refused(self) -> dict[str, Answer]:
        """Names the exchange refuses, which this connection does without, and its answers."""
        return self._rejected.answers

    # Subscriptions

    async def sync_subscriptions(self, wanted: Callable[[], Sequence[str]]) -> list[str]:
        """Subscribe and unsubscribe until the exchange holds all that is wanted and not refused.

        Returns the names that are new among the held ones.

        Raises:
            Retry: as Connection.subscribe, or too many are refused; what was acknowledged until
                then is held.
        """
        joined: list[str] = []
        async with self._subscribing:
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

    async def renew(self, names: Sequence[str]) -> None:
        """Subscribe anew to streams that are held and stale. Their feeds close and open again.

        Raises:
            Retry: as Connection.subscribe; what is held no more then must be subscribed again.
        """
        async with self._subscribing:
            for chunk in ws_messages.chunks([name for name in names if name in self.held]):
                await self._unsubscribe(chunk)
                await self._subscribe(chunk)

    async def resubscribe(self, names: Sequence[str]) -> None:
        """Subscribe again to streams that are acknowledged and have delivered nothing.

        Their feeds stay open. A request without an answer is not made again.
        """
        async with self._subscribing:
            held = [name for name in names if name in self.held]
            with contextlib.suppress(Retry):  # a dead connection is noticed by its own end
                await self.connection.unsubscribe(held)
                await self._request(held)

    async def _subscribe(self, names: Sequence[str]) -> None:
        """Open the feeds, then subscribe: frames may come before the acknowledgement."""
        routes = {name: self._routes[name.encode()] for name in names}
        self._delivered |= routes
        self._pipeline.feed_opened(routes.values(), self.connection.id)
        await self._request(names)

    async def _request(self, names: Sequence[str]) -> None:
        """Subscribe to streams whose feeds are open, without the few names that are refused."""
        await self._subscribe_bisecting(names)
        for name, answer in self._rejected.take_new():
            events.subscription_refused(self.name, name, answer.code, answer.message)

    async def _subscribe_bisecting(self, names: Sequence[str]) -> None:
        """Subscribe; a request that is refused is halved until the refused names stand alone."""
        try:
            await self.connection.subscribe(names)
        except SubscriptionRejected as error:
            if error.answer.is_temporary:
                raise
            if len(names) == 1:
                self._reject(names[0], error)
                return
        else:
            self._confirm(names)
            return
        middle = len(names) // 2
        await self._subscribe_bisecting(names[:middle])
        await self._subscribe_bisecting(names[middle:])

    def _confirm(self, names: Sequence[str]) -> None:
        self.held.update(dict.fromkeys(names))
        self.touched = self._loop.time()
        routes = [self._delivered[name] for name in names]
        self._pipeline.feed_confirmed(routes, self.connection.id)

    def _reject(self, name: str, refusal: SubscriptionRejected) -> None:
        """Do without a name that the exchange refuses."""
        if name in self.held:
            del self.held[name]
            self.touched = self._loop.time()
            self._close_feeds([name], "connection_lost")
        elif name in self._delivered:
            self._pipeline.feed_rejected([self._delivered.pop(name)], self.connection.id)
        self._rejected.reject(name, refusal, len(self._delivered))

    async def _unsubscribe(self, names: Sequence[str]) -> None:
        await self.connection.unsubscribe(names)
        for name in names:
            del self.held[name]
        self.touched = self._loop.time()
        self._close_feeds(names, "plan_changed")

    async def wait_until_replaceable(self, new: "Session") -> None:
        """Wait until a new session delivers all that this one does, or for MAX_HANDOVER_S."""
        deadline = self._loop.time() + MAX_HANDOVER_S
        routes, feed = list(self._routes.values()), self.connection.id
        relieved = False
        while self._loop.time() < deadline:
            if self.connection.closed.done() or new.connection.closed.done():
                return
            if self._pipeline.may_close(routes, feed):
                return
            if not relieved and self._pipeline.is_relieved(routes, feed):
                relieved, deadline = True, min(deadline, self._loop.time() + MAX_ALIGN_S)
            await asyncio.sleep(POLL_INTERVAL_S)

    def end(self, reason: GapReason) -> None:
        """Close the connection; streams that no other one delivers miss events from now on."""
        self.connection.close()
        self.held.clear()
        self._close_feeds(list(self._delivered), reason)

    def _close_feeds(self, names: Sequence[str], reason: GapReason) -> None:
        routes = [self._delivered.pop(name) for name in names if name in self._delivered]
        self._pipeline.feed_closed(routes, self.connection.id, reason)


def _receive(
    context: SessionContext, routes: Routes, frames: Sequence[bytes], at_us: int, source: Connection
) -> None:
    """Publish what one read delivered, but for answers and shutdown notices: the connection's."""
    for frame in context.pipeline.receive(routes, frames, at_us, source.id):
        if source.take_control_frame(frame):
            context.ledger.frames.control += 1
        else:
            context.pipeline.dead_letters.frame(frame, at_us)
