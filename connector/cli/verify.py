"""`bkc verify`: proves that nothing is missing in the topics, or reports every hole."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from textwrap import wrap
from typing import Annotated

from rich.markup import escape
from rich.table import Table
from typer import Context, Exit, Option

from connector.cli.arguments import AsJson, Config, File, Since, config_path, epoch_millis
from connector.cli.console import out, print_lines, progress_bar, table
from connector.config.load import load
from connector.continuity.audit.report import SeriesReport, VerifyReport
from connector.continuity.audit.series import UNEXPLAINED
from connector.continuity.audit.topic_reader import TimeWindow
from connector.diagnostics.verify import Verification
from connector.errors import Refused
from connector.telemetry import logs

MAX_SHOWN_HOLES = 20
COLUMNS = (
    *("topic", "stream", "symbol", "records", "first", "last", "unmarked", "open", "unfillable"),
    *("filled", "repeats", "complete until"),
)
NAME_COLUMNS = 3  # columns that name the series
UNLIMITED_WIDTH = 10_000  # columns; for measuring how wide the table is


def verify(
    context: Context,
    file: File = None,
    config: Config = None,
    since: Since = None,
    until: Annotated[
        str | None, Option("--to", help="As --from, not included. Default: now.")
    ] = None,
    topic: Annotated[list[str] | None, Option(help="Only this topic; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read topics, markers and progress, and report every hole with the state of its marker.

    Needs read access only and joins no group. Reads each topic from the first record that is not
    older than --from (default: the beginning) to its end at the start of the command: backfill
    appends old times late, so a window of time has no last offset. Where the broker cannot look up
    times (the embedded one) the whole topic is read. Only committed records whose own time lies in
    the window count. Memory grows with series and holes, not with records.

    A hole is `unmarked` if it has no marker, or if its marker says that fewer ids are missing;
    `open` while it is being filled; `unfillable` if the exchange no longer has all of it. `filled`
    counts the gaps that were closed.

    Exit codes: 0 every hole is marked and no record is repeated; 1 not so, records could not be
    read, or there are none though progress counts some; 2 usage or config; 3 Kafka or the registry
    cannot be reached.
    """
    end = until or datetime.now(UTC).isoformat()
    window = TimeWindow(epoch_millis(since, "--from"), epoch_millis(end, "--to"))
    if window.since is not None and window.until is not None and window.until <= window.since:
        raise Refused(f"--from {since} is not before --to {until or 'now'}: nothing lies between")
    logs.configure(json=False, level="ERROR")
    settings = load(config_path(context, file, config)).settings
    verification = Verification(settings, window, topic or ())
    with progress_bar() as bar:
        task = bar.add_task("reading", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=max(done, total))

        report = verification.run(show)
    if as_json:
        out.print_json(json.dumps(report.as_json()))
    else:
        _show(report)
    raise Exit(0 if report.good else 1)


def _show(report: VerifyReport) -> None:
    rows = [_cells(series) for series in report.series]
    wide = _table(rows)
    if out.measure(wide, options=out.options.update(width=UNLIMITED_WIDTH)).maximum <= out.width:
        out.print(wide)
    else:
        print_lines(line for row in rows for line in _block(row))
    holes = [line for series in report.series for line in _unexplained_holes(series)]
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
        *(holes.get("opened", 0), unfillable, filled, report.repeats),
    )
    cells = ("" if number is None else str(number) for number in numbers)
    names = (report.topic, report.stream_name, report.symbol)
    return [*names, *cells, _time(report.complete_until)]


def _time(millis: int | None) -> str:
    if millis is None:
        return ""
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds")


def _unexplained_holes(report: SeriesReport) -> Iterator[str]:
    name = f"{report.topic} {report.stream_name} {report.symbol}"
    for hole in report.examples:
        if hole["state"] in UNEXPLAINED:
            filled = "though its marker says that it was filled"
            marker = "no marker" if hole["state"] == "unmarked" else filled
            yield f"{name}: {hole['first']}..{hole['last']} missing, {marker}"


def _totals(report: VerifyReport) -> list[str]:
    early = sum(series.settled for series in report.series)
    notes = [f"{early} series have so many holes that some were judged early"] if early else []
    read = f"{report.read} records of {len(report.series)} series"
    return [*notes, f"{read}: {report.unexplained} unmarked holes, {report.repeats} repeats"]
