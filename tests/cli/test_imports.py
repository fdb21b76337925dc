"""Help, version and completion import nothing that does the work of a command: they are quick."""

import os
import subprocess
import sys

import pytest

from connector.cli import app

# What a command needs to do its work, at the bottom of every chain of imports. Not pydantic: typer
# itself takes the values of options with it.
WORK = {
    *(
        "aiohttp",
        "aiokafka",
        "confluent_kafka",
        "fastavro",
        "msgspec",
        "picows",
        "prometheus_client",
    ),
    *("pydantic_settings", "rich", "structlog", "uvloop", "websockets", "yaml"),
}
PROGRAM = """
import sys
from connector.cli import main
sys.argv[0] = "bkc"
try:
    main()
finally:
    print(*sys.modules, sep="\\n", file=sys.stderr)
"""
VERBS = [command.callback.__name__ for command in app.registered_commands if command.callback]


def run(*arguments: str, **environment: str) -> tuple[str, set[str]]:
    """Return what `bkc` prints in a process of its own, and the packages that it imported."""
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout, {name.partition(".")[0] for name in ended.stderr.splitlines()}


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("run", "market"), ("lab", "all"), *((v,) for v in VERBS)],
    ids=" ".join,
)
def test_help_and_version_import_nothing_that_does_the_work(arguments: tuple[str, ...]) -> None:
    if not arguments[0].startswith("-"):
        arguments = (*arguments, "--help")

    printed, imported = run(*arguments)

    assert printed != ""
    assert "typer" in imported
    assert imported & WORK == set()


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [("bkc ve", "verify"), ("bkc verify --fr", "--from"), ("bkc schema --format ", "markdown")],
)
def test_completion_imports_nothing_that_does_the_work(typed: str, proposed: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}

    printed, imported = run(_BKC_COMPLETE="complete_bash", **words)

    assert proposed in printed.split()
    assert imported & WORK == set()
