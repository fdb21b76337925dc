"""What a doctor finds of key files, password files, and settings of the connection."""

import json
from pathlib import Path

import pytest

from connector.config.key_files import KeyFiles
from connector.config.load import Loaded, load
from connector.config.sections import KafkaSettings, SecuritySettings
from connector.diagnostics.doctor.account import read_admin_file
from connector.diagnostics.doctor.files import (
    check_config,
    check_key_files,
    check_password_files,
)
from connector.diagnostics.doctor.kafka import check_security
from connector.errors import Refused
from tests.support.keys import API_KEY, ED25519, SECRET, pem
from tests.support.secured import password_file


def key_files(folder: Path, private: str = "") -> KeyFiles:
    api_key = password_file(folder, API_KEY, "api-key")
    return KeyFiles(api_key, private_key=password_file(folder, private or pem(ED25519), "key"))


def test_the_kind_of_a_key_is_shown_and_nothing_of_it(tmp_path: Path) -> None:
    result = check_key_files("desk-1", key_files(tmp_path))

    assert (result.status, result.text) == ("ok", "Ed25519 key; its files are closed to others")


def test_a_key_file_that_others_may_read_fails_with_the_command_that_closes_it(
    tmp_path: Path,
) -> None:
    files = key_files(tmp_path)
    files.api_key.chmod(0o644)

    result = check_key_files("desk-1", files)

    assert (result.check, result.status) == ("keys.desk-1.files", "fail")
    assert result.text.endswith(f"run chmod 600 {files.api_key}")


def test_a_key_file_that_holds_no_key_fails(tmp_path: Path) -> None:
    result = check_key_files("desk-1", key_files(tmp_path, private=SECRET))

    assert (result.status, SECRET in result.text) == ("fail", False)


def test_a_password_file_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    closed = password_file(tmp_path, "word", "closed")
    opened = password_file(tmp_path, "word", "open")
    opened.chmod(0o640 if opened.stat().st_uid else 0o604)

    [warning] = check_password_files({"kafka.security.password_file": opened, "other": closed})
    [good] = check_password_files({"kafka.security.password_file": closed, "other": None})

    assert warning.status == "warn"
    assert warning.text.startswith(f"kafka.security.password_file: {opened}: mode 06")
    assert (good.status, good.text) == ("ok", "kafka.security.password_file: closed to others")


def security_results(**given: object) -> dict[str, tuple[str, str]]:
    settings = KafkaSettings.model_validate({"bootstrap_servers": "kafka:9092", **given})
    return {result.check: (result.status, result.text) for result in check_security(settings)}


SASL = {"mechanism": "SCRAM-SHA-512", "username": "me", "password_file": "p"}


def test_a_plain_connection_fails_twice() -> None:
    results = security_results()

    assert {check: status for check, (status, _) in results.items()} == {
        "kafka.encryption": "fail",
        "kafka.login": "fail",
    }
    assert "User:ANONYMOUS" in results["kafka.login"][1]


def test_a_login_in_plain_text_fails() -> None:
    results = security_results(security={"protocol": "SASL_PLAINTEXT", **SASL})

    assert [status for status, _ in results.values()] == ["fail", "ok"]


def test_tls_with_a_login_or_a_certificate_is_well() -> None:
    by_password = security_results(security={"protocol": "SASL_SSL", **SASL})
    certificate = {"certificate_file": "c", "key_file": "k"}
    by_certificate = security_results(security={"protocol": "SSL", **certificate})

    assert {status for status, _ in (*by_password.values(), *by_certificate.values())} == {"ok"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable.ssl.certificate.verification", False),
        ("ssl.endpoint.identification.algorithm", "none"),
    ],
)
def test_a_broker_that_need_not_prove_who_it_is_fails(name: str, value: object) -> None:
    security = {"protocol": "SASL_SSL", **SASL}

    status, text = security_results(security=security, librdkafka={name: value})[
        "kafka.broker_identity"
    ]

    assert (status, text.startswith(name)) == ("fail", True)


def test_the_administrators_file_is_read_or_refused(tmp_path: Path) -> None:
    good = password_file(tmp_path, "# admin\nsasl.username=admin\nsasl.password = a=b", "good")
    bad = password_file(tmp_path, "admin", "bad")

    assert read_admin_file(good) == {"sasl.username": "admin", "sasl.password": "a=b"}
    with pytest.raises(Refused, match="each line is name=value"):
        read_admin_file(bad)


def market_file(folder: Path, **kafka: object) -> Loaded:
    path = folder / "connector.yaml"
    path.write_text(f"""\
kafka: {json.dumps({"bootstrap_servers": "127.0.0.1:9", **kafka})}
schema_registry: {{url: 'http://127.0.0.1:9'}}
subscriptions: [{{product: spot, symbols: [BTCUSDT], streams: [trade]}}]
""")
    return load(path)


def test_a_file_that_the_config_names_and_is_not_there_fails_with_its_line(tmp_path: Path) -> None:
    security = {"protocol": "SSL", "ca_file": str(tmp_path / "none.pem")}

    [good] = check_config(market_file(tmp_path))
    [bad] = check_config(market_file(tmp_path, security=security))

    assert (good.check, good.status) == ("config.file", "ok")
    assert (bad.check, bad.status) == ("config.file", "fail")
    assert bad.text.startswith(f"{tmp_path}/connector.yaml:1: kafka.security.ca_file: cannot read")


def test_a_setting_that_librdkafka_does_not_know_fails(tmp_path: Path) -> None:
    [result] = check_config(market_file(tmp_path, librdkafka={"linger": 5}))

    assert (result.status, "kafka.librdkafka.linger" in result.text) == ("fail", True)


def test_what_is_public_may_go_without_a_login_and_its_password_may_not() -> None:
    plain = KafkaSettings.model_validate({"bootstrap_servers": "kafka:9092"})
    password = {"protocol": "SASL_PLAINTEXT", **SASL}
    open_password = plain.model_copy(update={"security": SecuritySettings.model_validate(password)})
    encrypted = {"security": SecuritySettings(protocol="SSL")}
    anonymous = plain.model_copy(update=encrypted)

    found = {
        name: [(result.check, result.status) for result in check_security(kafka, secret=False)]
        for name, kafka in (("plain", plain), ("open", open_password), ("anonymous", anonymous))
    }

    assert found == {
        "plain": [("kafka.encryption", "warn")],
        "open": [("kafka.encryption", "fail"), ("kafka.login", "ok")],
        "anonymous": [("kafka.encryption", "ok"), ("kafka.login", "warn")],
    }
