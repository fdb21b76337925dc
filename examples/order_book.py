"""Order books from one topic of depth records: copy what you need, it is plain consumer code.

    python examples/order_book.py --topic binance.spot.depth-diff --symbol BTCUSDT

A depth topic holds changes (origin `live`) and full books (origin `snapshot`) of each series, in
one partition and so in one order. A book starts from a snapshot and is correct while the update ids
of the changes follow one another. When they do not, or a change carries a gap_id (events before it
are missing, or the exchange restarted its ids), the connector writes another snapshot, and the book
starts again from that one.
Needs `pip install 'confluent-kafka[avro]'`.
"""

import argparse
import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

Record = Mapping[str, Any]
Series = tuple[str, str, str]  # product, stream name, symbol: what has one chain of ids
MAX_KEPT_CHANGES = 10_000  # while there is no book to apply them to


class OrderBook:
    """The book of one series.

    Attributes:
        bids: Price -> quantity.
        asks: Price -> quantity.
        last_update_id: Id of the last change in it; None before the first snapshot.
        in_sync: Whether the book is correct now.
        breaks: How often the update ids did not follow one another.
    """

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.last_update_id: int | None = None
        self.in_sync = False
        self.breaks = 0
        self._joined = False  # a change has been applied since the snapshot
        self._gap: str | None = None  # gap_id of the last change or snapshot that had one
        self._spare: Record | None = None  # snapshot with the gap_id of a change still to come
        self._early: deque[Record] = deque(maxlen=MAX_KEPT_CHANGES)  # read before their snapshot

    def apply(self, record: Record) -> None:
        """Apply the next record of the series, a change or a snapshot."""
        if record["origin"] == "snapshot":
            self._offer(record)
        elif self.in_sync:
            self._follow(record)
        else:
            self._wait(record)

    def _offer(self, snapshot: Record) -> None:
        """Start from a snapshot, unless the book is correct and at least as new.

        A book is known to be correct once a change has joined it. Until then a snapshot with the
        gap_id of the last gap replaces it, whatever the ids: the other one may be older than the
        gap.
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
        # Changes newer than the snapshot may stand before it in the topic: it was fetched slowly.
        early, self._early = self._early, deque(maxlen=MAX_KEPT_CHANGES)
        for record in early:
            self.apply(record)

    def _follow(self, record: Record) -> None:
        last = self.last_update_id or 0
        old = record["last_update_id"] <= last
        if old and record["gap_id"] in (None, self._gap):
            # A repeat, or contained in the snapshot. Futures: the change that ends exactly at the
            # snapshot is contained, and the next one has its id as the previous. Kept until a
            # change joins: an older snapshot may still replace this one.
            if not self._joined:
                self._early.append(record)
            return
        if old or not self._continues(record, last):  # old, behind a new gap: ids were restarted
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
            self._early.clear()  # changes before a gap cannot join a snapshot after it
        self._early.append(record)

    def _break(self, record: Record) -> None:
        """Leave sync, and start from the snapshot with this gap_id if it has been read already."""
        self.in_sync = False
        self.breaks += 1
        self._wait(record)
        spare, self._spare = self._spare, None
        if spare is not None and spare["gap_id"] == record["gap_id"]:
            self._begin(spare)

    def _continues(self, record: Record, last: int) -> bool:
        """Return whether no change is missing between the book and this one.

        Spot: first id of the change <= last id of the book + 1. Futures and options: the change has
        the id of the previous one (pu); right after a snapshot that may be older than the book.
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
        """Apply the next record of the topic; return its book."""
        series = (record["product"], record["stream_name"], record["symbol"])
        book = self.books.setdefault(series, OrderBook())
        book.apply(record)
        return book


def records(brokers: str, registry: str, topic: str) -> Iterator[Record]:
    """Yield a topic's committed records from its beginning, as dictionaries."""
    from confluent_kafka import DeserializingConsumer  # noqa: PLC0415 - the books need no Kafka
    from confluent_kafka.schema_registry import (  # noqa: PLC0415
        SchemaRegistryClient,
        topic_subject_name_strategy,
    )
    from confluent_kafka.schema_registry.avro import AvroDeserializer  # noqa: PLC0415

    conf = {"subject.name.strategy": topic_subject_name_strategy}  # else it asks on each record
    consumer = DeserializingConsumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"order-book-{topic}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "value.deserializer": AvroDeserializer(
                SchemaRegistryClient({"url": registry}), conf=conf
            ),
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
    books, shown = OrderBooks(), dict[str, str]()
    with contextlib.suppress(KeyboardInterrupt):
        for record in records(arguments.brokers, arguments.registry, arguments.topic):
            book = books.apply(record)
            name = f"{record['symbol']} {record['stream_name']}"
            best = " ".join(
                "none" if each is None else f"{each.normalize():f}" for each in book.best
            )
            now = best if book.in_sync else "waiting for a snapshot"
            if arguments.symbol in (None, record["symbol"]) and shown.get(name) != now:
                shown[name] = now
                print(name, now, flush=True)


if __name__ == "__main__":
    main()
