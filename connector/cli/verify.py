"""`bkc verify`: proves that nothing is missing in the topics, or says what is."""

import json
from datetime import UTC, datetime
from textwrap import wrap
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from connector.cli.arguments import Config, File, config_path, millis
from connector.cli.console import err, out
from connector.config.load import load
from connector.continuity.audit.report import SeriesReport, VerifyReport
from connector.continuity.audit.series import UNEXPLAINED
from connector.continuity.audit.topic_reader import Window
from connector.diagnostics.verify.run import Verification
from connector.errors import Refused
from connector.telemetry import logs

SHOWN_HOLES = 20
COLUMNS = (
    *("topic", "stream", "symbol", "records", "first", "last", "unmarked", "open", "unfillable"),
    *("filled", "repeats", "complete until"),
)
NAMES = 3  # columns that say which series it is
WIDEST = 10_000  # room for any table, to see what it needs


def verify(
    context: typer.Context,
    file: File = None,
    config: Config = None,
    since: Annotated[
        str | None, typer.Option("--from", help="ISO 8601 or epoch milliseconds; UTC.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="As --from, not included. Default: now.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this topic; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Read topics, markers and progress, and report every hole and who knows of it.

    Needs read access only and joins no group. Reads each topic from the first record that is not
    older than --from (default: the beginning) to the end it has now: backfill appends old times
    late, so that no offset ends a window of time. Where the broker cannot look up times (the
    embedded one) all of it is read. A record counts when its own time lies in between; committed
    records only. Memory grows with series and holes, not with records.

    A hole is `unmarked` when no marker speaks of it, or one says that fewer ids are missing; `open`
    while it is being filled; `unfillable` when the exchange no longer has it (all or a part).
    `filled` counts the gaps that were closed.

    Exit codes: 0 every hole is marked and nothing is there twice; 1 not so, records could not be
    read, or there are none where progress tells of some; 2 usage or config; 3 Kafka or the registry
    cannot be reached.
    """
    window = Window(millis(since, "--from"), millis(until or _now(), "--to"))
    if window.since is not None and window.until is not None and window.until <= window.since:
        raise Refused(f"--from {since} is not before --to {until or 'now'}: nothing lies between")
    logs.configure(json=False, level="ERROR")
    verification = Verification(
        load(config_path(context, file, config)).settings, window, topic or ()
    )
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        verdict = verification.run(
            lambda done, total: bar.update(task, completed=done, total=max(done, total))
        )
    if as_json:
        out.print_json(json.dumps(verdict.plain()))
    else:
        _show(verdict)
    raise typer.Exit(0 if verdict.good else 1)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _show(verdict: VerifyReport) -> None:
    rows = [_cells(report) for report in verdict.series]
    table = _table(rows)
    if out.measure(table, options=out.options.update(width=WIDEST)).maximum <= out.width:
        out.print(table)
    else:
        for row in rows:
            out.print(*_block(row), sep="\n", markup=False, highlight=False, soft_wrap=True)
    lines = [line for report in verdict.series for line in _wrong_holes(report)]
    more = [f"... and {len(lines) - SHOWN_HOLES} more: --json"] if lines[SHOWN_HOLES:] else []
    for line in ["", *lines[:SHOWN_HOLES], *more, *verdict.notes, *_remarks(verdict)]:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(rows: list[list[str]]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if number < NAMES else "right")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _block(row: list[str]) -> list[str]:
    """Return the lines that tell a row where the table is too wide: a value stays by its name."""
    told = zip(COLUMNS[NAMES:], row[NAMES:], strict=True)
    pieces = [f"{name} {value}".replace(" ", "\0") for name, value in told if value]
    lines = wrap(", ".join(pieces), out.width - 2, break_on_hyphens=False)
    return [" ".join(row[:NAMES]), *("  " + line.replace("\0", " ") for line in lines)]


def _cells(report: SeriesReport) -> list[str]:
    holes = report.holes
    known = holes.get("partial", 0) + holes.get("unfillable", 0)
    return [
        report.topic,
        report.stream_name,
        report.symbol,
        str(report.records),
        _text(report.first_id),
        _text(report.last_id),
        str(report.wrong),
        str(holes.get("opened", 0)),
        str(known),
        str(report.gaps.get("filled", 0) + report.gaps.get("clear", 0)),
        str(report.repeats),
        _time(report.complete_until),
    ]


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _time(millis: int | None) -> str:
    if millis is None:
        return ""
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds")


def _wrong_holes(report: SeriesReport) -> list[str]:
    name = f"{report.topic} {report.stream_name} {report.symbol}"
    return [
        f"{name}: {hole['first']}..{hole['last']} missing, {_why(hole['state'])}"
        for hole in report.examples
        if hole["state"] in UNEXPLAINED
    ]


def _why(state: str) -> str:
    return "no marker" if state == "unmarked" else "though its marker says that it was filled"


def _remarks(verdict: VerifyReport) -> list[str]:
    early = sum(report.settled for report in verdict.series)
    remarks = [f"{early} series have so many holes that some were judged early"] if early else []
    return [
        *remarks,
        f"{verdict.read} records of {len(verdict.series)} series: {verdict.wrong} unmarked holes,"
        f" {verdict.repeats} repeats",
    ]
