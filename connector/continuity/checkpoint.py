"""Checkpoint: what the previous writer stored of each series, until the series is seen again.

Read by kafka/checkpoint_store.py at the start; continuity/gap_tracker.py goes on from it. No I/O.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from connector.binance.candles import open_time
from connector.continuity.candle_tracker import CandleTracker
from connector.continuity.gap import Gap
from connector.continuity.series import Series, StoredPoint


class Checkpoint:
    """Progress and unfinished gaps by series; arguments as of `SeriesRegistry.begin`."""

    def __init__(
        self,
        stored: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        unfinished: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.stored = dict(stored)  # of the series that `restore` was not called for yet
        self._unfinished: dict[str, list[Mapping[str, Any]]] = {}
        self._epochs: dict[str, int] = {}  # of forgotten series whose ids had begun anew
        for marker in unfinished:
            name = f"{marker['product']}/{marker['stream_name']}/{marker['symbol']}"
            self._unfinished.setdefault(name, []).append(marker)

    def restore(self, series: Series) -> Iterator[Gap] | None:
        """Put a series where the previous writer left it, in its topic of then.

        Returns its unfinished gaps; None if it is a new series.
        """
        stored, epoch = self.stored.pop(series.name, None), self._epochs.pop(series.name, 0)
        if stored is None:
            if epoch:
                series.tracker.reset(epoch)
            return None
        series.topic, series.last_ms = stored["topic"], stored["last_time"]
        if not stored["open_gaps"]:
            series.quiet_until = stored["complete_until"]
        if series.tracker.has_ids:
            series.tracker.restore(stored["last_id"], stored["id_epoch"])
            _restore_open_candle(series)
        row = series.stream.row
        if series.last_ms is not None and row.sequence.rule in ("identity", "candle"):
            is_unique = row.has_unique_times or row.sequence.rule == "candle"
            series.stored = StoredPoint(series.last_ms, series.last_id, is_unique)
        fillings = {filling["gap_id"]: filling for filling in stored["fillings"]}
        markers = self._unfinished.pop(series.name, ())
        return (_gap(marker, fillings.get(marker["gap_id"])) for marker in markers)

    def forget(self, series: Series) -> None:
        """Keep the id epoch of a removed series, in case the series comes back."""
        if series.tracker.epoch:
            self._epochs[series.name] = series.tracker.epoch


def _restore_open_candle(series: Series) -> None:
    """Restore the candle that was open behind a gap, or before the first one closed.

    Its closing state may be missing. Behind a gap the last id is no open time, but the instant
    before that of the open candle.
    """
    tracker, stream = series.tracker, series.stream
    if not isinstance(tracker, CandleTracker):
        return
    interval, zone = stream.parameters["interval"], stream.row.zone_ms
    if tracker.last is None:
        if series.last_ms:
            tracker.running = open_time(interval, series.last_ms, zone)
    elif open_time(interval, tracker.last, zone) != tracker.last:
        tracker.running = tracker.last + 1


def _gap(marker: Mapping[str, Any], filling: Mapping[str, Any] | None) -> Gap:
    """Return a gap as the previous writer left it."""
    edges = (marker["before_id"], marker["before_time"], marker["after_id"], marker["after_time"])
    gap = Gap(marker["gap_id"], marker["reason"], *edges, marker["missing"])
    gap.epoch, gap.topic = marker["id_epoch"], marker["topic"]
    gap.whole = gap.before_id is None and gap.reason == "plan_changed"
    if filling is not None:
        gap.filled_to, gap.recovered = filling["filled_to"], filling["recovered"]
        gap.expired = filling["gone"]
    return gap
