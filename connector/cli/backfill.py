"""`bkc backfill`: fills what a topic lacks, by hand, as far as the exchange still has it."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connector.backfill.manual.report import FillReport
from connector.backfill.manual.request import FillRequest
from connector.backfill.manual.run import run_manual_backfill
from connector.binance.products import PRODUCTS
from connector.cli.arguments import Config, File, config_path, millis
from connector.cli.console import err, out
from connector.config.load import load
from connector.errors import Refused
from connector.telemetry import logs


def backfill(
    context: typer.Context,
    *,
    product: Annotated[str, typer.Option(help=f"One of {', '.join(PRODUCTS)}.")],
    stream: Annotated[str, typer.Option(help="As Binance writes it: btcusdt@trade, or trade.")],
    file: File = None,
    config: Config = None,
    symbol: Annotated[
        str | None, typer.Option(help="As in records; needed where the stream does not name it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="ISO 8601 or epoch milliseconds; UTC.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", help="As --from, not included. Default: what is stored so far."),
    ] = None,
    first: Annotated[int | None, typer.Option("--from-id", help="In place of --from.")] = None,
    last: Annotated[int | None, typer.Option("--to-id", help="Its event is included.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Fetch what a topic lacks of a span through REST and write it where the worker would.

    Looks into the topic first: nothing is written that is there already. May run beside the worker
    and never fences it. What no writer has stored yet, and gaps that the worker is filling itself,
    are left to it and said to be.

    Each hole gets markers of its own: opened, then filled, partial or unfillable, with a gap_id of
    its own that its records carry (origin backfill), the instance's name with -backfill, and as
    reason that of the marker that spoke of the hole before, else `sequence`.

    Exit codes: 0 nothing of the span is missing any more; 1 something is; 2 usage or config;
    3 the exchange, Kafka or the registry cannot be reached; 4 Kafka refused for good.
    """
    known = next((one for one in PRODUCTS if one == product), None)
    if known is None:
        raise Refused(f"--product {product!r}: give one of {', '.join(PRODUCTS)}")
    times = millis(since, "--from"), millis(until, "--to")
    asked = FillRequest(known, stream, symbol, *times, first, last)
    logs.configure(json=False, level="ERROR")
    loaded = load(config_path(context, file, config))
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task("asking", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        report = asyncio.run(run_manual_backfill(loaded, asked, tell))
    if as_json:
        out.print_json(json.dumps({"good": report.good, **asdict(report)}))
    else:
        _show(report)
    raise typer.Exit(0 if report.good else 1)


def _show(report: FillReport) -> None:
    for line in (*_lines(report), *report.notes, _sum(report)):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(report: FillReport) -> list[str]:
    return [
        f"{one.first}..{one.last}: {one.state}, {one.recovered} of {one.missing} written,"
        f" gap {one.gap_id}{f' ({one.detail})' if one.detail else ''}"
        for one in sorted(report.gaps, key=lambda gap: gap.first)
    ]


def _sum(report: FillReport) -> str:
    name = f"{report.topic} {report.stream_name} {report.symbol}"
    span = f"{report.first}..{report.last}"
    if not report.gaps:
        return f"{name}: {span}: {report.present} events, none to be filled"
    written = sum(one.recovered for one in report.gaps)
    return f"{name}: {span}: {report.present} were there, {written} written"
