"""How many events of accounts a second one core holds: `python -m bench.account`.

Three processes: the lab's exchange, whose USD-M account acts at a rate; the account worker as users
run it, `python -m connector run account`; and a real Kafka (needs Java: see tests). Between the
first two are real sockets: the listenKey's WebSocket, and REST for pictures. CPU is that of the
worker, all threads. What was sent must be stored at the end, once, with no break and no event
dropped; else the rate was not held.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bench.processes import Child
from connector.lab.real_kafka import RealKafka, free_port
from connector.lab.registry import Registry

BAR = 2_000.0  # events a second, on one core
WARM_S = 5.0
ALIAS, PREFIX = "desk-1", "bench"
KEY = f"{ALIAS}/usdm"
GIVE_UP_S = 60.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """What a measured interval gave.

    Attributes:
        sent, stored: Events that the exchange sent; records that Kafka has of them.
        cpu_s: Of the worker, in `seconds`.
        most_waiting: Events in the worker's queue, at the worst of the looks.
        rss_mb: Resident memory of the worker at the end.
        problems: Why the rate was not held.
    """

    sent: int
    stored: int
    seconds: float
    cpu_s: float
    commits: int
    most_waiting: int
    rss_mb: float
    problems: list[str]

    @property
    def text(self) -> str:
        """The figures in one line."""
        return (
            f"{self.sent / self.seconds:,.0f} events/s sent, {self.stored / self.seconds:,.0f}"
            f" stored; worker: {self.cpu_s / self.seconds:.0%} of a core,"
            f" {self.cpu_s / max(1, self.stored) * 1e6:.0f} us CPU an event,"
            f" {self.rss_mb:.0f} MB; {self.commits / self.seconds:.1f} transactions/s; at most"
            f" {self.most_waiting} events waited"
        )


class AccountBench:
    """The processes of one run.

    Args:
        folder: For the worker's files.
        rate: Events a second.
    """

    def __init__(self, folder: Path, rate: float, kafka: RealKafka, registry: Registry) -> None:
        api_key, secret = secrets.token_hex(32), secrets.token_hex(32)
        self.exchange = Child("bench.account_exchange", str(rate), api_key, secret)
        self._rate, self._port = rate, free_port()
        for name, content in (("api-key", api_key), ("secret-key", secret)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(content)
        file = folder / "account.yaml"
        file.write_text(yaml.safe_dump(self._config(folder, kafka, registry)))
        self.worker = Child("connector", "run", "account", str(file), announces=False)

    def _config(self, folder: Path, kafka: RealKafka, registry: Registry) -> dict[str, Any]:
        bases = self.exchange.first
        return {
            "exchange": {p: {"streams": at[0], "rest": at[1]} for p, at in bases.items()},
            "kafka": {"bootstrap_servers": kafka.bootstrap_servers},
            "allow_insecure_kafka": True,
            "schema_registry": {"url": registry.url},
            "topics": {"prefix": PREFIX, "partitions": 1},
            "server": {"host": "127.0.0.1", "port": self._port},
            "logs": {"format": "json", "level": "WARNING"},
            "accounts": [
                {"alias": ALIAS, "secrets_dir": str(folder), "streams": {"usdm": "listen-key"}}
            ],
        }

    async def status(self) -> dict[str, Any]:
        """Return the worker's /status; empty while it does not listen yet."""
        url = f"http://127.0.0.1:{self._port}/status"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return dict(await answer.json())
        except aiohttp.ClientError:
            return {}

    async def until(self, is_met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first status with which it is met.

        Raises:
            RuntimeError: the worker has ended, or it took too long.
        """
        deadline, status = time.monotonic() + GIVE_UP_S, dict[str, Any]()
        while time.monotonic() < deadline and self.worker.alive():
            status = await self.status()
            if status and is_met(status):
                return status
            await asyncio.sleep(POLL_S)
        counts = {name: status.get(name) for name in ("frames", "frames_waiting", "accounts")}
        raise RuntimeError(f"{self.exchange.ask()} {counts} {self.worker.error_text()}")

    async def measure(self, seconds: float) -> AccountFigures:
        """Let the account act; measure from a moment on, and judge when it rests."""
        await self.until(lambda status: not status["failing"])
        start = await self.status()
        self.exchange.ask("act")
        await asyncio.sleep(WARM_S)
        before, sent, cpu_s = await self.status(), self._sent(), self.worker.cpu_s()
        began, most_waiting = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            await asyncio.sleep(POLL_S)
            most_waiting = max(most_waiting, (await self.status())["frames_waiting"])
        after, sent, cpu_s = (
            await self.status(),
            self._sent() - sent,
            self.worker.cpu_s() - cpu_s,
        )
        taken_s, rss_mb = time.monotonic() - began, self.worker.rss_mb()
        whole = int(self.exchange.ask("rest")["sent"])
        end = await self.until(lambda status: _is_over(start, status, whole))
        return AccountFigures(
            sent,
            _stored(after) - _stored(before),
            taken_s,
            cpu_s,
            after["commits"] - before["commits"],
            most_waiting,
            rss_mb,
            problems_of(end, self._rate, sent / taken_s, cpu_s / taken_s),
        )

    def _sent(self) -> int:
        return int(self.exchange.ask("mark")["sent"])

    def stop(self) -> None:
        """End both processes."""
        self.worker.stop()
        self.exchange.stop()


def problems_of(end: dict[str, Any], rate: float, sent_per_s: float, cpu_share: float) -> list[str]:
    """Return why a rate was not held; empty: it was."""
    account = end["accounts"][KEY]
    problems = [
        (sent_per_s < 0.95 * rate, f"the exchange sent {sent_per_s:,.0f} a second"),
        (cpu_share >= 1.0, f"it took {cpu_share:.0%} of a core"),
        (end["frames"]["dropped"], f"{end['frames']['dropped']} events were dropped"),
        (account["reconciliations"].get("opened"), "a break was marked"),
        (not account["right"], f"the account is not right: {account['cause']}"),
    ]
    return [text for is_so, text in problems if is_so]


def _stored(status: dict[str, Any]) -> int:
    return int(status["records"]["acknowledged"])


def _is_over(start: dict[str, Any], status: dict[str, Any], sent: int) -> bool:
    """Say whether every event sent since the start is stored, or some never will be.

    Records of pictures come on top.
    """
    if status["frames"]["dropped"] or status["accounts"][KEY]["reconciliations"].get("opened"):
        return True
    read = status["frames"]["received"] - start["frames"]["received"]
    is_stored = not status["frames_waiting"] and not status["records"]["in_flight"]
    return bool(read >= sent and is_stored and status["accounts"][KEY]["buffered_bytes"] == 0)


async def _run(seconds: float, rate: float) -> int:
    kafka, registry = RealKafka(), Registry()
    with tempfile.TemporaryDirectory() as folder:
        await kafka.start()
        await registry.start()
        try:
            bench = await asyncio.to_thread(AccountBench, Path(folder), rate, kafka, registry)
            try:
                figures = await bench.measure(seconds)
            finally:
                bench.stop()
        finally:
            await registry.stop()
            await kafka.stop()
    print(figures.text)
    for problem in figures.problems:
        print(f"not held: {problem}")
    return 1 if figures.problems else 0


def main() -> int:
    """Measure; 1 when one core does not hold the rate."""
    parser = argparse.ArgumentParser(prog="python -m bench.account", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=BAR, help="events a second")
    asked = parser.parse_args()
    return asyncio.run(_run(asked.seconds, asked.rate))


if __name__ == "__main__":
    sys.exit(main())
