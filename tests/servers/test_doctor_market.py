"""`bkc doctor market` against real brokers and a real registry: findings are caused for real."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from connector.config.sections import KafkaSettings, RegistrySettings, TopicSettings
from connector.diagnostics.doctor import kafka as doctor
from connector.diagnostics.doctor.kafka import ClusterExamination, check_cluster, check_writing
from connector.diagnostics.doctor.registry import check_registering, check_registry
from connector.diagnostics.doctor.report import CheckResult
from connector.kafka import client_config, topic_admin
from connector.kafka.topic_settings import TopicRole
from connector.kafka.transaction_client import TransactionClient
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.secure_kafka import SecureKafka
from tests.servers.test_start import made_beforehand
from tests.support.secured import documented_rights, give, let_in, revoke

SHAPE = TopicSettings(partitions=1, replication=1)


def examination(kafka: KafkaSettings, prefix: str) -> ClusterExamination:
    roles: dict[str, TopicRole] = {
        f"{prefix}.spot.trade": "data",
        f"{prefix}.markers": "marker",
        f"{prefix}.progress": "progress",
        f"{prefix}.dead-letter": "dead_letter",
    }
    return ClusterExamination(
        kafka,
        SHAPE,
        roles,
        transactional_id=f"{prefix}.market.0",
        probe=f"{prefix}.dead-letter",
    )


def plain(broker: RealKafka) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=broker.bootstrap_servers)


async def found(wanted: ClusterExamination) -> dict[str, list[CheckResult]]:
    results: dict[str, list[CheckResult]] = {}
    for result in await asyncio.to_thread(lambda: list(check_cluster(wanted))):
        results.setdefault(result.check, []).append(result)
    return results


def statuses(results: Mapping[str, list[CheckResult]]) -> dict[str, set[str]]:
    return {name: {result.status for result in each} for name, each in results.items()}


async def writing(wanted: ClusterExamination) -> CheckResult:
    return await asyncio.to_thread(check_writing, wanted)


async def test_topics_that_a_start_would_create_are_well_and_are_not_created(
    kafka: RealKafka,
) -> None:
    wanted = examination(plain(kafka), "unborn")

    first, second = await found(wanted), await found(wanted)

    assert statuses(first) == {name: {"ok"} for name in first}
    assert first["topics.exist"][0].text.startswith("not there yet: unborn.dead-letter, ")
    assert second["topics.exist"] == first["topics.exist"]


async def test_more_replicas_than_brokers_fails_before_the_start_does(kafka: RealKafka) -> None:
    wanted = examination(plain(kafka), "unborn")

    results = await found(replace(wanted, topics=TopicSettings(replication=3)))

    [topics] = results["topics.exist"]
    assert topics.status == "fail"
    assert topics.text.startswith(
        "4 topics are not there, or not shown to us: cannot create topics: unborn.dead-letter,"
        " unborn.markers, unborn.progress, unborn.spot.trade (INVALID_REPLICATION_FACTOR: "
    )
    assert "set topics.replication to at most the number of brokers" in topics.text


async def test_topics_of_others_that_promise_less_are_warned_of_and_those_that_lose_data_fail(
    kafka: RealKafka,
) -> None:
    theirs = {
        "theirs.spot.trade": {
            "max.message.bytes": "8000",
            "message.timestamp.type": "LogAppendTime",
        },
        "theirs.markers": {"cleanup.policy": "compact"},
        "theirs.progress": {"min.insync.replicas": "2", "cleanup.policy": "compact"},
    }
    await made_beforehand(kafka, theirs)

    results = await found(examination(plain(kafka), "theirs"))

    settings = {
        result.text.partition(": ")[2].partition(" is ")[0]: result.status
        for result in results["topics.settings"]
    }
    assert settings == {
        "cleanup.policy": "fail",
        "min.insync.replicas": "fail",
        "max.message.bytes": "warn",
        "message.timestamp.type": "warn",
    }
    assert all("kafka-configs " in result.cure for result in results["topics.settings"])


async def test_a_principal_that_may_not_create_fails_with_the_command(
    secure: SecureKafka, tmp_path: Path
) -> None:
    wanted = examination(let_in(secure, tmp_path, "stranger"), "unborn")

    results = await found(wanted)

    [topics] = results["topics.exist"]
    assert topics.status == "fail"
    assert "no CREATE on unborn.dead-letter" in topics.text
    assert "--allow-principal User:stranger --operation Create" in topics.cure
    assert statuses(results)["kafka.transactions"] == {"cannot tell"}
    assert results["kafka.transactions"][0].cure.endswith("bkc doctor market --probe")


async def test_topics_that_are_missing_and_are_not_to_be_created_fail(kafka: RealKafka) -> None:
    wanted = examination(plain(kafka), "unborn")

    results = await found(replace(wanted, topics=TopicSettings(create=False)))

    [topics] = results["topics.exist"]
    assert (topics.status, topics.text.endswith("topics.create is false")) == ("fail", True)


async def test_a_broker_that_gives_an_address_nobody_knows_fails(kafka: RealKafka) -> None:
    reached = doctor._check_brokers({"1": ("127.0.0.1", kafka.port)})
    lost = doctor._check_brokers({"2": ("no-such-host.invalid", 9092)})

    assert (reached.status, lost.status) == ("ok", "fail")
    assert lost.text.startswith("broker 2 says that it is at no-such-host.invalid:9092: ")
    assert "advertised.listeners" in lost.cure


async def test_a_probe_is_taken_and_no_reader_of_committed_records_sees_it(
    kafka: RealKafka,
) -> None:
    wanted = examination(plain(kafka), "probed")
    empty = await writing(wanted)
    await topic_admin.ensure(wanted.kafka, SHAPE, wanted.roles)

    result = await writing(wanted)

    assert (empty.status, empty.text.split(" was ")[0]) == (
        "ok",
        "a transaction of probed.market.0.doctor",
    )
    assert result.status == "ok"
    assert result.text.startswith(
        "a record of probed.market.0.doctor into probed.dead-letter was taken, and aborted"
    )
    committed, everything = await asyncio.to_thread(_records, kafka, "probed.dead-letter")
    assert (committed, everything) == (0, 1)


def _records(broker: RealKafka, topic: str) -> tuple[int, int]:
    """Return how many records a reader sees of committed ones, and of all."""
    counts = []
    for level in ("read_committed", "read_uncommitted"):
        conf = {"group.id": "x", "isolation.level": level, "enable.partition.eof": True}
        reader = Consumer(broker.client() | conf)
        reader.assign([TopicPartition(topic, 0, 0)])
        count = 0
        while (message := reader.poll(60)) is not None and message.error() is None:
            count += 1
        reader.close()
        counts.append(count)
    return counts[0], counts[1]


async def test_a_probe_does_not_fence_the_writer(kafka: RealKafka) -> None:
    wanted = examination(plain(kafka), "shared")
    conf = client_config.transactional(wanted.kafka, wanted.transactional_id)
    writer = TransactionClient(conf, lambda _: None)
    await asyncio.to_thread(writer.init)
    writer.begin()

    probed = await writing(wanted)

    assert probed.status == "ok"
    assert await asyncio.to_thread(writer.commit) is None  # ProducerLost: it was fenced


async def test_a_principal_without_a_transactional_id_fails_the_probe(
    secure: SecureKafka, tmp_path: Path
) -> None:
    wanted = examination(let_in(secure, tmp_path, "halfway"), "guarded")

    result = await writing(wanted)

    assert (result.check, result.status) == ("kafka.writing", "fail")
    assert "grant WRITE and DESCRIBE on TransactionalId" in result.text


async def test_with_the_documented_rights_everything_is_well(
    secure: SecureKafka, tmp_path: Path
) -> None:
    rights = documented_rights("kafka.md", "bkc-market")
    await give(secure, rights, "righteous")
    wanted = examination(let_in(secure, tmp_path, "bkc-market"), "righteous")
    try:
        before, taken = await found(wanted), await writing(wanted)
    finally:
        await revoke(secure, *(right.under("righteous") for right in rights))

    bad = {check: each for check, each in before.items() if each[0].status != "ok"}
    assert bad.keys() == {"kafka.transactions"}  # not shown to it, so the probe tells
    assert taken.status == "ok"


async def test_a_record_that_the_topic_does_not_take_fails_the_probe(kafka: RealKafka) -> None:
    await made_beforehand(kafka, {"tight.dead-letter": {"max.message.bytes": "20"}})

    result = await writing(examination(plain(kafka), "tight"))

    assert result.status == "fail"
    assert "tight.dead-letter: MSG_SIZE_TOO_LARGE" in result.text


async def test_a_real_registry_has_modes_and_levels(registry: RealRegistry) -> None:
    settings = RegistrySettings(url=registry.url)
    by_hand = RegistrySettings.model_validate({"url": registry.url, "register": False})
    topics = {"examined.spot.trade": "trade"}

    before = await asyncio.to_thread(lambda: list(check_registry(settings, topics)))
    done = await asyncio.to_thread(check_registering, settings, topics)
    after = await asyncio.to_thread(lambda: list(check_registry(by_hand, topics)))

    assert [result.status for result in (*before, done, *after)] == ["ok", "ok", "ok"]
