"""Keeps the stream of one listenKey: connects, extends the key, proves the path, takes over."""

import asyncio
from dataclasses import dataclass

from connector.account.feed_context import FeedContext, unless
from connector.account.key_watch import fingerprint, key_changed
from connector.account.listen_key import ListenKeyKeeper
from connector.account.private_path import PrivatePath
from connector.account.source_state import SourceState
from connector.backoff import Backoff
from connector.binance.api_errors import BackOff, NewListenKey
from connector.binance.private_streams import (
    UrlForm,
    default_form,
    find_private_stream,
    private_url,
    stream_base,
)
from connector.binance.products import Product, host_of
from connector.errors import Refused, Retry
from connector.telemetry import events

EXTEND_RETRY_S = 30.0  # a key that could not be extended lives on for half an hour


@dataclass(frozen=True, slots=True)
class _StreamHost:
    """A `ConnectTarget`."""

    product: Product
    endpoint: str


class ListenKeyFeed:
    """Reads the events of one source, whatever happens to its connection and its listenKey.

    What is proved: the exchange says behind each handshake that the key lives, and again every
    30 min; pongs show that the socket does; and once a minute `path_proof.py` compares. Only the
    last one shows whether the URL's form delivers. Without a form of the config's own, a path that
    was found mute is followed by one of the product's next form.
    """

    def __init__(self, state: SourceState, context: FeedContext) -> None:
        source = state.source
        stream = find_private_stream(source.product)
        self._state, self._context = state, context
        self._key = ListenKeyKeeper(context.rest, source)
        self._base = stream_base(source.product, context.bases)
        self._host = _StreamHost(stream.market, self._base)
        first = source.form or default_form(source.product, context.bases)
        others = [] if source.form else [form for form in stream.forms if form != first]
        self._forms: list[UrlForm] = [first, *others]
        self._extend_after_s = context.timings.keep_alive_s

    async def run(self) -> None:
        """Read until cancelled."""
        source, timings = self._state.source, self._context.timings
        while True:
            before = fingerprint(source.keys)
            try:
                await self._serve()
            except Refused as error:
                self._state.refuse(error)
                await key_changed(source, before, timings)

    async def _serve(self) -> None:
        """Keep a path, the next one open before the old one is closed. Raises Refused."""
        backoff = Backoff()
        path: PrivatePath | None = None
        try:
            while True:
                old, path = path, await self._open(path, backoff)
                if old is not None:
                    await old.retire()
                await self._watch(path)
        except Refused as error:
            if path is not None:
                path.end(self._state.proved_us, "revoked", str(error))
            raise
        finally:
            if path is not None:
                await path.close()

    async def _open(self, old: PrivatePath | None, backoff: Backoff) -> PrivatePath:
        """Return a path whose key is confirmed; tries until it has one. Raises Refused."""
        source = self._state.source
        delay_s = self._context.delay_s(backoff, old.good_since, None) if old and old.is_over else 0
        while True:
            await asyncio.sleep(delay_s)
            try:
                return await self._attempt()
            except Retry as error:
                delay_s = self._context.delay_s(backoff, None, error)
                events.account_not_connected(source.alias, source.place, str(error), delay_s)

    async def _attempt(self) -> PrivatePath:
        """Open a path and have its key confirmed. Raises Retry, Refused."""
        context, source = self._context, self._state.source
        loop = asyncio.get_running_loop()
        begun = loop.time()
        key = await self._key.get()
        await context.limiter.acquire(self._host)
        path = PrivatePath(self._state, key, context.timings.life_s)
        place = f"{host_of(self._base)} {self._forms[0]}"
        url = private_url(self._base, self._forms[0], key)
        try:
            await path.open(place, url, context.proxy, context.tls)
            await self._key.confirm()
        except BackOff as error:
            context.limiter.ban(self._host, error.after_s or 0.0)
            await path.close()
            raise
        except BaseException:
            await path.close()
            raise
        path.confirm()
        self._state.key_expires_us = self._key.expires_us
        events.account_connected(source.alias, source.place, place, loop.time() - begun)
        return path

    async def _watch(self, path: PrivatePath) -> None:
        """Return when another path is needed; meanwhile extend the key and prove the path.

        Raises:
            Refused: the API key is rejected.
        """
        loop = asyncio.get_running_loop()
        life = loop.time() + self._context.life_s()
        extend, compare = loop.time() + self._context.timings.keep_alive_s, loop.time()
        while not path.wake.is_set():
            due = min(life, extend, compare)
            await unless(path.wake, asyncio.sleep(due - loop.time()))
            if path.wake.is_set() or loop.time() >= life:
                break
            if loop.time() >= extend:
                await unless(path.wake, self._extend(path))
                extend = loop.time() + self._extend_after_s
            if loop.time() >= compare:
                await unless(path.wake, self._compare(path))
                compare = loop.time() + self._state.proof.rest_s(self._context.timings.compare_s)
        if path.is_key_expired:
            self._key.forget(path.listen_key)

    async def _extend(self, path: PrivatePath) -> None:
        """Extend the key; where it is gone, end the path. Raises Refused."""
        source, confirmed_us = self._state.source, self._key.confirmed_us
        self._extend_after_s = self._context.timings.keep_alive_s
        try:
            await self._key.confirm()
        except NewListenKey as error:
            path.end(max(confirmed_us, path.event_us), "key_expired", str(error))
        except Retry as error:
            self._extend_after_s = max(error.after_s or 0.0, EXTEND_RETRY_S)
            events.account_key_not_extended(
                source.alias, source.place, str(error), self._extend_after_s
            )
        self._state.key_expires_us = self._key.expires_us

    async def _compare(self, path: PrivatePath) -> None:
        """Compare with what the exchange says has changed; end a mute path."""
        since_us = self._state.proved_us
        if await self._state.compare(self._context.rest):
            return
        source, form = self._state.source, self._forms[0]
        self._forms = [*self._forms[1:], form]
        events.account_path_mute(source.alias, source.place, form, self._forms[0])
        path.end(since_us, "mute", f"the account has changed, and no event came ({form})")
