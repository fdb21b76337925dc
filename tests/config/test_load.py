"""The config file: what it means, and errors that name file, line, value and cure."""

import os
from pathlib import Path

import pytest

from connector.config.load import Loaded, load
from connector.errors import Refused
from connector.service import bases_of, plan_of

GOOD = """\
exchange: production
kafka:
  bootstrap_servers: kafka-1:9092
schema_registry:
  url: http://registry:8081
subscriptions:
  - product: spot
    symbols: [BTCUSDT]
    streams: [trade]
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BKC_"):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    path = folder / "connector.yaml"
    path.write_text(text)
    return path


def refused(folder: Path, text: str) -> str:
    """Return the error of a file, from its name on."""
    with pytest.raises(Refused) as caught:
        plan_of(load(write(folder, text)))
    return str(caught.value).replace(f"{folder}/", "")


def loaded(folder: Path, text: str = GOOD) -> Loaded:
    return load(write(folder, text))


def test_a_good_file_has_the_defaults_of_the_design(tmp_path: Path) -> None:
    settings = loaded(tmp_path).settings

    assert settings.topic_prefix == "binance"
    assert settings.topics.create is True
    assert int(settings.hold) == 256 * 1024 * 1024
    assert settings.kafka.security.protocol == "PLAINTEXT"


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
            GOOD.replace("http://registry:8081", "registry:8081"),
            "connector.yaml:5: schema_registry.url:",
        ),
        (
            GOOD.replace("product: spot", "product: sopt"),
            "connector.yaml:7: subscriptions[0].product: 'sopt'",
        ),
        (GOOD.replace("product: spot", "product: sopt"), "did you mean 'spot'?"),
        (
            GOOD.replace("[trade]", "[trades]"),
            "connector.yaml:9: subscriptions[0].streams[0]: spot has no stream 'btcusdt@trades'",
        ),
        (
            GOOD.replace("[trade]", '["!ticker@arr"]'),
            "subscriptions[0].streams[0]: '!ticker@arr' was retired by Binance on 2026-03-26",
        ),
        (
            GOOD.replace("    symbols: [BTCUSDT]\n", ""),
            "streams[0]: 'trade' is a stream per symbol",
        ),
        (GOOD.replace("[trade]", "[trade, trade]"), "streams[1]: btcusdt@trade is planned twice"),
        (GOOD + "hold: 5\nhold: 6\n", "connector.yaml:11: hold: given twice"),
        (
            GOOD.replace("[BTCUSDT]", "[NO]"),
            'connector.yaml:8: subscriptions[0].symbols[0]: YAML reads NO as bool; quote it: "NO"',
        ),
        (GOOD.replace("[trade]", "[!miniTicker@arr ]"), 'quote it: "!miniTicker@arr"'),
        (GOOD.replace("[trade]", "[@trade]"), 'quote it: "@trade"'),
        (GOOD.replace("[trade]", "[*trade]"), 'quote it: "*trade"'),
        (GOOD.replace("production", "prodution"), "connector.yaml:1: exchange: 'prodution'"),
        (GOOD.replace("production", "{spot: {streams: 'http://x'}}"), "connector.yaml:1: exchange"),
        (
            GOOD.replace("production", "{usdm: {streams: 'ws://x'}}"),
            "exchange gives no base for spot",
        ),
        ("- a\n", "connector.yaml:1: the file must be a map"),
        ("", "kafka: is missing"),
        (GOOD + "  security: {protocol: SSL}\n", "connector.yaml"),
    ],
)
def test_an_error_names_place_value_and_cure(tmp_path: Path, text: str, error: str) -> None:
    assert error in refused(tmp_path, text)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"nothing\.yaml: cannot read the config file"):
        load(tmp_path / "nothing.yaml")


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


def test_several_problems_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("[trade]", "[trades, klin_1m]")

    assert len(refused(tmp_path, text).splitlines()) == 2


def test_the_environment_stands_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BKC_KAFKA__BOOTSTRAP_SERVERS", "other:9092")
    monkeypatch.setenv("BKC_TOPICS__CREATE", "false")
    monkeypatch.setenv("BKC_EXCHANGE", '{"spot": {"streams": "ws://127.0.0.1:1"}}')

    settings = loaded(tmp_path).settings

    assert settings.kafka.bootstrap_servers == "other:9092"
    assert settings.topics.create is False
    assert bases_of(settings)["spot"].streams == ("ws://127.0.0.1:1",)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("BKC_KAFKA__BOOTSTRAP_SERVRS", "did you mean BKC_KAFKA__BOOTSTRAP_SERVERS?"),
        ("BKC_KAFAK__CLIENT_ID", "did you mean BKC_KAFKA?"),
        ("BKC_NONSENSE", "known: "),
    ],
)
def test_a_variable_that_is_no_setting_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cure: str
) -> None:
    monkeypatch.setenv(name, "x")

    with pytest.raises(Refused) as caught:
        loaded(tmp_path)

    assert str(caught.value).startswith(f"environment variable {name} is no setting")
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "BKC_SERVICE_HOST",
        "BKC_SERVICE_PORT",
        "BKC_PORT",
        "BKC_PORT_8080_TCP_ADDR",
        "BKC_CONFIG_FILE",
    ],
)
def test_kubernetes_service_links_and_our_own_option_are_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:8080")

    assert loaded(tmp_path).settings.server.port == 8080


@pytest.mark.parametrize(
    ("exchange", "prefix"),
    [("production", "binance"), ("testnet", "testnet.binance"), ("demo", "demo.binance")],
)
def test_testnet_and_demo_have_topics_of_their_own(
    tmp_path: Path, exchange: str, prefix: str
) -> None:
    text = GOOD.replace("production", exchange)

    [topic] = plan_of(loaded(tmp_path, text)).topics
    assert topic == f"{prefix}.spot.trade"
