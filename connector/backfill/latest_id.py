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
from connector.continuity.quiet_series import IdEvidence, QuietListener, QuietSeries
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
        self._silent: dict[str, QuietSeries] = {}
        self.resets = 0  # series whose ids began anew
        self.confirmed = 0  # times REST had events that two connections did not deliver

    def confirm_reset(self, series: Series) -> None:
        """Find out if the ids of a series have begun anew."""
        known = self._resets.get(series.name)
        if known is None or known.over:
            last, due = series.tracker.last, self._clock()
            self._resets[series.name] = _ResetSuspicion(series, last, due)

    def watch(self, series: Series, listener: QuietListener) -> None:
        """Ask about a series that is not delivered, until it is; only where ids can tell.

        A book's id tells only of a series that has delivered nothing: it also counts changes that
        the stream does not show.
        """
        row = series.stream.row
        tells = row.has_newest_id or (row.has_snapshots and not series.covered)
        if not self._enabled or not tells:
            return
        known = self._silent.get(series.name)
        if known is None or known.over:
            known = self._silent[series.name] = QuietSeries(series, self._clock())
        known.listeners[listener.owner] = listener

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
        findings: list[tuple[QuietSeries, IdEvidence, int, int]] = []
        for silent in [silent for silent in self._silent.values() if silent.due <= now]:
            at_ms = round(self._scheduler.now_ms(silent.series.product))
            silent.postpone(now)
            newest = await self._newest(silent.series)
            if newest is not None:
                findings.append((silent, *silent.judge(newest.last, at_ms), newest.last))
        if any(finding is IdEvidence.NEWER for _, finding, *_ in findings):
            await asyncio.sleep(DELIVERY_GRACE_S)
        for found in findings:
            self._pipeline.run_in_order(self._report, *found)

    def _report(self, silent: QuietSeries, finding: IdEvidence, until_ms: int, newest: int) -> None:
        """Mark what REST has proved, unless the series has been delivered meanwhile."""
        if silent.over or finding is IdEvidence.NOTHING:
            return
        series, gap_tracker = silent.series, self._pipeline.gap_tracker
        if finding is IdEvidence.NEWER:
            self.confirmed += 1
            name, symbol = series.stream.name, series.symbol
            events.stale_confirmed_by_rest(name, symbol, series.last_id, newest)
            gap_tracker.suspect([series], "stale")
        elif series.stream.row.has_newest_id:
            gap_tracker.cover_quiet(series, newest, until_ms)
        for listener in list(silent.listeners.values()):
            (listener.on_newer if finding is IdEvidence.NEWER else listener.on_quiet)()
