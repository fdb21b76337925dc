"""Reads topics, markers and progress as any consumer would, and says what is missing and who knows.

Memory is bounded by the series and their holes, not by records. Backfill appends old times: a topic
is read from the first record of the window's beginning to the end it has when the run starts, and a
record counts when its own time lies inside the window.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.binance.audit import Series, rule_of
from connector.binance.coverage import Marker
from connector.binance.names import Stream, recognise
from connector.binance.products import PRODUCTS
from connector.binance.ranges import AFTER_ALL, BEFORE_ALL
from connector.binance.verdict import Verdict, report_of
from connector.codec.formats import plain
from connector.codec.scan import HEADER_BYTES, Scanned, Scanner, prefix_of, split_prefix
from connector.config.model import Settings
from connector.errors import BadMessage, Refused, Retry
from connector.kafka import settings as kafka_settings
from connector.kafka.bulk import Bulk, Slice
from connector.registry import WriterSchemas

MARKERS, PROGRESS = "markers", "progress"
HEAD = ("origin", "gap_id")  # what every series looks at, before its sequence fields
APPEND_TIME = 2  # the broker's time instead of ours: the topic is set to LogAppendTime
PLACE = re.compile(r"\{\w+\}")  # in a topic's template
Key = tuple[str, str, str, str]  # topic, product, stream name, symbol
See = Callable[..., None]


class Message(Protocol):
    """What is used of a record as the client hands it over."""

    def value(self) -> bytes | None:
        """Its bytes; None deletes its key."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Whose time it is, and epoch milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` up to `until`, the latter not included; epoch milliseconds."""

    since: int | None = None
    until: int | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """The same as two numbers."""
        since = BEFORE_ALL if self.since is None else self.since
        return since, AFTER_ALL if self.until is None else self.until


class Books:
    """Every series met so far."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.series: dict[Key, Series] = {}

    def of(self, topic: str, product: str, name: str, symbol: str) -> Series:
        """Return a series, a new one when it was not met before.

        Raises:
            BadMessage: the catalogue knows no such stream.
        """
        key = topic, product, name, symbol
        if key not in self.series:
            stream = _stream(product, name)
            self.series[key] = rule_of(stream)(stream, symbol, self._window.bounds)
        return self.series[key]


def _stream(product: str, name: str) -> Stream:
    """Return a record's stream; a merged futures stream may be known to the other product alone."""
    if product in PRODUCTS:
        for server in (product, *PRODUCTS):
            try:
                found = recognise(server, name)
            except Refused:
                continue
            return Stream(product, found.row, found.parameters)
    raise BadMessage("unknown_stream", f"{product} has no stream {name!r}")


@dataclass(slots=True)
class Way:
    """How the records of one schema and rule are read: its scanner, and who sees each series."""

    scanner: Scanner
    seers: dict[bytes, See] = field(default_factory=dict)


class TopicReader:
    """Takes the records of one topic to their series. The loop of `feed` is the hot path.

    Attributes:
        unreadable: Records that could not be read.
        trouble: What was wrong with the first of them.
    """

    def __init__(self, topic: str, books: Books, schemas: WriterSchemas) -> None:
        self._topic = topic
        self._books = books
        self._schemas = schemas
        self._ways: dict[tuple[int, tuple[str, ...]], Way] = {}
        self._by_prefix: dict[bytes, tuple[Way, See]] = {}
        self._scan: Callable[[bytes], Scanned | None] = lambda _value: None
        self._seers: dict[bytes, See] = {}
        self.unreadable = 0
        self.trouble = ""

    def feed(self, batch: Iterable[Message]) -> None:
        """Take a batch of records."""
        scan, seers = self._scan, self._seers
        for message in batch:
            found = scan(message.value() or b"")
            see = seers.get(found[0]) if found is not None else None
            if found is None or see is None:
                self._feed_slowly(message)
                scan, seers = self._scan, self._seers
            else:
                see(message.timestamp()[1], *found[1:])

    def _feed_slowly(self, message: Message) -> None:
        """Take one record of a series, schema or shape that is not the usual one."""
        value = message.value()
        if value is None:
            return  # it deletes a key of a compacted topic
        try:
            prefix = prefix_of(value)
            way, see = self._by_prefix.get(prefix) or self._begin(prefix)
            found = way.scanner.scan(value) or way.scanner.scan_slowly(value)
            see(message.timestamp()[1], *found[1:])
        except (Refused, Retry):
            raise
        except Exception as error:  # noqa: BLE001 - fastavro raises what it likes
            self.unreadable += 1
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"
            return
        self._scan, self._seers = way.scanner.scan, way.seers

    def _begin(self, prefix: bytes) -> tuple[Way, See]:
        symbol, product, name = split_prefix(prefix)
        series = self._books.of(self._topic, product, name, symbol)
        schema_id = int.from_bytes(prefix[1:HEADER_BYTES], "big")
        wanted = HEAD + series.wanted(series.stream)
        if (schema_id, wanted) not in self._ways:
            text = self._schemas.text(schema_id)
            self._ways[schema_id, wanted] = Way(Scanner(schema_id, text, wanted))
        way = self._ways[schema_id, wanted]
        way.seers[prefix] = series.see
        self._by_prefix[prefix] = way, series.see
        return way, series.see


class Verification:
    """One run over the topics of a config file."""

    def __init__(self, settings: Settings, window: Window, topics: Iterable[str] = ()) -> None:
        self._settings = settings
        self._window = window
        self._asked = tuple(topics)
        self._books = Books(window)
        self._schemas = WriterSchemas(settings.schema_registry)
        self._unreadable: dict[str, int] = {}
        self._notes: list[str] = []
        self._done = self._total = self._read = 0

    def run(self, tell: Callable[[int, int], None]) -> Verdict:
        """Read everything and judge it; blocks.

        Args:
            tell: Called now and then with the offsets read so far and how many there are.

        Raises:
            Refused: a topic is not there, or a client may not read.
            Retry: Kafka or the registry cannot be reached.
        """
        conf = kafka_settings.consumer(self._settings.kafka)
        with closing(Bulk(conf)) as bulk:
            there = bulk.topics()
            chosen = self._chosen(there)
            data = {name: bulk.slices(name, there[name], self._window.since) for name in chosen}
            # Their ends are looked up after those of the data, open transactions included: so every
            # hole that will be seen has its marker before these ends.
            ours = self._slices_of_ours(conf, there)
            self._total = sum(it.end - it.start for them in (data, ours) for it in _all(them))
            for topic, slices in ours.items():
                self._read_ours(bulk, topic, slices, tell)
            for topic, slices in data.items():
                self._read_data(bulk, topic, slices, tell)
        reports = [report_of(key[0], self._books.series[key]) for key in sorted(self._books.series)]
        if not any(report.records for report in reports):
            self._notes.append("no record lies in the window")
        return Verdict(reports, self._read, self._unreadable, self._notes)

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
    ) -> dict[str, list[Slice]]:
        names = [f"{self._settings.topic_prefix}.{name}" for name in (MARKERS, PROGRESS)]
        self._notes += [
            f"topic {name} is not there: no hole can be explained by it"
            for name in names
            if name not in there
        ]
        with closing(Bulk(conf, committed=False)) as bulk:
            return {name: bulk.slices(name, there[name], None) for name in names if name in there}

    def _read_ours(
        self, bulk: Bulk, topic: str, slices: list[Slice], tell: Callable[[int, int], None]
    ) -> None:
        """Read markers or progress: every record whole, there are few."""
        take = self._take_marker if topic.endswith(f".{MARKERS}") else self._take_progress
        for batch in bulk.read(topic, slices):
            for message in batch:
                value = message.value()
                if value is None:
                    continue
                try:
                    prefix = int.from_bytes(value[1:HEADER_BYTES], "big")
                    take(plain.decoded(self._schemas.text(prefix), value))
                except (Refused, Retry):
                    raise
                except Exception as error:  # noqa: BLE001 - fastavro raises what it likes
                    self._cannot_read(topic, 1, repr(error))
            self._tell(batch, tell)

    def _take_marker(self, record: Mapping[str, Any]) -> None:
        self._series(record).coverage.add(Marker.of(record))

    def _take_progress(self, record: Mapping[str, Any]) -> None:
        series = self._series(record)
        series.complete_until = record["complete_until"]
        series.open_gaps = list(record["open_gaps"])

    def _series(self, record: Mapping[str, Any]) -> Series:
        names = ("topic", "product", "stream_name", "symbol")
        return self._books.of(*(str(record[name]) for name in names))

    def _read_data(
        self, bulk: Bulk, topic: str, slices: list[Slice], tell: Callable[[int, int], None]
    ) -> None:
        reader = TopicReader(topic, self._books, self._schemas)
        appended = False
        for batch in bulk.read(topic, slices):
            reader.feed(batch)
            self._read += len(batch)
            appended = appended or bool(batch and batch[0].timestamp()[0] == APPEND_TIME)
            self._tell(batch, tell)
        if gone := bulk.trimmed(topic, slices):
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


def _all(slices: Mapping[str, list[Slice]]) -> Iterator[Slice]:
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
