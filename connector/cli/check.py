"""`bkc check`: checks the config file and shows its plan, without any network."""

from rich.markup import escape
from rich.table import Table
from typer import Context

from connector.cli.arguments import Config, File, config_path
from connector.cli.console import count, out, print_lines, table
from connector.config.load import Loaded, load
from connector.config.plan import plan_of, streams_without_key
from connector.diagnostics.preflight import check_offline
from connector.planning.model import KeyPath, Plan
from connector.planning.selection import describe


def check(context: Context, file: File = None, config: Config = None) -> None:
    """Check a config file: every error with its line, else the topic of each stream.

    Streams that depend on exchangeInfo (filters on symbols) are named; `bkc plan` shows them.

    Exit codes: 0 the file is good, 2 it is not.
    """
    path = config_path(context, file, config)
    loaded = load(path)
    warnings = check_offline(loaded, here=False)
    plan = plan_of(loaded)
    warnings += [*loaded.sentences(plan.warnings), *streams_without_key(loaded.settings, plan)]
    if plan.connections:
        for shown in (_streams(plan), _connections(plan)):
            out.print(shown)
            out.print()
    print_lines(f"warning: {warning}" for warning in warnings)
    print_lines(_pending(loaded, plan))
    if warnings or plan.pending:
        out.print()
    out.print(f"{path} is good: {_sum(plan)}", highlight=False, soft_wrap=True)


def _sum(plan: Plan) -> str:
    if not plan.connections:
        return "what it reads is asked of the exchange at the start"
    streams, connections = len(plan.streams), len(plan.connections)
    text = f"{count(streams, 'stream')} on {count(connections, 'connection')}"
    rest = ", and what the exchange lists" if plan.pending else ""
    return f"{text} into {count(len(plan.topics), 'topic')}{rest}"


def _pending(loaded: Loaded, plan: Plan) -> list[str]:
    """Return what exchangeInfo decides, a line each with its place; symbols in words."""
    findings: list[tuple[KeyPath, str]] = []
    for where, text in plan.pending:
        shown = text
        if len(where) == 3 and where[-1] == "symbols":  # noqa: PLR2004 - subscriptions, 0, symbols
            subscription = loaded.settings.subscriptions[int(where[1])]
            selection = describe(subscription.selection)
            shown = f"{subscription.product} {selection}: asked at the start"
        findings.append((where, f"{shown}; bkc plan shows them"))
    return loaded.sentences(findings)


def _streams(plan: Plan) -> Table:
    shown = table()
    for column in ("stream", "topic", "connection"):
        shown.add_column(column, overflow="fold")
    for connection in plan.connections:
        for planned in connection.streams:
            shown.add_row(escape(planned.stream.name), planned.topic, connection.name)
    return shown


def _connections(plan: Plan) -> Table:
    shown = table()
    shown.add_column("connection")
    shown.add_column("streams", justify="right")
    shown.add_column("endpoint", overflow="fold")
    for connection in plan.connections:
        shown.add_row(connection.name, str(len(connection.streams)), connection.endpoint)
    return shown
