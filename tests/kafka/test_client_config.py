"""Our Kafka settings as librdkafka wants them."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from pydantic import ValidationError

from connector.config.sections import KafkaSettings, SecuritySettings
from connector.errors import Refused
from connector.kafka import client_config
from connector.lab.certificates import Authority


def config(folder: Path, **security: Any) -> dict[str, Any]:
    """Return the client's configuration, its secrets in files."""
    path = folder / "password"
    path.write_text("open-sesame\n")
    if security.pop("password", False):
        security["password_file"] = path
    return client_config.client(
        KafkaSettings(bootstrap_servers="k:1", security=SecuritySettings(**security))
    )


def test_without_security_there_is_only_the_address(tmp_path: Path) -> None:
    assert config(tmp_path) == {
        "bootstrap.servers": "k:1",
        "client.id": "bkc",
        "security.protocol": "PLAINTEXT",
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_name_and_a_password_from_a_file(tmp_path: Path, mechanism: str) -> None:
    conf = config(tmp_path, protocol="SASL_SSL", mechanism=mechanism, username="bkc", password=True)

    assert conf["sasl.mechanism"] == mechanism
    assert (conf["sasl.username"], conf["sasl.password"]) == ("bkc", "open-sesame")


def test_a_client_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.issue("client")

    conf = config(
        tmp_path,
        protocol="SSL",
        ca_file=authority.path,
        certificate_file=own.certificate,
        key_file=own.key,
    )

    assert conf["ssl.ca.location"] == str(authority.path)
    assert conf["ssl.certificate.location"] == str(own.certificate)
    assert conf["ssl.key.location"] == str(own.key)
    Producer(conf)


def test_oauth_is_left_to_librdkafkas_own_client(tmp_path: Path) -> None:
    conf = config(
        tmp_path,
        protocol="SASL_SSL",
        mechanism="OAUTHBEARER",
        username="client",
        password=True,
        token_url="https://issuer/token",
        scope="kafka",
    )

    assert conf["sasl.oauthbearer.method"] == "oidc"
    assert conf["sasl.oauthbearer.client.id"] == "client"
    assert conf["sasl.oauthbearer.client.secret"] == "open-sesame"
    assert conf["sasl.oauthbearer.token.endpoint.url"] == "https://issuer/token"
    assert conf["sasl.oauthbearer.scope"] == "kafka"
    Producer(conf)


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "No such file"), ("", "is empty"), (b"\xff", "not text")]
)
def test_a_password_file_that_is_no_good_is_named_without_its_content(
    tmp_path: Path, content: str | bytes | None, problem: str
) -> None:
    path = tmp_path / "word"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    security = SecuritySettings(
        protocol="SASL_SSL", mechanism="PLAIN", username="a", password_file=path
    )

    with pytest.raises(Refused, match=problem) as caught:
        client_config.client(KafkaSettings(bootstrap_servers="k:1", security=security))

    assert "password_file" in str(caught.value)


def test_the_files_librdkafka_section_is_handed_over_as_it_stands() -> None:
    conf = client_config.producer(
        KafkaSettings(
            bootstrap_servers="k:1", librdkafka={"linger.ms": 50, "compression.type": "zstd"}
        )
    )

    assert (conf["linger.ms"], conf["compression.type"]) == (50, "zstd")
    assert (conf["enable.idempotence"], conf["partitioner"]) == (True, "murmur2_random")


def test_an_unknown_mechanism_is_refused() -> None:
    with pytest.raises(ValidationError):
        SecuritySettings(protocol="SASL_SSL", mechanism="GSSAPI")
