"""The stage of the alerts: lab, real broker, both workers as processes, real Prometheus."""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.lab.exchange import Exchange
from connector.lab.faults import Fault
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, free_port
from connector.lab.registry import Registry
from tests.alerts.account_side import AccountSide
from tests.alerts.prometheus import POLL_INTERVAL_S, Prometheus
from tests.support.servers import Running, connector

RATE = 300.0  # events a second
FIRES_WITHIN_S = 45.0
GONE_WITHIN_S = 90.0
SUBSCRIPTIONS: list[dict[str, Any]] = [
    {"product": "spot", "symbols": ["BTCUSDT", "ETHUSDT"], "streams": ["trade", "bookTicker"]},
    # REST gives trades of usdm with a key only, and this worker has none.
    {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["trade", "markPrice@1s"]},
]


class NotSeen(Exception):
    """An alert did not fire, or did not end; the text says which and what was seen instead."""


@dataclass(slots=True)
class AlertStage:
    """What a scenario acts upon.

    Attributes:
        worker: The market worker.
        accounts: The account worker and its accounts.
    """

    folder: Path
    kafka: RealKafka
    prometheus: Prometheus
    prefix: str = "alerts"
    exchange: Exchange = field(init=False)
    registry: Registry = field(default_factory=Registry)
    worker: Running = field(init=False)
    accounts: AccountSide = field(init=False)
    _settings: dict[str, Any] = field(init=False)
    _number: int = 0
    _faults: list["asyncio.Task[None]"] = field(default_factory=list)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _second: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def start(self) -> None:
        """Start the exchange, the registry and the workers; return once they are scraped."""
        self.exchange = Exchange(Market(11), rate=RATE)
        folder = self.folder / "account"
        folder.mkdir()
        self.accounts = AccountSide(folder, self.exchange)
        await self.exchange.start()
        await self.registry.start()
        await self.accounts.start(self.kafka.bootstrap_servers, self.registry.url, self.prefix)
        self._settings = self.settings()
        await self.restart()

    def settings(self) -> dict[str, Any]:
        """Return a worker's config; each with a port of its own."""
        bases = self.exchange.bases
        return {
            "exchange": {p: {"streams": b.streams[0], "rest": b.rest} for p, b in bases.items()},
            "kafka": {"bootstrap_servers": self.kafka.bootstrap_servers},
            "schema_registry": {"url": self.registry.url},
            "topics": {"prefix": self.prefix, "partitions": 1},
            "server": {"host": "127.0.0.1", "port": free_port()},
            "hold": "512KiB",
            "subscriptions": SUBSCRIPTIONS,
        }

    @property
    def instance(self) -> str:
        """The worker as Prometheus names it."""
        return f"127.0.0.1:{self.worker.port}"

    @property
    def config_path(self) -> Path:
        """The config file of the worker."""
        return self.worker.log.parent / "connector.yaml"

    async def restart(self) -> None:
        """End the worker, if it runs, and start it anew on the same port."""
        await self._stack.aclose()
        self.worker = await self._stack.enter_async_context(self._worker(self._settings))
        await self.worker.until_ready()
        self.scrape_all()
        await self.until_scraped()

    def scrape_all(self, *more: int) -> None:
        """Scrape both workers, and those on more ports."""
        self.prometheus.scrape([self.worker.port, self.accounts.worker.port, *more])

    async def start_second(self, **more: Any) -> Running:
        """Start another worker, and scrape it as well; it may not become ready."""
        settings = {**self.settings(), **more}
        second = await self._second.enter_async_context(self._worker(settings))
        self.scrape_all(second.port)
        return second

    async def end_second(self) -> None:
        """Scrape the other worker no more, and kill it."""
        self.scrape_all()
        await self._second.aclose()

    def _worker(
        self, settings: dict[str, Any]
    ) -> "contextlib.AbstractAsyncContextManager[Running]":
        folder = self.folder / f"worker-{self._number}"
        folder.mkdir()
        self._number += 1
        return connector(folder, settings)

    async def until_scraped(self) -> None:
        """Return once Prometheus has scraped the worker and finds it up; raises NotSeen."""
        up = f'up{{instance="{self.instance}"}} == 1'
        deadline = time.monotonic() + FIRES_WITHIN_S
        while not await self.prometheus.query(up):
            if time.monotonic() > deadline:
                raise NotSeen("Prometheus does not scrape the worker")
            await asyncio.sleep(POLL_INTERVAL_S)

    def begin(self, fault: Fault) -> "asyncio.Task[None]":
        """Let the exchange go wrong until the scenario ends, or the task is cancelled."""
        self._faults.append(self.exchange.begin(fault))
        return self._faults[-1]

    def undo(self) -> None:
        """End what a scenario has begun and not ended."""
        for fault in self._faults:
            fault.cancel()
        self._faults.clear()
        self.kafka.thaw()

    async def strike(self, fault: Fault) -> None:
        """Let the exchange go wrong; return when it is over."""
        await self.exchange.inflict(fault)

    async def with_unknown_key(self, name: str) -> None:
        """Send an event of a spot stream that has a key which no schema knows."""
        event = {"e": "trade", "E": time.time_ns() // 1_000_000, "s": "BTCUSDT", "t": 10**12,
                 "p": "1.0", "q": "1.0", "T": time.time_ns() // 1_000_000, "m": True, "M": True,
                 "zz": 1}  # fmt: skip
        await self.exchange.send_frame("spot", name, json.dumps(event).encode())

    async def fires(self, *alerts: str, within_s: float = FIRES_WITHIN_S) -> None:
        """Return once each of the alerts has been seen firing; raises NotSeen."""
        waiting, deadline = set(alerts), time.monotonic() + within_s
        while True:
            waiting -= (await self.prometheus.firing()).keys()
            if not waiting:
                return
            if time.monotonic() > deadline:
                raise NotSeen(f"{sorted(waiting)} did not fire")
            await asyncio.sleep(POLL_INTERVAL_S)

    async def gone(self, *alerts: str, within_s: float = GONE_WITHIN_S) -> None:
        """Return once none of the alerts fires; raises NotSeen."""
        deadline = time.monotonic() + within_s
        while still := (await self.prometheus.firing()).keys() & set(alerts):
            if time.monotonic() > deadline:
                raise NotSeen(f"{sorted(still)} did not end")
            await asyncio.sleep(POLL_INTERVAL_S)

    async def close(self) -> None:
        """End everything."""
        self.undo()
        await self._second.aclose()
        await self._stack.aclose()
        await self.accounts.close()
        await self.exchange.stop()
        await self.registry.stop()
