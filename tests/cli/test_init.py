"""`bkc init` as its users run it: a file to begin with."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.config.load import load
from connector.config.plan import plan_of
from connector.errors import Refused


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BKC_CONFIG_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> str:
    """Return what a command prints; raises what it refuses."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, Refused):
        raise result.exception
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("options", [(), ("--secured",), ("--testnet",)])
def test_a_file_that_init_wrote_passes_check(options: tuple[str, ...]) -> None:
    written = run("init", *options)
    checked = run("check")

    assert written.startswith("connector.yaml is written: ")
    assert "connector.yaml is good: " in checked


def test_a_cluster_without_security_gets_no_warning() -> None:
    run("init")

    assert "warning" not in run("check")


def test_the_files_are_three_and_commented() -> None:
    for name, options in (("a", ()), ("b", ("--secured",)), ("c", ("--testnet",))):
        run("init", f"new/{name}.yaml", *options)
    loaded = {name: load(Path(f"new/{name}.yaml")) for name in "abc"}

    assert [each.settings.exchange for each in loaded.values()] == ["production"] * 2 + ["testnet"]
    assert loaded["b"].settings.kafka.security.protocol == "SASL_SSL"
    assert len(plan_of(loaded["a"]).streams) == 2 * 3 + 2
    assert all(Path(f"new/{name}.yaml").read_text().startswith("# ") for name in loaded)


def test_a_dash_prints_the_file_so_that_an_image_can_give_it_away() -> None:
    printed = run("init", "-")
    run("init")

    assert printed == Path("connector.yaml").read_text()


def test_the_account_workers_file_has_a_name_of_its_own_and_passes_check() -> None:
    written = run("init", "--account")

    assert written.startswith("account.yaml is written: ")
    assert written.endswith("then: bkc check account.yaml\n")
    assert "account.yaml is good: 6 subscriptions of 2 accounts" in run("check", "account.yaml")


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_where_the_account_workers_file_is_missing_the_cure_writes_that_one(command: str) -> None:
    with pytest.raises(Refused, match=r"to begin one: bkc init --account mine\.yaml$"):
        run(command, "account", "mine.yaml")


def test_no_file_is_overwritten() -> None:
    Path("mine.yaml").write_text("# mine")

    with pytest.raises(Refused, match=r"^mine\.yaml is there already: name another file"):
        run("init", "mine.yaml")
    assert Path("mine.yaml").read_text() == "# mine"


def test_two_kinds_at_once_are_refused() -> None:
    with pytest.raises(
        Refused, match=r"^--secured and --testnet write different files: choose one"
    ):
        run("init", "--secured", "--testnet")
    assert not Path("connector.yaml").exists()


def test_a_missing_file_and_an_empty_one_name_the_command_that_writes_one() -> None:
    with pytest.raises(Refused, match=r"to begin one: bkc init connector\.yaml$"):
        run("check")
    Path("connector.yaml").touch()
    with pytest.raises(Refused, match="bkc init writes a file to begin with"):
        run("check")
