"""`bkc check`: reads the config file and shows what it means, without touching any network."""

from collections.abc import Iterator, Sequence

import typer
from rich.markup import escape
from rich.table import Table

from connector.cli.arguments import Config, File, config_path
from connector.cli.console import out
from connector.config.load import Loaded, load
from connector.config.plan import keyless, plan_of
from connector.diagnostics.preflight import check_offline
from connector.planning.model import KeyPath, Plan
from connector.planning.selection import describe


def check(
    context: typer.Context,
    file: File = None,
    config: Config = None,
) -> None:
    """Check a config file: every error with its line, else where each stream goes.

    What only the exchange knows (filters on symbols) is named; `bkc plan` asks for it.

    Exit codes: 0 the file is good, 2 it is not.
    """
    path = config_path(context, file, config)
    loaded = load(path)
    warnings = check_offline(loaded, here=False)
    plan = plan_of(loaded)
    warnings += [*loaded.sentences(plan.warnings), *keyless(loaded.settings, plan)]
    if plan.connections:
        out.print(_table(plan))
        out.print()
        out.print(_connections(plan))
        out.print()
    for line in _remarks(loaded, plan, warnings):
        out.print(line, highlight=False, soft_wrap=True, markup=False)
    out.print(f"{path} is good: {_sum(plan)}", highlight=False, soft_wrap=True)


def _sum(plan: Plan) -> str:
    if not plan.connections:
        return "what it reads is asked of the exchange at the start"
    return (
        f"{_count(len(plan.streams), 'stream')} on {_count(len(plan.connections), 'connection')}"
        f" into {_count(len(plan.topics), 'topic')}"
        f"{', and what the exchange lists' if plan.pending else ''}"
    )


def _remarks(loaded: Loaded, plan: Plan, warnings: Sequence[str]) -> Iterator[str]:
    """Yield warnings, and what the exchange will be asked, a line each with its place."""
    for sentence in warnings:
        yield f"warning: {sentence}"
    asked = [(where, _asked(loaded, where, text)) for where, text in plan.pending]
    yield from loaded.sentences(asked)
    if warnings or plan.pending:
        yield ""


def _asked(loaded: Loaded, where: KeyPath, text: str) -> str:
    """Return in words what is asked for: a whole subscription's symbols, or what a stream needs."""
    if len(where) == 3 and where[-1] == "symbols":  # noqa: PLR2004 - subscriptions, 0, symbols
        one = loaded.settings.subscriptions[int(where[1])]
        text = f"{one.product} {describe(one.selection)}: asked at the start"
    return f"{text}; bkc plan shows them"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(plan: Plan) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for column in ("stream", "topic", "connection"):
        table.add_column(column, overflow="fold")
    for bundle in plan.connections:
        for planned in bundle.streams:
            table.add_row(escape(planned.stream.name), planned.topic, bundle.name)
    return table


def _connections(plan: Plan) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("connection")
    table.add_column("streams", justify="right")
    table.add_column("endpoint", overflow="fold")
    for bundle in plan.connections:
        table.add_row(bundle.name, str(len(bundle.streams)), bundle.endpoint)
    return table
