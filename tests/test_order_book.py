"""The example builds the lab's own books from depth records, also across faults."""

import json
from decimal import Decimal
from typing import Any

import pytest

from connector.backfill.pages import snapshot
from connector.binance.stream_name import Stream, parse
from connector.codec.rest_rows import event_from_book
from connector.codec.schema import load
from connector.feed.replay import Replay
from connector.lab.market import Market
from examples.order_book import OrderBook, OrderBooks
from tests.support import avro_oracle
from tests.support.lab_rest import ask

NOW_MS = 1_795_000_000_000
SERIES = [
    ("spot", "btcusdt@depth@100ms", "BTCUSDT"),
    ("usdm", "btcusdt@depth", "BTCUSDT"),
    ("usdm", "btcusdt@rpiDepth@500ms", "BTCUSDT"),
    ("coinm", "btcusd_perp@depth@500ms", "BTCUSD_PERP"),
    ("options", "btc-261225-100000-c@depth@100ms", "BTC-261225-100000-C"),
]


class Topic:
    """What the connector writes of one stream, as a consumer reads it."""

    def __init__(self, product: Any, name: str, symbol: str) -> None:
        self.market = Market(9)
        self.stream: Stream = parse(product, name)
        self.symbol = symbol
        self._replay = Replay(product)

    def changes(self, count: int) -> list[dict[str, Any]]:
        events = [self.market.next_events(self.stream, NOW_MS + n)[0] for n in range(count)]
        return [self._record(json.dumps(event.data).encode()) for event in events]

    def snapshot(self) -> dict[str, Any]:
        # All levels there are: what lies deeper than the 1,000 that futures give is not known.
        body = ask(self.market, snapshot(self.stream, self.symbol, self._levels()), NOW_MS)
        book = event_from_book(self.stream, body, self.symbol)
        return self._record(book.payload) | {"origin": "snapshot"}

    def _levels(self) -> int:
        return 5000 if self.stream.product == "spot" else 1000

    def _record(self, payload: bytes) -> dict[str, Any]:
        self._replay.results.clear()
        self._replay.feed(self.stream, payload, NOW_MS * 1000)
        [result] = self._replay.results
        assert result.reason == ""
        return avro_oracle.read_avro(load(self.stream.row.kind), result.value)

    def assert_true(self, book: OrderBook) -> None:
        """Compare a book with the lab's own."""
        true = self.market.book(self.stream.product, self.symbol, self.stream.row.kind)
        found = {side: prices(levels) for side, levels in (("b", book.bids), ("a", book.asks))}
        levels = true.top(10**6)
        assert book.in_sync
        assert book.last_update_id == true.update_id
        assert found == {side: prices(dict(levels[side])) for side in "ba"}


def prices(levels: Any) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(quantity) for price, quantity in levels.items()}


@pytest.fixture(params=SERIES, ids=lambda series: f"{series[0]} {series[1]}")
def topic(request: pytest.FixtureRequest) -> Topic:
    return Topic(*request.param)


def feed(records: list[dict[str, Any]]) -> OrderBook:
    books = OrderBooks()
    for record in records:
        books.apply(record)
    [book] = books.books.values()
    return book


def test_changes_after_a_snapshot_make_the_true_book(topic: Topic) -> None:
    topic.changes(5)
    book = feed([topic.snapshot(), *topic.changes(200)])
    topic.assert_true(book)
    assert book.breaks == 0


def test_a_snapshot_may_stand_behind_changes_that_are_newer(topic: Topic) -> None:
    before = topic.changes(5)
    late = topic.snapshot()
    newer = topic.changes(5)
    book = feed([*before, *newer, late, *topic.changes(50)])
    topic.assert_true(book)
    assert book.breaks == 0


def test_a_lost_change_breaks_the_chain_and_a_snapshot_mends_it(topic: Topic) -> None:
    begun, changes = topic.snapshot(), topic.changes(20)
    book = feed([begun, *changes[:10], *changes[11:]])
    assert (book.in_sync, book.breaks) == (False, 1)

    for record in (topic.snapshot(), *topic.changes(20)):
        book.apply(record)
    topic.assert_true(book)
    assert book.breaks == 1


def test_repeats_and_further_snapshots_change_nothing(topic: Topic) -> None:
    begun, changes = topic.snapshot(), topic.changes(20)
    again = topic.snapshot()
    book = feed([begun, *changes, *changes[-3:], again, changes[-1], begun])
    topic.assert_true(book)
    assert book.breaks == 0


def test_before_a_snapshot_there_is_no_book() -> None:
    topic = Topic(*SERIES[0])
    book = feed(topic.changes(3))
    assert (book.in_sync, book.best, book.last_update_id) == (False, (None, None), None)


def test_an_overlap_of_spot_is_applied() -> None:
    topic = Topic(*SERIES[0])
    begun = topic.snapshot()
    first, second, third = topic.changes(3)
    merged = second | {
        "first_update_id": first["first_update_id"],
        "bids": [*first["bids"], *second["bids"]],
        "asks": [*first["asks"], *second["asks"]],
    }
    topic.assert_true(feed([begun, first, merged, third]))


def test_the_best_prices_are_the_inner_ones() -> None:
    topic = Topic(*SERIES[0])
    book = feed([topic.snapshot()])
    bid, ask_ = book.best
    assert bid is not None
    assert ask_ is not None
    assert bid < ask_


def test_series_of_one_symbol_are_kept_apart() -> None:
    topic = Topic(*SERIES[0])
    books = OrderBooks()
    for record in (topic.snapshot(), topic.snapshot() | {"stream_name": "btcusdt@depth"}):
        books.apply(record)
    assert len(books.books) == 2


@pytest.mark.parametrize("early", [False, True], ids=["snapshot after", "snapshot before"])
def test_a_book_whose_ids_begin_anew_is_begun_again(topic: Topic, early: bool) -> None:
    book = feed([topic.snapshot(), *topic.changes(20)])
    topic.market.begin_anew(topic.stream.product, topic.symbol)
    lost, first = topic.changes(3), topic.changes(1)
    after = {"gap_id": "r"}
    records = [first[0] | after, topic.snapshot() | after]
    for record in (*(reversed(records) if early else records), *topic.changes(20)):
        book.apply(record)

    assert len(lost) == 3
    topic.assert_true(book)
    assert book.breaks == 1


def test_changes_of_before_a_gap_do_not_stop_a_book_from_beginning(topic: Topic) -> None:
    book = feed(topic.changes(5))
    topic.market.begin_anew(topic.stream.product, topic.symbol)
    first, *more = topic.changes(5)
    for record in (first | {"gap_id": "r"}, *more, topic.snapshot(), *topic.changes(5)):
        book.apply(record)

    topic.assert_true(book)
    assert book.breaks == 0


def test_a_snapshot_of_after_a_gap_may_stand_before_the_change_that_names_it(
    topic: Topic,
) -> None:
    book = feed([topic.snapshot(), *topic.changes(20)])
    topic.changes(1)  # put aside: it is in no record
    late = topic.changes(2)
    for record in (
        topic.snapshot() | {"gap_id": "d"},
        late[0] | {"gap_id": "d"},
        late[1],
        *topic.changes(20),
    ):
        book.apply(record)

    topic.assert_true(book)
    assert book.breaks == 0


def test_a_snapshot_of_before_the_gap_that_comes_late_is_replaced(topic: Topic) -> None:
    begun, changes = topic.snapshot(), topic.changes(20)
    old = topic.snapshot()
    book = feed([begun, *changes])
    topic.market.begin_anew(topic.stream.product, topic.symbol)
    first, *more = topic.changes(5)
    true = topic.snapshot() | {"gap_id": "r"}
    for record in (first | {"gap_id": "r"}, old, *more, true, *topic.changes(20)):
        book.apply(record)

    topic.assert_true(book)
    assert book.breaks == 1
