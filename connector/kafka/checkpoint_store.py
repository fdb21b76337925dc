"""Reads markers, progress and checkpoints back: at the start, and when Kafka has fenced a writer.

They are written in the transactions of the data that they describe, so they say exactly what is
stored without a look at the data. Blocks.
"""

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from connector.binance.products import PRODUCTS
from connector.codec.avro import Schemas, decode_record
from connector.codec.framing import schema_id_of
from connector.codec.schema import CHECKPOINTS, MARKERS, PROGRESS, load
from connector.continuity.stored_state import (
    LastWriter,
    PartitionClock,
    Positions,
    ProgressBySeries,
    Stamp,
    StoredState,
    last_writer,
    stamp_of,
)
from connector.errors import BadMessage, Refused
from connector.kafka.bulk_consumer import BulkConsumer, OffsetRange
from connector.telemetry import events

SETTLE_TIMEOUT_S = 20.0  # for transactions that are ending
SETTLE_POLL_S = 0.1
UNREADABLE = (
    "{}: what the previous writer stored cannot be read ({}). Give the schema registry its schema"
    " {} back. Or write a tombstone with this key to the topic: then the series begins anew, and"
    " nobody marks what it has missed since"
)


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A marker, progress or checkpoint record in its topic."""

    key: bytes  # of markers and progress the name of the series: product/stream_name/symbol
    value: bytes | None  # None: a tombstone
    partition: int = 0
    timestamp_ms: int = 0
    headers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The key as text."""
        return self.key.decode("utf-8", "replace")

    def decode(self, kind: str, schemas: Schemas) -> dict[str, Any]:
        """Return the fields; those its writer did not know yet have their default.

        This program's own schema comes first: what it wrote is readable whatever became of the
        registry. The record's names must be those of its key, so no other record passes for it.

        Raises:
            BadMessage: it is no such record. Refused, Retry: the registry.
        """
        value, own = self.value or b"", load(kind)
        try:
            record = decode_record(own, value)
        except BadMessage:
            record = {}
        if self._fits(record):
            return record
        record = decode_record(own, value, schemas.text(schema_id_of(value)))
        if not self._fits(record):
            raise BadMessage("avro", f"a {own.name} of another key")
        return record

    def _fits(self, record: Mapping[str, Any]) -> bool:
        if "symbol" in record:
            return self.name == f"{record['product']}/{record['stream_name']}/{record['symbol']}"
        return bool(record) and self.name.startswith(f"{record['instance']}/{record['shard']}/")

    def tombstone_stamp(self) -> Stamp:
        """Return how new a tombstone is; those of older versions have a time alone."""
        head = self.headers
        generation, number = (int(head.get(name, 0)) for name in ("generation", "commit_number"))
        return Stamp(generation, head.get("run", b"").decode(), number, self.timestamp_ms)


def read_records(
    consumer: BulkConsumer, topic: str, ranges: Sequence[OffsetRange] | None = None
) -> Iterator[list[StoredRecord]]:
    """Yield records of the connector's own topics in batches, each partition in order.

    A topic that does not exist has none. Raises as BulkConsumer.

    Args:
        ranges: Which; None: everything that is committed at the call.
    """
    if ranges is None:
        ranges = consumer.ranges(topic, consumer.topics().get(topic, []), None)
    for batch in consumer.read(topic, ranges):
        yield [
            StoredRecord(
                message.key() or b"",
                message.value(),
                message.partition() or 0,
                message.timestamp()[1],
                dict(message.headers() or ()),
            )
            for message in batch
        ]


def wait_until_settled(conf: Mapping[str, Any], topic: str) -> None:
    """Wait until no transaction is open in a topic, or SETTLE_TIMEOUT_S.

    The ends of a transaction are written some time after its commit or abort was confirmed.
    """
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while time.monotonic() < deadline:
        with (
            closing(BulkConsumer(conf)) as stable,
            closing(BulkConsumer(conf, committed=False)) as latest,
        ):
            numbers = stable.topics().get(topic, [])
            if stable.ranges(topic, numbers, None) == latest.ranges(topic, numbers, None):
                return
        time.sleep(SETTLE_POLL_S)  # noqa: TID251 - a thread's own time


class CheckpointStore:
    """Markers, progress and checkpoints of a topic prefix.

    Every method raises Retry when the cluster or the registry does not answer, and Refused when
    the registry refuses, or when state of ours cannot be read.

    Args:
        conf: How to reach the cluster, in librdkafka's names.
        schemas: The schemas that records were written with: a previous writer may be older.
    """

    def __init__(self, conf: Mapping[str, Any], prefix: str, schemas: Schemas) -> None:
        self._conf, self._schemas = conf, schemas
        self._marker_topic = f"{prefix}.{MARKERS}"
        self._progress_topic = f"{prefix}.{PROGRESS}"
        self.checkpoint_topic = f"{prefix}.{CHECKPOINTS}"

    def state(self) -> StoredState:
        """Return what all writers of the prefix have stored."""
        newest = self._newest_progress()
        checkpoints = self._checkpoints("")
        positions = Positions(checkpoints)
        progress = {name: positions.advance(record) for name, record in newest.items()}
        stamps = map(stamp_of, (*progress.values(), *checkpoints))
        generation = max((stamp.generation for stamp in stamps), default=0)
        return StoredState(progress, self._unfinished(progress), generation)

    def progress(self) -> ProgressBySeries:
        """Return the newest progress of every series."""
        positions = Positions(self._checkpoints(""))
        return {name: positions.advance(record) for name, record in self._newest_progress().items()}

    def markers(self, series: str) -> list[dict[str, Any]]:
        """Return all markers of a series in the order written; BadMessage: one is unreadable."""
        own = self._in_order(self._marker_topic, {series})
        return [record.decode("marker", self._schemas) for record in own]

    def last_writer(self, instance: str, shard: int, run: str, generation: int) -> LastWriter:
        """Return who has written last of a shard, once no transaction is open; see the function."""
        wait_until_settled(self._conf, self.checkpoint_topic)
        return last_writer(self._checkpoints(f"{instance}/{shard}/"), run, generation)

    def _newest_progress(self) -> ProgressBySeries:
        newest: dict[str, tuple[Stamp, dict[str, Any]]] = {}
        for record in self._last_of_each_key(self._progress_topic):
            fields = self._decode("progress", record)
            stamp = record.tombstone_stamp() if fields is None else stamp_of(fields)
            if record.name not in newest or stamp.is_after(newest[record.name][0]):
                newest[record.name] = stamp, fields or {}
        return {name: fields for name, (_, fields) in newest.items() if fields}

    def _checkpoints(self, start: str) -> list[dict[str, Any]]:
        """Return the checkpoints whose key begins so."""
        records = self._last_of_each_key(self.checkpoint_topic)
        own = (record for record in records if record.name.startswith(start))
        decoded = (self._decode("checkpoint", record) for record in own)
        return [fields for fields in decoded if fields is not None]

    def _unfinished(self, progress: ProgressBySeries) -> list[dict[str, Any]]:
        """Return the `opened` markers of the gaps whose filling was cut off."""
        wanted = {name: set(fields["open_gaps"]) for name, fields in progress.items()}
        wanted = {name: gaps for name, gaps in wanted.items() if gaps}
        last: dict[str, dict[str, Any]] = {}
        for record in self._in_order(self._marker_topic, wanted) if wanted else ():
            marker = self._decode("marker", record)
            if marker is not None and marker["gap_id"] in wanted[record.name]:
                last[marker["gap_id"]] = marker
        lost = sorted(gap_id for gaps in wanted.values() for gap_id in gaps if gap_id not in last)
        if lost:
            events.gap_markers_lost(lost)
        opened = (marker for marker in last.values() if marker["state"] == "opened")
        return [marker for marker in opened if marker["after_id"] is not None]

    def _decode(self, kind: str, record: StoredRecord) -> dict[str, Any] | None:
        """Return the fields of a record; None: a tombstone, or a record that is not ours.

        Raises:
            Refused: it is ours and cannot be read.
        """
        if record.value is None:
            return None
        try:
            return record.decode(kind, self._schemas)
        except BadMessage as error:
            topic = {"marker": self._marker_topic, "progress": self._progress_topic}
            place = f"topic {topic.get(kind, self.checkpoint_topic)}, key {record.name}"
            if kind != "checkpoint" and record.name.partition("/")[0] not in PRODUCTS:
                events.foreign_record(place, str(error))
                return None
            raise Refused(UNREADABLE.format(place, error, schema_id_of(record.value))) from error

    def _last_of_each_key(self, topic: str) -> list[StoredRecord]:
        """Return the last record of each key in each partition."""
        return list({(rec.key, rec.partition): rec for rec in self._read(topic)}.values())

    def _in_order(self, topic: str, keys: Container[str]) -> list[StoredRecord]:
        """Return the records of these keys that have a value, in the order written."""
        clock = PartitionClock()
        records = [rec for rec in self._read(topic) if rec.value is not None and rec.name in keys]
        return sorted(records, key=lambda rec: clock.advance(rec.partition, rec.timestamp_ms))

    def _read(self, topic: str) -> Iterator[StoredRecord]:
        with closing(BulkConsumer(self._conf)) as consumer:
            for batch in read_records(consumer, topic):
                yield from batch
