"""The table of the runs, on the terminal and as docs/integrity.md."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tests.chaos.outcome import Result
from tests.chaos.scenario import Scenario

COLUMNS = (
    *("fault", "made", "missing", "unmarked", "unfilled", "backfilled", "repeats"),
    *("blind s", "noticed s", "bars"),
)
SHOWN = 12
HEAD = """# Integrity: what each fault costs

Written by `make chaos`. The connector runs as a process between the lab's exchange, which knows
every id it makes, and a real Kafka broker; everything is read back with `read_committed` and held
against the lab's own ids. `bkc verify`, which sees the topics alone, must come to the same
judgement, or the line is red.

"""
FOOT = """
- **made**: events the exchange made; candles count once, when they close.
- **missing**: of them not in the topic at the end. What REST cannot give back (changes of books,
  best prices, mark prices, USD-M ids spent without a fill) stays missing; each is covered by a
  marker.
- **unmarked**: missing, and no marker says so. Bar: 0.
- **unfilled**: missing at the end of the time allowed, though REST has it. Bar: 0.
- **backfilled**: records that were fetched by REST. Bar for planned breaks (serverShutdown, 24 h,
  config change): 0, nothing missing, and no marker of a gap.
- **repeats**: records that tell again what another has told. Bar: 0.
- **blind**: longest time in which events of a series were made and none came live. Bar for a
  reset: 1 s and one round trip.
- **noticed**: from the fault to the first marker of a gap. Bar for a muted or half open connection:
  5 s; for a muted stream 7 s: its usual silence is learned, 5 s at least, and a second connection
  confirms it. What is usual is learned in about half a minute of traffic; before that, a silent
  connection is noticed by our ping (10 s), or by the ids that follow.

Times are compressed: outages of a minute are 12 to 20 s here, the 24 h of a connection are 10 s.
`make chaos LONG=1` takes real minutes.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A scenario's run; result None: it did not come to an end."""

    scenario: Scenario
    result: Result | None
    missed: list[str]


def cells(line: Line) -> list[str]:
    """Return a line of the table."""
    if line.result is None:
        return [line.scenario.says, *["-"] * 8, "missed"]
    score, notice = line.result.score, line.result.notice_s
    numbers = (score.made, score.missing, score.unmarked, score.unfilled)
    return [
        line.scenario.says,
        *map(str, numbers),
        str(score.backfilled),
        str(score.repeats),
        f"{score.blind_ms / 1000:.2f}",
        "-" if notice is None else f"{notice:.2f}",
        "missed" if line.missed else "hold",
    ]


def tell(console: Console, line: Line) -> None:
    """Say how a run went, once it is over."""
    seconds = "" if line.result is None else f" ({line.result.seconds:.0f} s)"
    good = "[green]holds[/]" if not line.missed else "[red]missed[/]"
    console.print(f"{good} {line.scenario.name}{seconds}", highlight=False)
    details = list(line.missed)
    if line.result is not None and line.missed:
        details.append(f"reasons {dict(line.result.reasons)}")
        details += line.result.score.examples
    for text in details[:SHOWN]:
        console.print(f"    {text}", markup=False, highlight=False, soft_wrap=True)


def table(lines: Sequence[Line]) -> Table:
    """Return the table for a terminal."""
    made = Table(box=None, header_style="bold", padding=(0, 1))
    for number, column in enumerate(COLUMNS):
        made.add_column(column, justify="right" if number else "left", no_wrap=True)
    for line in lines:
        made.add_row(line.scenario.name, *cells(line)[1:])
    return made


def page(lines: Sequence[Line], seconds: float) -> str:
    """Return docs/integrity.md."""
    rows = [COLUMNS, ("---", *["---:"] * 8, "---"), *map(cells, lines)]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    day = datetime.now(UTC).date().isoformat()
    where = (
        f"\n{day}: {len(lines)} runs in {seconds:.0f} s, {os.cpu_count()} cores"
        f" ({platform.machine()}), Python {platform.python_version()}, two brokers.\n"
    )
    return f"{HEAD}{text}\n{where}{FOOT}"
