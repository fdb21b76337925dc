"""What the topic holds of a span, and what its writer has said of the series; blocking."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from connector.backfill.manual.missing import PresentEvents
from connector.backfill.pages import Span
from connector.binance.stream_name import Stream
from connector.codec.avro import to_json
from connector.codec.framing import schema_id_of
from connector.config.model import Settings
from connector.continuity.audit.coverage import Coverage, Marker
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL
from connector.continuity.audit.series import AuditedSeries
from connector.continuity.audit.topic_reader import SeriesBook, TopicReader, Window
from connector.continuity.gap_tracker import MARKERS, PROGRESS
from connector.errors import Refused
from connector.kafka import client_config as kafka_settings
from connector.kafka.bulk_consumer import BulkConsumer, OffsetRange
from connector.kafka.checkpoint_store import stored
from connector.kafka.schema_registry import SchemaCache

Tell = Callable[[str, int, int], None]  # what is done, how far, of how many


@dataclass(frozen=True, slots=True)
class WriterState:
    """What the writer of a series has stored of it.

    Attributes:
        last: Last id, or opening time of the last closed candle; None: nothing was written yet.
        epoch: How often its ids have begun anew.
        open_gaps: Gaps that the writer is filling itself.
        coverage: Its markers.
    """

    last: int | None = None
    epoch: int = 0
    open_gaps: tuple[str, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)


class TopicState:
    """Reads the topics of one series.

    Args:
        settings: The cluster and the registry.
        topic: Where its records are.
        stream, symbol: The series.
    """

    def __init__(self, settings: Settings, topic: str, stream: Stream, symbol: str) -> None:
        self._topic = topic
        self._stream = stream
        self._symbol = symbol
        self._key = f"{stream.product}/{stream.name}/{symbol}"
        self._prefix = settings.topic_prefix
        self._conf = kafka_settings.consumer(settings.kafka)
        self._schemas = SchemaCache(settings.schema_registry)

    def known(self) -> WriterState:
        """Return what the writer has stored of the series.

        Raises:
            Retry: Kafka or the registry cannot be reached. Refused: we may not read.
        """
        progress = stored(self._conf, f"{self._prefix}.{PROGRESS}", self._schemas).get(self._key)
        coverage = self._markers()
        if progress is None:
            return WriterState(epoch=coverage.newest, coverage=coverage)
        gaps = tuple(progress["open_gaps"])
        return WriterState(progress["last_id"], progress["id_epoch"], gaps, coverage)

    def _markers(self) -> Coverage:
        coverage, topic = Coverage(), f"{self._prefix}.{MARKERS}"
        with closing(BulkConsumer(self._conf)) as bulk:
            for batch in bulk.read(topic, bulk.slices(topic, bulk.topics().get(topic, []), None)):
                for message in batch:
                    value = message.value()
                    if message.key() == self._key.encode() and value is not None:
                        coverage.add(Marker.of(self._decoded(value)))
        return coverage

    def _decoded(self, value: bytes) -> Mapping[str, Any]:
        found: Mapping[str, Any] = to_json(self._schemas.text(schema_id_of(value)), value)
        return found

    def present(
        self, span: Span, known: WriterState, since: int | None, tell: Tell
    ) -> PresentEvents:
        """Return which events of a span the topic holds.

        Asked after `known`: the ends are those of open transactions, which are waited for, so that
        everything up to `known.last` is seen.

        Raises:
            Retry: Kafka or the registry cannot be reached. Refused: some records cannot be read:
                one of them may be what would be written again.
        """
        there = PresentEvents(self._stream, self._symbol, span, known.coverage, known.epoch)
        reader = TopicReader(self._topic, _One(there, self._topic), self._schemas)
        slices = self._slices(since)
        total, done = sum(one.end - one.start for one in slices), 0
        with closing(BulkConsumer(self._conf)) as bulk:
            for batch in bulk.read(self._topic, slices):
                reader.feed(batch)
                done += len(batch)
                tell("reading", done, max(done, total))
        if reader.unreadable:
            raise Refused(
                f"topic {self._topic}: {reader.unreadable} records cannot be read"
                f" ({reader.trouble}): whether they are what is missing is not known"
            )
        return there

    def _slices(self, since: int | None) -> list[OffsetRange]:
        with closing(BulkConsumer(self._conf, committed=False)) as bulk:
            partitions = bulk.topics().get(self._topic, [])
            cut = bulk.slices(self._topic, partitions, since)
            if any(one.start < one.end for one in cut) or since is None:
                return cut
            # Nothing is so late: or the broker cannot tell by time (the embedded one), and then
            # leaving out what is there would write it twice.
            return bulk.slices(self._topic, partitions, None)


class _One(SeriesBook):
    """One series is looked at; all others are passed by."""

    def __init__(self, present: PresentEvents, topic: str) -> None:
        super().__init__(Window())
        self._present = present
        self._other = _Other(present.stream, "", (BEFORE_ALL, AFTER_ALL))
        self._mine = topic, present.stream.product, present.stream.name, present.symbol

    def of(self, topic: str, product: str, name: str, symbol: str) -> AuditedSeries:
        """See `SeriesBook.of`."""
        if (topic, product, name, symbol) == self._mine:
            return self._present
        return self._other


class _Other(AuditedSeries):
    """What nobody looks at: read as its neighbours are, so that the reader need not change over."""

    @classmethod
    def wanted(cls, stream: Stream) -> tuple[str, ...]:
        """See `PresentEvents.wanted`."""
        return PresentEvents.wanted(stream)

    def see(self, time: int, origin: bytes, gap: bytes | None, *ids: int | None) -> None:
        """Pass by."""
