"""Records that a real broker refuses, of every origin and in both deliveries: none stops a writer.

tests/continuity/test_refused_records.py has every kind.
"""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.binance.stream_name import parse
from connector.codec.avro import decode_record, encode_record
from connector.codec.schema import load
from connector.config.sections import KafkaSettings
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.rest_requests import SnapshotBook
from connector.kafka import client_config
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.producer import Producer
from connector.kafka.transactional_producer import TransactionalProducer
from connector.lab.real_kafka import RealKafka
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from tests.golden.test_golden import SAMPLES
from tests.support.continuity import EVERYTHING, IDS
from tests.support.servers import read_all
from tests.support.waiting import GIVE_UP_S

HOUR_MS = 3_600_000
SAMPLE_OF = {f"{path.parent.name}/{path.stem}": path for path in SAMPLES}
LIVE, FETCHED = SAMPLE_OF["spot/symbol-trade"], SAMPLE_OF["spot/symbol-kline_interval"]
BOOK = SAMPLE_OF["spot/symbol-depth-100ms"]


def transactional(kafka: KafkaSettings, *args: Any) -> Producer:
    return TransactionalProducer(client_config.transactional(kafka, str(args[1])), *args)


def idempotent(kafka: KafkaSettings, *args: Any) -> Producer:
    return IdempotentProducer(client_config.producer(kafka), *args)


class Writer:
    """A producer of one topic with a real gap tracker."""

    def __init__(self, kafka: RealKafka, topic: str, make: Callable[..., Producer]) -> None:
        admin = AdminClient(kafka.client())
        own = [f"{topic}.{name}" for name in ("dead", "markers", "progress", "checkpoints")]
        wanted = [NewTopic(name, 1, 1) for name in (topic, *own)]
        for future in admin.create_topics(wanted).values():
            future.result()
        self.kafka, self.topic, self.ledger = kafka, topic, Ledger()
        self.tracker = GapTracker(topic, policy=EVERYTHING)
        self.tracker.begin(IDS, {})
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
        self.producer = make(settings, self.ledger, f"{topic}.dead", Lag(), self.tracker)
        self.producer.start(time.monotonic() + GIVE_UP_S)

    def publish(self, path: Path, origin: str, *, refused: bool) -> bytes:
        """Publish a sample's record, with a time that a broker takes, or refuses."""
        value, now_us = self._value(path, origin), time.time_ns() // 1000
        time_ms = now_us // 1000 + (2 * HOUR_MS if refused else 0)
        self.producer.publish(self.topic, value, b"key", time_ms, now_us)
        self.ledger.records.produced += 1
        return value

    def _value(self, path: Path, origin: str) -> bytes:
        sample = json.loads(path.read_text())
        stream = parse(path.parent.name, sample["stream"])  # type: ignore[arg-type]
        symbol = sample["record"]["symbol"]
        self.tracker.open(stream, stream.product, symbol, self.topic, b"", b"")
        schema = load(stream.row.kind)
        decimals = {field.name for field in schema.fields if field.type == "decimal"}
        record = {
            name: Decimal(value) if name in decimals and value is not None else value
            for name, value in sample["record"].items()
        }
        if origin == "snapshot":
            level = {"price": Decimal(1), "quantity": Decimal(1)}
            record |= {"first_update_id": None, "bids": [level] * 9, "asks": [level] * 9}
        return encode_record(schema, 7, record | {"origin": origin})

    def values(self, suffix: str = "") -> list[bytes]:
        topic = self.topic + suffix
        return [value for *_, value, _ in read_all(dict(self.kafka.client()), topic)]


@pytest.mark.parametrize("make", [transactional, idempotent])
async def test_refused_records_of_every_origin_are_put_aside_and_their_neighbours_stored(
    kafka: RealKafka, make: Callable[..., Producer]
) -> None:
    writer = Writer(kafka, f"refusals-{make.__name__}", make)
    refused = [
        writer.publish(LIVE, "live", refused=True),
        writer.publish(FETCHED, "backfill", refused=True),
        writer.publish(BOOK, "snapshot", refused=True),
    ]
    stored = [writer.publish(path, "live", refused=False) for path in (LIVE, FETCHED)]
    assert writer.producer.flush(time.monotonic() + GIVE_UP_S) == 0
    writer.producer.close()

    assert sorted(writer.values()) == sorted(stored)
    assert sorted(writer.values(".dead")) == sorted(refused)
    markers = [decode_record(load("marker"), value) for value in writer.values(".markers")]
    assert {(m["kind"], m["state"], m["reason"]) for m in markers} == {
        ("trade", "unfillable", "dead_letter"),
        ("kline", "unfillable", "dead_letter"),
    }
    assert [type(request) for request in writer.tracker.requests] == [SnapshotBook]
    records = writer.ledger.records
    assert (records.acknowledged, records.dead_lettered, records.in_flight) == (2, 3, 0)
