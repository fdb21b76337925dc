"""One source on one WS API connection: subscribed, renewed, proved, subscribed again."""

import asyncio
import time

from connector.account.feed_context import FeedContext, unless
from connector.account.feed_items import InterruptionReason
from connector.account.key_watch import fingerprint, key_changed
from connector.account.listen_token import ListenToken, ListenTokens
from connector.account.source_state import SourceState
from connector.backoff import Backoff
from connector.binance import wsapi_methods
from connector.binance.api_errors import AlreadySubscribed
from connector.binance.signing import ApiParams
from connector.errors import Refused, Retry
from connector.telemetry import events
from connector.transport.wsapi import WsApi
from connector.transport.wsapi_session import ConnectionLost, UserSubscription

_METHODS = {
    "signature": wsapi_methods.SUBSCRIBE_SIGNED,
    "session-logon": wsapi_methods.SUBSCRIBE,
    "listen-token": wsapi_methods.SUBSCRIBE_TOKEN,
}
FOREVER_S = 10 * 365 * 86_400.0


class ApiSubscription:
    """Keeps one source subscribed on one connection; `run` it until the connection is replaced.

    A token's next subscription begins before the old one ends, on the same socket.

    Args:
        api: The connection; it subscribes again by itself after a reconnect.

    Attributes:
        tried: Set when it is subscribed, or was refused.
        current: The subscription that delivers; None: there is none.
        stale: Set when this connection cannot deliver it any more: it must be replaced.
        is_taken: The exchange says that this connection has the account's subscription already.
    """

    def __init__(self, state: SourceState, api: WsApi, context: FeedContext) -> None:
        self.state = state
        self.tried, self.stale = asyncio.Event(), asyncio.Event()
        self.current: UserSubscription | None = None
        self.is_taken = False
        self._lost = asyncio.Event()  # it must be subscribed anew
        self._api, self._context = api, context
        self._tokens = ListenTokens(context.rest, state.source)
        self._own: set[UserSubscription] = set()
        self._good_since: float | None = None
        self._listed_us = 0  # when the exchange listed the subscription last

    async def run(self) -> None:
        """Keep it subscribed until cancelled, or until the connection is stale."""
        source, backoff = self.state.source, Backoff()
        while not self.stale.is_set():
            before = fingerprint(source.keys)
            try:
                life_s = await self._subscribe()
                self.tried.set()
                await self._hold(life_s)
                delay_s = self._context.delay_s(backoff, self._good_since, None)
            except Refused as error:
                self.state.refuse(error)
                self.tried.set()
                await key_changed(source, before, self._context.timings)
                continue
            except AlreadySubscribed as error:  # its answer was lost, and its events with it
                self.is_taken = True
                self.tried.set()
                self._replace(str(error))
                return
            except Retry as error:
                delay_s = self._context.delay_s(backoff, self._good_since, error)
                events.account_not_connected(source.alias, source.place, str(error), delay_s)
            await asyncio.sleep(delay_s)

    async def _subscribe(self) -> float:
        """Subscribe, and return the seconds until it must be renewed. Raises Retry, Refused."""
        source, life_s = self.state.source, FOREVER_S
        params: ApiParams = {}
        token: ListenToken | None = None
        if source.method == "listen-token":
            token = await self._tokens.make(source.isolated_symbol)
            params, life_s = {"listenToken": token.text}, token.life_s
        own = self._new(params)
        self._lost.clear()
        self.current = own
        try:
            await self._api.subscribe(own)
        except BaseException:
            if not self.state.is_up(own):
                self._own.discard(own)
            raise
        self._good_since = asyncio.get_running_loop().time()
        if token is not None:
            self.state.key_expires_us = token.expires_ms * 1000
        return life_s * self._context.timings.token_part

    def _new(self, params: ApiParams) -> UserSubscription:
        source = self.state.source
        keys = None if source.method == "session-logon" else source.keys
        own = UserSubscription(_METHODS[source.method], source.alias, params, keys)
        self._own.add(own)
        return own

    async def _hold(self, life_s: float) -> None:
        """Return when it must be subscribed anew; renew its token and prove its path meanwhile."""
        loop, timings = asyncio.get_running_loop(), self._context.timings
        renew, compare = loop.time() + life_s, loop.time()
        while not self._lost.is_set():
            await unless(self._lost, asyncio.sleep(min(renew, compare) - loop.time()))
            if self._lost.is_set():
                return
            if loop.time() >= renew:
                renew = loop.time() + await self._renew()
            if loop.time() >= compare:
                await unless(self._lost, self._compare())
                compare = loop.time() + self.state.proof.rest_s(timings.compare_s)

    async def _renew(self) -> float:
        """Subscribe by a new token, then end the old subscription; return the seconds it lasts."""
        source, old = self.state.source, self.current
        try:
            life_s = await self._subscribe()
        except Retry as error:
            self.current = old
            retry_s = max(error.after_s or 0.0, self._context.timings.retry_s)
            events.account_key_not_extended(source.alias, source.place, str(error), retry_s)
            return retry_s
        if old is not None:
            await self._retire(old)
        return life_s

    async def _retire(self, old: UserSubscription) -> None:
        """End a subscription that another one has replaced."""
        self._own.discard(old)
        self.state.down(old, time.time_ns() // 1000, "token_expired", "replaced")
        try:
            if old.id is not None:
                await self._api.call(wsapi_methods.UNSUBSCRIBE, subscriptionId=old.id)
        except (Retry, Refused):
            return  # it ends with its token

    async def _compare(self) -> None:
        """Compare with what the exchange says has changed; report a mute path."""
        since_us, own = self.state.proved_us, self.current
        if own is None or await self.state.compare(self._context.rest):
            return
        detail = "the account has changed, and no event came"
        self.state.down(own, since_us, "mute", detail)
        self._replace(detail)

    def _replace(self, cause: str) -> None:
        """Have the connection replaced."""
        source = self.state.source
        events.account_connection_stale(source.alias, source.place, cause)
        self.stale.set()
        self._lost.set()

    # What the connection reports

    def owns(self, subscription: UserSubscription) -> bool:
        """Return whether a subscription is this source's, and not replaced."""
        return subscription in self._own

    def on_subscribed(self, subscription: UserSubscription) -> None:
        """Note that it delivers from here on."""
        if not self.stale.is_set():
            self.state.up(subscription)

    def on_event(self, subscription: UserSubscription, payload: bytes, received_us: int) -> None:
        """Pass an event on; note the one by which the exchange ends the subscription."""
        kind = self.state.event(payload, received_us)
        if kind == "eventStreamTerminated":
            by_token = self.state.source.method == "listen-token"
            reason: InterruptionReason = "token_expired" if by_token else "terminated"
            self._lose(subscription, self._api.whole_until_us, reason, "eventStreamTerminated")

    def on_failed(self, subscription: UserSubscription, cause: Exception) -> None:
        """Note that it could not be had again after a reconnect."""
        self._lose(subscription, self.state.proved_us, "terminated", str(cause))

    def on_audit(self, own: UserSubscription, asked_us: int, *, is_held: bool) -> None:
        """Note whether the exchange still holds a subscription; it was asked at that time."""
        if is_held:
            self._listed_us = asked_us
        elif own in self._own:
            since_us = max(self._listed_us, self.state.proved_us)
            self._lose(own, since_us, "terminated", "the exchange does not list it any more")

    def on_lost(self, lost: ConnectionLost, reason: InterruptionReason) -> None:
        """Note that the connection has ended; it subscribes again by itself."""
        for own in self._own:
            self.state.down(own, lost.whole_until_us, reason, lost.cause)

    def _lose(
        self, own: UserSubscription, since_us: int, reason: InterruptionReason, detail: str
    ) -> None:
        self._own.discard(own)
        self.state.down(own, since_us, reason, detail)
        if own is self.current:
            self.current = None
            self._lost.set()
