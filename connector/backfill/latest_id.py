"""What REST's newest id says that no connection can: that ids began anew, or that a stream goes on
while two connections bring nothing of it.

Asked one by one and within the backfill's weight; a stream that stays silent ever more rarely.
"""

import asyncio
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

from connector.backfill.pages import newest_page, snapshot
from connector.backfill.scheduler import BackfillScheduler
from connector.binance.stream_name import parse
from connector.codec.rest_rows import event_from_book, recover
from connector.continuity.series import Series
from connector.errors import BadMessage, Refused, Retry
from connector.feed.pipeline import Pipeline
from connector.telemetry import events

POLL_INTERVAL_S = 5.0  # between two looks whether REST is to be asked
FEW = 5  # levels of a book of which only the id is wanted
GRACE_S = 2.0  # an event that REST knows may still be on its way to us
FIRST_S, MOST_S = 60.0, 1_800.0  # between two questions about a silent stream: doubled each time

Tell = Callable[[], None]


@dataclass(slots=True)
class _Silent:
    """A series that two connections say nothing of.

    Attributes:
        series: Which one.
        on_newer: Called when REST has events of it that we have not.
        since_ms: Record time of its newest record; another one means that it speaks again.
        due: When REST is asked next; after that in `wait` seconds.
    """

    series: Series
    on_newer: Tell
    since_ms: int | None
    due: float
    wait: float

    @property
    def over(self) -> bool:
        """Whether it speaks again, or nobody wants it any more."""
        return self.series.ended or self.series.last_ms != self.since_ms


class LatestIdProbe:
    """Asks REST for the newest id of series in doubt.

    Args:
        backfill: Asks, within its weight.
        pipeline: Is told what follows.
        enabled: False: nothing is asked.

    Attributes:
        resets: Series whose ids began anew.
        confirmed: Times REST had events of a stream that two connections were silent about.
    """

    def __init__(self, backfill: BackfillScheduler, pipeline: Pipeline, *, enabled: bool) -> None:
        self._backfill = backfill
        self._pipeline = pipeline
        self._enabled = enabled
        self._doubted: dict[str, Series] = {}
        self._silent: dict[str, _Silent] = {}
        self.resets = self.confirmed = 0
        pipeline.continuity.doubt = self._doubt

    def _doubt(self, series: Series) -> None:
        row = series.stream.row
        if self._enabled and (row.fillable or row.tells_book_ids):
            self._doubted[series.name] = series

    def watch(self, series: Series, tell: Tell) -> None:
        """Ask about a series that is silent everywhere, until it speaks; where ids can tell."""
        row = series.stream.row
        if not self._enabled or row.sequence.rule != "contiguous" or not row.fillable:
            return
        known = self._silent.get(series.name)
        if known is None or known.over:
            now = time.monotonic()
            self._silent[series.name] = _Silent(series, tell, series.last_ms, now, FIRST_S)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            for name in list(self._doubted):
                await self._settle_doubt(self._doubted.pop(name))
            await self._ask_about_silent(time.monotonic())

    async def _newest(self, series: Series) -> int | None:
        """Return the newest id REST knows of a series; None when it does not say."""
        stream = series.stream
        try:
            if not stream.row.fillable:
                return await self._newest_of_book(series)
            raw = await self._backfill.ask(stream, newest_page(stream, series.symbol))
            found = recover(stream, raw, series.symbol)
        except (Retry, Refused, BadMessage) as error:
            events.latest_id_unavailable(stream=stream.name, symbol=series.symbol, cause=str(error))
            return None
        return max((one.last for one in found), default=None)

    async def _newest_of_book(self, series: Series) -> int:
        """Return the present id of a symbol's book. Raises as `ask`, `event_from_book`."""
        stream, symbol = series.stream, series.symbol
        if not stream.row.has_snapshots:
            stream = parse(series.product, f"{symbol.lower()}@depth@100ms")
        levels = None if stream.row.kind == "rpi-depth" else FEW
        raw = await self._backfill.ask(stream, snapshot(stream, symbol, levels))
        return event_from_book(stream, raw, symbol).last

    # Ids that began anew

    async def _settle_doubt(self, series: Series) -> None:
        """Only REST's word makes falling ids a new epoch."""
        last = series.tracker.last
        newest = await self._newest(series)
        if newest is None or last is None or newest >= last:
            return  # what fell back was late, or old: the series goes on where it was
        if series.tracker.last != last or not series.tracker.repeats_in_a_row:
            return  # it went on while REST was asked: ids that began anew do not
        self.resets += 1
        self._pipeline.reset(series)

    # Streams that are silent everywhere

    async def _ask_about_silent(self, now: float) -> None:
        self._silent = {name: one for name, one in self._silent.items() if not one.over}
        ahead: list[tuple[_Silent, int]] = []
        for one in [it for it in self._silent.values() if it.due <= now]:
            newest, last = await self._newest(one.series), one.series.last_id
            one.due, one.wait = now + one.wait, min(2 * one.wait, MOST_S)
            if newest is not None and last is not None and newest > last:
                ahead.append((one, newest))
        if ahead:
            await asyncio.sleep(GRACE_S)
        for one, newest in ahead:
            self._pipeline.run_in_order(functools.partial(self._prove, one, newest))

    def _prove(self, one: _Silent, newest: int) -> None:
        """Mark that something is missing, unless it has come meanwhile, and have it looked for."""
        series = one.series
        if one.over:
            return
        self.confirmed += 1
        events.stale_confirmed_by_rest(
            stream=series.stream.name, symbol=series.symbol, last=series.last_id, newest=newest
        )
        self._pipeline.continuity.suspect([series], "stale")
        one.on_newer()
