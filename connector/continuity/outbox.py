"""Outbox: the marker, progress and checkpoint records that are written with the next transaction.

Filled by continuity/gap_tracker.py, drained by the producer. No I/O: the time is an argument.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.codec.avro import encode_record
from connector.codec.framing import Headers, KafkaRecord
from connector.codec.progress import CheckpointEncoder, ProgressEncoder, RunIdentity
from connector.codec.schema import CHECKPOINTS, MARKERS, PROGRESS, load
from connector.continuity.candidacy import LEAVE_KEY
from connector.continuity.gap import Gap
from connector.continuity.marker import MarkerState, digest
from connector.continuity.progress_schedule import CHECKPOINT_SLOTS, ProgressSchedule
from connector.continuity.series import Series


class Outbox:
    """Markers, progress and checkpoints of one writer that are not written yet.

    Args:
        environment: The topic prefix.
        shard, instance, run: The writer's shard, its name, the random id of its process.

    Attributes:
        waiting_since_us: When the oldest frame was read that is in no transaction yet, epoch
            microseconds; None: no frame waits.
    """

    def __init__(self, environment: str, shard: int, instance: str, run: str) -> None:
        self.waiting_since_us: int | None = None
        self._environment = environment
        self._identity = RunIdentity(shard, instance, run)
        self._marker_schema_id = 0
        self._progress = ProgressEncoder(0, self._identity)
        self._checkpoint = CheckpointEncoder(0, self._identity)
        self._schedule = ProgressSchedule()
        self.note_advanced = self._schedule.advance
        self.schedule_progress = self._schedule.schedule
        self.update_progress = self._schedule.update
        self._markers: list[dict[str, Any]] = []  # as records, `marked_time` still missing
        self._takeover: list[tuple[str, Mapping[str, Any]]] = []
        self._leaves = False  # the next transaction is the last one
        self._tombstones: list[str] = []  # keys of the progress topic
        self._numbers: dict[str, int] = {}  # by name of the series, from 1
        self._marker_topic = f"{environment}.{MARKERS}"
        self._progress_topic = f"{environment}.{PROGRESS}"
        self._checkpoint_topic = f"{environment}.{CHECKPOINTS}"

    def begin(
        self,
        schema_ids: Mapping[str, int],
        stored: Mapping[str, Mapping[str, Any]],
        generation: int = 1,
    ) -> None:
        """Set the schema ids of the kinds that are written; take over this shard's progress."""
        self._identity = identity = replace(self._identity, generation=generation)
        self._marker_schema_id = schema_ids["marker"]
        self._progress = ProgressEncoder(schema_ids.get("progress", 0), identity)
        self._checkpoint = CheckpointEncoder(schema_ids.get("checkpoint", 0), identity)
        own = (identity.shard, identity.instance)
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

        `topic`: that of the records it is about; by default the gap's, else where the series goes.
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
            "topic": topic or gap.topic or series.topic,
            "gap_id": gap.id or None,
            "before_id": gap.before_id,
            "after_id": gap.after_id,
            "before_time": gap.before_ms,
            "after_time": gap.after_ms,
            "missing": gap.missing,
            "recovered": gap.recovered if state in ("filled", "partial") else None,
            "id_epoch": gap.epoch,
            "repeats_possible": repeats_possible,
            "shard": self._identity.shard,
            "instance": self._identity.instance,
            "detail": detail or None,
        }
        self._markers.append(marker)

    def add_tombstone(self, series: Series) -> None:
        """Have the progress of a series deleted: no stream carries it any more.

        Should it come back, its coverage begins anew. If its ids have ever begun anew, the progress
        stays: it keeps the id epoch.
        """
        if series.tracker.epoch:
            return
        self._schedule.remove(series)
        self._tombstones.append(series.name)

    def leave(self) -> None:
        """Have the next transaction say that it is the last one: the next writer need not wait."""
        self._leaves = True

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write, not even what an advanced series needs."""
        return not (self._markers or self._tombstones or self._leaves) and self._schedule.is_empty

    def is_due(self, now_us: int) -> bool:
        """Say whether something must be written though no record is published."""
        due_ms = self._schedule.due_ms
        waiting = bool(self._markers or self._tombstones or self._leaves)
        return waiting or (due_ms is not None and now_us // 1000 >= due_ms)

    def drain(self, number: int, now_us: int, published: int) -> list[KafkaRecord]:
        """Return the records of a transaction that are about its data; one is its checkpoint.

        Args:
            number: Of the transaction, from 1.
            now_us: Epoch microseconds.
            published: Records of data published so far.
        """
        now_ms, since_us = now_us // 1000, self.waiting_since_us
        waiting_ms = 0 if since_us is None else max(0, now_us - since_us) // 1000
        tombstones, self._tombstones = self._tombstones, []
        written, advanced = self._schedule.take(number, now_ms, published)
        leaving, self._leaves = self._leaves, False
        return [
            *self.drain_markers(now_us),
            *(self._progress_record(series, number, now_ms) for series in written),
            *(self._tombstone(name, number, now_ms) for name in tombstones),
            self._checkpoint_record(advanced, number, now_ms, waiting_ms),
            *([self._leave_record(number, now_ms)] if leaving else ()),
        ]

    def drain_markers(self, now_us: int) -> list[KafkaRecord]:
        """Return the records of the markers alone; `now_us` is in epoch microseconds."""
        markers, self._markers = self._markers, []
        return [self._marker_record(marker, now_us) for marker in markers]

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
            head = self.head(*(progress[field] for field in names))
            state = [*(progress[field] for field in states), now_ms]
            value = encode(
                head,
                *state,
                commit_number=number,
                series_number=self._number_of(name),
                fillings=progress["fillings"],
            )
            records.append((self._progress_topic, value, name.encode(), now_ms, None))
        return [*records, self._checkpoint_record([], number, now_ms)]

    def _number_of(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers) + 1)

    def _progress_record(self, series: Series, number: int, now_ms: int) -> KafkaRecord:
        series.number = series.number or self._number_of(series.name)
        edges = (series.last_id, series.last_ms, series.complete_until)
        state = (*edges, tuple(series.open_gaps), series.tracker.epoch, now_ms)
        value = self._progress.encode(
            series.head,
            *state,
            commit_number=number,
            series_number=series.number,
            fillings=series.fillings,
        )
        return self._progress_topic, value, series.name.encode(), now_ms, None

    def _tombstone(self, name: str, number: int, now_ms: int) -> KafkaRecord:
        """Return a tombstone, which says by headers what a value would say: how new it is."""
        identity = self._identity
        stamp = {"generation": identity.generation, "run": identity.run, "commit_number": number}
        headers: Headers = [(name, str(value)) for name, value in stamp.items()]
        return self._progress_topic, None, name.encode(), now_ms, headers

    def _checkpoint_record(
        self, advanced: list[Series], number: int, now_ms: int, waiting_ms: int | None = None
    ) -> KafkaRecord:
        positions = [(each.number, each.last_id, each.last_ms or 0) for each in advanced]
        value = self._checkpoint.encode(number, now_ms, positions, waiting_ms)
        identity, slot = self._identity, number % CHECKPOINT_SLOTS
        key = f"{identity.instance}/{identity.shard}/{slot}"
        return self._checkpoint_topic, value, key.encode(), now_ms, None

    def _leave_record(self, number: int, now_ms: int) -> KafkaRecord:
        value = self._checkpoint.encode(number, now_ms, [], 0)
        key = f"{self._identity.instance}/{self._identity.shard}/{LEAVE_KEY}"
        return self._checkpoint_topic, value, key.encode(), now_ms, None

    def _marker_record(self, marker: dict[str, Any], now_us: int) -> KafkaRecord:
        now_ms = now_us // 1000
        marker |= {"marked_time": now_ms, "marked_time_us": now_us}
        value = encode_record(load("marker"), self._marker_schema_id, marker)
        name = f"{marker['product']}/{marker['stream_name']}/{marker['symbol']}"
        return self._marker_topic, value, name.encode(), now_ms, None
