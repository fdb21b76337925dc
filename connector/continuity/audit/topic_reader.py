"""Gives the records of a topic to the series they belong to: the hot path of `bkc verify`. PURE."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from connector.binance.products import PRODUCTS
from connector.binance.stream_name import Stream, parse_any
from connector.codec.avro import Schemas
from connector.codec.framing import schema_id_of
from connector.codec.scanner import Scanned, Scanner, prefix_of, split_prefix
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL
from connector.continuity.audit.rules import rule_of
from connector.continuity.audit.series import AuditedSeries
from connector.errors import BadMessage, Refused, Retry

HEAD_FIELDS = ("origin", "gap_id")  # read of every record, before the fields of its rule
SeriesKey = tuple[str, str, str, str]  # topic, product, stream name, symbol
Observe = Callable[..., None]


class TopicRecord(Protocol):
    """A record as the client library returns it."""

    def value(self) -> bytes | None:
        """Return its bytes; None: a tombstone."""

    def timestamp(self) -> tuple[int, int]:
        """Return the type of its time, and epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Record times from `since` up to `until`, not included; epoch milliseconds."""

    since: int | None = None
    until: int | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """Both ends; None is beyond any time."""
        since = BEFORE_ALL if self.since is None else self.since
        return since, AFTER_ALL if self.until is None else self.until


class SeriesBook:
    """The series found so far; only records inside the window count."""

    def __init__(self, window: TimeWindow) -> None:
        self._window = window
        self.series: dict[SeriesKey, AuditedSeries] = {}

    def find_or_add(self, topic: str, product: str, name: str, symbol: str) -> AuditedSeries:
        """Return a series, a new one when it was not found before.

        Raises:
            BadMessage: the catalogue knows no such stream.
        """
        key = topic, product, name, symbol
        if key not in self.series:
            stream = stream_of(product, name)
            self.series[key] = rule_of(stream)(stream, symbol, self._window.bounds)
        return self.series[key]

    def note_broker_times(self, topic: str) -> None:
        """Note that the broker stamps the records of a topic: their times are no events'."""
        for key, series in self.series.items():
            if key[0] == topic:
                series.has_event_times = False


def stream_of(product: str, name: str) -> Stream:
    """Return a record's stream; of a merged one only the other product may have a catalogue row.

    Raises:
        BadMessage: the catalogue knows no such stream.
    """
    if product in PRODUCTS:
        for server in (product, *PRODUCTS):
            try:
                found = parse_any(server, name)
            except Refused:
                continue
            return Stream(product, found.row, found.parameters)
    raise BadMessage("unknown_stream", f"{product} has no stream {name!r}")


@dataclass(slots=True)
class ScanPlan:
    """How the records of one schema and one set of fields are read."""

    scanner: Scanner
    observers: dict[bytes, Observe] = field(default_factory=dict)  # prefix -> that of its series


class TopicReader:
    """Gives the records of one topic to their series. The loop of `feed` is the hot path.

    Attributes:
        unreadable: Records that could not be read.
        trouble: What was wrong with the first of them.
    """

    def __init__(self, topic: str, book: SeriesBook, schemas: Schemas) -> None:
        self._topic, self._book, self._schemas = topic, book, schemas
        self._scanners: dict[tuple[int, tuple[str, ...]], Scanner] = {}
        self._partition = 0  # that of the records that are read; the plans are each one's own
        self._plans: dict[tuple[int, Scanner], ScanPlan] = {}
        self._by_prefix: dict[tuple[int, bytes], tuple[ScanPlan, Observe]] = {}
        self._scan: Callable[[bytes], Scanned | None] = lambda _value: None
        self._observers: dict[bytes, Observe] = {}
        self.unreadable = 0
        self.trouble = ""

    def feed(self, batch: Iterable[TopicRecord], partition: int = 0) -> None:
        """Read a batch of records of a partition, in their order."""
        if partition != self._partition:
            self._partition, self._observers = partition, {}
        scan, observers = self._scan, self._observers
        for record in batch:
            scanned = scan(record.value() or b"")
            observe = observers.get(scanned[0]) if scanned is not None else None
            if scanned is None or observe is None:
                self._feed_slowly(record)
                scan, observers = self._scan, self._observers
            else:
                observe(record.timestamp()[1], *scanned[1:])

    def _feed_slowly(self, record: TopicRecord) -> None:
        """Read one record of another series, schema or shape than the one before."""
        if (value := record.value()) is None:
            return
        try:
            prefix = prefix_of(value)
            plan, observe = self._by_prefix.get((self._partition, prefix)) or self._begin(prefix)
            scanned = plan.scanner.scan(value) or plan.scanner.scan_slowly(value)
            observe(record.timestamp()[1], *scanned[1:])
        except (Refused, Retry):
            raise
        except Exception as error:  # noqa: BLE001 - fastavro raises what it likes
            self.unreadable += 1
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"
            return
        self._scan, self._observers = plan.scanner.scan, plan.observers

    def _begin(self, prefix: bytes) -> tuple[ScanPlan, Observe]:
        """Find the series of records with this prefix, and how they are read."""
        symbol, product, name = split_prefix(prefix)
        series = self._book.find_or_add(self._topic, product, name, symbol)
        schema_id = schema_id_of(prefix)
        wanted = HEAD_FIELDS + series.wanted(series.stream)
        if (schema_id, wanted) not in self._scanners:
            text = self._schemas.text(schema_id)
            self._scanners[schema_id, wanted] = Scanner(schema_id, text, wanted)
        scanner = self._scanners[schema_id, wanted]
        plan = self._plans.setdefault((self._partition, scanner), ScanPlan(scanner))
        observe = plan.observers[prefix] = series.part(self._partition).observe
        self._by_prefix[self._partition, prefix] = plan, observe
        return plan, observe
