"""Records of a topic find their series, whatever comes between them."""

import json
from dataclasses import dataclass

import pytest

from connector.binance.products import Product
from connector.binance.stream_name import parse_any
from connector.codec.compile import Codec
from connector.codec.framing import prefix, receipt
from connector.codec.schema import load
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL
from connector.continuity.audit.topic_reader import SeriesBook, TimeWindow, TopicReader
from connector.errors import BadMessage, Refused

AT_MS = 1_789_967_129_123
TOPIC = "binance.spot.trade"


@dataclass
class Record:
    """A record as the client library returns it."""

    bytes_: bytes | None
    time_ms: int = AT_MS

    def value(self) -> bytes | None:
        return self.bytes_

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time_ms


class Schemas:
    """Every schema id is that of a trade; 404 is unknown, and 403 may not be read."""

    def text(self, schema_id: int) -> str:
        if schema_id == 404:
            raise BadMessage("schema", "no such schema")
        if schema_id == 403:
            raise Refused("no access to the registry")
        return load("trade").text


def trade(
    number: int, symbol: str = "BTCUSDT", *, schema_id: int = 7, product: Product = "spot"
) -> Record:
    name = f"{symbol.lower()}@trade"
    row = parse_any("spot", "btcusdt@trade").row
    codec = Codec(load("trade"), row.record_time)
    wire = {"e": "trade", "E": AT_MS, "s": symbol, "t": number, "p": "1", "q": "1", "T": AT_MS,
            "m": True, "M": True}  # fmt: skip
    opening = prefix(schema_id, symbol, product, name)
    message = codec.decode(json.dumps(wire).encode())
    return Record(codec.encode(message, opening, receipt(AT_MS * 1000)))


def reader(window: TimeWindow | None = None) -> tuple[TopicReader, SeriesBook]:
    book = SeriesBook(window or TimeWindow())
    return TopicReader(TOPIC, book, Schemas()), book


def counted(book: SeriesBook) -> dict[str, tuple[int, tuple[int, int] | None]]:
    return {key[3]: (each.records, each.id_range) for key, each in book.series.items()}


def test_records_of_several_series_find_their_own() -> None:
    topic, book = reader()
    topic.feed([trade(1), trade(7, "ETHUSDT"), trade(2), trade(8, "ETHUSDT"), trade(3)])
    topic.feed([trade(4)])

    assert counted(book) == {"BTCUSDT": (4, (1, 4)), "ETHUSDT": (2, (7, 8))}
    assert next(iter(book.series)) == (TOPIC, "spot", "btcusdt@trade", "BTCUSDT")
    assert (topic.unreadable, topic.trouble) == (0, "")


def test_a_schema_that_changes_within_a_topic_changes_no_series() -> None:
    topic, book = reader()
    topic.feed([trade(1), trade(2, schema_id=8), trade(3)])

    assert counted(book) == {"BTCUSDT": (3, (1, 3))}


def test_tombstones_are_no_records() -> None:
    topic, book = reader()
    topic.feed([trade(1), Record(None), trade(2)])

    assert counted(book) == {"BTCUSDT": (2, (1, 2))}
    assert topic.unreadable == 0


def test_what_cannot_be_read_is_counted_with_the_first_cause() -> None:
    topic, book = reader()
    broken = Record((trade(2).value() or b"")[:36])  # it ends in its first time
    topic.feed([trade(1), trade(9, schema_id=404), Record(b"text"), broken, trade(2)])

    assert counted(book) == {"BTCUSDT": (2, (1, 2))}
    assert topic.unreadable == 3
    assert topic.trouble == "BadMessage: schema: no such schema"


def test_a_registry_that_refuses_ends_the_reading() -> None:
    topic, _ = reader()
    with pytest.raises(Refused, match="no access"):
        topic.feed([trade(1, schema_id=403)])


def test_a_stream_without_a_catalogue_row_is_unreadable() -> None:
    with pytest.raises(BadMessage, match="spot has no stream 'btcusdt@nothing'"):
        SeriesBook(TimeWindow()).find_or_add(TOPIC, "spot", "btcusdt@nothing", "BTCUSDT")


def test_rows_of_a_merged_stream_belong_to_the_product_they_name() -> None:
    book = SeriesBook(TimeWindow())
    found = book.find_or_add("t", "coinm", "!bookTicker", "BTCUSD_PERP")

    assert (found.stream.product, found.stream.name) == ("coinm", "!bookTicker")
    assert book.find_or_add("t", "coinm", "!bookTicker", "BTCUSD_PERP") is found


@pytest.mark.parametrize(
    ("window", "bounds"),
    [
        (TimeWindow(), (BEFORE_ALL, AFTER_ALL)),
        (TimeWindow(since=5), (5, AFTER_ALL)),
        (TimeWindow(until=9), (BEFORE_ALL, 9)),
    ],
)
def test_an_open_end_of_a_window_lies_beyond_any_time(
    window: TimeWindow, bounds: tuple[int, int]
) -> None:
    assert window.bounds == bounds


def test_records_outside_the_window_are_read_and_do_not_count() -> None:
    topic, book = reader(TimeWindow(since=AT_MS, until=AT_MS + 1))
    early, late = trade(1), trade(3)
    early.time_ms, late.time_ms = AT_MS - 1, AT_MS + 1
    topic.feed([early, trade(2), late])

    assert counted(book) == {"BTCUSDT": (1, (2, 2))}
