"""What of `kafka.librdkafka` is refused before anything connects, and how it is said."""

import pytest

from connector.config.model import Kafka
from connector.kafka.librdkafka_check import findings


def said(given: dict[str, object], *, transactions: bool = True) -> list[tuple[str | None, str]]:
    kafka = Kafka.model_validate({"bootstrap_servers": "k:1", "librdkafka": given})
    return list(findings(kafka, transactions=transactions))


@pytest.mark.parametrize("transactions", [True, False])
def test_what_librdkafka_takes_is_no_problem(*, transactions: bool) -> None:
    given: dict[str, object] = {
        "linger.ms": 50,
        "acks": "all",
        "compression.type": "zstd",
        "enable.idempotence": True,
        "transaction.timeout.ms": 8000,
    }

    assert said(given, transactions=transactions) == []


@pytest.mark.parametrize(
    ("key", "value", "words"),
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
def test_a_key_that_cannot_be_is_told_with_the_cure(key: str, value: object, words: str) -> None:
    assert said({key: value}) == [(key, words)]


@pytest.mark.parametrize("key", ["sasl.password", "ssl.key.password", "sasl.passwort"])
def test_a_password_is_refused_and_never_shown(key: str) -> None:
    [(name, words)] = said({key: "hunter2"})

    assert (name, "hunter2" in words) == (key, False)


def test_keys_that_contradict_one_another_are_told_of_the_section() -> None:
    [(name, words)] = said({"linger.ms": 5000, "message.timeout.ms": 4000}, transactions=False)

    assert (name, words) == (None, "`message.timeout.ms` must be greater than `linger.ms`")
