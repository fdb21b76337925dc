"""Help, version and completion import nothing that does the work of a command: they are quick."""

import os
import subprocess
import sys

import pytest

from connector.cli import app

# What a command needs to do its work, at the bottom of every chain of imports. pydantic, too, but
# where a verb's options are completed: typer takes their values with it.
WORK = {
    *(
        "aiohttp",
        "aiokafka",
        "confluent_kafka",
        "fastavro",
        "msgspec",
        "picows",
        "prometheus_client",
        "pydantic",
    ),
    *("pydantic_settings", "rich", "structlog", "uvloop", "websockets", "yaml"),
}
# Runs `bkc` with each argument's words in turn, and names behind each what is imported by then.
PROGRAM = """
import sys
from connector.cli import main
for words in sys.argv[1:] or [""]:
    sys.argv = ["bkc", *words.split()]
    try:
        main()
    except SystemExit:
        pass
    print(words, *{name.partition(".")[0] for name in sys.modules}, sep="\\t", file=sys.stderr)
"""
VERBS = [command.callback.__name__ for command in app.registered_commands if command.callback]


def run(*commands: str, **environment: str) -> tuple[str, dict[str, set[str]]]:
    """Return what `bkc` prints in a process of its own, and the packages that it imported.

    By command, those of the commands before it too.
    """
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM, *commands],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split("\t") for line in ended.stderr.splitlines() if "\t" in line]
    return ended.stdout, {words: set(packages) for words, *packages in lines}


def test_help_and_version_import_nothing_that_does_the_work() -> None:
    helps = [f"{words} --help" for words in ("run market", "lab all", *VERBS)]

    printed, imported = run("--help", "--version", *helps)

    assert printed.count("Usage: ") == 1 + len(helps)
    assert imported.keys() == {"--help", "--version", *helps}
    assert {words: packages & WORK for words, packages in imported.items() if packages & WORK} == {}
    assert "typer" in imported["--help"]


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [("bkc ve", "verify"), ("bkc verify --fr", "--from"), ("bkc schema --format ", "markdown")],
)
def test_completion_imports_nothing_that_does_the_work(typed: str, proposed: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}

    printed, imported = run(_BKC_COMPLETE="complete_bash", **words)

    assert proposed in printed.split()
    assert imported[""] & WORK <= ({"pydantic"} if " -" in typed else set())
