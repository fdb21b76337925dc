"""Runs `bkc verify` and prints what is there, what is missing and why."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from textwrap import wrap

from rich.markup import escape
from rich.table import Table

from connector.cli.console import UNLIMITED_WIDTH, out, print_lines, progress, table
from connector.config.load import load
from connector.continuity.audit.coverage import UNMARKED
from connector.continuity.audit.report import SeriesReport, VerifyReport
from connector.continuity.audit.series import CONTRADICTED, SHORT
from connector.continuity.audit.topic_reader import TimeWindow
from connector.diagnostics.verify import Verification
from connector.telemetry import logs

MAX_SHOWN_HOLES = 20
COLUMNS = (
    *("topic", "stream", "symbol", "records", "first", "last", "unmarked", "open", "unfillable"),
    *("filled", "repeats", "complete until"),
)
NAME_COLUMNS = 3  # columns that name the series
# State of a hole that no marker explains -> what the marker says.
CAUSES = {
    UNMARKED: "no marker",
    CONTRADICTED: "though its marker says that it was filled",
    SHORT: "its marker ends before the next record",
}


def run(path: Path, since: int | None, until: int, topics: Sequence[str], *, as_json: bool) -> bool:
    """Read the topics of a file in a window of epoch milliseconds; return whether all is good."""
    logs.configure(json=False, level="ERROR")
    verification = Verification(load(path).settings, TimeWindow(since, until), topics)
    with progress("asking Kafka what there is") as show:
        report = verification.run(partial(show, "reading"))
    if as_json:
        out.print_json(json.dumps(report.as_json()))
    else:
        _show(report)
    return report.good


def _show(report: VerifyReport) -> None:
    rows = [_cells(series) for series in report.series]
    wide = _table(rows)
    if out.measure(wide, options=out.options.update(width=UNLIMITED_WIDTH)).maximum <= out.width:
        out.print(wide)
    else:
        print_lines(line for row in rows for line in _block(row))
    holes = [line for series in report.series for line in unexplained_holes(series)]
    more = len(holes) - MAX_SHOWN_HOLES
    rest = [f"... and {more} more: --json"] if more > 0 else []
    print_lines(["", *holes[:MAX_SHOWN_HOLES], *rest, *report.notes, *_totals(report)])


def _table(rows: list[list[str]]) -> Table:
    shown = table()
    for number, column in enumerate(COLUMNS):
        shown.add_column(column, justify="left" if number < NAME_COLUMNS else "right")
    for row in rows:
        shown.add_row(*map(escape, row))
    return shown


def _block(row: list[str]) -> list[str]:
    """Return a row as lines, for narrow terminals; no line ends between a name and its value."""
    cells = zip(COLUMNS[NAME_COLUMNS:], row[NAME_COLUMNS:], strict=True)
    pieces = [f"{name} {value}".replace(" ", "\0") for name, value in cells if value]
    lines = wrap(", ".join(pieces), out.width - 2, break_on_hyphens=False)
    return [" ".join(row[:NAME_COLUMNS]), *("  " + line.replace("\0", " ") for line in lines)]


def _cells(report: SeriesReport) -> list[str]:
    holes, gaps = report.holes, report.gaps
    unfillable = holes.get("partial", 0) + holes.get("unfillable", 0)
    filled = gaps.get("filled", 0) + gaps.get("clear", 0)
    numbers = (
        *(report.records, report.first_id, report.last_id, report.unexplained),
        *(gaps.get("opened", 0), unfillable, filled, report.repeats),
    )
    cells = ("" if number is None else str(number) for number in numbers)
    names = (report.topic, report.stream_name, report.symbol)
    return [*names, *cells, _time(report.complete_until)]


def _time(millis: int | None) -> str:
    if millis is None:
        return ""
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds")


def unexplained_holes(report: SeriesReport) -> Iterator[str]:
    """Return a line for each hole that no marker explains: bounds as in records, and why."""
    name = f"{report.topic} {report.stream_name} {report.symbol}"
    for hole in report.examples:
        if cause := CAUSES.get(hole["state"]):
            bound = _time if hole["state"] == SHORT else str
            yield f"{name}: {bound(hole['first'])}..{bound(hole['last'])} missing, {cause}"


def _totals(report: VerifyReport) -> list[str]:
    early = sum(series.settled for series in report.series)
    notes = [f"{early} series have so many holes that some were judged early"] if early else []
    read = f"{report.read} records of {len(report.series)} series"
    notes += _silences(report)
    found = f"{report.unexplained} unmarked holes, {report.repeats} repeats"
    return [*notes, f"{read}: {found}, {report.open_gaps} gaps open"]


def _silences(report: VerifyReport) -> list[str]:
    """Return what no topic can prove: the longest silence of streams without ids in a row."""
    silent = [
        (series, *series.longest_silence) for series in report.series if series.longest_silence
    ]
    if not silent:
        return []
    series, began, ended = max(silent, key=lambda each: each[2] - each[1])
    name = f"{series.topic} {series.stream_name} {series.symbol}"
    return [
        "what is missing in streams without ids in a row only markers tell; their longest silence"
        f" without one: {name}, {(ended - began) / 1000:.1f} s from {_time(began)}"
    ]
