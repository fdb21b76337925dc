"""Security: a broker that wants TLS and a login, and the errors when it refuses them."""

import asyncio
import time
from itertools import chain
from pathlib import Path

import pytest
from confluent_kafka import Producer as Writer

from connector.config.sections import KafkaSettings, SecuritySettings, TopicSettings
from connector.errors import Fatal, Refused, Retry
from connector.kafka import client_config, topic_admin
from connector.kafka.bulk_consumer import BulkConsumer
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.topic_settings import TopicRole
from connector.kafka.transactional_producer import TransactionalProducer
from connector.lab.certificates import Authority
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka
from connector.lab.registry import Registry
from connector.lab.secure_kafka import SCRAM, SecureKafka
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from tests.support.secured import USERS, documented_rights, give, let_in, password_file
from tests.support.servers import config, connector, read_all
from tests.support.waiting import GIVE_UP_S, in_time

HERE = TopicSettings(create=False)


def deliver(settings: KafkaSettings) -> tuple[Ledger, IdempotentProducer]:
    """Publish one record and wait for what becomes of it."""
    ledger = Ledger()
    producer = IdempotentProducer(client_config.producer(settings), ledger, "guarded.dead", Lag())
    ledger.records.produced += 1
    producer.publish("guarded", b"value", b"key", time.time_ns() // 10**6, time.time_ns() // 1000)
    producer.flush(time.monotonic() + GIVE_UP_S)
    producer.close()
    return ledger, producer


async def refusal(settings: KafkaSettings) -> str:
    """Return the error of the start with a cluster that does not let us in."""
    with pytest.raises((Retry, Refused)) as caught:
        await topic_admin.ensure(settings, HERE, {"guarded": "data"})
    assert USERS["writer"] not in str(caught.value)
    return str(caught.value)


async def test_a_user_with_the_right_password_and_authority_writes(
    secure: SecureKafka, tmp_path: Path
) -> None:
    settings = let_in(secure, tmp_path)

    roles: dict[str, TopicRole] = {"guarded": "data", "guarded.dead": "dead_letter"}
    await topic_admin.ensure(settings, HERE, roles)
    ledger, _ = await asyncio.to_thread(deliver, settings)

    assert ledger.records.acknowledged == 1
    assert [value for *_, value, _ in read_all(dict(secure.client()), "guarded")] == [b"value"]


async def test_a_client_certificate_lets_in_too(secure: SecureKafka) -> None:
    own = secure.authority.issue("writer")
    security = SecuritySettings(
        protocol="SSL",
        ca_file=secure.authority.path,
        certificate_file=own.certificate,
        key_file=own.key,
    )
    settings = KafkaSettings(bootstrap_servers=secure.mutual_tls, security=security)

    await topic_admin.ensure(settings, HERE, {"guarded": "data"})


async def test_a_wrong_password_is_named_with_a_hint(secure: SecureKafka, tmp_path: Path) -> None:
    text = await refusal(let_in(secure, tmp_path, word="wrong"))

    assert "invalid credentials" in text
    assert "check kafka.security.username" in text


async def test_a_wrong_mechanism_is_named_with_a_hint(secure: SecureKafka, tmp_path: Path) -> None:
    text = await refusal(let_in(secure, tmp_path, mechanism="PLAIN"))

    assert "kafka.security.mechanism" in text


async def test_a_wrong_authority_is_named_with_a_hint(secure: SecureKafka, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")

    text = await refusal(let_in(secure, tmp_path, ca_file=other.path))

    assert "certificate verify failed" in text
    assert "its authority is not one of kafka.security.ca_file" in text


async def test_a_certificate_for_another_host_is_named_with_a_hint(
    secure: SecureKafka, tmp_path: Path
) -> None:
    settings = let_in(secure, tmp_path)
    other = secure.bootstrap_servers.replace("localhost", "127.1")  # that the certificate lacks

    text = await refusal(settings.model_copy(update={"bootstrap_servers": other}))

    assert "its names do not include the host in kafka.bootstrap_servers" in text


async def test_plain_text_to_a_tls_port_is_named_with_a_hint(
    secure: SecureKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The broker hangs up without a word, so that the whole time may be waited for one.
    monkeypatch.setattr("connector.kafka.topic_admin.REQUEST_TIMEOUT_S", 2.0)
    text = await refusal(KafkaSettings(bootstrap_servers=secure.bootstrap_servers))

    assert "no broker answers" in text or "TLS port spoken to in plain text" in text


async def test_tls_to_a_plain_port_is_named_with_a_hint(kafka: RealKafka, tmp_path: Path) -> None:
    security = SecuritySettings(protocol="SSL", ca_file=Authority(tmp_path).path)

    text = await refusal(
        KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, security=security)
    )

    assert "does not speak TLS" in text


async def test_nobody_there_is_named_with_a_hint() -> None:
    text = await refusal(KafkaSettings(bootstrap_servers="127.0.0.1:9"))

    assert "nobody listens there" in text


async def test_without_the_right_to_write_the_trouble_is_named(
    secure: SecureKafka, tmp_path: Path
) -> None:
    settings = let_in(secure, tmp_path, "stranger")

    ledger, producer = await asyncio.to_thread(deliver, settings)

    assert ledger.records.acknowledged == 0
    assert ledger.records.failed == 1
    trouble = str(producer.fatal or producer.trouble)  # whichever right the broker asks for first
    assert "WRITE to write" in trouble or "may not produce" in trouble
    assert USERS["stranger"] not in trouble


async def test_a_user_who_may_only_read_ends_the_process_with_exit_code_4(
    secure: SecureKafka, tmp_path: Path
) -> None:
    exchange, registry = Exchange(Market(1), rate=200.0), Registry()
    await exchange.start()
    await registry.start()
    try:
        settings = config(exchange, secure.bootstrap_servers, registry.url, "readonly")
        settings["topics"]["create"] = False
        settings["kafka"]["security"] = {
            "protocol": "SASL_SSL",
            "mechanism": SCRAM,
            "username": "reader",
            "password_file": str(password_file(tmp_path, USERS["reader"])),
            "ca_file": str(secure.authority.path),
        }
        kinds = ("spot.trade", "spot.depth-diff", "spot.book-ticker", "usdm.agg-trade")
        names = [*kinds, "usdm.kline", "dead-letter", "markers", "progress", "checkpoints"]
        await secure.create([f"readonly.{name}" for name in names], 1)
        async with connector(tmp_path, settings) as running:
            code = await in_time(running.process.wait())
    finally:
        await exchange.stop()
        await registry.stop()

    text = running.log.read_text()
    assert code == 4, text
    assert "gave_up" in text
    assert "no WRITE on readonly.spot.trade, readonly.spot.depth-diff" in text
    assert "--allow-principal User:reader --operation Write --topic readonly.spot.trade" in text
    assert USERS["reader"] not in text


async def test_a_right_that_only_the_second_start_would_miss_is_named_at_the_first(
    secure: SecureKafka, tmp_path: Path
) -> None:
    names: dict[str, TopicRole] = {"first.progress": "progress", "first.trade": "data"}
    await secure.create(list(names), 1)  # nothing is in them yet

    with pytest.raises(Fatal) as caught:
        await topic_admin.ensure(let_in(secure, tmp_path), HERE, names)

    text = str(caught.value)
    assert text.startswith("Kafka: no READ on first.progress; cure: kafka-acls")
    assert text.endswith("--allow-principal User:writer --operation Read --topic first.progress")


async def test_a_topic_that_may_not_be_created_names_that_right(
    secure: SecureKafka, tmp_path: Path
) -> None:
    with pytest.raises(Fatal, match=r"no CREATE on not\.there; cure: .*--operation Create"):
        await topic_admin.ensure(
            let_in(secure, tmp_path), TopicSettings(replication=1), {"not.there": "data"}
        )


async def test_settings_that_may_not_be_read_are_said_to_be_not_compared(
    secure: SecureKafka, tmp_path: Path
) -> None:
    [warning] = await topic_admin.ensure(let_in(secure, tmp_path), HERE, {"guarded": "data"})

    assert warning.startswith("settings of 1 topics are not compared: no DESCRIBE_CONFIGS; ")
    assert warning.endswith("--operation DescribeConfigs --topic guarded")


async def test_without_a_transactional_id_of_its_own_a_writer_ends_with_the_right_that_is_missing(
    secure: SecureKafka, tmp_path: Path
) -> None:
    settings = let_in(secure, tmp_path, "halfway")
    conf = client_config.transactional(settings, "binance.market.0")
    producer = TransactionalProducer(conf, Ledger(), "guarded.dead", Lag())

    with pytest.raises(Fatal, match="grant WRITE and DESCRIBE on TransactionalId"):
        await asyncio.to_thread(producer.start, time.monotonic() + GIVE_UP_S)
    producer.close()


async def test_the_documented_rights_are_enough_for_two_starts(
    secure: SecureKafka, tmp_path: Path
) -> None:
    await give(secure, documented_rights("kafka.md", "bkc-market"), "granted")
    exchange, registry = Exchange(Market(1), rate=200.0), Registry()
    await exchange.start()
    await registry.start()
    settings = config(exchange, secure.bootstrap_servers, registry.url, "granted")
    settings["topics"]["replication"] = 1
    settings["kafka"]["security"] = {
        "protocol": "SASL_SSL",
        "mechanism": SCRAM,
        "username": "bkc-market",
        "password_file": str(password_file(tmp_path, USERS["bkc-market"])),
        "ca_file": str(secure.authority.path),
    }
    logs = []
    try:
        for _ in range(2):  # the second one reads what the first has stored
            async with connector(tmp_path, settings) as running:
                await running.until_ready()
                await running.until_stored(50)
                assert await running.stop() == 0
            logs.append(running.log.read_text())
    finally:
        await exchange.stop()
        await registry.stop()

    assert [text for text in logs if "topic_warning" in text] == []


async def test_a_user_who_may_only_read_topics_verifies_them(secure: SecureKafka) -> None:
    login = secure.login("reader")
    writer = Writer(secure.client())
    await secure.create(["watched"], 1)
    for number in range(5):
        writer.produce("watched", f"{number}".encode(), b"key")
    assert await asyncio.to_thread(writer.flush, 20) == 0
    reader = BulkConsumer(login)

    partitions = (await asyncio.to_thread(reader.topics))["watched"]
    ranges = await asyncio.to_thread(reader.ranges, "watched", partitions, None)
    read = await asyncio.to_thread(lambda: [*chain(*reader.read("watched", ranges))])
    reader.close()

    assert [message.value() for message in read] == [b"0", b"1", b"2", b"3", b"4"]
