"""The config file: what it means, and errors that name file, line, value and cure."""

from datetime import timedelta
from pathlib import Path

import pytest

from connector.config.load import load
from connector.errors import Refused
from connector.planning.model import KeyPath
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
    assert (settings.refresh, settings.limits.share) == (timedelta(minutes=5), 1.0)
    assert settings.limits.connection_life == timedelta(hours=24)
    assert settings.backfill.book_interval == timedelta(hours=1)
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
        timedelta(seconds=90),
    )
    assert (settings.shard.index, settings.shard.count) == (1, 4)
    assert (settings.delivery, settings.instance, settings.hold) == ("idempotent", "second", 2**30)
    assert settings.backfill.api_key_file == Path("/nowhere/key")
    assert (settings.backfill.weight_share, settings.backfill.enabled) == (0.25, False)
    assert settings.topics.retention == -1


@pytest.mark.parametrize("text", ["", "# nothing but words\n", "---\n"])
def test_an_empty_file_says_so(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).splitlines() == [
        "connector.yaml: is empty; bkc init writes a file to begin with",
        "connector.yaml: kafka: is missing",
        "connector.yaml: schema_registry: is missing",
        "connector.yaml: subscriptions: is missing",
    ]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nothing.yaml", "cannot read the config file: No such file or directory; to begin one"),
        ("conector.yml", "did you mean "),
        ("missing/connector.yaml", "No such file or directory; to begin one: bkc init "),
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
