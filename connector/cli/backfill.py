"""`bkc backfill`: fetches a span of one stream that a topic lacks, as far as REST still has it."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

from typer import Context, Exit, Option

from connector.backfill.manual.report import FilledGap, FillReport
from connector.backfill.manual.request import FillRequest
from connector.backfill.manual.run import run_manual_backfill
from connector.cli import arguments
from connector.cli.arguments import AsJson, Config, File, ProductName, Since
from connector.cli.console import out, print_lines, progress_bar
from connector.config.load import load
from connector.telemetry import logs


def backfill(
    context: Context,
    *,
    product: ProductName,
    stream: Annotated[str, Option(help="As Binance writes it: btcusdt@trade, or trade.")],
    file: File = None,
    config: Config = None,
    symbol: Annotated[
        str | None,
        Option(help="As in records; needed where the stream's name does not contain it."),
    ] = None,
    since: Since = None,
    until: Annotated[
        str | None, Option("--to", help="As --from, not included. Default: what is stored so far.")
    ] = None,
    first: Annotated[int | None, Option("--from-id", help="In place of --from.")] = None,
    last: Annotated[int | None, Option("--to-id", help="Its event is included.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch what a topic lacks of a span through REST and write it to the worker's topics.

    Reads the topic first: no event that it has is written again. May run beside the worker and
    never fences it. Events that no writer has stored yet, and gaps that the worker fills itself,
    are left to the worker, and the report names them.

    Each gap gets markers: opened, then filled, partial or unfillable. They have a gap_id of their
    own, which the records carry too (origin backfill), the instance's name with -backfill, and the
    reason of the marker that explained the gap before, else `sequence`.

    Exit codes: 0 nothing of the span is missing any more; 1 something is; 2 usage or config;
    3 the exchange, Kafka or the registry cannot be reached; 4 Kafka refused for good.
    """
    times = arguments.epoch_millis(since, "--from"), arguments.epoch_millis(until, "--to")
    request = FillRequest(product, stream, symbol, *times, first, last)
    logs.configure(json=False, level="ERROR")
    loaded = load(arguments.config_path(context, file, config))
    with progress_bar() as bar:
        task = bar.add_task("asking", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        report = asyncio.run(run_manual_backfill(loaded, request, show))
    if as_json:
        out.print_json(json.dumps({"good": report.good, **asdict(report)}))
    else:
        gaps = sorted(report.gaps, key=lambda gap: gap.first)
        print_lines([*map(_gap_line, gaps), *report.notes, _sum(report)])
    raise Exit(0 if report.good else 1)


def _gap_line(gap: FilledGap) -> str:
    detail = f" ({gap.detail})" if gap.detail else ""
    written = f"{gap.recovered} of {gap.missing} written"
    return f"{gap.first}..{gap.last}: {gap.state}, {written}, gap {gap.gap_id}{detail}"


def _sum(report: FillReport) -> str:
    name = f"{report.topic} {report.stream_name} {report.symbol}: {report.first}..{report.last}"
    if not report.gaps:
        return f"{name}: {report.present} events, none to be filled"
    written = sum(gap.recovered for gap in report.gaps)
    return f"{name}: {report.present} were there, {written} written"
