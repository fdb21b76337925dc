"""Reads topics, markers and progress as any consumer would: what is missing, and is it explained?

Memory is bounded by the series and their holes. Backfill appends old times: a topic is read from
the first record of the window's beginning to its end when the run starts, and a record counts when
its own time lies inside the window.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from connector.binance.products import PRODUCTS
from connector.codec.schema import MARKERS, OWN_TOPICS, PROGRESS
from connector.config.model import Settings
from connector.continuity.audit.coverage import Marker
from connector.continuity.audit.ranges import BEFORE_ALL
from connector.continuity.audit.report import VerifyReport, report_of
from connector.continuity.audit.topic_reader import SeriesBook, TimeWindow, TopicReader
from connector.continuity.stored_state import PartitionClock, Stamp, stamp_of
from connector.errors import Refused, Retry
from connector.kafka import client_config
from connector.kafka.bulk_consumer import BulkConsumer, OffsetRange, by_partition
from connector.kafka.checkpoint_store import read_records
from connector.kafka.schema_registry import SchemaCache

APPEND_TIME = 2  # the broker's time instead of ours: the topic is set to LogAppendTime
PLACEHOLDER = re.compile(r"\{\w+\}")  # in a topic's template
Progress = Callable[[int, int], None]  # offsets read so far, and how many there are


class Verification:
    """One run over the topics of a config file, or over those of them that are named."""

    def __init__(self, settings: Settings, window: TimeWindow, topics: Iterable[str] = ()) -> None:
        self._settings, self._window, self._named = settings, window, tuple(topics)
        self._series = SeriesBook(window)
        self._schemas = SchemaCache(settings.schema_registry)
        self._unreadable: dict[str, int] = {}  # records, by topic
        self._notes: list[str] = []
        self._progress: dict[str, Stamp] = {}  # by series: which record counts so far
        self._done = self._total = self._read = 0

    def run(self, progress: Progress) -> VerifyReport:
        """Read everything and judge it; blocks. Calls `progress` after each batch.

        Raises:
            Refused: a topic does not exist, or a client may not read.
            Retry: Kafka or the registry cannot be reached.
        """
        conf, since = client_config.consumer(self._settings.kafka), self._window.since
        with closing(BulkConsumer(conf)) as bulk:
            topics = bulk.topics()
            chosen = self._chosen(topics)
            data = {name: bulk.ranges(name, topics[name], since) for name in chosen}
            # Their ends are looked up after those of the data, open transactions included: so every
            # hole that will be seen has its marker before these ends.
            own = self._own_ranges(conf, topics)
            self._total = sum(map(_length, (*data.values(), *own.values())))
            for topic, ranges in own.items():
                self._read_own(bulk, topic, ranges, progress)
            for topic, ranges in data.items():
                self._read_data(bulk, topic, self._to_read(bulk, topic, ranges), progress)
        return self._verdict()

    def _to_read(
        self, bulk: BulkConsumer, topic: str, ranges: list[OffsetRange]
    ) -> list[OffsetRange]:
        """Return the ranges, or the whole partitions where the broker cannot look up times.

        The embedded one answers for every time, even 1970, that no record is so late.
        """
        partitions = [part.partition for part in ranges]
        if (
            self._window.since is None
            or _length(ranges)
            or _length(bulk.ranges(topic, partitions, 0))
        ):
            return ranges
        starts = {part.partition: part.start for part in bulk.ranges(topic, partitions, None)}
        # To the ends that were looked up before those of the markers.
        whole = [
            OffsetRange(part.partition, min(starts[part.partition], part.end), part.end)
            for part in ranges
        ]
        self._total += _length(whole)
        return whole

    def _verdict(self) -> VerifyReport:
        since, until = self._window.bounds
        found = self._series.series
        kept = sorted(key for key in found if not self._named or key[0] in self._named)
        reports = [report_of(key[0], found[key]) for key in kept]
        last_times = [found[key].last_time for key in kept]
        empty = not any(report.records for report in reports)
        covered = [times for key in kept for times in found[key].covered_times()]
        uncovered = empty and not any(began < until and since <= end for began, end in covered)
        lost = empty and any(time is not None and since <= time < until for time in last_times)
        if uncovered:
            self._notes.append(_nobody_read(covered))
        elif empty:
            self._notes.append("no record lies in the window")
        if lost:
            self._notes.append(
                "progress tells of records in it, and the topics have none: retention deleted them"
                " (take a later --from), or the topics were made anew"
            )
        return VerifyReport(
            reports, self._read, self._unreadable, self._notes, lost=lost, uncovered=uncovered
        )

    def _chosen(self, topics: Mapping[str, Any]) -> list[str]:
        """Return the topics to read: those named, else all that the file can write to."""
        missing = [name for name in self._named if name not in topics]
        if missing:
            raise Refused(f"Kafka has no topic {', '.join(missing)} (or it may not be described)")
        pattern = re.compile("|".join(_topic_patterns(self._settings)))
        chosen = self._named or [name for name in topics if pattern.fullmatch(name)]
        if not chosen:
            raise Refused(f"Kafka has no topic of this file: {self._settings.topic_prefix}.*")
        return sorted(set(chosen))

    def _own_ranges(
        self, conf: Mapping[str, Any], topics: Mapping[str, list[int]]
    ) -> dict[str, list[OffsetRange]]:
        """Return what there is to read of the topics of markers and progress."""
        names = [f"{self._settings.topic_prefix}.{name}" for name in (MARKERS, PROGRESS)]
        for name in names:
            if name not in topics:
                self._notes.append(f"topic {name} is not there: no hole can be explained by it")
        with closing(BulkConsumer(conf, committed=False)) as bulk:
            return {name: bulk.ranges(name, topics[name], None) for name in names if name in topics}

    def _read_own(
        self, bulk: BulkConsumer, topic: str, ranges: list[OffsetRange], progress: Progress
    ) -> None:
        """Read markers or progress: every record whole, there are few."""
        kind, clock = OWN_TOPICS[topic.rpartition(".")[2]], PartitionClock()
        for batch in read_records(bulk, topic, ranges):
            for record in batch:
                if record.value is None:
                    continue
                try:
                    place = clock.advance(record.partition, record.timestamp_ms)
                    self._take(record.name, record.decode(kind, self._schemas), place)
                except (Refused, Retry):
                    raise
                except Exception as error:  # noqa: BLE001 - fastavro raises what it likes
                    self._cannot_read(topic, 1, repr(error))
            self._report(batch, progress)

    def _take(self, name: str, record: Mapping[str, Any], place: int) -> None:
        """Give a marker or a progress record to its series, by which of them was written last."""
        names = ("topic", "product", "stream_name", "symbol")
        series = self._series.find_or_add(*(str(record[field]) for field in names))
        if "marker_id" in record:
            series.coverage.add(Marker.of(record, place))
            return
        series.coverage.note_epoch(record["id_epoch"])
        stamp = stamp_of(record)
        if name not in self._progress or stamp.is_after(self._progress[name]):
            self._progress[name] = stamp
            series.last_time, series.complete_until = record["last_time"], record["complete_until"]
            series.open_gaps = list(record["open_gaps"])

    def _read_data(
        self, bulk: BulkConsumer, topic: str, ranges: list[OffsetRange], progress: Progress
    ) -> None:
        reader = TopicReader(topic, self._series, self._schemas)
        appended = False
        for batch in bulk.read(topic, ranges):
            for partition, records in by_partition(batch).items():
                reader.feed(records, partition)
            self._read += len(batch)
            appended = appended or bool(batch and batch[0].timestamp()[0] == APPEND_TIME)
            self._report(batch, progress)
        if deleted := bulk.truncated_partitions(topic, ranges):
            self._notes.append(
                f"topic {topic}: retention deleted records of partitions {deleted} during the run:"
                " holes there may be its doing; take a later --from"
            )
        if reader.unreadable:
            self._cannot_read(topic, reader.unreadable, reader.trouble)
        if appended:
            self._series.note_broker_times(topic)
            self._notes.append(
                f"topic {topic} is stamped by the broker (message.timestamp.type=LogAppendTime):"
                " the window goes by when records were written"
            )

    def _cannot_read(self, topic: str, records: int, cause: str) -> None:
        if topic not in self._unreadable:
            self._notes.append(f"topic {topic}: some records cannot be read: {cause}")
        self._unreadable[topic] = self._unreadable.get(topic, 0) + records

    def _report(self, batch: list[Any], progress: Progress) -> None:
        self._done += len(batch)
        progress(self._done, self._total)


def _nobody_read(covered: Sequence[tuple[int, int]]) -> str:
    """Return the sentence about a window in which nothing was read, and what was read at all."""
    if not covered:
        return "nobody has read anything: the topic of markers tells of no coverage"
    began, ended = min(began for began, _ in covered), max(ended for _, ended in covered)
    since = "of a time that no marker tells any more" if began <= BEFORE_ALL else _time(began)
    return f"nobody read anything in the window: what was read is from {since} to {_time(ended)}"


def _time(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds")


def _length(ranges: Iterable[OffsetRange]) -> int:
    return sum(max(0, part.end - part.start) for part in ranges)


def _topic_patterns(settings: Settings) -> list[str]:
    """Return expressions for the names of the topics that a file's subscriptions write to.

    The default is always among them: rows of merged streams go to the topic of their own product.
    """
    prefix = settings.topic_prefix
    templates = sorted({str(rule.topic) for rule in settings.subscriptions if rule.topic})
    parts = [PLACEHOLDER.split(text.replace("{prefix}", prefix)) for text in templates]
    default = rf"{re.escape(prefix)}\.(?:{'|'.join(PRODUCTS)})\.[^.]+"
    return [default, *("[A-Za-z0-9_-]+".join(map(re.escape, pieces)) for pieces in parts)]
