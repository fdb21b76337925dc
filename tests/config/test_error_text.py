"""An error in the config file names its place, the value, and what to write instead."""

from pathlib import Path

import pytest

from tests.support.config import GOOD, refused


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            GOOD.replace("8081", "8081\n  username: me"),
            "connector.yaml:4: schema_registry: username and password_file go together",
        ),
        (
            GOOD.replace("product: spot", "product: sopt"),
            "connector.yaml:7: subscriptions[0].product: 'sopt': should be 'spot', 'usdm', 'coinm'"
            " or 'options'; did you mean 'spot'?",
        ),
        (
            GOOD + "password_file: /x\n",
            "did you mean kafka.security.password_file or schema_registry.password_file?",
        ),
        (GOOD + "logs: {level: debug}\n", "; did you mean 'DEBUG'?"),
        (GOOD.replace("production", "prod"), "; did you mean 'production'?"),
        (GOOD.replace("product: spot", "product: USDM"), "; did you mean 'usdm'?"),
        (GOOD + "hold: 5\nhold: 6\n", "connector.yaml:11: hold: given twice"),
        (
            GOOD.replace("production", "prodution"),
            "connector.yaml:1: exchange: 'prodution' is none of production, testnet, demo;"
            " did you mean 'production'?",
        ),
        (
            GOOD.replace("production", "{sopt: {streams: 'ws://x'}}"),
            "connector.yaml:1: exchange.sopt: 'sopt': should be 'spot', 'usdm', 'coinm' or"
            " 'options'; did you mean 'spot'?",
        ),
        (GOOD.replace("production", "{}"), "connector.yaml:1: exchange: is empty: give a value"),
        (GOOD.replace("production", "[a]"), "connector.yaml:1: exchange: a list must be text"),
        (
            GOOD.replace("kafka:\n  bootstrap_servers: ", "kafka: "),
            "connector.yaml:2: kafka: 'kafka-1:9092' must be a map of keys: bootstrap_servers,",
        ),
        (GOOD + "topics:\n", "connector.yaml:10: topics: is empty: give a value, or leave it out"),
        (GOOD + "logs: [1]\n", "connector.yaml:10: logs: a list must be a map of keys: format,"),
        (GOOD + "logs: {level: INF}\n", "; did you mean 'INFO'?"),
        (GOOD + "topics: {partitions: 1.5}\n", "topics.partitions: 1.5 is no whole number"),
        (GOOD + "topics: {partitions: x}\n", "topics.partitions: 'x' is no whole number"),
        (GOOD + "topics: {create: maybe}\n", "topics.create: 'maybe' must be true or false"),
        (GOOD + "limits: {share: x}\n", "limits.share: 'x' is no number"),
        (GOOD + "limits: {share: 2}\n", "limits.share: 2: should be less than or equal to 1"),
        (
            GOOD + "shard: {index: 2, count: 2}\n",
            "shard: index 2 with count 2: they go from 0 to 1",
        ),
        (GOOD + "delivery: once\n", "delivery: 'once': should be 'exactly_once' or 'idempotent'"),
        (GOOD + "server: {port: 99999}\n", "server.port: 99999: should be less than or equal to"),
    ],
)
def test_an_error_names_place_value_and_cure(tmp_path: Path, text: str, error: str) -> None:
    assert error in refused(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("http://registry", "http://me:hunter2@registry"),
        GOOD + "proxy: http://me:hunter2@proxy:3128\n",
        GOOD + "    endpoint: wss://me:hunter2@proxy\n",
        GOOD.replace("9092", "9092\n  librdkafka: {sasl.password: [hunter2]}"),
        GOOD.replace("9092", "9092\n  security: [hunter2]"),
    ],
)
def test_no_error_shows_a_secret(tmp_path: Path, text: str) -> None:
    assert "hunter2" not in refused(tmp_path, text)


def test_what_librdkafka_takes_is_a_plain_value(tmp_path: Path) -> None:
    text = GOOD.replace("9092", "9092\n  librdkafka: {linger.ms: [5]}")

    assert refused(tmp_path, text) == (
        "connector.yaml:4: kafka.librdkafka.linger.ms: must be text, a number, true or false"
    )


@pytest.mark.parametrize(
    ("security", "error"),
    [
        ("{protocol: SASL_SSL}", "protocol SASL_SSL needs mechanism"),
        ("{protocol: SSL, mechanism: PLAIN}", "protocol SSL takes no mechanism"),
        (
            "{protocol: SASL_SSL, mechanism: PLAIN}",
            "mechanism PLAIN needs username and password_file",
        ),
        (
            "{protocol: SASL_SSL, mechanism: OAUTHBEARER, username: a, password_file: b}",
            "mechanism OAUTHBEARER and token_url go together",
        ),
        ("{protocol: SSL, key_file: a}", "certificate_file and key_file go together"),
    ],
)
def test_contradictions_in_security_are_named(tmp_path: Path, security: str, error: str) -> None:
    text = GOOD.replace("kafka-1:9092\n", f"kafka-1:9092\n  security: {security}\n")

    assert f"connector.yaml:4: kafka.security: {error}" in refused(tmp_path, text)
