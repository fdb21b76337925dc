"""`bkc run market`: the worker, until a signal stops it."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from typer import Context, Exit, Typer

from connector.cli.arguments import Config, File, config_path
from connector.config.load import load
from connector.telemetry import events, logs
from connector.worker.market import run_market

app = Typer(help="Run a worker until SIGTERM or Ctrl-C.", no_args_is_help=True)


@app.callback()
def workers() -> None:
    """Run a worker until SIGTERM or Ctrl-C."""


@app.command()
def market(context: Context, file: File = None, config: Config = None) -> None:
    """Read market streams and write them to Kafka.

    At the start it waits a minute for Kafka, and for the registry and the exchange without limit.
    Later an outage of any of them does not end it: while Kafka is away it reads on and holds the
    records (setting hold); records beyond that are dropped and marked as missing.

    Exit codes: 0 everything read was stored; 1 some records were not (the log says how many);
    2 the config is wrong; 3 Kafka did not answer at the start; 4 Kafka refused for good, or a bug
    ended it.
    """
    loaded = load(config_path(context, file, config))
    settings = loaded.settings.logs
    json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    logs.configure(json=json, level=settings.level)
    try:
        left = _run_loop(run_market(loaded))
    except Exception as error:
        events.gave_up(cause=str(error))
        raise
    raise Exit(1 if left else 0)


def _run_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run on uvloop where it is installed: a third less time per frame (bench/README.md)."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
