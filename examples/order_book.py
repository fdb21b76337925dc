"""Order books from one topic of depth records: copy what you need, it is plain consumer code.

    python examples/order_book.py --topic binance.spot.depth-diff --symbol BTCUSDT

A depth topic holds changes (origin `live`) and full books (origin `snapshot`) of each series, in
one partition and so in one order. A book is right from a snapshot on, for as long as the chain of
update ids holds. When it breaks, or a change carries a gap_id (something is missing before it, or
the exchange began its ids anew), the connector writes another snapshot and the book begins again.
Needs `pip install 'confluent-kafka[avro]'`.
"""

import argparse
from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

Record = Mapping[str, Any]
Series = tuple[str, str, str]  # product, stream name, symbol: what has one chain of ids
KEPT = 10_000  # changes kept while there is no book to apply them to


class OrderBook:
    """The book of one series.

    Attributes:
        bids: Price -> quantity.
        asks: Price -> quantity.
        last_update_id: Id of the last change in it; None before the first snapshot.
        in_sync: Whether the book is right now.
        breaks: How often the chain broke.
    """

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last_update_id: int | None = None
        self.in_sync = False
        self.breaks = 0
        self._joined = False  # a change has been applied since the snapshot
        self._gap: str | None = None  # the newest gap that we have come to
        self._spare: Record | None = None  # a snapshot of after a gap that we have not come to yet
        self._early: deque[Record] = deque(maxlen=KEPT)

    def apply(self, record: Record) -> None:
        """Take the next record of the series, a change or a snapshot."""
        if record["origin"] == "snapshot":
            self._offer(record)
        elif self.in_sync:
            self._follow(record)
        else:
            self._wait(record)

    def _offer(self, snapshot: Record) -> None:
        """Start from a snapshot, unless the book is right and at least as new.

        It is proved right by the first change that joins it. Until then the snapshot of after the
        gap that we have come to is better, whatever its id: another may be of before the gap.
        """
        newer = snapshot["last_update_id"] > (self.last_update_id or 0)
        ours = snapshot["gap_id"] is not None and snapshot["gap_id"] == self._gap
        if newer or not self.in_sync or (ours and not self._joined):
            self._begin(snapshot)
        elif snapshot["gap_id"] is not None:
            self._spare = snapshot

    def _begin(self, snapshot: Record) -> None:
        self.bids = {level["price"]: level["quantity"] for level in snapshot["bids"]}
        self.asks = {level["price"]: level["quantity"] for level in snapshot["asks"]}
        self.last_update_id = snapshot["last_update_id"]
        self._gap = snapshot["gap_id"] or self._gap
        self.in_sync, self._joined = True, False
        # The snapshot took its time: changes newer than it may stand before it in the topic.
        early, self._early = self._early, deque(maxlen=KEPT)
        for record in early:
            self.apply(record)

    def _follow(self, record: Record) -> None:
        last = self.last_update_id or 0
        old = record["last_update_id"] <= last
        if old and record["gap_id"] in (None, self._gap):
            # A repeat, or older than the snapshot. Futures: the change that ends exactly at the
            # snapshot is in it, and the next one names its last id.
            if not self._joined:
                self._early.append(record)
            return
        if old or not self._continues(record, last):  # after a gap, older: ids began anew
            self._break(record)
            return
        for side, levels in ((self.bids, record["bids"]), (self.asks, record["asks"])):
            for level in levels:
                if level["quantity"]:
                    side[level["price"]] = level["quantity"]
                else:
                    side.pop(level["price"], None)
        self.last_update_id, self._joined = record["last_update_id"], True
        self._early.clear()

    def _wait(self, record: Record) -> None:
        """Keep a change until there is a book to apply it to."""
        if record["gap_id"] is not None:
            self._gap = record["gap_id"]
            self._early.clear()  # nothing before a gap joins what comes after it
        self._early.append(record)

    def _break(self, record: Record) -> None:
        """Wait for the snapshot of after a gap, unless it has come already."""
        self.in_sync = False
        self.breaks += 1
        self._wait(record)
        spare, self._spare = self._spare, None
        if spare is not None and spare["gap_id"] == record["gap_id"]:
            self._begin(spare)

    def _continues(self, record: Record, last: int) -> bool:
        """Say whether a change follows the book without a hole.

        Spot: first <= last + 1 <= last of the change. Futures and options: the change names the
        one before it (pu), which right after a snapshot may lie before it.
        """
        previous = record["previous_update_id"]
        if previous is None:
            return bool(record["first_update_id"] <= last + 1)
        return bool(previous == last if self._joined else previous <= last)

    @property
    def best(self) -> tuple[Decimal | None, Decimal | None]:
        """The best bid and the best ask."""
        return max(self.bids, default=None), min(self.asks, default=None)


class OrderBooks:
    """The books of every series in a topic."""

    def __init__(self) -> None:
        self.books: dict[Series, OrderBook] = {}

    def apply(self, record: Record) -> OrderBook:
        """Take the next record of the topic; return its book."""
        series = (record["product"], record["stream_name"], record["symbol"])
        book = self.books.setdefault(series, OrderBook())
        book.apply(record)
        return book


def records(brokers: str, registry: str, topic: str) -> Iterator[Record]:
    """Yield a topic's committed records from its beginning, as dictionaries."""
    from confluent_kafka import DeserializingConsumer  # noqa: PLC0415 - the books need no Kafka
    from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415
    from confluent_kafka.schema_registry.avro import AvroDeserializer  # noqa: PLC0415

    consumer = DeserializingConsumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"order-book-{topic}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "value.deserializer": AvroDeserializer(SchemaRegistryClient({"url": registry})),
        }
    )
    consumer.subscribe([topic])
    try:
        while True:
            message = consumer.poll(1.0)
            record: Any = None if message is None else message.value()
            if record is not None:
                yield record
    finally:
        consumer.close()


def main() -> None:
    """Print the best prices of each book that is in sync, whenever they change."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--brokers", default="localhost:9092")
    options.add_argument("--registry", default="http://localhost:8081")
    options.add_argument("--topic", default="binance.spot.depth-diff")
    options.add_argument("--symbol", help="only this one")
    arguments = options.parse_args()
    books, shown = OrderBooks(), dict[str, object]()
    for record in records(arguments.brokers, arguments.registry, arguments.topic):
        book = books.apply(record)
        name = f"{record['symbol']} {record['stream_name']}"
        now = book.best if book.in_sync else "waiting for a snapshot"
        if arguments.symbol in (None, record["symbol"]) and shown.get(name) != now:
            shown[name] = now
            print(name, *now if isinstance(now, tuple) else (now,))  # noqa: T201 - its output


if __name__ == "__main__":
    main()
