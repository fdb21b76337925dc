"""The table of the runs, on the terminal and as docs/integrity.md."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tests.chaos.account_stage import AccountResult, AccountScenario
from tests.chaos.outcome import Result
from tests.chaos.scenario import Scenario

COLUMNS = (
    *("fault", "made", "missing", "unmarked", "unfilled", "backfilled", "repeats"),
    *("blind s", "noticed s", "bars"),
)
ACCOUNT_COLUMNS = (
    *("fault of accounts", "events", "differences", "repeats", "breaks", "right again s", "bars"),
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
- **blind**: longest time in which events of a series were made and none came live, by the
  exchange's clock (its steps count). Bar for a reset: 1 s and one round trip.
- **noticed**: from the fault to the first marker of a gap. Bar for a muted or half open connection:
  5 s; for a muted stream 7 s: its usual silence is learned, 5 s at least, and a second connection
  confirms it. What is usual is learned in about half a minute of traffic; before that, a silent
  connection is noticed by our ping (10 s), or by the ids that follow.

Of accounts: the worker runs between five scripted accounts of the lab (spot, cross and isolated
margin, USD-M and COIN-M), whose truth is known, and the same broker.

- **events**: that the exchange made.
- **differences**: orders, fills (by `fill_key`), balances and positions that a `read_committed`
  reader of the topic alone has otherwise than the exchange at the end. Bar: 0.
- **repeats**: dedupe keys that came twice, and fills of one key that differ. Bar: 0.
- **breaks**: gaps that were marked; a fault that costs no event must mark none.
- **right again**: from the exchange's return until every account is reconciled and stored; after
  SIGKILL, and with a second writer, from the start of the new process. Bar: 5 s.

Times are compressed: outages of a minute are 12 to 20 s here, the 24 h of a connection are 10 s.
`make chaos LONG=1` takes real minutes. Runs share the machine, four at a time; one that is
only too late (a time, or not filled) is made again by itself, and that run is shown.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A scenario's run; result None: it did not come to an end. `late`: the times it missed."""

    scenario: Scenario
    result: Result | None
    missed: list[str]
    late: list[str]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A run of the account worker; result None: it did not come to an end. `late`: as above."""

    scenario: AccountScenario
    result: AccountResult | None
    missed: list[str]
    late: list[str]
    seconds: float


AnyLine = Line | AccountLine


def account_cells(line: AccountLine) -> list[str]:
    """Return a line of the table of accounts."""
    if line.result is None:
        return [line.scenario.says, *["-"] * 5, "missed"]
    found = line.result
    numbers = (found.events, len(found.differences), len(found.repeats), found.breaks.total())
    return [line.scenario.says, *map(str, numbers), f"{found.right_s:.2f}", _bars(line)]


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
        _bars(line),
    ]


def _bars(line: AnyLine) -> str:
    return "missed" if line.missed or line.late else "hold"


def tell(console: Console, line: AnyLine) -> None:
    """Say how a run went, once it is over."""
    taken = line.seconds if isinstance(line, AccountLine) else line.result and line.result.seconds
    seconds = "" if taken is None else f" ({taken:.0f} s)"
    good = "[green]holds[/]" if _bars(line) == "hold" else "[red]missed[/]"
    console.print(f"{good} {line.scenario.name}{seconds}", highlight=False)
    details = [*line.missed, *line.late]
    if isinstance(line, Line) and line.result is not None and line.missed:
        details.append(f"reasons {dict(line.result.reasons)}")
        details += line.result.score.examples
    for text in details[:SHOWN]:
        console.print(f"    {text}", markup=False, highlight=False, soft_wrap=True)


def tables(lines: Sequence[AnyLine]) -> list[Table]:
    """Return the tables for a terminal: of market data, then of accounts."""
    market = [line for line in lines if isinstance(line, Line)]
    accounts = [line for line in lines if isinstance(line, AccountLine)]
    made = [table(COLUMNS, [[line.scenario.name, *cells(line)[1:]] for line in market])]
    rows = [[line.scenario.name, *account_cells(line)[1:]] for line in accounts]
    return [*(made if market else []), *([table(ACCOUNT_COLUMNS, rows)] if accounts else [])]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table for a terminal."""
    made = Table(box=None, header_style="bold", padding=(0, 1))
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made


def page(lines: Sequence[AnyLine], seconds: float) -> str:
    """Return docs/integrity.md."""
    market = [cells(line) for line in lines if isinstance(line, Line)]
    accounts = [account_cells(line) for line in lines if isinstance(line, AccountLine)]
    text = f"{_markdown(COLUMNS, market)}\n{_markdown(ACCOUNT_COLUMNS, accounts)}"
    day = datetime.now(UTC).date().isoformat()
    where = (
        f"\n{day}: {len(lines)} runs in {seconds:.0f} s, {os.cpu_count()} cores"
        f" ({platform.machine()}), Python {platform.python_version()}, three brokers.\n"
    )
    return f"{HEAD}{text}{where}{FOOT}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ("---", *["---:"] * (len(columns) - 2), "---")
    return "".join(f"| {' | '.join(row)} |\n" for row in (columns, rule, *rows))
