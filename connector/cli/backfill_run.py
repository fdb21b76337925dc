"""Runs `bkc backfill` and prints what it did."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from connector.backfill.manual.report import FilledGap, FillReport
from connector.backfill.manual.request import FillRequest
from connector.backfill.manual.run import run_manual_backfill
from connector.cli.console import out, print_lines, progress
from connector.config.load import load
from connector.telemetry import logs


def run(path: Path, request: FillRequest, *, as_json: bool) -> bool:
    """Fill what is requested; return whether nothing of it is missing any more."""
    logs.configure(json=False, level="ERROR")
    loaded = load(path)
    with progress("asking") as show:
        report = asyncio.run(run_manual_backfill(loaded, request, show))
    if as_json:
        out.print_json(json.dumps({"good": report.good, **asdict(report)}))
    else:
        gaps = sorted(report.gaps, key=lambda gap: gap.first)
        print_lines([*map(_gap_line, gaps), *report.notes, _sum(report)])
    return report.good


def _gap_line(gap: FilledGap) -> str:
    detail = f" ({gap.detail})" if gap.detail else ""
    written = f"{gap.recovered} of {gap.missing} written"
    return f"{gap.first}..{gap.last}: {gap.state}, {written}, gap {gap.gap_id}{detail}"


def _sum(report: FillReport) -> str:
    name = f"{report.topic} {report.stream_name} {report.symbol}: {report.first}..{report.last}"
    if not report.gaps:
        return f"{name}: {report.present} events, none to be filled"
    written = sum(gap.recovered for gap in report.gaps)
    return f"{name}: {report.present} were there, {written} written"
