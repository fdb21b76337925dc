"""Durations, sizes and names: what is taken, and how the rest is refused."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.config import GOOD, loaded, refused


@pytest.mark.parametrize(
    ("written", "duration"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
        ("1500ms", timedelta(seconds=1.5)),
    ],
)
def test_a_duration_has_a_unit(tmp_path: Path, written: str, duration: timedelta) -> None:
    assert loaded(tmp_path, f"{GOOD}refresh: {written}\n").settings.refresh == duration


@pytest.mark.parametrize("written", ["off", "'off'", "auto", "require"])
def test_a_bare_off_is_no_truth_value(tmp_path: Path, written: str) -> None:
    settings = loaded(tmp_path, f"{GOOD}native: {written}\n").settings

    assert settings.native == written.strip("'")


@pytest.mark.parametrize(
    ("written", "milliseconds"), [("7d", 604_800_000), ("1500ms", 1_500), ("-1", -1), ('"-1"', -1)]
)
def test_a_retention_is_in_kafkas_milliseconds(
    tmp_path: Path, written: str, milliseconds: int
) -> None:
    settings = loaded(tmp_path, f"{GOOD}topics: {{retention: {written}}}\n").settings

    assert settings.topics.retention == milliseconds


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (GOOD + "hold: many\n", "connector.yaml:10: hold: 'many' is no size: write 256MiB or 1GB"),
        (GOOD + "hold: 3 apples\n", "hold: '3 apples' is no size: write 256MiB or 1GB"),
        (GOOD + "hold: 0\n", "connector.yaml:10: hold: 0 bytes are too few: 64KiB is"),
        (
            GOOD + "refresh: 5x\n",
            "connector.yaml:10: refresh: '5x' is no duration: write 7d, 12h, 30m, 45s or 500ms",
        ),
        (GOOD + "topics: {retention: 7}\n", "topics.retention: 7 is no duration: write 7d, 12h"),
        (GOOD + "refresh: 500ms\n", "connector.yaml:10: refresh: '500ms' is too short: 1s is the"),
        (
            GOOD + "read_interval: 1s\n",
            "connector.yaml:10: read_interval: '1s' is too long: 100ms is the most",
        ),
        (GOOD + "topics: {prefix: a/b}\n", "topics.prefix: 'a/b' is no topic name: letters,"),
        (GOOD + "topics: {prefix: '..'}\n", "topics.prefix: '..' is no topic name: letters,"),
        (GOOD + "instance: a b\n", "connector.yaml:10: instance: 'a b' is no name: letters,"),
    ],
)
def test_what_is_no_duration_size_or_name_is_refused(tmp_path: Path, text: str, error: str) -> None:
    assert error in refused(tmp_path, text)


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
