"""Who may write and read account topics on a broker with the rights of docs/account.md."""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from connector.account.layouts import KIND
from connector.account.records import AccountRecord
from connector.config.sections import KafkaSettings, RegistrySettings, TopicSettings
from connector.kafka import client_config, topic_admin
from connector.kafka.schema_registry import ensure_schemas
from connector.kafka.topic_settings import TopicRole
from connector.kafka.transactional_producer import TransactionalProducer
from connector.lab.registry import Registry
from connector.lab.secure_kafka import SecureKafka
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from examples.python.account_view import AccountView, connection_of, records
from examples.python.account_view import Registry as Schemas
from tests.servers.test_security import HERE, refusal
from tests.support.account import record_of
from tests.support.secured import (
    USERS,
    Right,
    documented_rights,
    give,
    grant,
    let_in,
    password_file,
)
from tests.support.servers import read_all
from tests.support.waiting import GIVE_UP_S

PREFIX = "owned"
EVENTS, MARKERS, PROGRESS = (
    f"{PREFIX}.account-{name}" for name in ("events", "markers", "progress")
)
ROLES: dict[str, TopicRole] = {EVENTS: "data", MARKERS: "marker", PROGRESS: "progress"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded(secure: SecureKafka, tmp_path_factory: pytest.TempPathFactory) -> SecureKafka:
    """Make the topics, and give every principal of both pages its documented rights."""
    admin = let_in(secure, tmp_path_factory.mktemp("admin"), "admin")
    await topic_admin.ensure(admin, TopicSettings(partitions=1, replication=1), ROLES)
    market = documented_rights("kafka.md", "bkc-market", "reader")
    account = documented_rights("account.md", "bkc-account", "risk", "bkc-market", "reader")
    await give(secure, [*market, *account], PREFIX)
    return secure


def write(
    settings: KafkaSettings,
    transactional_id: str,
    topic: str = EVENTS,
    values: Sequence[bytes] = (b"event",),
) -> Ledger:
    """Write records in a transaction."""
    ledger = Ledger()
    conf = client_config.transactional(settings, transactional_id)
    producer = TransactionalProducer(conf, ledger, f"{topic}.dead", Lag())
    try:
        producer.start(time.monotonic() + GIVE_UP_S)
        ledger.records.produced += len(values)
        now_ms = time.time_ns() // 10**6
        for value in values:
            producer.publish(topic, value, b"desk-1", now_ms, now_ms * 1000)
        producer.flush(time.monotonic() + GIVE_UP_S)
        return ledger
    finally:
        producer.close()


def read(settings: KafkaSettings) -> bytes:
    """Read the first record; raises KafkaException."""
    conf = client_config.consumer(settings) | {"group.id": "risk", "enable.auto.commit": False}
    reader = Consumer(conf)
    try:
        reader.assign([TopicPartition(EVENTS, 0, 0)])
        message = reader.poll(GIVE_UP_S)
        assert message is not None
        if message.error() is not None:
            raise KafkaException(message.error())
        return message.value() or b""
    finally:
        reader.close()


async def test_the_workers_principal_writes_transactions_and_a_reader_reads_them(
    guarded: SecureKafka, tmp_path: Path
) -> None:
    worker = let_in(guarded, tmp_path, "bkc-account")

    warnings = await topic_admin.ensure(worker, HERE, ROLES)
    ledger = await asyncio.to_thread(write, worker, f"{PREFIX}.account.0")

    assert warnings == ()
    assert ledger.records.acknowledged == 1
    assert await asyncio.to_thread(read, let_in(guarded, tmp_path, "risk")) == b"event"


@pytest.mark.parametrize("user", ["bkc-market", "reader", "risk", "stranger"])
async def test_another_principal_is_refused_to_write(guarded: SecureKafka, user: str) -> None:
    refused: list[KafkaError | None] = []
    writer = Producer(guarded.login(user))

    writer.produce(EVENTS, b"forged", b"desk-1", on_delivery=lambda error, _: refused.append(error))
    await asyncio.to_thread(writer.flush, GIVE_UP_S)

    [error] = refused
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("user", ["bkc-market", "reader", "stranger", "bkc-account"])
async def test_another_principal_is_refused_to_read(
    guarded: SecureKafka, tmp_path: Path, user: str
) -> None:
    with pytest.raises(KafkaException, match="authorization failed"):
        await asyncio.to_thread(read, let_in(guarded, tmp_path, user))


async def test_what_others_may_read_of_the_prefix_stays_theirs(
    guarded: SecureKafka, tmp_path: Path
) -> None:
    """The denials of docs/account.md do not take the rights of docs/kafka.md."""
    market = f"{PREFIX}.spot.trade"
    await guarded.create([market], 1)

    ledger = await asyncio.to_thread(
        write, let_in(guarded, tmp_path, "bkc-market"), f"{PREFIX}.market.0", market
    )

    assert ledger.records.acknowledged == 1
    reader = dict(guarded.login("reader"))
    assert [value for *_, value, _ in await asyncio.to_thread(read_all, reader, market)] == [
        b"event"
    ]


async def test_plain_text_and_tls_without_a_login_are_refused(
    guarded: SecureKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The broker hangs up without a word, so that the whole time may be waited for one.
    monkeypatch.setattr("connector.kafka.topic_admin.REQUEST_TIMEOUT_S", 2.0)
    security = {"protocol": "SSL", "ca_file": guarded.authority.path}
    for given in ({}, security):
        settings = KafkaSettings.model_validate(
            {"bootstrap_servers": guarded.bootstrap_servers, "security": given}
        )

        assert (await refusal(settings)).startswith("Kafka: ")


async def test_the_example_shows_a_secured_topic_to_its_reader(
    guarded: SecureKafka, tmp_path: Path
) -> None:
    topic = f"{PREFIX}.account-events-shown"
    await guarded.create([topic], 1)
    await grant(guarded, Right("User:risk", "Read", topic))
    registry = Registry()
    await registry.start()
    try:
        ids = await ensure_schemas(RegistrySettings(url=registry.url), {topic: KIND})
        written = [record.encode(ids[topic]) for record in sample_records()]
        worker = let_in(guarded, tmp_path, "bkc-account")
        await asyncio.to_thread(write, worker, f"{PREFIX}.account.1", topic, written)
        options = argparse.Namespace(
            brokers=guarded.bootstrap_servers,
            user="risk",
            password_file=password_file(tmp_path, USERS["risk"], "risk"),
            ca_file=guarded.authority.path,
        )
        view = AccountView()
        connection, schemas = connection_of(options), Schemas(registry.url)
        async with contextlib.aclosing(records(topic, schemas, **connection)) as read_records:
            async for record in read_records:
                if record is not None:
                    view.take(record)
                if len(view.positions) == 1:
                    break
    finally:
        await registry.stop()

    assert view.lines() == [
        "desk-1 usdm             position BTCUSDT BOTH -0.05 from 90500.5",
        "desk-1 usdm             balance USDT 2500.12345678",
        "0 fills",
    ]


def sample_records() -> list[AccountRecord]:
    sample = Path(__file__).parents[1] / "account" / "samples" / "usdm" / "ACCOUNT_UPDATE.json"
    frame = json.dumps(json.loads(sample.read_text())["frame"]).encode()
    return [record_of("usdm", frame)]
