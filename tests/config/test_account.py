"""The account worker's file: accounts, their keys and streams, and a Kafka that is secure."""

from pathlib import Path

import pytest

from connector.config.account import AccountWorkerSettings
from connector.config.key_files import KeyFiles
from connector.config.load import is_account_file, load, load_account
from connector.errors import Refused
from tests.support.config import GOOD, write

KAFKA = """\
kafka:
  bootstrap_servers: kafka-1:9093
  security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, username: u, password_file: /p}
schema_registry: {url: "http://registry:8081"}
"""
ACCOUNT = """\
accounts:
  - alias: desk-1
    api_key_file: /k/api-key
    secret_key_file: /k/secret
    streams: {spot: signature, usdm: listen-key}
"""
FILE = KAFKA + ACCOUNT
STREAMS = "streams: {spot: signature, usdm: listen-key}"


def settings(folder: Path, text: str = FILE) -> AccountWorkerSettings:
    return load_account(write(folder, text)).settings


def refused(folder: Path, text: str) -> str:
    with pytest.raises(Refused) as caught:
        load_account(write(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_a_good_file_has_the_defaults_of_the_design(tmp_path: Path) -> None:
    found = settings(tmp_path)

    (account,) = found.accounts
    assert account.streams.places() == {("spot", None): "signature", ("usdm", None): "listen-key"}
    assert found.topic_of(account) == "binance.account-events"
    assert (account.snapshot_at_start, int(account.hold)) == (True, 64 * 2**20)
    assert (found.instance, found.allow_insecure_kafka) == ("account", False)
    assert account.key_files() == KeyFiles(Path("/k/api-key"), secret_key=Path("/k/secret"))


def test_the_form_of_a_streams_url_can_be_set(tmp_path: Path) -> None:
    (account,) = settings(tmp_path, FILE + "    url_forms: {usdm: private-path}\n").accounts

    assert account.url_forms.forms() == {"usdm": "private-path"}


def test_a_form_that_is_none_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    text = refused(tmp_path, FILE + "    url_forms: {usdm: privat-path}\n")

    assert "accounts[0].url_forms.usdm" in text
    assert "private-path" in text


def test_the_keys_may_be_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "api-key").touch()
    (tmp_path / "private-key.pem").touch()
    text = FILE.replace("api_key_file: /k/api-key", f"secrets_dir: {tmp_path}")

    (account,) = settings(tmp_path, text.replace("    secret_key_file: /k/secret\n", "")).accounts

    assert account.key_files() == KeyFiles(tmp_path / "api-key", tmp_path / "private-key.pem")


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        (
            "api_key_file: /k/api-key",
            "secrets_dir: /k",
            "connector.yaml:6: accounts[0]: secrets_dir holds all files of the key: leave the"
            " others out",
        ),
        (
            "    api_key_file: /k/api-key\n",
            "",
            "connector.yaml:6: accounts[0]: has no key: name api_key_file, or secrets_dir",
        ),
        (
            "    secret_key_file: /k/secret\n",
            "",
            "connector.yaml:6: accounts[0]: needs one key that signs: private_key_file or"
            " secret_key_file",
        ),
        (
            "secret_key_file: /k/secret",
            "secret_key_file: /k/secret\n    passphrase_file: /k/p",
            "connector.yaml:6: accounts[0]: passphrase_file is of a private_key_file: there is"
            " none",
        ),
        (
            "spot: signature",
            "spot: session-logon",
            "connector.yaml:6: accounts[0]: session-logon wants an Ed25519 private_key_file; or"
            " spot: signature",
        ),
        (
            "spot: signature",
            "spot: listen-key",
            "connector.yaml:9: accounts[0].streams.spot: 'listen-key': should be 'signature' or"
            " 'session-logon'",
        ),
        (
            "{spot: signature, usdm: listen-key}",
            "{}",
            "connector.yaml:9: accounts[0].streams: names no product; known: spot, margin,",
        ),
        (
            "{spot: signature, usdm: listen-key}",
            "{usd: listen-key}",
            "connector.yaml:9: accounts[0].streams.usd: unknown key; did you mean 'usdm'?",
        ),
        (
            "desk-1",
            "desk/1",
            "connector.yaml:6: accounts[0].alias: 'desk/1' is no alias: letters, digits, dash and"
            " underscore, at most 64",
        ),
        (
            "api_key_file:",
            "api_key:",
            "connector.yaml:7: accounts[0].api_key: unknown key; did you mean 'api_key_file'?",
        ),
    ],
)
def test_an_error_names_line_key_and_cure(
    tmp_path: Path, before: str, after: str, error: str
) -> None:
    assert error in refused(tmp_path, FILE.replace(before, after))


@pytest.mark.parametrize(
    ("streams", "is_refused"),
    [("spot: signature, coinm: listen-key", True), ("coinm: listen-key", False)],
)
def test_a_key_reads_a_product_under_one_alias(
    tmp_path: Path, streams: str, *, is_refused: bool
) -> None:
    second = ACCOUNT.replace("accounts:\n", "").replace("desk-1", "desk-2")
    text = FILE + second.replace("spot: signature, usdm: listen-key", streams)

    if not is_refused:
        assert len(settings(tmp_path, text).accounts) == 2
        return
    assert refused(tmp_path, text) == (
        "connector.yaml:11: accounts[1].api_key_file: /k/api-key is the key of accounts[0], too,"
        " which reads spot by it: leave one of them out"
    )


def test_an_alias_stands_once(tmp_path: Path) -> None:
    second = ACCOUNT.replace("accounts:\n", "")

    assert refused(tmp_path, FILE + second) == (
        "connector.yaml:10: accounts[1].alias: 'desk-1' is the alias of accounts[0], too: take"
        " another"
    )


@pytest.mark.parametrize(
    ("topic", "holds"),
    [
        ("account-progress", "the connector's own"),
        ("account-dead-letter", "the connector's own"),
        ("markers", "the connector's own"),
        ("dead-letter", "the connector's own"),
        ("spot.trade", "a topic of market data"),
    ],
)
def test_a_topic_that_holds_other_records_is_refused(
    tmp_path: Path, topic: str, holds: str
) -> None:
    text = FILE + f"    topic: binance.{topic}\n"

    assert refused(tmp_path, text) == (
        f"connector.yaml:10: accounts[0].topic: binance.{topic} is {holds}: take another"
    )


def test_accounts_that_are_no_list_are_refused_with_the_form_of_one(tmp_path: Path) -> None:
    text = FILE.partition("accounts:")[0] + "accounts: {desk-1: {}}\n"

    assert refused(tmp_path, text).endswith(
        'accounts: a map must be a list: begin each entry with "- "'
    )


@pytest.mark.parametrize(
    ("security", "problem"),
    [
        ("{}", "protocol PLAINTEXT is not encrypted and authenticated"),
        ("{protocol: SSL}", "protocol SSL is not encrypted and authenticated"),
        (
            "{protocol: SASL_PLAINTEXT, mechanism: PLAIN, username: u, password_file: /p}",
            "protocol SASL_PLAINTEXT is not encrypted and authenticated",
        ),
    ],
)
def test_a_kafka_that_is_not_secure_is_refused_unless_the_file_allows_it(
    tmp_path: Path, security: str, problem: str
) -> None:
    line = KAFKA.splitlines()[2]
    text = FILE.replace(line, f"  security: {security}")

    error = refused(tmp_path, text)

    assert error.startswith(f"connector.yaml:3: kafka.security: {problem}")
    assert error.endswith("accounts are not written there; or say allow_insecure_kafka: true")
    assert settings(tmp_path, text + "allow_insecure_kafka: true\n").allow_insecure_kafka


def test_a_client_certificate_is_a_login(tmp_path: Path) -> None:
    line = KAFKA.splitlines()[2]
    secure = "  security: {protocol: SSL, certificate_file: /c, key_file: /k}"

    assert settings(tmp_path, FILE.replace(line, secure)).kafka.security.protocol == "SSL"


@pytest.mark.parametrize(
    "key",
    ["enable.ssl.certificate.verification: false", "ssl.endpoint.identification.algorithm: none"],
)
def test_a_broker_that_is_not_verified_is_not_secure(tmp_path: Path, key: str) -> None:
    text = FILE.replace("schema_registry", f"  librdkafka: {{{key}}}\nschema_registry")

    assert f"librdkafka's {key} lets anybody pass for the broker" in refused(tmp_path, text)


def test_each_worker_says_whose_file_the_others_is(tmp_path: Path) -> None:
    path = write(tmp_path, FILE)
    with pytest.raises(Refused, match=r"yaml:5: accounts: is of the account worker"):
        load(path)
    assert is_account_file(path)

    path = write(tmp_path, GOOD)
    with pytest.raises(Refused, match=r"yaml:6: subscriptions: is of the market worker, .* file"):
        load_account(path)
    assert not is_account_file(path)


def test_a_variable_stands_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BKC_INSTANCE", "second")
    assert settings(tmp_path).instance == "second"

    monkeypatch.setenv("BKC_SHARD__INDEX", "1")
    assert "environment variable BKC_SHARD__INDEX is no setting" in refused(tmp_path, FILE)


def test_isolated_margin_is_named_by_symbol(tmp_path: Path) -> None:
    text = FILE.replace(STREAMS, "streams: {isolated_margin: [BTCUSDT, ETHUSDT]}")

    assert settings(tmp_path, text).accounts[0].streams.places() == {
        ("margin", "BTCUSDT"): "listen-token",
        ("margin", "ETHUSDT"): "listen-token",
    }


@pytest.mark.parametrize(
    ("symbols", "problem"),
    [
        ("[btcusdt]", "'btcusdt' is no symbol: write it as Binance does, such as BTCUSDT"),
        ("[BTCUSDT, BTCUSDT]", "BTCUSDT is named twice"),
        ("['*']", "'*' is no symbol"),
    ],
)
def test_an_isolated_symbol_that_cannot_be_is_refused(
    tmp_path: Path, symbols: str, problem: str
) -> None:
    text = FILE.replace(STREAMS, f"streams: {{isolated_margin: {symbols}}}")

    assert f"streams.isolated_margin: {problem}" in refused(tmp_path, text)
