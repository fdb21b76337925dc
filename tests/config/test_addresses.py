"""URLs and brokers: what is taken, and what is written instead of the rest."""

from pathlib import Path

import pytest

from tests.support.config import GOOD, loaded, refused


def kafka(brokers: str) -> str:
    return GOOD.replace("kafka-1:9092", brokers)


@pytest.mark.parametrize(
    ("written", "brokers"),
    [
        ("kafka-1:9092", "kafka-1:9092"),
        ("'kafka-1:9092, kafka-2:9092,'", "kafka-1:9092,kafka-2:9092"),
        ("['kafka-1:9092', 'kafka-2:9092']", "kafka-1:9092,kafka-2:9092"),
        ("'[::1]:9092'", "[::1]:9092"),
        ("10.0.0.1:9092", "10.0.0.1:9092"),
    ],
)
def test_brokers_are_a_text_or_a_list(tmp_path: Path, written: str, brokers: str) -> None:
    assert loaded(tmp_path, kafka(written)).settings.kafka.bootstrap_servers == brokers


def test_brokers_are_a_list_as_json_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BKC_KAFKA__BOOTSTRAP_SERVERS", '["a:1", "b:2"]')

    assert loaded(tmp_path).settings.kafka.bootstrap_servers == "a:1,b:2"


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (
            "http://kafka:9092",
            "'http://kafka:9092' is no host:port: write kafka:9092, and http as"
            " kafka.security.protocol if it is one",
        ),
        (
            "SASL_SSL://kafka/",
            "'SASL_SSL://kafka/' is no host:port: write kafka:9092, and SASL_SSL as"
            " kafka.security.protocol if it is one",
        ),
        ("kafka", "'kafka' is no host:port: write kafka:9092, if that is its port"),
        (
            "kafka:99999",
            "'kafka:99999' is no host:port: write kafka-1:9092,kafka-2:9092; a port is 1 to 65535",
        ),
        (
            "'kafka:9092;kafka-2:9092'",
            "'kafka:9092;kafka-2:9092' is no host:port: write kafka-1:9092,kafka-2:9092;"
            " a port is 1 to 65535",
        ),
        ("''", "'' names no broker: write host:port"),
        ("[]", "'' names no broker: write host:port"),
        ("[5]", "a list must be text; quote it"),
        (
            "me:hunter2@kafka:9092",
            "holds a user or password, which logs would show: see kafka.security",
        ),
    ],
)
def test_what_is_no_broker_is_refused_with_the_cure(
    tmp_path: Path, written: str, error: str
) -> None:
    error_text = refused(tmp_path, kafka(written))

    assert error_text == f"connector.yaml:3: kafka.bootstrap_servers: {error}"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            GOOD.replace("http://registry:8081", "registry:8081"),
            "connector.yaml:5: schema_registry.url: 'registry:8081' is no URL of this sort: "
            "write http://host:port",
        ),
        (
            GOOD.replace("production", "{spot: {streams: 'http://x'}}"),
            "connector.yaml:1: exchange.spot.streams: 'http://x' is no URL of this sort:"
            " write wss://host:port",
        ),
        (
            GOOD.replace("production", "{spot: {streams: 'ws://x/public/stream'}}"),
            "connector.yaml:1: exchange.spot.streams: 'ws://x/public/stream': leave out route and"
            " /stream, which are added: write ws://x",
        ),
    ],
)
def test_what_is_no_url_is_refused_with_the_cure(tmp_path: Path, text: str, error: str) -> None:
    assert error in refused(tmp_path, text)


def test_a_url_with_a_password_says_why_it_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, GOOD + "proxy: http://me:hunter2@proxy:3128\n")

    why = "holds a user or password, which logs would show: put them in a file"
    assert error == f"connector.yaml:10: proxy: {why}"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks"])
def test_a_socks_proxy_is_said_to_be_unsupported(tmp_path: Path, scheme: str) -> None:
    text = refused(tmp_path, f"{GOOD}proxy: {scheme}://me:word@127.0.0.1:1080\n")

    assert f"proxy: {scheme}://127.0.0.1:1080: SOCKS is not supported" in text
    assert "name an HTTP proxy, http://host:port" in text
    assert "word" not in text
