"""Runs a worker: its config, its log, its event loop."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from typer import Exit

from connector.cli.endings import BUG, NOT_STORED, ending
from connector.config.load import load, load_account
from connector.config.sections import WorkerSettings
from connector.errors import Fatal, Refused, Retry
from connector.telemetry import events, logs
from connector.worker.account import run_account
from connector.worker.market import run_market
from connector.worker.process import RunEnd


def market(path: Path) -> int:
    """Run the market worker until a signal; return how many records could not be stored.

    Raises:
        Exit: an error ended it and is logged. Others as `run_market`, to be shown to a person.
    """
    loaded = load(path)
    return _run(loaded.settings, run_market(loaded))


def account(path: Path) -> int:
    """Run the account worker; returns and raises as `market` does."""
    loaded = load_account(path)
    return _run(loaded.settings, run_account(loaded))


def _run(settings: WorkerSettings, worker: Coroutine[Any, Any, RunEnd]) -> int:
    """Run a worker until a signal, with the log as the file says."""
    logs_as = settings.logs
    json = logs_as.format == "json" or (logs_as.format == "auto" and not sys.stderr.isatty())
    logs.configure(json=json, level=logs_as.level, levels=logs_as.levels)
    try:
        return _run_loop(_run_to_end(worker))
    except (Refused, Retry, Fatal) as error:
        if not json:
            raise
        events.gave_up(cause=str(error))  # a sentence beside it would be a line that is not JSON
        raise Exit(ending(error)[1]) from error
    except Exception as error:
        events.gave_up(cause=f"a bug of the connector: {error!r}", bug=error)
        raise Exit(BUG) from error


async def _run_to_end(worker: Coroutine[Any, Any, RunEnd]) -> int:
    """Run the worker; if a second signal hurried it, end the process without joining threads.

    Some may wait for a Kafka that does not answer.
    """
    end = await worker
    if end.hurried:
        sys.stderr.flush()
        os._exit(NOT_STORED if end.left else 0)
    return end.left


def _run_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run on uvloop where it is installed: a third less time per frame (bench/README.md)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
