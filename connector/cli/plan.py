"""`bkc plan`: the plan of a config file with what the exchange lists now, and its budget."""

from typing import Annotated

from typer import Context, Option

from connector.cli.arguments import AsJson, Config, File, config_path

Infos = Annotated[
    list[str] | None,
    Option(
        "--exchange-info",
        metavar="PRODUCT=FILE",
        help="A saved answer of exchangeInfo, in place of asking; once for each product.",
    ),
]
Tickers = Annotated[
    list[str] | None,
    Option(
        "--tickers",
        metavar="PRODUCT=FILE",
        help="A saved answer of the 24 h tickers, for `top` and better estimates.",
    ),
]
WorkerUrl = Annotated[
    str | None,
    Option("--running", metavar="URL", help="Compare with this worker: http://host:8080."),
]


def plan(
    context: Context,
    file: File = None,
    config: Config = None,
    as_json: AsJson = False,
    exchange_info: Infos = None,
    tickers: Tickers = None,
    running: WorkerUrl = None,
) -> None:
    """Show what a config file reads now, and what that takes.

    Asks exchangeInfo. Prints topic and connection of each stream, and the plan's budget.

    Exit codes: 0 the plan can be run, 2 it cannot, or the config is wrong, 3 exchangeInfo or the
    worker cannot be reached.
    """
    from connector.cli import plan_run

    path, infos = config_path(context, file, config), exchange_info or ()
    plan_run.run(path, infos, tickers or (), running, as_json=as_json)
