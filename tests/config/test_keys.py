"""The keys of the config file: where each may stand, and which is meant by a wrong one."""

from pathlib import Path

import pytest

from connector.config.keys import known_at, paths_of_key, variables
from tests.support.config import GOOD, refused


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            GOOD.replace("kafka:", "kafak:"),
            "connector.yaml:2: kafak: unknown key; did you mean 'kafka'?",
        ),
        (
            GOOD.replace("bootstrap_servers", "bootstrap_server"),
            "yaml:3: kafka.bootstrap_server: unknown key; did you mean 'bootstrap_servers'?",
        ),
        (
            GOOD.replace("http://registry", "http://registry:8081\n  username: me\n  x: http://"),
            "connector.yaml:7: schema_registry.x: unknown key; known: url, register, username",
        ),
        (GOOD + "Hold: 1GiB\n", "connector.yaml:10: Hold: unknown key; did you mean 'hold'?"),
        (
            GOOD.replace("kafka:", "Kafka:"),
            "connector.yaml:2: Kafka: unknown key; did you mean 'kafka'?\n"
            "connector.yaml: kafka: is missing",
        ),
        (
            GOOD + "bootstrap.servers: k:1\n",
            "connector.yaml:10: bootstrap.servers: unknown key here;"
            " did you mean kafka.bootstrap_servers?",
        ),
        (
            GOOD + "kafka.client_id: me\n",
            "yaml:10: kafka.client_id: unknown key here; did you mean kafka.client_id?",
        ),
        (GOOD + "streams: []\n", "unknown key here; did you mean subscriptions[].streams?"),
        (
            GOOD.replace("production", "{spot: {stream: 'ws://x'}}"),
            "connector.yaml:1: exchange.spot.stream: unknown key; did you mean 'streams'?",
        ),
        (GOOD + "backfill: {api_key: x}\n", "unknown key; did you mean 'api_key_file'?"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_may_be_meant(
    tmp_path: Path, text: str, error: str
) -> None:
    assert error in refused(tmp_path, text)


def test_the_keys_of_a_place_are_those_of_its_section() -> None:
    assert known_at(("shard",)) == ["index", "count"]
    assert known_at(("exchange", "spot")) == ["streams", "rest", "ws_api"]
    assert known_at(("subscriptions", 3, "symbols"))[:2] == ["status", "quote"]
    assert known_at(("schema_registry",))[:2] == ["url", "register"]


def test_a_key_is_found_by_its_name_or_its_path_in_any_spelling() -> None:
    assert paths_of_key("Client-ID") == ["kafka.client_id"]
    assert paths_of_key("kafka.client_id") == ["kafka.client_id"]
    assert paths_of_key("streams") == ["subscriptions[].streams"]
    assert paths_of_key("nonsense") == []


def test_a_map_with_any_keys_has_variables_with_any_ending() -> None:
    free = [variable.name for variable in variables() if variable.free]

    assert free == ["BKC_KAFKA__LIBRDKAFKA", "BKC_LOGS__LEVELS"]
