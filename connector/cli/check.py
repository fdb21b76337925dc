"""`bkc check`: reads the config file and shows what it means, without touching any network."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from connector.binance.plan import Plan
from connector.cli.console import out
from connector.config.load import load
from connector.service import plan_of


def check(
    config: Annotated[Path, typer.Argument(help="The config file.")] = Path("connector.yaml"),
) -> None:
    """Check a config file: every error with its line, else where each stream goes.

    Exit codes: 0 the file is good, 2 it is not.
    """
    loaded = load(config)
    plan = plan_of(loaded)
    out.print(_table(plan))
    out.print()
    out.print(_connections(plan))
    out.print()
    out.print(
        f"{config} is good: {_count(len(plan.planned), 'stream')} on"
        f" {_count(len(plan.bundles), 'connection')} into {_count(len(plan.topics), 'topic')}",
        highlight=False,
        soft_wrap=True,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(plan: Plan) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for column in ("stream", "topic", "connection"):
        table.add_column(column, overflow="fold")
    for bundle in plan.bundles:
        for planned in bundle.planned:
            table.add_row(escape(planned.stream.name), planned.topic, bundle.name)
    return table


def _connections(plan: Plan) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("connection")
    table.add_column("streams", justify="right")
    table.add_column("endpoint", overflow="fold")
    for bundle in plan.bundles:
        table.add_row(bundle.name, str(len(bundle.planned)), bundle.endpoint)
    return table
