"""`bkc top`: what running workers do now, side by side, in the terminal."""

from typing import Annotated

from typer import Argument, Exit, Option


def top(
    urls: Annotated[
        list[str] | None,
        Argument(metavar="URL", help="Of workers, or host:port. Default: http://127.0.0.1:8080."),
    ] = None,
    interval: Annotated[
        float, Option("--interval", min=0.5, metavar="SECONDS", help="Between two looks.")
    ] = 2.0,
    once: Annotated[bool, Option("--once", help="Print one picture and end.")] = False,
) -> None:
    """Show what running workers do: lags, streams, accounts, gaps, connections, newest errors.

    Reads /status of each worker. Keys: q ends, n sorts by name, r by events a second, s by silence.

    Exit codes: 0 it was ended; 2 usage; 3 with --once, no worker answers.
    """
    from connector.cli import top_run

    raise Exit(top_run.run(urls or ["http://127.0.0.1:8080"], interval, once=once))
