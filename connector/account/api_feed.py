"""Keeps the accounts of one WS API connection, from one connection to the next."""

import asyncio
from collections.abc import Sequence

from connector.account.api_line import ApiLine
from connector.account.feed_context import FeedContext, unless
from connector.account.key_watch import fingerprint, key_changed
from connector.account.source_state import SourceState
from connector.backoff import Backoff
from connector.errors import Fatal, Refused, Retry
from connector.telemetry import events

LONGEST_WAIT_S = 60.0  # between two connections of which none gets all its subscriptions
SAME_ACCOUNT = (
    "the exchange says that this account is subscribed already: if another alias has a key of the"
    " same account, leave one of them out"
)


class ApiFeed:
    """Reads the events of some sources over one connection, and over the next one."""

    def __init__(self, states: Sequence[SourceState], context: FeedContext) -> None:
        self.states = states
        self._context = context
        self._backoff = Backoff()
        self._taken_in_turn = 0  # connections, one after the other, with a taken subscription

    async def run(self) -> None:
        """Read until cancelled; the next connection is there before the old one is closed."""
        line: ApiLine | None = None
        try:
            while True:
                before = [fingerprint(state.source.keys) for state in self.states]
                try:
                    old, line = line, await self._open()
                    if old is not None:
                        old.retire("lifetime", "replaced before another path was there")
                        await old.close()
                    await line.until_due()
                    await unless(line.dead, self._spare_connections(line))
                except Refused as error:
                    self._refuse(error)
                    await self._key_changed(before)
                if line is not None and line.dead.is_set():
                    self._refuse(line.cause)
                    line.retire("revoked", str(line.cause))
                    await line.close()
                    line = None
                    await self._key_changed(before)
        finally:
            if line is not None:
                await line.close()

    async def _spare_connections(self, line: ApiLine) -> None:
        """Wait where the next connection will hardly get what this one did not.

        Once, the answer to a subscription may have been lost. Again and again, two sources are one
        account; a new connection for each answer would use up the connections of this address.
        """
        taken = line.taken
        self._taken_in_turn = self._taken_in_turn + 1 if taken else 0
        if self._taken_in_turn > 1:
            for state in taken:
                state.refuse(Refused(SAME_ACCOUNT))
            retry_s = self._context.timings.retry_s
            await asyncio.sleep(min(LONGEST_WAIT_S, retry_s * 2.0 ** (self._taken_in_turn - 2)))

    async def _open(self) -> ApiLine:
        """Return an open connection; tries until there is one. Raises Refused."""
        while True:
            line = ApiLine(self.states, self._context)
            try:
                await line.open()
            except Retry as error:
                delay_s = self._context.delay_s(self._backoff, None, error)
                for state in self.states:
                    source = state.source
                    events.account_not_connected(source.alias, source.place, str(error), delay_s)
                await asyncio.sleep(delay_s)
            else:
                self._backoff = Backoff()
                return line

    def _refuse(self, cause: Refused | Fatal) -> None:
        for state in self.states:
            state.refuse(cause)

    async def _key_changed(self, before: list[str]) -> None:
        """Return when a key file of one of the sources has changed, or it is time to try again."""
        watches = [
            asyncio.ensure_future(key_changed(state.source, old, self._context.timings))
            for state, old in zip(self.states, before, strict=True)
        ]
        try:
            await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for watch in watches:
                watch.cancel()
