"""Variables stand above the file; one that is no setting is refused, with the one meant."""

from datetime import timedelta
from pathlib import Path

import pytest

from connector.config.environment import read
from connector.config.keys import variables
from connector.config.model import Settings
from connector.config.plan import bases_of
from tests.support.config import loaded, refused


def test_the_environment_stands_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BKC_KAFKA__BOOTSTRAP_SERVERS", "other:9092")
    monkeypatch.setenv("BKC_TOPICS__CREATE", "false")
    monkeypatch.setenv("BKC_EXCHANGE", '{"spot": {"streams": "ws://127.0.0.1:1"}}')
    monkeypatch.setenv("BKC_SHARD__INDEX", "1")
    monkeypatch.setenv("BKC_SHARD__COUNT", "2")
    monkeypatch.setenv("BKC_SCHEMA_REGISTRY__REGISTER", "false")
    monkeypatch.setenv("BKC_REFRESH", "10m")
    monkeypatch.setenv("BKC_KAFKA__LIBRDKAFKA__LINGER.MS", "7")

    settings = loaded(tmp_path).settings

    assert settings.kafka.bootstrap_servers == "other:9092"
    assert settings.topics.create is False
    assert bases_of(settings)["spot"].streams == ("ws://127.0.0.1:1",)
    assert (settings.shard.index, settings.shard.count) == (1, 2)
    assert settings.schema_registry.register_schemas is False
    assert settings.refresh == timedelta(minutes=10)
    assert settings.kafka.librdkafka == {"linger.ms": "7"}


def test_a_custom_ws_api_is_only_what_the_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed calls never go to Binance from a file that names another exchange."""
    monkeypatch.setenv("BKC_EXCHANGE", '{"spot": {"streams": "ws://127.0.0.1:1"}}')
    assert bases_of(loaded(tmp_path).settings)["spot"].ws_api == ""
    monkeypatch.setenv(
        "BKC_EXCHANGE",
        '{"spot": {"streams": "ws://127.0.0.1:1", "ws_api": "ws://127.0.0.1:5/ws-api/v3"}}',
    )
    assert bases_of(loaded(tmp_path).settings)["spot"].ws_api == "ws://127.0.0.1:5/ws-api/v3"


def test_bases_of_one_product_may_come_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BKC_EXCHANGE__SPOT__STREAMS", "ws://127.0.0.1:1")
    monkeypatch.setenv("BKC_EXCHANGE__SPOT__REST", "http://127.0.0.1:2")

    [bases] = bases_of(loaded(tmp_path).settings).values()

    assert (bases.streams, bases.rest) == (("ws://127.0.0.1:1",), "http://127.0.0.1:2")


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("BKC_KAFKA__BOOTSTRAP_SERVRS", "; did you mean BKC_KAFKA__BOOTSTRAP_SERVERS?"),
        ("BKC_KAFKA_BOOTSTRAP_SERVERS", "; did you mean BKC_KAFKA__BOOTSTRAP_SERVERS?"),
        ("BKC_KAFAK__CLIENT_ID", "; did you mean BKC_KAFKA__CLIENT_ID?"),
        ("bkc_kafak__client_id", "; did you mean BKC_KAFKA__CLIENT_ID?"),
        ("BKC_SHARD_INDEX", "; did you mean BKC_SHARD__INDEX?"),
        ("BKC_SERVER_PORT", "; did you mean BKC_SERVER__PORT?"),
        ("BKC_SERVR__PORT", "; did you mean BKC_SERVER__PORT?"),
        ("BKC_EXCHANGE__SPOT__STREAM", "; did you mean BKC_EXCHANGE__SPOT__STREAMS?"),
        ("BKC_BACKFILL__API_KEY", "; did you mean BKC_BACKFILL__API_KEY_FILE?"),
        (
            "BKC_SCHEMA_REGISTRY__REGISTER_SCHEMAS",
            "; did you mean BKC_SCHEMA_REGISTRY__REGISTER?",
        ),
        (
            "BKC_SUBSCRIPTIONS__0__PRODUCT",
            ": BKC_SUBSCRIPTIONS has no keys of its own; a list or map goes into it whole, as JSON",
        ),
        ("BKC_NONSENSE", "; known: BKC_EXCHANGE, BKC_KAFKA, "),
    ],
)
def test_a_variable_that_is_no_setting_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cure: str
) -> None:
    monkeypatch.setenv(name, "x")

    error = refused(tmp_path)

    assert error.startswith(f"environment variable {name} is no setting{cure}")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("BKC_TOPICS__PARTITIONS", "abc", "topics.partitions: 'abc' is no whole number"),
        ("bkc_topics__create", "x", "topics.create: 'x' must be true or false"),
        ("BKC_TOPICS", "5", "topics: 5 must be a map of keys: prefix, create, partitions"),
        ("BKC_EXCHANGE", "testnt", "exchange: 'testnt' is none of production, testnet, demo; did"),
        ("BKC_EXCHANGE__SPOT__STREAMS", "x", "exchange.spot.streams: 'x' is no URL of this sort"),
        ("BKC_KAFKA", '{"client_id": 3}', "kafka.client_id: 3 must be text; quote it"),
        ("BKC_SUBSCRIPTIONS", '[{"product": "spot"}]', "subscriptions[0].streams: is missing"),
        (
            "BKC_SUBSCRIPTIONS",
            '[{"product": "spot", "streams": ["trades"], "symbols": ["BTCUSDT"]}]',
            "subscriptions[0].streams[0]: spot has no stream 'btcusdt@trades'",
        ),
        ("BKC_SUBSCRIPTIONS", "[a", "begins like JSON but is none: Expecting value: line 1"),
        ("BKC_KAFKA__LIBRDKAFKA", "{x", "begins like JSON but is none: Expecting property name"),
        ("BKC_SUBSCRIPTIONS", "spot", "write lists and maps as JSON"),
        ("BKC_PROXY", "", "proxy: '' is no URL of this sort: write http://host:port"),
    ],
)
def test_a_wrong_value_from_a_variable_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, error: str
) -> None:
    monkeypatch.setenv(name, value)

    assert refused(tmp_path).startswith(f"environment variable {name}: {error}")


def test_a_contradiction_of_two_variables_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BKC_SHARD__INDEX", "3")
    monkeypatch.setenv("BKC_SHARD__COUNT", "2")

    assert refused(tmp_path) == (
        "environment variables BKC_SHARD__COUNT, BKC_SHARD__INDEX:"
        " shard: index 3 with count 2: they go from 0 to 1"
    )


@pytest.mark.parametrize(
    "name",
    [
        "BKC_SERVICE_HOST",
        "BKC_SERVICE_PORT",
        "BKC_SERVICE_PORT_METRICS",
        "BKC_PORT",
        "BKC_PORT_8080_TCP",
        "BKC_PORT_8080_TCP_ADDR",
        "BKC_MARKET_0_PORT_8080_TCP_PROTO",
        "BKC_SERVER_PORT",
        "BKC_CONFIG_FILE",
        "TEST_BKC_ANYTHING",
    ],
)
def test_kubernetes_service_links_and_our_own_option_are_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:8080")

    assert loaded(tmp_path).settings.server.port == 8080


def test_every_variable_of_every_section_is_known() -> None:
    names = {variable.name: "x" for variable in variables()}

    assert read(names, Settings).problems == ()
    assert len(names) == len(list(variables()))
    assert {"BKC_KAFKA__SECURITY__CA_FILE", "BKC_EXCHANGE__OPTIONS__REST"} < names.keys()


def test_json_in_a_variable_replaces_a_list_and_joins_a_map() -> None:
    values = {"BKC_KAFKA": '{"client_id": "a"}', "BKC_SUBSCRIPTIONS": '[{"product": "x"}]'}
    given = read(values, Settings)

    assert given.replaced == {("subscriptions",)}
    assert given.variables[("subscriptions", 0, "product")] == "BKC_SUBSCRIPTIONS"
    assert given.variables[("kafka", "client_id")] == "BKC_KAFKA"
