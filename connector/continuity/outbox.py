"""Outbox: the marker and progress records that are written with the next transaction.

Filled by continuity/gap_tracker.py, drained by the producer. No I/O: the time is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.codec.avro import encode_record
from connector.codec.framing import KafkaRecord
from connector.codec.progress import ProgressEncoder
from connector.codec.schema import MARKERS, PROGRESS, load
from connector.continuity.gap import Gap
from connector.continuity.marker import MarkerState, digest
from connector.continuity.series import Series

# Progress of series without ids is written so often; that of the others with each transaction.
IDLE_PROGRESS_INTERVAL_MS = 1_000


@dataclass(frozen=True, slots=True)
class _Marker:
    state: MarkerState
    series: Series
    topic: str
    gap: Gap  # a copy: the gap changes on
    detail: str
    repeats_possible: bool


class Outbox:
    """Markers and progress of one writer that are not written yet.

    Args:
        environment: The topic prefix.
        shard: The writer's shard,
        instance: its name, and
        run: the random id of its process.

    Attributes:
        first_commits: Series whose progress was written -> number of the first transaction with it.
    """

    def __init__(self, environment: str, shard: int, instance: str, run: str) -> None:
        self._environment = environment
        self._shard, self._instance, self._run = shard, instance, run
        self._marker_schema_id = 0
        self._progress = ProgressEncoder(0, shard, instance, run)
        self._dirty: list[Series] = []
        self._markers: list[_Marker] = []
        self._takeover: list[tuple[str, Mapping[str, Any]]] = []
        self._tombstones: list[str] = []  # keys of the progress topic
        self._last_written: Series | None = None  # whose progress was written last
        self._idle_written_ms = 0
        self._marker_topic = f"{environment}.{MARKERS}"
        self._progress_topic = f"{environment}.{PROGRESS}"
        self.first_commits: dict[str, int] = {}

    def begin(self, schema_ids: Mapping[str, int], stored: Mapping[str, Mapping[str, Any]]) -> None:
        """Set the schema ids, and take over the progress of the previous writer of this shard.

        Args:
            schema_ids: Kind (`marker`, `progress`) -> id.
            stored: Newest progress by series, as records.
        """
        self._marker_schema_id = schema_ids["marker"]
        self._progress = ProgressEncoder(
            schema_ids["progress"], self._shard, self._instance, self._run
        )
        own = (self._shard, self._instance)
        self._takeover = [
            (name, progress)
            for name, progress in stored.items()
            if (progress["shard"], progress["instance"]) == own
        ]

    def head(self, product: str, stream_name: str, symbol: str, kind: str, topic: str) -> bytes:
        """Return the part of a series' progress records that never changes."""
        return self._progress.head(product, stream_name, symbol, kind, topic)

    def add_marker(
        self,
        state: MarkerState,
        series: Series,
        gap: Gap,
        detail: str = "",
        *,
        repeats_possible: bool = False,
        topic: str = "",
    ) -> None:
        """Add a marker to the next transaction, with the gap as it is now.

        Args:
            state, series, gap, detail, repeats_possible: Its fields.
            topic: Topic of the records it is about; by default where the series goes now.
        """
        marker = _Marker(
            state, series, topic or series.topic, replace(gap), detail, repeats_possible
        )
        self._markers.append(marker)

    def schedule_progress(self, series: Series) -> None:
        """Have the progress of a series written with the next transaction."""
        if not series.dirty:
            series.dirty = True
            self._dirty.append(series)

    @property
    def has_markers(self) -> bool:
        """Whether markers wait for a transaction."""
        return bool(self._markers)

    def add_tombstone(self, series: Series) -> None:
        """Have the progress of a series deleted: no stream carries it any more.

        Should it come back, its coverage begins anew. If its ids have ever begun anew, the progress
        stays: it keeps the id epoch.
        """
        self.first_commits.pop(series.name, None)
        if series.tracker.epoch:
            return
        self._dirty = [dirty for dirty in self._dirty if dirty is not series]
        if self._last_written is series:
            self._last_written = None
        self._tombstones.append(series.name)

    def drain(self, number: int, now_us: int) -> list[KafkaRecord]:
        """Return the markers, progress and tombstones that belong to a transaction.

        Args:
            number: Number of the transaction; 0 without transactions.
            now_us: Epoch microseconds.
        """
        now_ms = now_us // 1000
        markers, self._markers = self._markers, []
        tombstones, self._tombstones = self._tombstones, []
        return [
            *(self._marker_record(marker, now_us) for marker in markers),
            *self._drain_progress(number, now_ms),
            *((self._progress_topic, None, name.encode(), now_ms, None) for name in tombstones),
        ]

    def _drain_progress(self, number: int, now_ms: int) -> list[KafkaRecord]:
        """Return the progress that is due: at least one record, which shows the number stored."""
        records: list[KafkaRecord] = []
        dirty, self._dirty = self._dirty, []
        idle_is_due = now_ms - self._idle_written_ms >= IDLE_PROGRESS_INTERVAL_MS
        if idle_is_due:
            self._idle_written_ms = now_ms
        for position, series in enumerate(dirty, 1):
            needed = number > 0 and not records and position == len(dirty)
            if not series.tracker.has_ids and not idle_is_due and not needed:
                self._dirty.append(series)
                continue
            series.dirty, self._last_written = False, series
            self.first_commits.setdefault(series.name, number)
            records.append(self._progress_record(series, number, now_ms))
        if number > 0 and not records and self._last_written is not None:
            records.append(self._progress_record(self._last_written, number, now_ms))
        return records

    def rewrite_progress(self, number: int, now_us: int) -> list[KafkaRecord]:
        """Return the progress of every series that was taken over, under this writer's name.

        It is the first transaction: the previous writer sees from it that a newer one writes.
        """
        taken, self._takeover = self._takeover, []
        records: list[KafkaRecord] = []
        for name, progress in taken:
            self.first_commits.setdefault(name, number)
            names = ("product", "stream_name", "symbol", "kind", "topic")
            value = self._progress.encode(
                self._progress.head(*(progress[field] for field in names)),
                progress["last_id"],
                progress["last_time"],
                progress["complete_until"],
                progress["open_gaps"],
                progress["id_epoch"],
                now_us // 1000,
                number,
                fillings=progress["fillings"],
            )
            records.append((self._progress_topic, value, name.encode(), now_us // 1000, None))
        return records

    def _progress_record(self, series: Series, number: int, now_ms: int) -> KafkaRecord:
        value = self._progress.encode(
            series.head,
            series.last_id,
            series.last_ms,
            series.complete_until,
            tuple(series.open_gaps),
            series.tracker.epoch,
            now_ms,
            number,
            fillings=series.fillings,
        )
        return self._progress_topic, value, series.name.encode(), now_ms, None

    def _marker_record(self, marker: _Marker, now_us: int) -> KafkaRecord:
        series, gap, state = marker.series, marker.gap, marker.state
        edges = gap.after_ms, gap.before_ms
        fact = gap.id or digest(self._environment, series.name, gap.epoch, *edges)
        values = {
            "marker_id": digest(fact, state),
            "state": state,
            "reason": gap.reason,
            "product": series.product,
            "stream_name": series.stream.name,
            "symbol": series.symbol,
            "kind": series.stream.row.kind,
            "topic": marker.topic,
            "gap_id": gap.id or None,
            "marked_time": now_us // 1000,
            "marked_time_us": now_us,
            "before_id": gap.before_id,
            "after_id": gap.after_id,
            "before_time": gap.before_ms,
            "after_time": gap.after_ms,
            "missing": gap.missing,
            "recovered": gap.recovered if state in ("filled", "partial") else None,
            "id_epoch": gap.epoch,
            "repeats_possible": marker.repeats_possible,
            "shard": self._shard,
            "instance": self._instance,
            "detail": marker.detail or None,
        }
        value = encode_record(load("marker"), self._marker_schema_id, values)
        return self._marker_topic, value, series.name.encode(), now_us // 1000, None
