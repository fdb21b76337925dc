"""What is written down of the series: the marker and progress records of the next transaction.

Told what happened by continuity/gap_tracker.py; knows nothing of why. No I/O: `now` is an argument.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.codec.avro import encode_record
from connector.codec.progress import ProgressEncoder
from connector.codec.schema import load
from connector.continuity.marker import MarkerState, digest
from connector.continuity.series import Gap, Series

MARKERS, PROGRESS = "markers", "progress"  # topics, behind the prefix
IDLE_PROGRESS_INTERVAL_MS = (
    1_000  # how often progress of series without ids is written; the others: each time
)
Record = tuple[str, bytes | None, bytes | None, int, Any]  # as a producer takes it


class Outbox:
    """Markers and progress of one writer, until they are written.

    Args:
        environment: The topic prefix.
        shard: The writer's shard,
        instance: its name, and
        run: the random id of its process.

    Attributes:
        sealed: Series whose progress was written -> number of the first transaction that did.
    """

    def __init__(self, environment: str, shard: int, instance: str, run: str) -> None:
        self._environment = environment
        self._shard, self._instance, self._run = shard, instance, run
        self._marker_schema = 0
        self._progress = ProgressEncoder(0, shard, instance, run)
        self._dirty: list[Series] = []
        self._waiting: list[tuple[MarkerState, Series, str, Gap, str, bool]] = []
        self._takeover: list[tuple[str, Mapping[str, Any]]] = []
        self._tombstones: list[str] = []  # series whose progress is to be deleted
        self._told: Series | None = None  # whose progress was written last
        self._slowly_ms = 0
        self._marker_topic = f"{environment}.{MARKERS}"
        self._progress_topic = f"{environment}.{PROGRESS}"
        self.sealed: dict[str, int] = {}

    def begin(self, schema_ids: Mapping[str, int], stored: Mapping[str, Mapping[str, Any]]) -> None:
        """Learn the schema ids, and the progress of the writer before, which is ours now."""
        self._marker_schema = schema_ids["marker"]
        self._progress = ProgressEncoder(
            schema_ids["progress"], self._shard, self._instance, self._run
        )
        mine = (self._shard, self._instance)
        self._takeover = [
            (name, one) for name, one in stored.items() if (one["shard"], one["instance"]) == mine
        ]

    def head(self, product: str, stream_name: str, symbol: str, kind: str, topic: str) -> bytes:
        """Return what never changes in the progress of a series."""
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
        """Have a marker written with the next transaction, as things stand now.

        Args:
            state, series, gap, detail, repeats_possible: What it says.
            topic: Where the records were, if it is not where the series goes now.
        """
        now = topic or series.topic, replace(gap)
        self._waiting.append((state, series, *now, detail, repeats_possible))

    def schedule_progress(self, series: Series) -> None:
        """Have the progress of a series written with the next transaction."""
        if not series.dirty:
            series.dirty = True
            self._dirty.append(series)

    @property
    def waiting(self) -> bool:
        """Whether markers wait to be written."""
        return bool(self._waiting)

    def add_tombstone(self, series: Series) -> None:
        """Have the progress of a series that nobody reads any more deleted.

        Should it come back, its coverage begins anew; the progress of one whose ids began anew
        stays, for the sake of its count of that.
        """
        self.sealed.pop(series.name, None)
        if series.tracker.epoch:
            return
        self._dirty = [one for one in self._dirty if one is not series]
        self._told = None if self._told is series else self._told
        self._tombstones.append(series.name)

    def drain(self, number: int, now_us: int) -> list[Record]:
        """Return the markers and the progress that belong to a transaction.

        Args:
            number: The transaction's.
            now_us: Epoch microseconds.
        """
        now_ms = now_us // 1000
        waiting, self._waiting = self._waiting, []
        records = [self._marker(*one, now_us) for one in waiting]
        dirty, self._dirty = self._dirty, []
        slowly = now_ms - self._slowly_ms >= IDLE_PROGRESS_INTERVAL_MS
        if slowly:
            self._slowly_ms = now_ms
        told = number == 0  # every transaction tells its number: it shows which one is stored
        for position, series in enumerate(dirty, 1):
            last_chance = position == len(dirty) and not told
            if not series.tracker.has_ids and not slowly and not last_chance:
                self._dirty.append(series)
                continue
            series.dirty, told, self._told = False, True, series
            self.sealed.setdefault(series.name, number)
            records.append(self._progress_of(series, number, now_ms))
        if not told and self._told is not None:
            records.append(self._progress_of(self._told, number, now_ms))
        buried, self._tombstones = self._tombstones, []
        return records + [
            (self._progress_topic, None, name.encode(), now_ms, None) for name in buried
        ]

    def rewrite_progress(self, number: int, now_us: int) -> list[Record]:
        """Return the progress of every series of the writer before, under our name.

        The first transaction: who was fenced by us can see that somebody newer writes.
        """
        taken, self._takeover = self._takeover, []
        records: list[Record] = []
        for name, one in taken:
            self.sealed.setdefault(name, number)
            value = self._progress.encode(
                self._progress.head(
                    one["product"], one["stream_name"], one["symbol"], one["kind"], one["topic"]
                ),
                one["last_id"],
                one["last_time"],
                one["complete_until"],
                one["open_gaps"],
                one["id_epoch"],
                now_us // 1000,
                number,
                fillings=one["fillings"],
            )
            records.append((self._progress_topic, value, name.encode(), now_us // 1000, None))
        return records

    def _progress_of(self, series: Series, number: int, now_ms: int) -> Record:
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

    def _marker(
        self,
        state: MarkerState,
        series: Series,
        topic: str,
        gap: Gap,
        detail: str,
        repeats_possible: bool,
        now_us: int,
    ) -> Record:
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
            "topic": topic,
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
            "repeats_possible": repeats_possible,
            "shard": self._shard,
            "instance": self._instance,
            "detail": detail or None,
        }
        value = encode_record(load("marker"), self._marker_schema, values)
        return self._marker_topic, value, series.name.encode(), now_us // 1000, None
