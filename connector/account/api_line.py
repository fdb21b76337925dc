"""The accounts of one WS API connection: several on one socket, told apart by their subscriptions.

What is proved: `session.subscriptions` says which of them the exchange holds; pongs show that the
socket lives; and `path_proof.py` compares where the product has an answer to compare with.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from connector.account.api_subscription import ApiSubscription
from connector.account.feed_context import FeedContext, unless
from connector.account.feed_items import InterruptionReason
from connector.account.source_state import SourceState
from connector.binance import wsapi_methods
from connector.binance.wsapi_messages import SubscriptionRow
from connector.errors import Fatal, Refused, Retry
from connector.telemetry import events
from connector.transport.wsapi import WsApi
from connector.transport.wsapi_session import (
    ApiRefused,
    ConnectionLost,
    Subscribed,
    SubscriptionFailed,
    UnreadableFrame,
    UserEvent,
    UserSubscription,
    WsApiItem,
)

_Rows = list[SubscriptionRow]
POOL = "spot"  # of the WS API's weight


class ApiLine:
    """One connection with all its subscriptions; `open` it inside the event loop.

    Args:
        states: The sources that it serves.

    Attributes:
        due: Set when it must be replaced: an announced end, its age, a mute path.
        dead: Set when it will not come back by itself; `cause` says why.
    """

    def __init__(self, states: Sequence[SourceState], context: FeedContext) -> None:
        self.due, self.dead = asyncio.Event(), asyncio.Event()
        self.cause: Refused | Fatal = Fatal("not opened")
        self._states, self._context = states, context
        first = states[0].source
        self._logs_on = first.method == "session-logon"
        self._api = WsApi(
            context.bases["spot"].ws_api,
            keys=first.keys if self._logs_on else None,
            receive=self._on_item,
            pool=context.rest.pools[POOL],
            proxy=context.proxy,
            tls=context.tls,
        )
        self._subscriptions = [ApiSubscription(state, self._api, context) for state in states]
        self._tasks: list[asyncio.Task[None]] = []
        self._opened = 0.0
        self._is_retired = False

    async def open(self) -> None:
        """Connect, and subscribe everything; what is refused is reported, and left to itself.

        Raises:
            Retry: it cannot be reached now.
            Refused: it refuses us for good.
        """
        loop = asyncio.get_running_loop()
        try:
            await self._api.start()
            if self._logs_on:
                await self._api.call(wsapi_methods.LOG_ON)
        except BaseException:
            await self.close()
            raise
        self._opened = loop.time()
        works = [subscription.run() for subscription in self._subscriptions]
        works += [self._grow_old(), self._audit(), self._watch(self._api.shutting_down)]
        works += [self._watch(subscription.stale) for subscription in self._subscriptions]
        self._tasks = [loop.create_task(self._supervise(work)) for work in works]
        await unless(self.dead, self._all_tried())

    async def _all_tried(self) -> None:
        for subscription in self._subscriptions:
            await subscription.tried.wait()

    async def _supervise(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work; a bug ends the connection, not the other accounts' ones."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is
            events.task_failed("account connection", error)
            self.cause = Fatal(f"a bug ended its connection: {error!r}")
            self.dead.set()

    async def close(self) -> None:
        """Close it without a report."""
        self._is_retired = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._api.close()

    @property
    def taken(self) -> list[SourceState]:
        """Sources whose account, as the exchange says, is subscribed on it already."""
        return [subscription.state for subscription in self._subscriptions if subscription.is_taken]

    def retire(self, reason: InterruptionReason, detail: str) -> None:
        """Report what no other connection delivers: this one will be closed."""
        self._is_retired = True
        lost = ConnectionLost(detail, self._api.whole_until_us)
        for subscription in self._subscriptions:
            subscription.on_lost(lost, reason)

    # Reasons to replace it

    async def until_due(self) -> None:
        """Return when it must be replaced, or is dead."""
        await unless(self.dead, self._watch(self.due))

    async def _watch(self, event: asyncio.Event) -> None:
        await event.wait()
        self.due.set()

    async def _grow_old(self) -> None:
        await asyncio.sleep(self._context.life_s())
        self.due.set()

    async def _audit(self) -> None:
        """Ask now and then which subscriptions the exchange holds; a lost one is made anew."""
        while True:
            await asyncio.sleep(self._context.timings.compare_s)
            before = {subscription: subscription.current for subscription in self._subscriptions}
            ids = {subscription: own.id for subscription, own in before.items() if own is not None}
            asked_us = time.time_ns() // 1000
            try:
                answer = await self._api.call("session.subscriptions")
                held = {row.subscriptionId for row in msgspec.convert(answer, _Rows)}
            except (Retry, Refused, msgspec.ValidationError):
                continue  # a later one may be answered; pongs go on meanwhile
            for subscription, own in before.items():
                if own is not None and own.id is not None and own.id == ids[subscription]:
                    subscription.on_audit(own, asked_us, is_held=own.id in held)

    # What the connection reports

    def _on_item(self, item: WsApiItem) -> None:
        if isinstance(item, ApiRefused):
            self.cause = item.cause
            self.dead.set()
        elif isinstance(item, ConnectionLost):
            self._on_lost(item)
        elif isinstance(item, UnreadableFrame):
            for state in self._states:
                state.unreadable(item.frame, item.received_us)
        elif item.subscription is not None:
            for subscription in self._subscriptions:
                if subscription.owns(item.subscription):
                    self._pass_on(subscription, item)

    def _on_lost(self, lost: ConnectionLost) -> None:
        for subscription in () if self._is_retired else self._subscriptions:
            subscription.on_lost(lost, self._reason(lost))

    def _pass_on(
        self, subscription: ApiSubscription, item: UserEvent | Subscribed | SubscriptionFailed
    ) -> None:
        match item:
            case UserEvent(UserSubscription() as own, payload, received_us):
                subscription.on_event(own, payload, received_us)
            case Subscribed(own) if not self._is_retired:
                subscription.on_subscribed(own)
            case SubscriptionFailed(own, cause):
                subscription.on_failed(own, cause)

    def _reason(self, lost: ConnectionLost) -> InterruptionReason:
        if lost.is_revoked:
            return "revoked"
        if self._api.shutting_down.is_set():
            return "server_shutdown"
        age_s = asyncio.get_running_loop().time() - self._opened
        return "lifetime" if age_s >= self._context.timings.life_s else "connection_lost"
