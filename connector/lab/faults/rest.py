"""Faults of REST: refused, slow, behind, cached, wrong bodies.

`path` is a prefix (`/fapi/v1/klines`), `symbol` the call's symbol or pair; left out: all calls.
"""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from aiohttp import web

from connector.lab.faults.install import installed
from connector.lab.faults.target import Target
from connector.lab.rest import Call, Next
from connector.lab.rest.pages import MAINTENANCE_PAGE

BodyForm = Literal["cut", "html", "error", "empty", "array", "object", "unlisted"]
Change = Callable[[Call, Next], Awaitable[web.Response]]
_SNAPSHOTS_PER_LAG, _MIN_SNAPSHOT_S = 20, 0.05


class Calls:
    """An interceptor of some calls, a number of times or until removed.

    Attributes:
        over: Set when the number is reached.
    """

    def __init__(
        self, change: Change, path: str, symbol: str | None, most: int | None = None
    ) -> None:
        self.over = asyncio.Event()
        self._change = change
        self._path = path
        self._symbol = symbol
        self._left = math.inf if most is None else most

    async def __call__(self, call: Call, answer: Next) -> web.Response:
        """Return the changed answer of a call that it is about, else the usual one."""
        symbol = call.query.get("symbol", call.query.get("pair"))
        named = call.path.startswith(self._path) and self._symbol in (None, symbol)
        if not named or self._left <= 0:
            return await answer(call)
        self._left -= 1
        if self._left <= 0:
            self.over.set()
        return await self._change(call, answer)


async def intercept(exchange: Target, calls: Calls, seconds: float = math.inf) -> None:
    """Change calls until the number is reached, or for so many seconds."""
    await installed(exchange.rest.interceptors, calls, seconds, calls.over)


@dataclass(frozen=True, slots=True)
class Refuse:
    """The next calls to REST are answered with a status; 202, 403, 410, 451 and 502 in HTML."""

    status: int = 429
    times: int = 1
    retry_after: float | None = None
    path: str = "/"

    async def strike(self, exchange: Target) -> None:
        """Order the refusals; return at once."""
        exchange.rest.refuse(self.status, self.retry_after, self.times, self.path)


@dataclass(frozen=True, slots=True)
class RestBody:
    """The next answers have status 200 and a body that is no answer.

    cut: half of it. html: a maintenance page. error: an error object. empty: nothing. array: `[]`,
    no rows or the wrong type. object: `{}`. unlisted: exchangeInfo without any symbol.
    """

    form: BodyForm = "cut"
    times: int = 1
    path: str = "/"
    symbol: str | None = None

    async def strike(self, exchange: Target) -> None:
        """Replace the bodies."""

        async def change(call: Call, answer: Next) -> web.Response:
            right = await answer(call)
            assert isinstance(right.body, bytes)  # noqa: S101 - the lab's own answers
            body = _BODIES.get(self.form, right.body[: len(right.body) // 2])
            kind = "text/html" if self.form == "html" else "application/json"
            return web.Response(body=body, content_type=kind)

        await intercept(exchange, Calls(change, self.path, self.symbol, self.times))


_BODIES: dict[str, bytes] = {
    "html": MAINTENANCE_PAGE.encode(),
    "error": b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}',
    "empty": b"",
    "array": b"[]",
    "object": b"{}",
    "unlisted": b'{"timezone":"UTC","rateLimits":[],"symbols":[],"optionSymbols":[]}',
}


@dataclass(frozen=True, slots=True)
class RestSlow:
    """Answers come late."""

    delay: float = 5.0
    seconds: float = 60.0
    path: str = "/"
    symbol: str | None = None

    async def strike(self, exchange: Target) -> None:
        """Wait before each answer."""

        async def change(call: Call, answer: Next) -> web.Response:
            await asyncio.sleep(self.delay)
            return await answer(call)

        await intercept(exchange, Calls(change, self.path, self.symbol), self.seconds)


@dataclass(frozen=True, slots=True)
class RestBehind:
    """Answers are those of `lag` seconds ago: trades, aggregates, candles, books, tickers."""

    lag: float = 8.0
    seconds: float = 60.0
    path: str = "/"
    symbol: str | None = None

    async def strike(self, exchange: Target) -> None:
        """Answer from the past; of books, from copies made since the fault began."""

        async def change(call: Call, answer: Next) -> web.Response:
            return await answer(replace(call, lag_ms=round(self.lag * 1000)))

        copying = asyncio.create_task(self._copy_books(exchange))
        try:
            await intercept(exchange, Calls(change, self.path, self.symbol), self.seconds)
        finally:
            copying.cancel()

    async def _copy_books(self, exchange: Target) -> None:
        while True:
            exchange.market.keep_snapshots(exchange.clock.now_ms(), round(self.lag * 1000))
            await asyncio.sleep(max(_MIN_SNAPSHOT_S, self.lag / _SNAPSHOTS_PER_LAG))


@dataclass(frozen=True, slots=True)
class RestCache:
    """An answer is given again for `age` seconds to the same call, as by a cache in front."""

    age: float = 5.0
    seconds: float = 60.0
    path: str = "/"
    symbol: str | None = None

    async def strike(self, exchange: Target) -> None:
        """Answer from the cache."""
        cache: dict[tuple[str, str], tuple[float, web.Response]] = {}

        async def change(call: Call, answer: Next) -> web.Response:
            key, now = (call.path, json.dumps(call.query, sort_keys=True)), exchange.clock.seconds()
            kept = cache.get(key)
            if kept is None or now >= kept[0] + self.age:
                kept = cache[key] = (now, await answer(call))
            right = kept[1]
            return web.Response(
                status=right.status, body=right.body, content_type=right.content_type
            )

        await intercept(exchange, Calls(change, self.path, self.symbol), self.seconds)
