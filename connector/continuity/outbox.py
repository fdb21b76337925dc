"""Outbox: the marker and progress records that are written with the next transaction.

Filled by continuity/gap_tracker.py, drained by the producer. No I/O: the time is an argument.
"""

from collections.abc import Mapping
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


class Outbox:
    """Markers and progress of one writer that are not written yet.

    Args:
        environment: The topic prefix.
        shard, instance, run: The writer's shard, its name, the random id of its process.
    """

    def __init__(self, environment: str, shard: int, instance: str, run: str) -> None:
        self._environment = environment
        self._shard, self._instance, self._run = shard, instance, run
        self._marker_schema_id = 0
        self._progress = ProgressEncoder(0, shard, instance, run)
        self._dirty: list[Series] = []
        self._markers: list[dict[str, Any]] = []  # as records, `marked_time` still missing
        self._takeover: list[tuple[str, Mapping[str, Any]]] = []
        self._tombstones: list[str] = []  # keys of the progress topic
        self._last_written: Series | None = None  # whose progress was written last
        self._idle_written_ms = 0
        self._marker_topic = f"{environment}.{MARKERS}"
        self._progress_topic = f"{environment}.{PROGRESS}"
        # Name of a series whose progress was written -> number of the first transaction with it.
        self.first_commits: dict[str, int] = {}

    def begin(self, schema_ids: Mapping[str, int], stored: Mapping[str, Mapping[str, Any]]) -> None:
        """Set the schema ids by kind; take over this shard's stored progress, by series."""
        self._marker_schema_id = schema_ids["marker"]
        own = (self._shard, self._instance)
        self._progress = ProgressEncoder(schema_ids["progress"], *own, self._run)
        self._takeover = [
            item for item in stored.items() if (item[1]["shard"], item[1]["instance"]) == own
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

        `topic`: that of the records it is about; by default where the series goes now.
        """
        edges = gap.after_ms, gap.before_ms
        fact = gap.id or digest(self._environment, series.name, gap.epoch, *edges)
        marker = {
            "marker_id": digest(fact, state),
            "state": state,
            "reason": gap.reason,
            "product": series.product,
            "stream_name": series.stream.name,
            "symbol": series.symbol,
            "kind": series.stream.row.kind,
            "topic": topic or series.topic,
            "gap_id": gap.id or None,
            "before_id": gap.before_id,
            "after_id": gap.after_id,
            "before_time": gap.before_ms,
            "after_time": gap.after_ms,
            "missing": gap.missing,
            "recovered": gap.recovered if state in ("filled", "partial") else None,
            "id_epoch": gap.epoch,
            "repeats_possible": repeats_possible,
            "shard": self._shard,
            "instance": self._instance,
            "detail": detail or None,
        }
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
        """Return the markers, progress and tombstones of a transaction; number 0: without one."""
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
        now_ms, encode = now_us // 1000, self._progress.encode
        names = ("product", "stream_name", "symbol", "kind", "topic")
        states = ("last_id", "last_time", "complete_until", "open_gaps", "id_epoch")
        records: list[KafkaRecord] = []
        for name, progress in taken:
            self.first_commits.setdefault(name, number)
            head = self.head(*(progress[field] for field in names))
            state = [*(progress[field] for field in states), now_ms, number]
            value = encode(head, *state, fillings=progress["fillings"])
            records.append((self._progress_topic, value, name.encode(), now_ms, None))
        return records

    def _progress_record(self, series: Series, number: int, now_ms: int) -> KafkaRecord:
        edges = (series.last_id, series.last_ms, series.complete_until)
        state = (*edges, tuple(series.open_gaps), series.tracker.epoch)
        value = self._progress.encode(series.head, *state, now_ms, number, fillings=series.fillings)
        return self._progress_topic, value, series.name.encode(), now_ms, None

    def _marker_record(self, marker: dict[str, Any], now_us: int) -> KafkaRecord:
        now_ms = now_us // 1000
        marker |= {"marked_time": now_ms, "marked_time_us": now_us}
        value = encode_record(load("marker"), self._marker_schema_id, marker)
        name = f"{marker['product']}/{marker['stream_name']}/{marker['symbol']}"
        return self._marker_topic, value, name.encode(), now_ms, None
