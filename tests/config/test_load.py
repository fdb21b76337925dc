"""The config file: what it means, and errors that name file, line, value and cure."""

from pathlib import Path

import pytest

from connector.config.load import load
from connector.config.yaml_source import KeyPath
from connector.errors import Refused
from connector.worker.market import plan_of
from tests.support.config import GOOD, loaded, refused, write


def test_a_good_file_has_the_defaults_of_the_design(tmp_path: Path) -> None:
    settings = loaded(tmp_path).settings

    assert settings.topic_prefix == "binance"
    assert settings.topics.create is True
    assert int(settings.hold) == 256 * 1024 * 1024
    assert settings.kafka.security.protocol == "PLAINTEXT"
    assert (settings.delivery, settings.instance, settings.proxy) == (
        "exactly_once",
        "market",
        None,
    )
    assert (settings.shard.index, settings.shard.count) == (0, 1)
    assert (settings.refresh, settings.limits.share) == (300_000, 1.0)
    assert (settings.backfill.enabled, settings.backfill.weight_share) == (True, 0.5)


def test_every_section_can_be_given(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        GOOD + "limits: {share: 0.5}\nproxy: http://proxy:3128\nrefresh: 90s\n"
        "shard: {index: 1, count: 4}\ndelivery: idempotent\ninstance: second\nhold: 1GiB\n"
        "backfill: {api_key_file: /nowhere/key, weight_share: 0.25, enabled: false}\n"
        "topics: {retention: -1}\n",
    ).settings

    assert (settings.limits.share, settings.proxy, settings.refresh) == (
        0.5,
        "http://proxy:3128",
        90_000,
    )
    assert (settings.shard.index, settings.shard.count) == (1, 4)
    assert (settings.delivery, settings.instance, settings.hold) == ("idempotent", "second", 2**30)
    assert settings.backfill.api_key_file == Path("/nowhere/key")
    assert (settings.backfill.weight_share, settings.backfill.enabled) == (0.25, False)
    assert settings.topics.retention == -1


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("7d", 604_800_000), ("12h", 43_200_000), ("30m", 1_800_000), ("45s", 45_000)],
)
def test_a_duration_has_a_unit(tmp_path: Path, written: str, milliseconds: int) -> None:
    settings = loaded(tmp_path, f"{GOOD}topics: {{retention: {written}}}\n").settings

    assert settings.topics.retention == milliseconds


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
            "connector.yaml:5: schema_registry.url: 'registry:8081' is no URL of this sort: "
            "write http://host:port",
        ),
        (
            GOOD.replace("http://registry", "http://registry:8081\n  username: me\n  x: http://"),
            "connector.yaml:7: schema_registry.x: unknown key; known: url, register, username",
        ),
        (
            GOOD.replace("8081", "8081\n  username: me"),
            "connector.yaml:4: schema_registry: username and password_file go together",
        ),
        (
            GOOD.replace("product: spot", "product: sopt"),
            "connector.yaml:7: subscriptions[0].product: 'sopt': should be 'spot', 'usdm', 'coinm'"
            " or 'options'; did you mean 'spot'?",
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
        (
            GOOD + "password_file: /x\n",
            "did you mean kafka.security.password_file or schema_registry.password_file?",
        ),
        (GOOD + "streams: []\n", "unknown key here; did you mean subscriptions[].streams?"),
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
            GOOD.replace("production", "{spot: {streams: 'http://x'}}"),
            "connector.yaml:1: exchange.spot.streams: 'http://x' is no URL of this sort:"
            " write wss://host:port",
        ),
        (
            GOOD.replace("production", "{spot: {streams: 'ws://x/public/stream'}}"),
            "connector.yaml:1: exchange.spot.streams: 'ws://x/public/stream': leave out route and"
            " /stream, which are added: write ws://x",
        ),
        (
            GOOD.replace("production", "{spot: {stream: 'ws://x'}}"),
            "connector.yaml:1: exchange.spot.stream: unknown key; did you mean 'streams'?",
        ),
        (
            GOOD.replace("production", "{sopt: {streams: 'ws://x'}}"),
            "connector.yaml:1: exchange.sopt: 'sopt': should be 'spot', 'usdm', 'coinm' or"
            " 'options'; did you mean 'spot'?",
        ),
        (GOOD.replace("production", "{}"), "connector.yaml:1: exchange: is empty: give a value"),
        (GOOD.replace("production", "[a]"), "connector.yaml:1: exchange: a list must be text"),
        (
            GOOD.replace("production", "{usdm: {streams: 'ws://x'}}"),
            "exchange gives no base for spot",
        ),
        (
            GOOD.replace("kafka:\n  bootstrap_servers: ", "kafka: "),
            "connector.yaml:2: kafka: 'kafka-1:9092' must be a map of keys: bootstrap_servers,",
        ),
        (GOOD + "topics:\n", "connector.yaml:10: topics: is empty: give a value, or leave it out"),
        (GOOD + "logs: [1]\n", "connector.yaml:10: logs: a list must be a map of keys: format,"),
        (GOOD + "logs: {level: INF}\n", "; did you mean 'INFO'?"),
        (GOOD + "hold: many\n", "connector.yaml:10: hold: 'many' is no size: write 256MiB or 1GB"),
        (GOOD + "hold: 3 apples\n", "hold: '3 apples' is no size: write 256MiB or 1GB"),
        (GOOD + "hold: 0\n", "connector.yaml:10: hold: 0 bytes are too few: 64KiB is"),
        (
            GOOD + "refresh: 5x\n",
            "connector.yaml:10: refresh: '5x' is no duration: write 7d, 12h, 30m, 45s or 500ms",
        ),
        (GOOD + "topics: {retention: 7}\n", "topics.retention: 7 is no duration: write 7d, 12h"),
        (GOOD + "refresh: 500ms\n", "connector.yaml:10: refresh: '500ms' is too short: 1s is the"),
        (GOOD + "topics: {partitions: 1.5}\n", "topics.partitions: 1.5 is no whole number"),
        (GOOD + "topics: {partitions: x}\n", "topics.partitions: 'x' is no whole number"),
        (GOOD + "topics: {create: maybe}\n", "topics.create: 'maybe' must be true or false"),
        (GOOD + "limits: {share: x}\n", "limits.share: 'x' is no number"),
        (GOOD + "limits: {share: 2}\n", "limits.share: 2: should be less than or equal to 1"),
        (GOOD + "topics: {prefix: a/b}\n", "topics.prefix: 'a/b' is no topic name: letters,"),
        (GOOD + "topics: {prefix: '..'}\n", "topics.prefix: '..' is no topic name: letters,"),
        (
            GOOD + "shard: {index: 2, count: 2}\n",
            "shard: index 2 with count 2: they go from 0 to 1",
        ),
        (GOOD + "instance: a b\n", "connector.yaml:10: instance: 'a b' is no name: letters,"),
        (GOOD + "backfill: {api_key: x}\n", "unknown key; did you mean 'api_key_file'?"),
        (GOOD + "delivery: once\n", "delivery: 'once': should be 'exactly_once' or 'idempotent'"),
        (GOOD + "server: {port: 99999}\n", "server.port: 99999: should be less than or equal to"),
    ],
)
def test_an_error_names_place_value_and_cure(tmp_path: Path, text: str, error: str) -> None:
    assert error in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("- a\n", "connector.yaml:1: the file must be a map of sections, not a list"),
        ("word\n", "connector.yaml:1: the file must be a map of sections, not a str"),
        (GOOD + "on: x\n", 'connector.yaml:10: on: YAML reads on as bool; quote it: "on"'),
        (GOOD + "1: x\n", 'connector.yaml:10: 1: YAML reads 1 as int; quote it: "1"'),
        (GOOD + "? {a}\n: x\n", "connector.yaml:10: a key must be text; a {placeholder} wants"),
        (GOOD + "\tx: 1\n", "connector.yaml:10: not YAML: found character '\\t' that cannot start"),
        (GOOD + "\tx: 1\n", "; indent with spaces, not tabs"),
        (GOOD + "x: 2026-13-45\n", "connector.yaml: not YAML: month must be in 1..12; quote it"),
        (GOOD + "x: &a [*a]\n", "connector.yaml: is nested too deeply, or an anchor holds itself"),
        (GOOD + "---\naccounts: []\n", "connector.yaml:10: not YAML: but found another document"),
        ("a: [\n", "connector.yaml:2: not YAML: expected the node content"),
        ("a\0b", "connector.yaml: not YAML: unacceptable character #x0000"),
        (GOOD.replace("[trade]", "[!miniTicker@arr ]"), 'quote it: "!miniTicker@arr"'),
        (GOOD.replace("[trade]", "[@trade]"), 'quote it: "@trade"'),
        (GOOD.replace("[trade]", "[*trade]"), 'quote it: "*trade"'),
        (
            GOOD + "    topic: {prefix}.{kind}\n",
            "connector.yaml:10: not YAML: expected <block end>, but found '<scalar>';"
            ' quote it: "{prefix}.{kind}"',
        ),
    ],
)
def test_what_yaml_would_misread_is_refused_with_the_cure(
    tmp_path: Path, text: str, error: str
) -> None:
    assert error in refused(tmp_path, text)


def test_a_merged_map_is_no_key_given_twice(tmp_path: Path) -> None:
    text = GOOD + "topics: {<<: &base {create: false}, partitions: 3}\n"

    topics = loaded(tmp_path, text).settings.topics

    assert (topics.create, topics.partitions) == (False, 3)


@pytest.mark.parametrize("text", ["", "# nothing but words\n", "---\n"])
def test_an_empty_file_says_so(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).splitlines() == [
        "connector.yaml: is empty; the least it holds: examples/minimal.yaml",
        "connector.yaml: kafka: is missing",
        "connector.yaml: schema_registry: is missing",
        "connector.yaml: subscriptions: is missing",
    ]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nothing.yaml", "cannot read the config file: No such file or directory; to begin one"),
        ("conector.yml", "did you mean "),
        ("missing/connector.yaml", "No such file or directory; to begin one, copy examples/"),
        ("", "Is a directory; it is a folder: name the file in it, "),
    ],
)
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, name: str, error: str) -> None:
    write(tmp_path, GOOD)

    with pytest.raises(Refused) as caught:
        load(tmp_path / name)

    assert str(caught.value).startswith(f"{tmp_path / name}: cannot read the config file: ")
    assert error in str(caught.value)


def test_a_file_that_is_not_utf_8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_bytes("# Währung\n".encode("latin-1"))

    with pytest.raises(Refused, match=r"is not UTF-8: byte 3 is 0xe4; save it as UTF-8$"):
        load(path)


def test_the_mark_windows_editors_write_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())

    assert load(path).settings.kafka.bootstrap_servers == "kafka-1:9092"


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


def test_a_url_with_a_password_says_why_it_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, GOOD + "proxy: http://me:hunter2@proxy:3128\n")

    why = "holds a user or password, which logs would show: put them in a file"
    assert error == f"connector.yaml:10: proxy: {why}"


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


def test_several_problems_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("[trade]", "[trades, klin_1m]")

    assert len(refused(tmp_path, text).splitlines()) == 2


def test_warnings_are_told_with_their_places(tmp_path: Path) -> None:
    problems: list[tuple[KeyPath, str]] = [
        (("kafka", "bootstrap_servers"), "is far away"),
        (("subscriptions", 0), "is slow"),
    ]

    sentences = loaded(tmp_path).sentences(problems)

    assert [sentence.replace(f"{tmp_path}/", "") for sentence in sentences] == [
        "connector.yaml:3: kafka.bootstrap_servers: is far away",
        "connector.yaml:7: subscriptions[0]: is slow",
    ]


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
