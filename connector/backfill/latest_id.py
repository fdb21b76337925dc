"""Compares REST's newest id of a series with its last one: what no connection can show.

A lower one of a later event confirms that the ids have begun anew; a higher one that a stream goes
on which two connections do not deliver. Series are asked about one by one, within the backfill's
weight; one that stays silent ever more rarely.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from connector.backfill.pages import newest_page, snapshot
from connector.backfill.scheduler import BackfillScheduler
from connector.binance.stream_name import parse
from connector.codec.rest_rows import RestEvent, event_from_book, recover
from connector.continuity.series import Series
from connector.errors import BadMessage, Refused, Retry
from connector.feed.pipeline import Pipeline
from connector.telemetry import events

POLL_INTERVAL_S = 5.0  # between two looks whether REST is to be asked
ID_ONLY_LEVELS = 5  # levels of a book of which only the id is wanted
DELIVERY_GRACE_S = 2.0  # an event that REST has may still be on its way to us
# Ids have begun anew if a series brings nothing but repeats for so long, and REST's newest id is
# lower before and after. A late connection has caught up by then.
RESET_PROOF_S = 10.0
# Between two questions about a silent series: doubled each time.
MIN_INTERVAL_S, MAX_INTERVAL_S = 60.0, 1_800.0


@dataclass(slots=True)
class _ResetSuspicion:
    """A series that delivers repeats only: its ids may have begun anew.

    REST may be behind the stream, so that a lower newest id alone proves nothing. It does if REST
    shows an event later than the last one published, or a book without a time that has grown, among
    the ids that the stream repeats.
    """

    series: Series
    last: int | None  # its newest id when it was suspected; another one refutes it
    due: float  # monotonic seconds at which REST is asked next
    seen: int | None = None  # REST's newest id in its last answer, lower than `last`

    @property
    def over(self) -> bool:
        """Whether it went on where it was: ids that began anew do not."""
        tracker = self.series.tracker
        return tracker.last != self.last or not tracker.repeats_in_a_row

    def proven_by(self, newest: RestEvent) -> bool:
        """Say whether REST's newest event, lower than `last` once more, proves it."""
        if newest.time_ms is not None and self.series.last_ms is not None:
            return newest.time_ms > self.series.last_ms
        lowest, seen = self.series.tracker.lowest_repeat, self.seen
        return lowest is not None and seen is not None and lowest <= seen < newest.last


@dataclass(slots=True)
class _SilentSeries:
    """A series that two connections deliver nothing of."""

    series: Series
    on_newer: Callable[[], None]  # called when REST has events that were not delivered
    since_ms: int | None  # record time of its newest record; another one means that it goes on
    due: float  # monotonic seconds at which REST is asked next
    interval_s: float  # from then to the next question

    @property
    def over(self) -> bool:
        """Whether it is delivered again, or no longer wanted."""
        return self.series.ended is not None or self.series.last_ms != self.since_ms


class LatestIdProbe:
    """Asks REST for the newest ids of suspected series.

    Args:
        scheduler: Makes the calls, within its weight.
        pipeline: Resets series, and marks their gaps, in order with the events.
        enabled: `backfill.enabled`; False: silent series are not asked about.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        scheduler: BackfillScheduler,
        pipeline: Pipeline,
        *,
        enabled: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scheduler, self._pipeline, self._enabled = scheduler, pipeline, enabled
        self._clock = clock
        self._resets: dict[str, _ResetSuspicion] = {}  # to be confirmed, by name
        self._silent: dict[str, _SilentSeries] = {}
        self.resets = 0  # series whose ids began anew
        self.confirmed = 0  # times REST had events that two connections did not deliver

    def confirm_reset(self, series: Series) -> None:
        """Find out if the ids of a series have begun anew."""
        known = self._resets.get(series.name)
        if known is None or known.over:
            last, due = series.tracker.last, self._clock()
            self._resets[series.name] = _ResetSuspicion(series, last, due)

    def watch(self, series: Series, on_newer: Callable[[], None]) -> None:
        """Ask about a series that no connection delivers, until one does; only where ids can tell.

        on_newer: called when REST has events of it that were not delivered.
        """
        row = series.stream.row
        if not self._enabled or row.sequence.rule != "contiguous" or not row.fillable:
            return
        known = self._silent.get(series.name)
        if known is None or known.over:
            state = series.last_ms, self._clock(), MIN_INTERVAL_S
            self._silent[series.name] = _SilentSeries(series, on_newer, *state)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            await self.probe()

    async def probe(self) -> None:
        """Ask about every series for which it is time."""
        now = self._clock()
        for name, suspicion in list(self._resets.items()):
            if suspicion.due <= now and await self._is_settled(suspicion, now):
                self._resets.pop(name, None)
        await self._probe_silent(now)

    async def _newest(self, series: Series) -> RestEvent | None:
        """Return the newest event, or the book, that REST has of a series; None: it gives none."""
        stream = series.stream
        try:
            if not stream.row.fillable:
                return await self._book(series)
            raw = await self._scheduler.ask(stream, newest_page(stream, series.symbol))
            found = recover(stream, raw, series.symbol)
        except (Retry, Refused, BadMessage) as error:
            events.latest_id_unavailable(stream.name, series.symbol, str(error))
            return None
        return max(found, key=lambda event: event.last, default=None)

    async def _book(self, series: Series) -> RestEvent:
        """Return the present book of a series' symbol. Raises as `ask`, `event_from_book`."""
        stream, symbol = series.stream, series.symbol
        if not stream.row.has_snapshots:
            stream = parse(series.product, f"{symbol.lower()}@depth@100ms")
        levels = None if stream.row.kind == "rpi-depth" else ID_ONLY_LEVELS
        raw = await self._scheduler.ask(stream, snapshot(stream, symbol, levels))
        return event_from_book(stream, raw, symbol)

    # Ids that began anew

    async def _is_settled(self, suspicion: _ResetSuspicion, now: float) -> bool:
        """Ask REST about a suspicion; return whether it is refuted, or proved and acted upon."""
        series, last = suspicion.series, suspicion.last
        newest = await self._newest(series)
        if suspicion.over or last is None or (newest is not None and newest.last >= last):
            return True  # the repeats were late or old events: the series goes on where it was
        if newest is None or suspicion.seen is None or not suspicion.proven_by(newest):
            suspicion.due = now + RESET_PROOF_S
            suspicion.seen = suspicion.seen if newest is None else newest.last
            return False
        self.resets += 1
        self._pipeline.reset(series)
        return True

    # Series that no connection delivers

    async def _probe_silent(self, now: float) -> None:
        self._silent = {name: silent for name, silent in self._silent.items() if not silent.over}
        ahead: list[tuple[_SilentSeries, int]] = []
        for silent in [silent for silent in self._silent.values() if silent.due <= now]:
            newest, last = await self._newest(silent.series), silent.series.last_id
            silent.due = now + silent.interval_s
            silent.interval_s = min(2 * silent.interval_s, MAX_INTERVAL_S)
            if newest is not None and last is not None and newest.last > last:
                ahead.append((silent, newest.last))
        if ahead:
            await asyncio.sleep(DELIVERY_GRACE_S)
        for silent, newest_id in ahead:
            self._pipeline.run_in_order(self._report_newer, silent, newest_id)

    def _report_newer(self, silent: _SilentSeries, newest: int) -> None:
        """Mark that something may be missing, unless it has come meanwhile."""
        if silent.over:
            return
        self.confirmed += 1
        series = silent.series
        events.stale_confirmed_by_rest(series.stream.name, series.symbol, series.last_id, newest)
        self._pipeline.gap_tracker.suspect([series], "stale")
        silent.on_newer()
