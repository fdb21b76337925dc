"""Keeps the accounts of one WS API connection, from one connection to the next."""

import asyncio
from collections.abc import Sequence

from connector.account.api_line import ApiLine
from connector.account.feed_context import FeedContext
from connector.account.key_watch import fingerprint, key_changed
from connector.account.source_state import SourceState
from connector.backoff import Backoff
from connector.errors import Fatal, Refused, Retry
from connector.telemetry import events


class ApiFeed:
    """Reads the events of some sources over one connection, and over the next one."""

    def __init__(self, states: Sequence[SourceState], context: FeedContext) -> None:
        self.states = states
        self._context = context
        self._backoff = Backoff()

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
                    events.account_not_connected(source.alias, source.product, str(error), delay_s)
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
