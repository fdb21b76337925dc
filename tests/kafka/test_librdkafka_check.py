"""Which keys of `kafka.librdkafka` are refused before anything connects, and with which text."""

import pytest

from connector.config.sections import KafkaSettings
from connector.kafka.librdkafka_check import findings


def problems(
    given: dict[str, object], *, transactions: bool = True
) -> list[tuple[str | None, str]]:
    kafka = KafkaSettings.model_validate({"bootstrap_servers": "k:1", "librdkafka": given})
    return list(findings(kafka, transactions=transactions))


@pytest.mark.parametrize("transactions", [True, False])
def test_keys_that_librdkafka_takes_are_no_problem(*, transactions: bool) -> None:
    given: dict[str, object] = {
        "linger.ms": 50,
        "acks": "all",
        "compression.type": "zstd",
        "enable.idempotence": True,
        "transaction.timeout.ms": 8000,
    }

    assert problems(given, transactions=transactions) == []


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("lingr.ms", 5, "librdkafka has no such key; did you mean 'linger.ms'?"),
        ("retrys", 5, "librdkafka has no such key; did you mean 'retries'?"),
        ("wibble", 5, "librdkafka has no such key; its CONFIGURATION.md lists them"),
        (
            "linger.ms",
            "soon",
            "'soon': Invalid value for configuration property \"queue.buffering.max.ms\"",
        ),
        (
            "compression.type",
            "zip",
            'Invalid value "zip" for configuration property "compression.codec"',
        ),
        ("acks", 1, "`acks` must be set to `all` when `enable.idempotence` is true"),
        (
            "enable.idempotence",
            False,
            "must stay true, or records are lost and repeated: leave it out; for a cluster without"
            " transactions set delivery: idempotent",
        ),
        (
            "transactional.id",
            "mine",
            "it is made of topics.prefix, instance and shard; another name: instance",
        ),
        ("security.protocol", "SSL", "write it in kafka.security.protocol"),
    ],
)
def test_a_refused_key_is_reported_with_a_hint(key: str, value: object, problem: str) -> None:
    assert problems({key: value}) == [(key, problem)]


@pytest.mark.parametrize("key", ["sasl.password", "ssl.key.password", "sasl.passwort"])
def test_a_password_is_refused_and_never_shown(key: str) -> None:
    [(name, problem)] = problems({key: "hunter2"})

    assert (name, "hunter2" in problem) == (key, False)


def test_keys_that_contradict_one_another_are_reported_of_the_section() -> None:
    [(name, problem)] = problems(
        {"linger.ms": 5000, "message.timeout.ms": 4000}, transactions=False
    )

    assert (name, problem) == (None, "`message.timeout.ms` must be greater than `linger.ms`")
