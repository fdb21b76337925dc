"""Reads what a topic holds of a span, and what the writer of its series has stored. Blocks."""

from contextlib import closing
from dataclasses import dataclass, field

from typing_extensions import override

from connector.backfill.manual.missing import PresentEvents
from connector.backfill.manual.report import OnProgress
from connector.backfill.pages import Span
from connector.binance.stream_name import Stream
from connector.config.sections import KafkaSettings, RegistrySettings
from connector.continuity.audit.coverage import Coverage, Marker
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL
from connector.continuity.audit.series import AuditedSeries
from connector.continuity.audit.topic_reader import SeriesBook, TimeWindow, TopicReader
from connector.errors import BadMessage, Refused
from connector.kafka import client_config
from connector.kafka.bulk_consumer import BulkConsumer, OffsetRange
from connector.kafka.checkpoint_store import CheckpointStore
from connector.kafka.schema_registry import SchemaCache


@dataclass(frozen=True, slots=True)
class WriterState:
    """What the writer of a series has stored of it.

    Attributes:
        last: Last id, or open time of the last closed candle; None: nothing was written yet.
        epoch: How often its ids have begun anew.
        open_gaps: gap_ids of the gaps that the writer is filling itself.
        coverage: Its markers.
    """

    last: int | None = None
    epoch: int = 0
    open_gaps: tuple[str, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)


class TopicState:
    """Reads the topics of one series.

    Args:
        kafka, registry: The cluster and the registry.
        prefix: The topic prefix.
        topic: Topic of its records.
        stream, symbol: The series.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        registry: RegistrySettings,
        prefix: str,
        topic: str,
        stream: Stream,
        symbol: str,
    ) -> None:
        self._topic = topic
        self._stream = stream
        self._symbol = symbol
        self._name = f"{stream.product}/{stream.name}/{symbol}"
        self._conf = client_config.consumer(kafka)
        self._schemas = SchemaCache(registry)
        self._store = CheckpointStore(self._conf, prefix, self._schemas)

    def writer_state(self) -> WriterState:
        """Return what the writer has stored of the series.

        Raises:
            Retry: Kafka or the registry cannot be reached. Refused: we may not read.
        """
        progress = self._store.progress().get(self._name)
        coverage = self._coverage()
        if progress is None:
            return WriterState(epoch=coverage.newest_epoch, coverage=coverage)
        gaps = tuple(progress["open_gaps"])
        return WriterState(progress["last_id"], progress["id_epoch"], gaps, coverage)

    def _coverage(self) -> Coverage:
        coverage = Coverage()
        try:
            for marker in self._store.markers(self._name):
                coverage.add(Marker.of(marker))
        except BadMessage as error:
            raise Refused(f"a marker of {self._name} cannot be read: {error}") from error
        return coverage

    def present(
        self, span: Span, state: WriterState, since_ms: int | None, on_progress: OnProgress
    ) -> PresentEvents:
        """Return the events of a span that the topic holds; open transactions are waited for.

        Args:
            span: The span.
            state: Read before, so that everything up to `state.last` is in the topic.
            since_ms: Record time from which the topic is read; None: from its beginning.
            on_progress: Called with "reading", the records read, and how many there are.

        Raises:
            Retry: Kafka or the registry cannot be reached. Refused: some records cannot be read:
                one of them may be what would be written again.
        """
        present = PresentEvents(self._stream, self._symbol, span, state.coverage, state.epoch)
        reader = TopicReader(self._topic, _OneSeries(present, self._topic), self._schemas)
        ranges = self._ranges(since_ms)
        total, done = sum(part.end - part.start for part in ranges), 0
        with closing(BulkConsumer(self._conf)) as consumer:
            for batch in consumer.read(self._topic, ranges):
                reader.feed(batch)
                done += len(batch)
                on_progress("reading", done, max(done, total))
        if reader.unreadable:
            raise Refused(
                f"topic {self._topic}: {reader.unreadable} records cannot be read"
                f" ({reader.trouble}): whether they are what is missing is not known"
            )
        return present

    def _ranges(self, since_ms: int | None) -> list[OffsetRange]:
        with closing(BulkConsumer(self._conf, committed=False)) as consumer:
            partitions = consumer.topics().get(self._topic, [])
            ranges = consumer.ranges(self._topic, partitions, since_ms)
            if any(part.start < part.end for part in ranges) or since_ms is None:
                return ranges
            # Nothing is so late: or the broker cannot look up times (the embedded one), and then
            # leaving out what is there would write it twice.
            return consumer.ranges(self._topic, partitions, None)


class _OneSeries(SeriesBook):
    """One series is observed; the others of its topic are passed over."""

    def __init__(self, present: PresentEvents, topic: str) -> None:
        super().__init__(TimeWindow())
        self._present = present
        self._other = _OtherSeries(present.stream, "", (BEFORE_ALL, AFTER_ALL))
        self._key = topic, present.stream.product, present.stream.name, present.symbol

    @override
    def find_or_add(self, topic: str, product: str, name: str, symbol: str) -> AuditedSeries:
        if (topic, product, name, symbol) == self._key:
            return self._present
        return self._other


class _OtherSeries(AuditedSeries):
    """Reads the same fields as `PresentEvents`, so that the topic reader keeps one scanner."""

    @classmethod
    @override
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        return PresentEvents.wanted(stream)

    @override
    def observe(self, time: int, origin: bytes, gap_id: bytes | None, *ids: int | None) -> None:
        """Pass over a record."""
