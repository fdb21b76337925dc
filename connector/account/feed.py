"""The feed of a worker's accounts: every subscription of every source, until cancelled."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol

from connector.account.api_feed import ApiFeed
from connector.account.feed_context import FeedContext
from connector.account.feed_items import ReceiveAccountItem
from connector.account.listen_key_feed import ListenKeyFeed
from connector.account.source import AccountSource
from connector.account.source_state import PathStatus, SourceState
from connector.binance.private_streams import find_private_stream
from connector.errors import Fatal, Refused
from connector.telemetry import events

MAX_SHARED = 200  # subscriptions of one WS API connection; 1,000 are allowed


class _Feed(Protocol):
    async def run(self) -> None: ...


class AccountFeed:
    """Reads the events of accounts and reports them to `receive`, in order.

    Accounts of spot and margin share connections to the WS API; but one that logs on has its own,
    and so has each listenKey.

    Args:
        sources: Whose events.
        receive: Called with each item; must not wait.
        context: The way to the exchange; its `rest` is started.

    Raises:
        Refused: a source has a method that its product has not.
    """

    def __init__(
        self, sources: Sequence[AccountSource], receive: ReceiveAccountItem, context: FeedContext
    ) -> None:
        for source in sources:
            _check(source)
        self._context = context
        self._states = [SourceState(source, context.timings, receive) for source in sources]

    @property
    def statuses(self) -> list[PathStatus]:
        """What the pages of the worker show, in the order of the sources."""
        return [state.status for state in self._states]

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for states in self._groups():
                tasks.create_task(self._supervise(states))

    async def _supervise(self, states: Sequence[SourceState]) -> None:
        """Run one feed; a bug ends it alone, is reported, and after a while it begins anew."""
        while True:
            try:
                await self._feed(states).run()
            except Exception as error:  # noqa: BLE001 - whatever it is
                events.task_failed(f"feed of {states[0].source.alias}", error)
                for state in states:
                    state.lose_all("connection_lost", "a bug ended its feed")
                    state.refuse(Fatal(f"a bug ended its feed: {error!r}"))
            await asyncio.sleep(self._context.timings.refused_s)

    def _feed(self, states: Sequence[SourceState]) -> _Feed:
        if states[0].source.method == "listen-key":
            return ListenKeyFeed(states[0], self._context)
        return ApiFeed(states, self._context)

    def _groups(self) -> Iterator[list[SourceState]]:
        """Yield the sources that share a connection."""
        shared: list[SourceState] = []
        for state in self._states:
            if state.source.method in ("listen-key", "session-logon"):
                yield [state]
                continue
            if len(shared) == MAX_SHARED:
                yield shared
                shared = []
            shared.append(state)
        if shared:
            yield shared


def _check(source: AccountSource) -> None:
    methods = find_private_stream(source.product).methods
    if source.method not in methods:
        known = " or ".join(methods)
        raise Refused(f"{source.alias}: {source.product} is subscribed by {known}")
