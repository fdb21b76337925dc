"""Reads markers and progress back: at the start, and when Kafka has fenced this writer. Blocks.

Progress is written in the transactions of the data that it describes, so it says exactly what is
stored without a look at the data.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from connector.codec.avro import Schemas, decode_record
from connector.codec.framing import schema_id_of
from connector.codec.schema import MARKERS, PROGRESS, load
from connector.errors import BadMessage
from connector.kafka.bulk_consumer import BulkConsumer, OffsetRange
from connector.kafka.committer import LastWriter
from connector.telemetry import events

SETTLE_TIMEOUT_S = 20.0  # for transactions that are ending
SETTLE_POLL_S = 0.1

ProgressBySeries = dict[str, dict[str, Any]]  # product/stream_name/symbol -> progress record


class StoredRecord(NamedTuple):
    """A marker or progress record in its topic."""

    key: bytes  # name of the series: product/stream_name/symbol
    value: bytes | None  # None: a tombstone

    def decode(self, kind: str, schemas: Schemas) -> dict[str, Any]:
        """Return the fields; those its writer did not know yet have their default.

        Raises:
            BadMessage: it is no such record. Refused, Retry: the registry.
        """
        value = self.value or b""
        return decode_record(load(kind), value, schemas.text(schema_id_of(value)))


def read_records(
    consumer: BulkConsumer, topic: str, ranges: Sequence[OffsetRange] | None = None
) -> Iterator[list[StoredRecord]]:
    """Yield markers or progress in batches, those of each series in order.

    A topic that does not exist has none. Raises as BulkConsumer.

    Args:
        ranges: Which; None: everything that is committed at the call.
    """
    if ranges is None:
        ranges = consumer.ranges(topic, consumer.topics().get(topic, []), None)
    for batch in consumer.read(topic, ranges):
        yield [StoredRecord(message.key() or b"", message.value()) for message in batch]


class CheckpointStore:
    """Markers and progress of a topic prefix.

    Every method raises Retry when the cluster or the registry does not answer, and Refused when
    the registry refuses.

    Args:
        conf: How to reach the cluster, in librdkafka's names.
        schemas: The schemas that records were written with: a previous writer may be older.
    """

    def __init__(self, conf: Mapping[str, Any], prefix: str, schemas: Schemas) -> None:
        self._conf, self._schemas = conf, schemas
        self._marker_topic = f"{prefix}.{MARKERS}"
        self.progress_topic = f"{prefix}.{PROGRESS}"

    def progress(self) -> ProgressBySeries:
        """Return the newest progress of every series."""
        newest = {record.key: record for record in self._read(self.progress_topic)}
        found: ProgressBySeries = {}
        for key, record in newest.items():
            try:
                if record.value is not None:
                    found[key.decode()] = record.decode("progress", self._schemas)
            except (BadMessage, UnicodeDecodeError) as error:
                events.progress_unreadable(key=key.decode("utf-8", "replace"), cause=str(error))
        return found

    def markers(self, series: str) -> list[dict[str, Any]]:
        """Return all markers of a series in the order written; BadMessage: one is unreadable."""
        key = series.encode()
        own = (record for record in self._read_markers() if record.key == key)
        return [record.decode("marker", self._schemas) for record in own]

    def unfinished(self, gap_ids: Collection[str]) -> list[dict[str, Any]]:
        """Return the `opened` markers of the given gaps, of those whose filling was cut off."""
        last: dict[str, dict[str, Any]] = {}
        for record in self._read_markers() if gap_ids else ():
            try:
                marker = record.decode("marker", self._schemas)
            except BadMessage:
                continue  # another program's: `bkc verify` reports it
            if marker["gap_id"] in gap_ids:
                last[marker["gap_id"]] = marker
        opened = (marker for marker in last.values() if marker["state"] == "opened")
        return [marker for marker in opened if marker["after_id"] is not None]

    def last_writer(self, run: str, first_commits: Mapping[str, int], commits: int) -> LastWriter:
        """Return who has written last, once no transaction is open; see the function."""
        self._wait_until_settled()
        return last_writer(self.progress(), run, first_commits, commits)

    def _wait_until_settled(self) -> None:
        """Wait until no transaction is open in the progress topic, or SETTLE_TIMEOUT_S.

        The ends of a transaction are written some time after its commit or abort was confirmed.
        """
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        topic = self.progress_topic
        while time.monotonic() < deadline:
            with (
                closing(BulkConsumer(self._conf)) as stable,
                closing(BulkConsumer(self._conf, committed=False)) as latest,
            ):
                numbers = stable.topics()[topic]
                if stable.ranges(topic, numbers, None) == latest.ranges(topic, numbers, None):
                    return
            time.sleep(SETTLE_POLL_S)  # noqa: TID251 - a thread's own time

    def _read_markers(self) -> Iterator[StoredRecord]:
        return (record for record in self._read(self._marker_topic) if record.value is not None)

    def _read(self, topic: str) -> Iterator[StoredRecord]:
        with closing(BulkConsumer(self._conf)) as consumer:
            for batch in read_records(consumer, topic):
                yield from batch


def last_writer(
    progress: ProgressBySeries, run: str, first_commits: Mapping[str, int], commits: int
) -> LastWriter:
    """Return who has written last, by the newest progress of every series.

    Args:
        progress, run: That progress; random id of this process.
        first_commits: Series -> number of this process's first transaction with its progress.
        commits: Its transactions known to be stored.
    """
    own = [series for series, number in first_commits.items() if number <= commits]
    other = any(series in progress and progress[series]["run"] != run for series in own)
    numbers = [record["commit_number"] for record in progress.values() if record["run"] == run]
    return LastWriter(other=other, commits=max(numbers, default=0))
