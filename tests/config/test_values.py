"""Addresses and amounts: what is taken, and how the rest is refused."""

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
    said = refused(tmp_path, kafka(written))

    assert said == f"connector.yaml:3: kafka.bootstrap_servers: {error}"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "topics: {partitions: 1000000}",
            "topics.partitions: 1000000: should be less than or equal to 10000",
        ),
        (
            "topics: {replication: 1000}",
            "topics.replication: 1000: should be less than or equal to 100",
        ),
        ("topics: {retention: 1ms}", "topics.retention: '1ms' is too short: 1s is the least"),
        ("refresh: -1", "refresh: -1 is no duration: write 7d, 12h, 30m, 45s or 500ms"),
        ("refresh: 400d", "refresh: '400d' is too long: 30d is the most"),
        (
            "limits: {connection_life: 2d}",
            "limits.connection_life: '2d' is too long: 24h is the most",
        ),
        (
            "limits: {connection_life: 1ms}",
            "limits.connection_life: '1ms' is too short: 1s is the least",
        ),
        (
            "backfill: {book_interval: 1s}",
            "backfill.book_interval: '1s' is too short: 10s is the least",
        ),
        ("hold: 100", "hold: 100 bytes are too few: 64KiB is the least"),
        ("hold: 5TB", "hold: 4.5TiB is too much: 64GiB is the most"),
        ("server: {host: ''}", "server.host: is empty: give a value, or leave it out"),
        (
            "proxy_login_file: /etc/bkc/login",
            "proxy_login_file: there is no proxy to log in to; set proxy, or leave this out",
        ),
    ],
)
def test_an_amount_out_of_bounds_is_refused_as_it_is_written(
    tmp_path: Path, line: str, error: str
) -> None:
    assert refused(tmp_path, f"{GOOD}{line}\n") == f"connector.yaml:10: {error}"
