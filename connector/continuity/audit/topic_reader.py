"""Takes the records of a topic to the series they belong to: the hot path of `bkc verify`."""

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

HEAD = ("origin", "gap_id")  # what every series looks at, before its sequence fields
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


class SeriesBook:
    """Every series met so far."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.series: dict[Key, AuditedSeries] = {}

    def of(self, topic: str, product: str, name: str, symbol: str) -> AuditedSeries:
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
                found = parse_any(server, name)
            except Refused:
                continue
            return Stream(product, found.row, found.parameters)
    raise BadMessage("unknown_stream", f"{product} has no stream {name!r}")


@dataclass(slots=True)
class ScanPlan:
    """How the records of one schema and rule are read: its scanner, and who sees each series."""

    scanner: Scanner
    seers: dict[bytes, See] = field(default_factory=dict)


class TopicReader:
    """Takes the records of one topic to their series. The loop of `feed` is the hot path.

    Attributes:
        unreadable: Records that could not be read.
        trouble: What was wrong with the first of them.
    """

    def __init__(self, topic: str, books: SeriesBook, schemas: Schemas) -> None:
        self._topic = topic
        self._books = books
        self._schemas = schemas
        self._ways: dict[tuple[int, tuple[str, ...]], ScanPlan] = {}
        self._by_prefix: dict[bytes, tuple[ScanPlan, See]] = {}
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

    def _begin(self, prefix: bytes) -> tuple[ScanPlan, See]:
        symbol, product, name = split_prefix(prefix)
        series = self._books.of(self._topic, product, name, symbol)
        schema_id = schema_id_of(prefix)
        wanted = HEAD + series.wanted(series.stream)
        if (schema_id, wanted) not in self._ways:
            text = self._schemas.text(schema_id)
            self._ways[schema_id, wanted] = ScanPlan(Scanner(schema_id, text, wanted))
        way = self._ways[schema_id, wanted]
        way.seers[prefix] = series.see
        self._by_prefix[prefix] = way, series.see
        return way, series.see
