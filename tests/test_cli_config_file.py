"""Which config file a command reads: FILE, -c FILE, the environment's, connector.yaml."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli import app
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
