"""Which config file a command reads: FILE, -c FILE, the environment's, connector.yaml."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.cli.arguments import epoch_millis
from connector.errors import Refused

COMMANDS = [
    ["check"],
    ["plan"],
    ["run", "market"],
    ["verify"],
    ["backfill", "--product", "spot", "--stream", "btcusdt@trade", "--from", "2026-01-01"],
]


def read(*arguments: str) -> str:
    """Return which file a command says it cannot read."""
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, Refused)
    return str(result.exception).partition(": cannot read")[0]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BKC_CONFIG_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_every_command_takes_the_file_either_way(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = [read(*command, "one.yaml"), read(*command, "-c", "one.yaml")]
    default = read(*command)
    monkeypatch.setenv("BKC_CONFIG_FILE", "two.yaml")

    assert (named, default) == (["one.yaml", "one.yaml"], "connector.yaml")
    assert (read(*command), read(*command, "one.yaml")) == ("two.yaml", "one.yaml")


def test_two_files_are_refused() -> None:
    assert read("check", "one.yaml", "-c", "two.yaml") == (
        "two config files are named, one.yaml and two.yaml: leave one out"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("1795564800000", 1_795_564_800_000),
        ("2026-11-25", 1_795_564_800_000),
        ("2026-11-25T00:00Z", 1_795_564_800_000),
        ("2026-11-25T08:00:00.001+08:00", 1_795_564_800_001),
    ],
)
def test_times_are_iso_8601_or_epoch_milliseconds(text: str | None, expected: int | None) -> None:
    assert epoch_millis(text, "--from") == expected


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("20261125", "write 2026-11-25"),
        ("1795564800", r"write 2026-11-25T08:00 \(UTC\) or epoch milliseconds \(13 digits\)"),
        ("99999999999999999999", "13 digits"),
        ("9" * 5_000, "13 digits"),
        ("0001-01-01", "13 digits"),
        ("9999-12-31T23:59:59-14:00", "13 digits"),
        ("²", "13 digits"),
        ("", "13 digits"),
    ],
)
def test_what_is_no_time_is_refused_with_its_cure(text: str, cure: str) -> None:
    with pytest.raises(Refused, match=f"^--from '.*' is no time: .*{cure}"):
        epoch_millis(text, "--from")
