"""Reads everything back as a plain consumer: read_committed, no group, fastavro."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.binance.products import PRODUCTS
from connector.binance.stream_name import Stream, parse_any
from connector.codec.avro import to_json
from connector.codec.schema import load
from connector.errors import Refused
from connector.lab.oracle import Series
from tests.chaos.judge import Found

SILENT_S = 30.0
OWN = {"markers": "marker", "progress": "progress"}
NOT_READ = ("progress", "checkpoints")  # no fact of a stream is in them


@dataclass(slots=True)
class Topics:
    """What a run left in Kafka.

    Attributes:
        records: Series -> its records, in order.
        markers: Series -> its markers, in order.
        dead_letters: How many messages were put aside.
    """

    records: dict[Series, list[Found]] = field(default_factory=dict)
    markers: dict[Series, list[dict[str, Any]]] = field(default_factory=dict)
    dead_letters: int = 0

    def take(self, kind: str, value: bytes) -> None:
        """Take one record of a topic of this kind."""
        if kind == "dead-letter":
            self.dead_letters += 1
        elif kind not in NOT_READ:
            record = to_json(load(OWN.get(kind, kind)).text, value)
            series = record["product"], record["stream_name"], record["symbol"]
            if kind == "markers":
                self.markers.setdefault(series, []).append(record)
            else:
                self.records.setdefault(series, []).append(_found(record))


def _found(record: Mapping[str, Any]) -> Found:
    row = stream_of(record["product"], record["stream_name"]).row
    first, last = record.get("first_update_id"), record.get("last_update_id")
    span = None if first is None or last is None else (int(first), int(last))
    identity = tuple(record[name] for name in row.identity)
    return Found(identity, record["origin"], span, bool(record.get("is_closed")))


def stream_of(product: str, name: str) -> Stream:
    """Return a stream by its name; of a merged futures stream, as the other product knows it."""
    servers = sorted(PRODUCTS, key=lambda server: server != product)
    for server in servers:
        try:
            return parse_any(server, name)
        except Refused:
            continue
    raise AssertionError(f"{product} has no stream {name}")


def read(conf: Mapping[str, Any], prefix: str, only: str = "") -> Topics:
    """Read the topics of a prefix from their beginnings to their ends; blocks.

    Args:
        conf: How to reach the cluster.
        prefix: What the topics' names begin with.
        only: Only this one (`markers`).
    """
    topics = Topics()
    for kind, value in _all(conf, f"{prefix}.", only):
        topics.take(kind, value)
    return topics


def _all(conf: Mapping[str, Any], start: str, only: str) -> Iterator[tuple[str, bytes]]:
    own = {"group.id": "chaos", "enable.auto.commit": False, "enable.partition.eof": True}
    reader = Consumer({**conf, **own, "isolation.level": "read_committed"})
    try:
        topics = reader.list_topics(timeout=20).topics
        left = {
            (name, number)
            for name, topic in topics.items()
            if name.startswith(start) and only in ("", name.removeprefix(start))
            for number in topic.partitions
        }
        reader.assign([TopicPartition(name, number, 0) for name, number in left])
        heard = time.monotonic()
        while left:
            for message in reader.consume(10_000, 0.5):
                heard = time.monotonic()
                error, name = message.error(), message.topic() or ""
                if error is None:
                    yield name.removeprefix(start).rpartition(".")[2], message.value() or b""
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard((name, message.partition() or 0))
                else:
                    raise KafkaException(error)
            assert time.monotonic() < heard + SILENT_S, f"no end of {sorted(left)[:3]} in sight"
    finally:
        reader.close()
