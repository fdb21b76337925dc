"""An alert when much of a symbol is liquidated within a minute: the shortest whole consumer.

    python examples/python/liquidations.py --brokers kafka-1:9092 --registry http://registry:8081 \\
        --above 1000000

Copy what you need. It joins a consumer group, so a second one shares the work, and a restart goes
on behind the last record that was handled. Binance publishes at most one liquidation a symbol and
second, so the sum is the least that was liquidated.
Needs `pip install 'confluent-kafka[avro,schemaregistry]'`.
"""

import argparse
import contextlib
from collections import deque
from collections.abc import Generator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

Record = Mapping[str, Any]
SPAN = timedelta(minutes=1)


class Liquidations:
    """The value liquidated of each symbol within the last minute of its own time.

    Args:
        above: In the quote asset; an alert is due when the sum rises above it.
    """

    def __init__(self, above: Decimal) -> None:
        self._above = above
        self._recent: dict[str, deque[tuple[datetime, Decimal]]] = {}

    def take(self, record: Record) -> Decimal | None:
        """Take the next record; return the sum if this one has lifted it above the bound."""
        recent = self._recent.setdefault(record["symbol"], deque())
        while recent and recent[0][0] <= record["trade_time"] - SPAN:
            recent.popleft()
        before = sum((value for _, value in recent), Decimal(0))
        value = record["average_price"] * record["filled_quantity"]
        recent.append((record["trade_time"], value))
        return before + value if before <= self._above < before + value else None


def records(brokers: str, registry: str, topic: str, group: str) -> Generator[Record, None, None]:
    """Yield a topic's committed records for ever: from where the group was, or from its begin.

    A record counts as handled once the next one is asked for. That is said record by record: a
    client that stores offsets by itself skips, when it is closed, what it has fetched and not given
    away, up to the end of the last transaction (confluent-kafka 2.16).
    """
    conf = {"subject.name.strategy": topic_subject_name_strategy}  # else it asks on each record
    decode = AvroDeserializer(SchemaRegistryClient({"url": registry}), conf=conf)
    place = {"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest"}
    handled = {"enable.auto.offset.store": False, "isolation.level": "read_committed"}
    consumer = Consumer({**place, **handled})
    consumer.subscribe([topic])
    try:
        while True:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is not None:
                raise KafkaException(message.error())
            if message.value() is not None:
                yield decode(message.value(), SerializationContext(topic, MessageField.VALUE))
            consumer.store_offsets(message)
    finally:
        consumer.close()


def main() -> None:
    """Print alerts until Ctrl-C."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    shown = "%(default)s"
    options.add_argument("--brokers", default="localhost:9092", help=shown)
    options.add_argument("--registry", default="http://localhost:8081", help=shown)
    options.add_argument("--topic", default="binance.usdm.force-order", help=shown)
    options.add_argument("--group", default="liquidations", help=shown)
    options.add_argument("--above", type=Decimal, default=Decimal(1_000_000), help=shown)
    given = options.parse_args()
    found = Liquidations(given.above)
    read = records(given.brokers, given.registry, given.topic, given.group)
    with contextlib.closing(read), contextlib.suppress(KeyboardInterrupt):
        for record in read:
            if (total := found.take(record)) is not None:
                at = record["trade_time"].isoformat(timespec="seconds")
                print(f"{at} {record['symbol']}: {total:,.0f} liquidated in a minute", flush=True)


if __name__ == "__main__":
    main()
