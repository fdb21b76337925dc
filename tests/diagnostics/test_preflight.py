"""What is tried of a config file without any network."""

from pathlib import Path

import pytest

from connector.config.load import load_account, load_any
from connector.diagnostics.preflight import check_offline
from connector.errors import Refused
from tests.support.config import GOOD, loaded
from tests.support.keys import ED25519, pem

EVERY_FILE = """\
kafka:
  bootstrap_servers: kafka-1:9092
  security:
    protocol: SASL_SSL
    mechanism: PLAIN
    username: me
    password_file: FOLDER/kafka-password
    ca_file: FOLDER
    certificate_file: FOLDER/certificate
    key_file: FOLDER/key
schema_registry:
  url: http://registry:8081
  username: me
  password_file: FOLDER/registry-password
backfill:
  api_key_file: FOLDER/api-key
proxy: http://proxy:3128
proxy_login_file: FOLDER/login
subscriptions:
  - {product: spot, symbols: [BTCUSDT], streams: [trade]}
"""
KEYS = {
    7: ("kafka.security.password_file", "kafka-password"),
    9: ("kafka.security.certificate_file", "certificate"),
    10: ("kafka.security.key_file", "key"),
    14: ("schema_registry.password_file", "registry-password"),
    16: ("backfill.api_key_file", "api-key"),
    18: ("proxy_login_file", "login"),
}
MISSING = [
    f"connector.yaml:{line}: {key}: cannot read {name}: No such file or directory"
    for line, (key, name) in KEYS.items()
]


def text(folder: Path) -> str:
    return EVERY_FILE.replace("FOLDER", str(folder))


def test_elsewhere_a_file_that_is_missing_here_is_a_warning(tmp_path: Path) -> None:
    warnings = check_offline(loaded(tmp_path, text(tmp_path)), here=False)

    assert sorted(each.replace(f"{tmp_path}/", "") for each in warnings) == sorted(
        f"{each}; the worker needs it" for each in MISSING
    )


def test_here_it_is_an_error_with_its_whole_key(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        check_offline(loaded(tmp_path, text(tmp_path)), here=True)

    report = str(caught.value).replace(f"{tmp_path}/", "")
    assert sorted(report.splitlines()) == sorted(MISSING)


def test_files_that_are_there_are_nothing_to_tell(tmp_path: Path) -> None:
    for _, name in KEYS.values():
        (tmp_path / name).write_text("content")

    assert check_offline(loaded(tmp_path, text(tmp_path)), here=True) == []


ACCOUNTS = """\
kafka: {bootstrap_servers: kafka-1:9092}
schema_registry: {url: "http://registry:8081"}
allow_insecure_kafka: true
accounts:
  - alias: desk-1
    secrets_dir: FOLDER/desk-1
    streams: {spot: session-logon}
"""


@pytest.mark.parametrize(
    ("files", "mode", "problem"),
    [
        ({}, 0o600, "desk-1: holds no file api-key"),
        ({"api-key": "k"}, 0o600, "desk-1: holds neither private-key.pem nor secret-key"),
        (
            {"api-key": "k", "secret-key": "s"},
            0o600,
            "desk-1: spot: session-logon wants an Ed25519 key, this one is HMAC: make one, or say"
            " spot: signature",
        ),
        (
            {"api-key": "k", "secret-key": "s"},
            0o644,
            "desk-1/api-key: mode 0644 lets others use the key: run chmod 600 desk-1/api-key",
        ),
    ],
)
def test_key_files_of_an_account_that_do_not_fit_are_named_with_their_line(
    tmp_path: Path, files: dict[str, str], mode: int, problem: str
) -> None:
    (tmp_path / "desk-1").mkdir()
    for name, content in files.items():
        path = tmp_path / "desk-1" / name
        path.write_text(content)
        path.chmod(mode)
    config = tmp_path / "account.yaml"
    config.write_text(ACCOUNTS.replace("FOLDER", str(tmp_path)))
    account_file = load_account(config)
    expected = f"account.yaml:6: accounts[0].secrets_dir: {problem}"

    [warning] = check_offline(account_file, here=False)
    with pytest.raises(Refused) as caught:
        check_offline(account_file, here=True)

    assert warning.replace(f"{tmp_path}/", "") == f"{expected}; the worker would not start"
    assert str(caught.value).replace(f"{tmp_path}/", "") == expected


SEPARATE = """\
    api_key_file: FOLDER/api-key
    private_key_file: FOLDER/key.pem
    passphrase_file: FOLDER/passphrase
"""


@pytest.mark.parametrize(
    ("name", "content", "setting"),
    [
        ("api-key", "k" * 64, "6: accounts[0].api_key_file"),
        ("key.pem", "no PEM", "7: accounts[0].private_key_file"),
        ("passphrase", "word", "8: accounts[0].passphrase_file"),
    ],
)
def test_the_setting_of_the_key_file_that_is_at_fault_is_named(
    tmp_path: Path, name: str, content: str, setting: str
) -> None:
    good = {"api-key": "k" * 64, "key.pem": pem(ED25519), "passphrase": "word"}
    for each, written in (good | {name: content}).items():
        (tmp_path / each).write_text(written)
        (tmp_path / each).chmod(0o644 if each == name else 0o600)
    config = tmp_path / "account.yaml"
    whole = ACCOUNTS.replace("    secrets_dir: FOLDER/desk-1\n", SEPARATE)
    config.write_text(whole.replace("FOLDER", str(tmp_path)))

    [warning] = check_offline(load_account(config), here=False)

    assert warning.startswith(f"{config}:{setting}: {tmp_path / name}: mode 0644 lets others use")


def test_a_key_of_the_wrong_kind_is_named_by_its_own_setting(tmp_path: Path) -> None:
    for each, content in {"api-key": "k" * 64, "key.pem": "no PEM"}.items():
        (tmp_path / each).write_text(content)
        (tmp_path / each).chmod(0o600)
    config = tmp_path / "account.yaml"
    own = SEPARATE.replace("    passphrase_file: FOLDER/passphrase\n", "")
    whole = ACCOUNTS.replace("    secrets_dir: FOLDER/desk-1\n", own)
    config.write_text(whole.replace("FOLDER", str(tmp_path)))

    [warning] = check_offline(load_account(config), here=False)

    assert warning.startswith(f"{config}:7: accounts[0].private_key_file: {tmp_path}/key.pem: ")


def test_a_wrong_key_of_librdkafka_has_its_line(tmp_path: Path) -> None:
    wrong = GOOD.replace("9092", "9092\n  librdkafka:\n    lingr.ms: 5")
    with pytest.raises(Refused) as caught:
        check_offline(loaded(tmp_path, wrong), here=False)

    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "connector.yaml:5: kafka.librdkafka.lingr.ms: librdkafka has no such key;"
        " did you mean 'linger.ms'?"
    )


@pytest.mark.parametrize("example", sorted(Path("examples").glob("*.yaml")), ids=lambda at: at.name)
def test_the_examples_need_nothing_but_their_files(example: Path) -> None:
    warnings = check_offline(load_any(example), here=False)

    assert [each for each in warnings if "cannot read" not in each] == []
