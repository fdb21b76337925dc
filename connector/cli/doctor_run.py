"""Runs `bkc doctor`."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from typer import echo

from connector.cli.console import print_lines, waiting
from connector.config.load import load, load_account
from connector.diagnostics.doctor.account import examine_account
from connector.diagnostics.doctor.market import MarketExamination, examine_market
from connector.diagnostics.doctor.report import STATUSES, CheckResult, exit_code, lines_of
from connector.diagnostics.doctor.report import as_json as shown_as_json
from connector.telemetry import logs

INDENT = max(map(len, STATUSES)) + 2  # where a line's text begins
STYLES = {"ok": None, "warn": "yellow", "fail": "red", "cannot tell": "cyan"}
ASKING = "asking the exchange, Kafka and the schema registry"


def market(path: Path, wait_s: float, *, probe: bool, strict: bool, as_json: bool) -> int:
    """Print what was found and return the exit code; raises Refused: the file is not good."""
    loaded = load(path)
    logs.configure(json=False, level="ERROR")
    with waiting(ASKING):
        results = examine_market(loaded, MarketExamination(wait_s, probe))
    return _show(results, strict=strict, as_json=as_json)


def account(
    path: Path, readers: Collection[str], admin_file: Path | None, *, strict: bool, as_json: bool
) -> int:
    """Print what was found and return the exit code; raises Refused: the file is not good."""
    settings = load_account(path).settings
    logs.configure(json=False, level="ERROR")
    with waiting(ASKING):
        results = examine_account(settings, readers, admin_file)
    return _show(results, strict=strict, as_json=as_json)


def _show(results: Sequence[CheckResult], *, strict: bool, as_json: bool) -> int:
    if as_json:
        echo(json.dumps(shown_as_json(results, strict=strict), indent=2))
    else:
        styles = [STYLES[result.status] for result in results]
        for line, style in zip(lines_of(results), [*styles, None], strict=True):
            print_lines([line], style, INDENT)
    return exit_code(results, strict=strict)
