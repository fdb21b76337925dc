"""What a start finds at a real broker that is not as the connector needs it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner

from connector.cli import app
from connector.config.sections import KafkaSettings, TopicSettings
from connector.errors import Refused, Retry
from connector.kafka import client_config, topic_admin
from connector.kafka.topic_settings import TopicRole
from connector.kafka.transactional_producer import TransactionalProducer
from connector.kafka.write_probe import try_transaction
from connector.lab.real_kafka import RealKafka
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from tests.servers.conftest import up

OURS = TopicSettings(partitions=1, replication=1)


def settings_of(broker: RealKafka) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=broker.bootstrap_servers)


def roles(prefix: str) -> dict[str, TopicRole]:
    return {
        f"{prefix}.spot.trade": "data",
        f"{prefix}.markers": "marker",
        f"{prefix}.progress": "progress",
        f"{prefix}.dead-letter": "dead_letter",
    }


@asynccontextmanager
async def odd_broker(extra: Mapping[str, str]) -> AsyncIterator[RealKafka]:
    """Run a broker with more lines of server.properties; `{port}` in them is its own."""
    broker = RealKafka()
    broker._extra |= {key: value.format(port=broker.port) for key, value in extra.items()}
    await up(broker)
    try:
        yield broker
    finally:
        await broker.stop()


async def made_beforehand(broker: RealKafka, topics: Mapping[str, Mapping[str, str]]) -> None:
    admin = AdminClient(broker.client())
    wanted = [NewTopic(name, 1, 1, config=dict(config)) for name, config in topics.items()]
    for future in admin.create_topics(wanted).values():
        await asyncio.to_thread(future.result)


async def test_created_topics_say_their_policies_in_so_many_words(kafka: RealKafka) -> None:
    names = roles("said")

    warnings = await topic_admin.ensure(settings_of(kafka), OURS, names)

    assert warnings == ()
    admin = AdminClient(kafka.client())
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    found = {
        resource.name: await asyncio.to_thread(future.result)
        for resource, future in admin.describe_configs(resources).items()
    }
    settings = {
        name: (entries["cleanup.policy"].value, entries["cleanup.policy"].is_default)
        for name, entries in found.items()
    }
    policies = {
        "data": "delete",
        "marker": "delete",
        "progress": "compact",
        "dead_letter": "delete",
    }
    assert settings == {name: (policies[role], False) for name, role in names.items()}


async def test_topics_with_other_policies_are_refused_and_all_are_named(kafka: RealKafka) -> None:
    wrong = {
        "odd.spot.trade": {"cleanup.policy": "compact"},
        "odd.markers": {"cleanup.policy": "compact"},
        "odd.progress": {"cleanup.policy": "delete"},
        "odd.dead-letter": {"cleanup.policy": "compact"},
    }
    await made_beforehand(kafka, wrong)

    with pytest.raises(Refused) as caught:
        await topic_admin.ensure(settings_of(kafka), OURS, roles("odd"))

    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "topic odd.spot.trade",
        "topic odd.markers",
        "topic odd.progress",
    ]
    assert all(f"kafka-configs --bootstrap-server {kafka.bootstrap_servers}" in x for x in lines)


async def test_settings_that_promise_less_are_warned_of(kafka: RealKafka) -> None:
    less = {
        "less.spot.trade": {"max.message.bytes": "8000", "retention.ms": "-1"},
        "less.markers": {"message.timestamp.type": "LogAppendTime"},
    }
    await made_beforehand(kafka, less)

    warnings = await topic_admin.ensure(settings_of(kafka), OURS, roles("less"))

    settings = [text.split(": ")[1].partition(" is ")[0] for text in warnings]
    assert sorted(settings) == ["max.message.bytes", "message.timestamp.type", "retention.ms"]


async def test_more_copies_in_sync_than_there_are_is_refused(kafka: RealKafka) -> None:
    await made_beforehand(kafka, {"many.spot.trade": {"min.insync.replicas": "2"}})

    with pytest.raises(Refused, match=r"the topic has 1 replica; cure: .*min\.insync\.replicas=1"):
        await topic_admin.ensure(settings_of(kafka), OURS, roles("many"))


async def test_a_transaction_log_that_cannot_be_made_is_named_with_its_cure() -> None:
    log = "transaction.state.log"
    async with odd_broker({f"{log}.replication.factor": "3", f"{log}.min.isr": "2"}) as broker:
        conf = client_config.transactional(settings_of(broker), "odd.market.0")
        producer = TransactionalProducer(conf, Ledger(), "odd.dead-letter", Lag())
        with pytest.raises(Retry) as caught:
            await asyncio.to_thread(producer.start, time.monotonic() + 3.0)
        producer.close()

        conf = client_config.transactional(settings_of(broker), "odd.market.0.doctor")
        with pytest.raises(Retry) as probed:
            await asyncio.to_thread(try_transaction, conf, None, 1.0)

    cause = "the cluster has 1 broker; set transaction.state.log.replication.factor"
    assert cause in str(caught.value)
    assert cause in str(probed.value)


async def test_an_advertised_listener_that_does_not_resolve_is_named_with_its_cure() -> None:
    async with odd_broker({"advertised.listeners": "CLIENT://nowhere.test:{port}"}) as broker:
        with pytest.raises(Retry) as caught:
            await topic_admin.ensure(settings_of(broker), OURS, roles("far"))

    text = str(caught.value)
    assert "Failed to resolve 'nowhere.test:" in text
    assert "a broker gives it (advertised.listeners): it must be known on this machine" in text


def file_for(folder: Path, broker: RealKafka, prefix: str) -> str:
    path = folder / "connector.yaml"
    path.write_text(
        f"kafka: {{bootstrap_servers: '{broker.bootstrap_servers}'}}\n"
        "schema_registry: {url: 'http://127.0.0.1:9'}\n"
        f"topics: {{prefix: {prefix}}}\n"
        "subscriptions: [{product: spot, symbols: [BTCUSDT], streams: [trade]}]\n"
    )
    return str(path)


async def test_check_online_says_what_a_start_would_find(kafka: RealKafka, tmp_path: Path) -> None:
    await made_beforehand(kafka, {"seen.spot.trade": {"max.message.bytes": "8000"}})
    path = file_for(tmp_path, kafka, "seen")

    result = await asyncio.to_thread(CliRunner().invoke, app, ["check", path, "--online"])

    text = " ".join(result.stdout.split())
    assert result.exit_code == 0
    assert "seen.progress; the worker creates them" in text
    assert "topic seen.spot.trade: max.message.bytes is 8000" in text


async def test_check_online_refuses_what_a_start_would(kafka: RealKafka, tmp_path: Path) -> None:
    await made_beforehand(kafka, {"bad.spot.trade": {"cleanup.policy": "compact"}})
    path = file_for(tmp_path, kafka, "bad")

    result = await asyncio.to_thread(CliRunner().invoke, app, ["check", path, "--online"])

    assert isinstance(result.exception, Refused)
    assert "topic bad.spot.trade: cleanup.policy is compact" in str(result.exception)
