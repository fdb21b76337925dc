"""Runs an example beside all that it reads: the lab's exchange, Kafka, a registry, both workers.

    python -m tools.example candles
    BOOTSTRAP=kafka-1:9092 REGISTRY=http://registry:8081 python -m tools.example candles

While it runs some trades get lost on their way to the connector, and REST answers late: so a gap
stays open for a while. With BOOTSTRAP and REGISTRY it reads those servers, and nothing is started.
Spark and Flink are fetched once, into the cache that `make test-engines` uses.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web

from connector.cli.console import note
from connector.cli.demo.account import DemoAccount
from connector.cli.demo.worker import DemoWorker
from connector.cli.fetch import fetch
from connector.lab.exchange import Exchange
from connector.lab.faults import Skip
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry, free_port
from connector.lab.rest import Call, Next
from tests.engines import flink, spark

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples"
SEED, RATE = 20261130, 200.0
LOST_TRADES, HELD_S = 300, 15.0  # how long REST does not answer after the trades are lost
READY_S, POLL_S, STOP_S = 60.0, 0.1, 20.0
INTERRUPTED = 128 + signal.SIGINT  # exit code of a JVM
SUBSCRIPTIONS = [
    {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade", "depth@100ms", "kline_1m"]},
    {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["aggTrade", "forceOrder"]},
]


Command = tuple[list[str], Mapping[str, str]]  # words and environment


@dataclass(frozen=True, slots=True)
class Example:
    """A program below examples/ and what it shows.

    Attributes:
        options: Those that fit a run of `seconds`.
        calm_s: Seconds before trades get lost; an engine takes a minute to start.
        then: A program that reads what it has written, run behind it.
    """

    program: str
    options: tuple[str, ...]
    seconds: float
    shows: str
    calm_s: float = 15.0
    then: str | None = None

    def command(self, brokers: str, registry: str, folder: Path) -> Command:
        """Return what runs it; it may write to the folder."""
        if self.program.endswith(".sql"):
            return _flink(self.program, brokers, registry, folder)
        places = ("--brokers", brokers, "--registry", registry, *self.options)
        if not self.program.startswith("spark/"):
            return [sys.executable, str(FOLDER / self.program), *places], os.environ
        modules = [ROOT / "docs/topics/binance_topics.py", FOLDER / "spark/window_status.py"]
        own = (*places, "--folder", str(folder / "written"))
        return spark.command(FOLDER / self.program, modules, *own), spark.environment()


def _flink(program: str, brokers: str, registry: str, folder: Path) -> Command:
    tables = [f"docs/topics/flink/{kind}.sql" for kind in ("trade", "marker", "progress")]
    views = [f"examples/flink/{part}.sql" for part in ("window_status", "candles")]
    script = flink.shipped(brokers, registry, *tables, *views, f"examples/{program}")
    return flink.command(script, folder, "streaming"), flink.environment(folder)


EXAMPLES: Mapping[str, Example] = {
    "candles": Example(
        "python/candles.py", ("--seconds", "10"), 75, "candles that wait until they are complete"
    ),
    "candles-spark": Example(
        "spark/candles.py",
        ("--length", "10 seconds"),
        180,
        "the same in Spark, and DuckDB on what Spark has written",
        60,
        "python/candles_parquet.py",
    ),
    "candles-flink": Example(
        "flink/candles_on_screen.sql", (), 240, "the same in Flink, candles of a minute", 75
    ),
    "order-book": Example("order_book.py", (), 10, "the best prices of a book of depth records"),
    "liquidations": Example(
        "python/liquidations.py", ("--above", "1000000"), 20, "an alert, by the standard client"
    ),
    "account-view": Example(
        "python/account_view.py", (), 20, "orders, positions and balances of an account"
    ),
}


class Servers:
    """All that an example reads, once started."""

    def __init__(self, folder: Path) -> None:
        self.exchange = Exchange(Market(SEED), rate=RATE)
        self.kafka, self.registry = RealKafka(), RealRegistry()
        self._folder = folder
        self._released = asyncio.Event()

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Start them; return when both workers are ready."""
        for server in (self.kafka, self.registry, self.exchange):
            stack.push_async_callback(server.stop)
            await server.start()
        account = DemoAccount(self.exchange, self._folder, SEED)
        stack.push_async_callback(account.end)
        places = self.kafka.bootstrap_servers, self.registry.url
        market_port, account_port = free_port(), free_port()
        account_config = account.write_config(*places, account_port, creates_topics=True)
        for name, config, port in (
            ("market", self._market_config(market_port), market_port),
            ("account", account_config, account_port),
        ):
            worker = await DemoWorker.start(name, config, {})
            stack.push_async_callback(_ended, worker)
            await _until_ready(worker, port)
        account.begin()

    def _market_config(self, port: int) -> Path:
        bases = self.exchange.bases
        config = {
            "exchange": {p: {"streams": b.streams[0], "rest": b.rest} for p, b in bases.items()},
            "kafka": {"bootstrap_servers": self.kafka.bootstrap_servers},
            "schema_registry": {"url": self.registry.url},
            "server": {"host": "127.0.0.1", "port": port},
            "subscriptions": SUBSCRIPTIONS,
        }
        path = self._folder / "connector.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    async def misbehave(self, calm_s: float) -> None:
        """Lose some trades after so many seconds, and let REST answer only some time later."""
        await asyncio.sleep(calm_s)
        self.exchange.rest.interceptors.append(self._hold)
        await self.exchange.inflict(Skip("btcusdt@trade", LOST_TRADES, "spot"))
        note(f"The lab has lost {LOST_TRADES} trades; REST answers in {HELD_S:.0f} s.")
        await asyncio.sleep(HELD_S)
        note("REST answers: the lost trades are fetched.")
        self._released.set()

    async def _hold(self, call: Call, answer: Next) -> web.Response:
        await self._released.wait()
        return await answer(call)


async def _ended(worker: DemoWorker) -> None:
    """Stop a worker; its log goes, if all was well."""
    with contextlib.suppress(ProcessLookupError, TimeoutError):
        if await worker.stop() == 0:
            worker.log.unlink(missing_ok=True)
            return
    await worker.kill()
    note(worker.ending())


async def _until_ready(worker: DemoWorker, port: int) -> None:
    """Return once /readyz says so; raise Retry or TimeoutError."""
    async with asyncio.timeout(READY_S), aiohttp.ClientSession() as session:
        while True:
            worker.check_running()
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == web.HTTPOk.status_code:
                        return
            await asyncio.sleep(POLL_S)


async def run(example: Example) -> int:
    """Start everything, run the example, stop everything; return its exit code."""
    with tempfile.TemporaryDirectory(prefix="bkc-example-") as name:
        folder = Path(name)
        async with contextlib.AsyncExitStack() as stack:
            servers = Servers(folder)
            await servers.start(stack)
            places = servers.kafka.bootstrap_servers, servers.registry.url
            words, variables = example.command(*places, folder)
            note(f"Running examples/{example.program} for {example.seconds:.0f} s")
            fault = asyncio.create_task(servers.misbehave(example.calm_s))
            code = await _ended_after(example.seconds, words, variables, folder)
            fault.cancel()
        if example.then is not None:
            after = (str(spark.python()), str(FOLDER / example.then), "--folder", f"{name}/written")
            await (await asyncio.create_subprocess_exec(*after)).wait()
        return code


async def _ended_after(
    seconds: float, words: list[str], variables: Mapping[str, str], folder: Path
) -> int:
    """Run a program, interrupt it after so long; return its exit code. A JVM's is the signal's.

    An engine logs a lot to standard error: it is shown if the program fails.
    """
    with (folder / "log").open("w+") as log:
        process = await asyncio.create_subprocess_exec(
            *words, env=variables, cwd=folder, stderr=log
        )
        code = await _interrupted(process, seconds)
        if code not in (0, INTERRUPTED):
            log.seek(0)
            note(log.read()[-5000:])
    return 0 if code == INTERRUPTED else code


async def _interrupted(process: asyncio.subprocess.Process, seconds: float) -> int:
    """Return the exit code of a program that is interrupted, then killed."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(process.wait(), seconds)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(process.wait(), STOP_S)
    process.kill()
    await process.wait()
    return INTERRUPTED


def main(names: list[str]) -> int:
    """Run the named example; without a name, list them."""
    example = EXAMPLES.get(names[0]) if names else None
    if example is None:
        for name, each in EXAMPLES.items():
            print(f"make example NAME={name:<14} {each.shows}")
        return 2 if names else 0
    brokers, registry = os.environ.get("BOOTSTRAP"), os.environ.get("REGISTRY")
    if brokers and registry:
        with tempfile.TemporaryDirectory(prefix="bkc-example-") as folder:
            words, variables = example.command(brokers, registry, Path(folder))
            return subprocess.run(words, env=variables, check=False).returncode
    if brokers or registry:
        print("BOOTSTRAP and REGISTRY belong together: give both, or none", file=sys.stderr)
        return 2
    fetch((RealKafka(), RealRegistry()))
    return asyncio.run(run(example))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
