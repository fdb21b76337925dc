"""The commands of `bkc backfill` and `bkc verify`, and an exchange that loses trades."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
import typer
from aiohttp import web
from typer.testing import CliRunner

from connector.cli import app
from connector.lab.exchange import Exchange
from connector.lab.faults import Skip
from connector.lab.rest import Call, Next, Rest
from tests.support.waiting import GIVE_UP_S

TRADES = {"product": "spot", "symbols": ["BTCUSDT", "ETHUSDT"], "streams": ["trade"]}
BTC = ("spot", "btcusdt@trade", "BTCUSDT")


def bkc(*arguments: str) -> tuple[int, str]:
    """Run a command; return exit code and output."""
    try:
        result = CliRunner().invoke(app, arguments)
    finally:
        structlog.reset_defaults()  # what the command set up writes to a file that is closed now
    if result.exception is not None and not isinstance(result.exception, SystemExit | typer.Exit):
        raise result.exception
    return result.exit_code, result.stdout


def apart(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a command with --json as a process of its own: beside a worker in this one."""
    words = (sys.executable, "-m", "connector", *arguments, "--json")
    done = subprocess.run(words, capture_output=True, check=False, timeout=GIVE_UP_S)  # noqa: S603 - ours
    assert done.stdout, done.stderr.decode()
    return done.returncode, dict(json.loads(done.stdout))


def answer(command: str, path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a command with --json on a config file."""
    code, text = bkc(command, "-c", str(path), "--json", *arguments)
    return code, dict(json.loads(text))


def backfill(path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Fill spot trades of BTCUSDT."""
    return answer("backfill", path, "--product", "spot", "--stream", "btcusdt@trade", *arguments)


def away_after(calls: int, rest: Rest) -> None:
    """Let REST answer so many calls, and 503 from then on."""

    async def answer(call: Call, through: Next) -> web.Response:
        answered = await through(call)
        if len(rest.asked) == calls:
            rest.refuse(503, None, 1_000)
        return answered

    rest.interceptors.append(answer)


async def lose(exchange: Exchange, number: int) -> None:
    """Let some trades of BTCUSDT get lost between exchange and connector."""
    await exchange.inflict(Skip("btcusdt@trade", number, "spot"))


def lost(exchange: Exchange) -> list[int]:
    """Return the ids that were never sent."""
    return [int(identity[0]) for identity in exchange.oracle.withheld(BTC)]


def made(exchange: Exchange) -> list[int]:
    """Return every id the exchange has made."""
    return [int(identity[0]) for identity in exchange.oracle.made[BTC]]


def spans(report: dict[str, Any]) -> Sequence[tuple[int, int, int, str]]:
    """Return first and last id, events recovered and state of each gap."""
    found = report["gaps"]
    return sorted((gap["first"], gap["last"], gap["recovered"], gap["state"]) for gap in found)
