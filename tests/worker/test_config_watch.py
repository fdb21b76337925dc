"""The account worker's file that changes while it runs: checked, named, and not carried out."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connector.config.load import load_account
from connector.worker.config_watch import AccountConfigWatch

FILE = """\
kafka: {bootstrap_servers: kafka-1:9092}
schema_registry: {url: "http://registry:8081"}
allow_insecure_kafka: true
accounts:
  - {alias: desk-1, secrets_dir: /k, streams: {spot: signature}}
"""
SECOND = "  - {alias: desk-2, secrets_dir: /l, streams: {spot: signature}}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "account.yaml"
    written.write_text(FILE)
    return written


def looked(watch: AccountConfigWatch) -> list[tuple[str, object]]:
    """Return the log of three looks: new content counts once it is read twice."""
    with capture_logs() as logged:
        for _ in range(3):
            watch.look()
    return [(each["event"], each.get("keys", each.get("cause"))) for each in logged]


def test_a_new_account_needs_a_restart(path: Path) -> None:
    watch = AccountConfigWatch(load_account(path))
    assert looked(watch) == []

    path.write_text(FILE + SECOND)
    assert looked(watch) == [("restart_needed", ["accounts"])]
    assert watch.restart_needed == ("accounts",)

    path.write_text(FILE)
    assert looked(watch) == []
    assert not watch.restart_needed


def test_a_file_that_is_wrong_is_refused_with_its_line(path: Path) -> None:
    watch = AccountConfigWatch(load_account(path))

    path.write_text(FILE + SECOND.replace("desk-2", "desk-1"))
    [(event, cause)] = looked(watch)

    assert event == "config_refused"
    assert str(cause).startswith(f"{path}:6: accounts[1].alias: 'desk-1' is the alias of")
    assert watch.restart_needed == ()


def test_a_comment_is_no_change(path: Path) -> None:
    watch = AccountConfigWatch(load_account(path))

    path.write_text(FILE + "# a word\n")
    assert looked(watch) == []
    assert watch.restart_needed == ()
