"""One run: which topics, from where to where, in which order, and what came of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from connector.binance.products import PRODUCTS
from connector.codec.schema import OWN_TOPICS
from connector.config.model import Settings
from connector.continuity.audit.coverage import Marker
from connector.continuity.audit.report import VerifyReport, report_of
from connector.continuity.audit.series import AuditedSeries
from connector.continuity.audit.topic_reader import SeriesBook, TimeWindow, TopicReader
from connector.errors import Refused, Retry
from connector.kafka import client_config as kafka_settings
from connector.kafka.bulk_consumer import BulkConsumer, OffsetRange
from connector.kafka.checkpoint_store import read_records
from connector.kafka.schema_registry import SchemaCache

APPEND_TIME = 2  # the broker's time instead of ours: the topic is set to LogAppendTime
PLACE = re.compile(r"\{\w+\}")  # in a topic's template


class Verification:
    """One run over the topics of a config file."""

    def __init__(self, settings: Settings, window: TimeWindow, topics: Iterable[str] = ()) -> None:
        self._settings = settings
        self._window = window
        self._asked = tuple(topics)
        self._books = SeriesBook(window)
        self._schemas = SchemaCache(settings.schema_registry)
        self._unreadable: dict[str, int] = {}
        self._notes: list[str] = []
        self._done = self._total = self._read = 0

    def run(self, tell: Callable[[int, int], None]) -> VerifyReport:
        """Read everything and judge it; blocks.

        Args:
            tell: Called now and then with the offsets read so far and how many there are.

        Raises:
            Refused: a topic is not there, or a client may not read.
            Retry: Kafka or the registry cannot be reached.
        """
        conf = kafka_settings.consumer(self._settings.kafka)
        with closing(BulkConsumer(conf)) as bulk:
            there = bulk.topics()
            chosen = self._chosen(there)
            data = {name: bulk.ranges(name, there[name], self._window.since) for name in chosen}
            # Their ends are looked up after those of the data, open transactions included: so every
            # hole that will be seen has its marker before these ends.
            ours = self._slices_of_ours(conf, there)
            self._total = sum(it.end - it.start for them in (data, ours) for it in _all(them))
            for topic, slices in ours.items():
                self._read_ours(bulk, topic, slices, tell)
            for topic, slices in data.items():
                self._read_data(bulk, topic, self._to_read(bulk, topic, slices), tell)
        return self._verdict()

    def _to_read(
        self, bulk: BulkConsumer, topic: str, slices: list[OffsetRange]
    ) -> list[OffsetRange]:
        """Return the slices, or the whole partitions where the broker cannot look up times.

        The embedded one says of every time that nothing is so late, even of 1970.
        """
        if self._window.since is None or _any(slices):
            return slices
        partitions = [it.partition for it in slices]
        if _any(bulk.ranges(topic, partitions, 0)):
            return slices
        whole = _whole(slices, bulk.ranges(topic, partitions, None))
        self._total += sum(it.end - it.start for it in whole)
        return whole

    def _verdict(self) -> VerifyReport:
        since, until = self._window.bounds
        found = self._books.series
        kept = sorted(key for key in found if not self._asked or key[0] in self._asked)
        reports = [report_of(key[0], found[key]) for key in kept]
        told = [found[key].last_time for key in kept]
        empty = not any(report.records for report in reports)
        lost = empty and any(time is not None and since <= time < until for time in told)
        if empty:
            self._notes.append("no record lies in the window")
        if lost:
            self._notes.append(
                "progress tells of records in it, and the topics have none: retention deleted them"
                " (take a later --from), or the topics were made anew"
            )
        return VerifyReport(reports, self._read, self._unreadable, self._notes, lost=lost)

    def _chosen(self, there: Mapping[str, Any]) -> list[str]:
        """Return the topics to read: those asked for, else all that the file can write to."""
        missing = [name for name in self._asked if name not in there]
        if missing:
            raise Refused(f"Kafka has no topic {', '.join(missing)} (or it may not be described)")
        patterns = [re.compile(text) for text in topic_patterns(self._settings)]
        found = self._asked or [
            name for name in there if any(pattern.fullmatch(name) for pattern in patterns)
        ]
        if not found:
            raise Refused(f"Kafka has no topic of this file: {self._settings.topic_prefix}.*")
        return sorted(set(found))

    def _slices_of_ours(
        self, conf: Mapping[str, Any], there: Mapping[str, list[int]]
    ) -> dict[str, list[OffsetRange]]:
        names = [f"{self._settings.topic_prefix}.{name}" for name in OWN_TOPICS]
        self._notes += [
            f"topic {name} is not there: no hole can be explained by it"
            for name in names
            if name not in there
        ]
        with closing(BulkConsumer(conf, committed=False)) as bulk:
            return {name: bulk.ranges(name, there[name], None) for name in names if name in there}

    def _read_ours(
        self,
        bulk: BulkConsumer,
        topic: str,
        slices: list[OffsetRange],
        tell: Callable[[int, int], None],
    ) -> None:
        """Read markers or progress: every record whole, there are few."""
        kind = OWN_TOPICS[topic.rpartition(".")[2]]
        take = self._take_marker if kind == "marker" else self._take_progress
        for batch in read_records(bulk, topic, slices):
            for record in batch:
                if record.value is None:
                    continue
                try:
                    take(record.decode(kind, self._schemas))
                except (Refused, Retry):
                    raise
                except Exception as error:  # noqa: BLE001 - fastavro raises what it likes
                    self._cannot_read(topic, 1, repr(error))
            self._tell(batch, tell)

    def _take_marker(self, record: Mapping[str, Any]) -> None:
        self._series(record).coverage.add(Marker.of(record))

    def _take_progress(self, record: Mapping[str, Any]) -> None:
        series = self._series(record)
        series.coverage.note_epoch(record["id_epoch"])
        series.last_time = record["last_time"]
        series.complete_until = record["complete_until"]
        series.open_gaps = list(record["open_gaps"])

    def _series(self, record: Mapping[str, Any]) -> AuditedSeries:
        names = ("topic", "product", "stream_name", "symbol")
        return self._books.find_or_add(*(str(record[name]) for name in names))

    def _read_data(
        self,
        bulk: BulkConsumer,
        topic: str,
        slices: list[OffsetRange],
        tell: Callable[[int, int], None],
    ) -> None:
        reader = TopicReader(topic, self._books, self._schemas)
        appended = False
        for batch in bulk.read(topic, slices):
            reader.feed(batch)
            self._read += len(batch)
            appended = appended or bool(batch and batch[0].timestamp()[0] == APPEND_TIME)
            self._tell(batch, tell)
        if gone := bulk.truncated_partitions(topic, slices):
            self._notes.append(
                f"topic {topic}: retention deleted records of partitions {gone} during the run:"
                " holes there may be its doing; take a later --from"
            )
        if reader.unreadable:
            self._cannot_read(topic, reader.unreadable, reader.trouble)
        if appended:
            self._notes.append(
                f"topic {topic} is stamped by the broker (message.timestamp.type=LogAppendTime):"
                " the window goes by when records were written"
            )

    def _cannot_read(self, topic: str, records: int, trouble: str) -> None:
        if topic not in self._unreadable:
            self._notes.append(f"topic {topic}: some records cannot be read: {trouble}")
        self._unreadable[topic] = self._unreadable.get(topic, 0) + records

    def _tell(self, batch: list[Any], tell: Callable[[int, int], None]) -> None:
        self._done += len(batch)
        tell(self._done, self._total)


def _any(slices: Iterable[OffsetRange]) -> bool:
    """Whether there is anything to read."""
    return any(it.start < it.end for it in slices)


def _whole(cut: Iterable[OffsetRange], now: Iterable[OffsetRange]) -> list[OffsetRange]:
    """Return slices from the beginning to the ends that were looked up before the markers'."""
    starts = {it.partition: it.start for it in now}
    return [OffsetRange(it.partition, min(starts[it.partition], it.end), it.end) for it in cut]


def _all(slices: Mapping[str, list[OffsetRange]]) -> Iterator[OffsetRange]:
    for them in slices.values():
        yield from them


def topic_patterns(settings: Settings) -> list[str]:
    """Return expressions for the names of the topics that a file's subscriptions write to.

    The default is always among them: rows of merged streams go to the topic of their own product.
    """
    prefix = settings.topic_prefix
    templates = sorted({str(rule.topic) for rule in settings.subscriptions if rule.topic})
    named = [PLACE.split(text.replace("{prefix}", prefix)) for text in templates]
    default = rf"{re.escape(prefix)}\.(?:{'|'.join(PRODUCTS)})\.[^.]+"
    return [default, *("[A-Za-z0-9_-]+".join(map(re.escape, pieces)) for pieces in named)]
