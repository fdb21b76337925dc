"""Runs `bkc check`: what a config file means, without any network."""

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from connector.cli.console import count, out, print_lines, table
from connector.config.load import Loaded, load
from connector.config.plan import plan_of, streams_without_key
from connector.diagnostics.preflight import check_offline
from connector.planning.model import KeyPath, Plan
from connector.planning.selection import describe


def run(path: Path) -> None:
    """Print the plan of a file, its warnings, and what is not known without the exchange.

    Raises:
        Refused: the file is not good.
    """
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
    print_lines([f"{path} is good: {_sum(plan)}"])


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
