"""What the writer before has left of each series: how far it came, and what it was filling. No I/O.

Next along the way: kafka/checkpoint_store.py (reads it at the start), continuity/gap_tracker.py
(goes on from there).
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from connector.binance.candles import open_time
from connector.continuity.sequence_rules import CandleTracker
from connector.continuity.series import Gap, Series

Record = Mapping[str, Any]


class Checkpoint:
    """Progress and unfinished gaps by series, until the series is seen again.

    Args:
        stored: Newest progress by series, as records.
        unfinished: Markers of the gaps that were being filled, as records.
    """

    def __init__(
        self, stored: Mapping[str, Record] = MappingProxyType({}), unfinished: Iterable[Record] = ()
    ) -> None:
        self._stored = dict(stored)
        self._unfinished: dict[str, list[Record]] = {}
        self._epochs: dict[str, int] = {}  # of series forgotten, where their ids began anew
        for marker in unfinished:
            name = f"{marker['product']}/{marker['stream_name']}/{marker['symbol']}"
            self._unfinished.setdefault(name, []).append(marker)

    def restore(self, series: Series) -> Iterator[Gap] | None:
        """Have a series go on where it was, in its topic of then.

        Returns:
            Its unfinished gaps; None if it is a new one.
        """
        stored, epoch = self._stored.pop(series.name, None), self._epochs.pop(series.name, 0)
        if stored is None:
            if epoch:
                series.tracker.reset(epoch)
            return None
        series.topic, series.last_ms = stored["topic"], stored["last_time"]
        if series.tracker.has_ids:
            series.tracker.restore(stored["last_id"], stored["id_epoch"])
            _restore_candle(series)
        fillings = {one["gap_id"]: one for one in stored["fillings"]}
        markers = self._unfinished.pop(series.name, ())
        return (_gap(marker, fillings.get(marker["gap_id"])) for marker in markers)

    def forget(self, series: Series) -> None:
        """Take note of a series that is let go: its ids go on counting, should it come back."""
        if series.tracker.epoch:
            self._epochs[series.name] = series.tracker.epoch


def _restore_candle(series: Series) -> None:
    """Know the candle that was open, when none had closed yet: its last word may be missing."""
    tracker, stream = series.tracker, series.stream
    if isinstance(tracker, CandleTracker) and tracker.last is None and series.last_ms:
        zone = stream.row.zone_ms
        tracker.running = open_time(stream.parameters["interval"], series.last_ms, zone)


def _gap(marker: Record, filling: Record | None) -> Gap:
    """Return a gap as the writer before had left it."""
    edges = (marker["before_id"], marker["before_time"], marker["after_id"], marker["after_time"])
    gap = Gap(marker["gap_id"], marker["reason"], *edges, marker["missing"])
    gap.epoch = marker["id_epoch"]
    gap.whole = gap.before_id is None and gap.reason == "plan_changed"
    if filling is not None:
        gap.filled_to, gap.recovered = filling["filled_to"], filling["recovered"]
        gap.expired = filling["gone"]
    return gap
