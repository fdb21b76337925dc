"""Runs `bkc doctor`."""

import json
from collections.abc import Collection
from pathlib import Path

from typer import echo

from connector.cli.console import print_lines
from connector.config.load import load_account
from connector.diagnostics.doctor.account import examine_account
from connector.diagnostics.doctor.report import as_json as shown_as_json
from connector.diagnostics.doctor.report import exit_code, lines_of
from connector.telemetry import logs


def account(
    path: Path, readers: Collection[str], admin_file: Path | None, *, strict: bool, as_json: bool
) -> int:
    """Print what was found and return the exit code; raises Refused: the file is not good."""
    settings = load_account(path).settings
    logs.configure(json=False, level="ERROR")
    results = examine_account(settings, readers, admin_file)
    if as_json:
        echo(json.dumps(shown_as_json(results, strict=strict), indent=2))
    else:
        print_lines(lines_of(results))
    return exit_code(results, strict=strict)
