"""`bkc backfill`: fetches a span of one stream that a topic lacks, as far as REST still has it."""

from typing import Annotated

from typer import Context, Exit, Option

from connector.cli.arguments import (
    AsJson,
    Config,
    File,
    ProductName,
    Since,
    config_path,
    epoch_millis,
)


def backfill(
    context: Context,
    *,
    product: ProductName,
    stream: Annotated[
        str, Option(metavar="STREAM", help="As Binance writes it: btcusdt@trade, or trade.")
    ],
    file: File = None,
    config: Config = None,
    symbol: Annotated[
        str | None,
        Option(
            metavar="SYMBOL",
            help="As in records; needed where the stream's name does not contain it.",
        ),
    ] = None,
    since: Since = None,
    until: Annotated[
        str | None,
        Option(
            "--to", metavar="TIME", help="As --from, not included. Default: what is stored so far."
        ),
    ] = None,
    first: Annotated[
        int | None, Option("--from-id", metavar="ID", help="In place of --from.")
    ] = None,
    last: Annotated[
        int | None, Option("--to-id", metavar="ID", help="Its event is included.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch what a topic lacks of a span, through REST.

    Writes to the worker's topics. Reads the topic first: no event that it has is written again. May
    run beside the worker and never fences it. Events that no writer has stored yet, and gaps that
    the worker fills itself, are left to the worker, and the report names them.

    Each gap gets markers: opened, then filled, partial or unfillable. They have a gap_id of their
    own, which the records carry too (origin backfill), the instance's name with -backfill, and the
    reason of the marker that explained the gap before, else `sequence`.

    Exit codes: 0 nothing of the span is missing any more; 1 something is; 2 usage or config;
    3 the exchange, Kafka or the registry cannot be reached; 4 Kafka refused for good.
    """
    from connector.backfill.manual.request import FillRequest
    from connector.cli import backfill_run

    times = epoch_millis(since, "--from"), epoch_millis(until, "--to")
    request = FillRequest(product, stream, symbol, *times, first, last)
    good = backfill_run.run(config_path(context, file, config), request, as_json=as_json)
    raise Exit(0 if good else 1)
