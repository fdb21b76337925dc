"""Faults of rows of REST: short, unsorted or doubled pages, candles that are not final."""

import json
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from connector.binance.candles import length_ms
from connector.lab.faults.rest import Calls, intercept
from connector.lab.faults.target import Target
from connector.lab.rest import Call, Next

_CLOSE_TIME, _VOLUMES, _COUNT = 6, (5, 7, 9, 10), 8  # columns of a candle


@dataclass(frozen=True, slots=True)
class RestRows:
    """Pages of trades, aggregates and candles have other rows than the call asks for.

    cap: at most so many, whatever the limit. descending: newest first. twice: every n-th row
    twice. early: the page begins so many rows before `fromId` or, of candles, `startTime`.
    """

    cap: int = 0
    descending: bool = False
    twice: int = 0
    early: int = 0
    seconds: float = 60.0
    path: str = "/"
    symbol: str | None = None

    async def strike(self, exchange: Target) -> None:
        """Change the rows."""

        async def change(call: Call, answer: Next) -> web.Response:
            right = await answer(_earlier(call, self.early))
            rows = _rows_of(call, right)
            return right if rows is None else web.json_response(self._changed(call, rows))

        await intercept(exchange, Calls(change, self.path, self.symbol), self.seconds)

    def _changed(self, call: Call, rows: list[Any]) -> list[Any]:
        if self.cap:
            from_start = "fromId" in call.query or "startTime" in call.query
            rows = rows[: self.cap] if from_start else rows[-self.cap :]
        if self.twice:
            rows = [
                row
                for number, row in enumerate(rows, 1)
                for _ in range(1 if number % self.twice else 2)
            ]
        return rows[::-1] if self.descending else rows


@dataclass(frozen=True, slots=True)
class RestUnsettled:
    """A candle that closed less than `within` seconds ago is not final yet: trades are missing."""

    within: float = 1.5
    seconds: float = 60.0
    path: str = "/"
    symbol: str | None = None

    async def strike(self, exchange: Target) -> None:
        """Show such candles with half of their volume and one trade less."""

        async def change(call: Call, answer: Next) -> web.Response:
            right = await answer(call)
            rows = _rows_of(call, right)
            if rows is None or not call.path.lower().endswith("klines"):
                return right
            now_ms = exchange.clock.now_ms()
            recent = now_ms - self.within * 1000
            return web.json_response(
                [_unsettled(row) if recent < row[_CLOSE_TIME] < now_ms else row for row in rows]
            )

        await intercept(exchange, Calls(change, self.path, self.symbol), self.seconds)


def _rows_of(call: Call, answer: web.Response) -> list[Any] | None:
    """Return the rows of a page of trades, aggregates or candles; None: it is no such page."""
    if answer.status != web.HTTPOk.status_code or not call.path.endswith(("rades", "lines")):
        return None
    assert isinstance(answer.body, bytes)  # noqa: S101 - the lab's own answers
    rows = json.loads(answer.body)
    return rows if isinstance(rows, list) else None


def _earlier(call: Call, rows: int) -> Call:
    """Return a call that begins so many rows earlier."""
    query = dict(call.query)
    step = length_ms(query.get("interval", "1M")) or 0
    for name, width in (("fromId", 1), ("startTime", step)):
        if name in query:
            query[name] = str(max(0, int(query[name]) - rows * width))
    return replace(call, query=query)


def _unsettled(row: list[Any]) -> list[Any]:
    changed = list(row)
    for column in _VOLUMES:
        changed[column] = f"{float(row[column]) / 2:.8f}"
    changed[_COUNT] = max(0, row[_COUNT] - 1)
    return changed
