"""How `bkc run market` ends when it cannot go on: an exit code, and one form of log."""

import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app, run_worker
from connector.errors import Fatal, Refused, Retry

CONFIG = """
kafka: {bootstrap_servers: "127.0.0.1:9"}
schema_registry: {url: "http://127.0.0.1:9"}
subscriptions: [{product: spot, symbols: [BTCUSDT], streams: trade}]
"""


def run(folder: Path, log: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run a worker that ends with an error."""

    async def end() -> int:
        raise error

    def run_market(_loaded: object) -> Coroutine[Any, Any, int]:
        return end()

    monkeypatch.setattr(run_worker, "run_market", run_market)
    path = folder / "connector.yaml"
    path.write_text(CONFIG + f"logs: {{format: {log}}}\n")
    return CliRunner().invoke(app, ["run", "market", str(path)])


@pytest.mark.parametrize(
    ("error", "code"), [(Refused("wrong"), 2), (Retry("away"), 3), (Fatal("over"), 4)]
)
def test_a_json_log_ends_with_the_cause_and_no_other_line(
    tmp_path: Path, error: Exception, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(tmp_path, "json", error, monkeypatch)

    [line] = [json.loads(line) for line in result.stderr.splitlines()]
    assert (result.exit_code, line["event"], line["cause"]) == (code, "gave_up", str(error))


def test_a_person_is_told_the_cause_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, "console", Retry("away"), monkeypatch)

    assert isinstance(result.exception, Retry)  # `main` prints it
    assert result.stderr == ""


@pytest.mark.parametrize("log", ["json", "console"])
def test_a_bug_is_logged_with_its_traceback_and_ends_with_4(
    tmp_path: Path, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(tmp_path, log, ZeroDivisionError("by zero"), monkeypatch)

    assert result.exit_code == 4
    assert "gave_up" in result.stderr
    assert "Traceback" in result.stderr
    if log == "json":
        [line] = [json.loads(line) for line in result.stderr.splitlines()]
        assert line["cause"] == "a bug of the connector: ZeroDivisionError('by zero')"


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_the_account_worker_has_a_file_of_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "connector.yaml").write_text(CONFIG)

    result = CliRunner().invoke(app, [command, "account"])

    assert isinstance(result.exception, Refused)
    assert str(result.exception).startswith("account.yaml: ")
    assert "bkc init --account" in str(result.exception)
