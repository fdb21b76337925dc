"""What a doctor finds of a Kafka that is not there, and of the addresses that brokers give."""

import asyncio
from dataclasses import replace

from connector.config.sections import KafkaSettings, TopicSettings
from connector.diagnostics.doctor.kafka import (
    ClusterExamination,
    _check_brokers,
    check_cluster,
    check_writing,
)
from connector.lab.real_kafka import free_port


def nobody() -> ClusterExamination:
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    return ClusterExamination(kafka, TopicSettings(), {}, transactional_id="t", probe="t.dead")


def test_a_probe_of_a_cluster_that_is_away_proves_nothing() -> None:
    result = check_writing(nobody())

    assert (result.status, result.unreachable) == ("cannot tell", True)
    assert result.text.startswith("as t.doctor: Kafka: _TRANSPORT: ")


def test_a_setting_that_librdkafka_refuses_fails() -> None:
    wanted = nobody()
    kafka = wanted.kafka.model_copy(update={"librdkafka": {"security.protocol": "TLS"}})

    [result] = check_cluster(replace(wanted, kafka=kafka))

    assert (result.check, result.status) == ("kafka.connection", "fail")
    assert 'Invalid value "TLS" for configuration property "security.protocol"' in result.text


async def test_a_broker_is_reached_by_the_address_it_gives_or_named() -> None:
    listening = await asyncio.start_server(lambda _r, writer: writer.close(), "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        given = {"1": ("127.0.0.1", port), "2": ("no-such-host.invalid", 9092)}
        found = await asyncio.to_thread(_check_brokers, given)
        well = await asyncio.to_thread(_check_brokers, {"1": ("127.0.0.1", port)})
    gone = await asyncio.to_thread(_check_brokers, {"3": ("127.0.0.1", port)})

    assert well.text == f"each is reached by the address it gives: 127.0.0.1:{port}"
    assert (found.status, gone.status) == ("fail", "fail")
    assert found.text.startswith("broker 2 says that it is at no-such-host.invalid:9092: ")
    assert gone.text == f"broker 3 says that it is at 127.0.0.1:{port}: Connection refused"
    assert "advertised.listeners" in found.cure
