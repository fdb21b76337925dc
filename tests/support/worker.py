"""A market worker inside the test, between the lab's exchange and the embedded broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from connector.config.load import load
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.registry import Registry
from connector.worker.market import MarketWorker
from tests.support.clock import AwakeClock
from tests.support.lab_client import all_read
from tests.support.waiting import in_time, until

SPOT = {"product": "spot", "symbols": ["BTCUSDT", "ETHUSDT"], "streams": ["trade", "bookTicker"]}


@dataclass(slots=True)
class World:
    """Everything around a worker, and the worker."""

    exchange: Exchange
    market: Market
    registry: Registry
    broker: EmbeddedBroker
    worker: MarketWorker
    running: "asyncio.Task[int]"
    path: Path
    config: dict[str, Any]

    def rewrite(self, *subscriptions: dict[str, Any], **settings: Any) -> None:
        """Write other subscriptions, or other keys, into the config file, as Kubernetes does."""
        self.config |= settings
        if subscriptions:
            self.config["subscriptions"] = list(subscriptions)
        new = self.path.with_suffix(".new")
        new.write_text(yaml.safe_dump(self.config))
        new.rename(self.path)

    def published(self, name: str) -> int:
        """Return how many events of a stream have been handed to Kafka."""
        routes = self.worker.shard.router.routes()
        return sum(route.messages for route in routes if route.stream.name == name)

    async def until_flowing(self) -> None:
        await until(lambda: not self.worker.server.failing())

    async def stop(self) -> int:
        """Let what was sent arrive, stop the worker, check its accounts, return what is left."""
        self.exchange.pause()
        await all_read(self.exchange)
        self.worker.stopping.set()
        left = await in_time(self.running)
        self.assert_balanced()
        return left

    def assert_balanced(self) -> None:
        """Every frame and every record is accounted for."""
        ledger = self.worker.ledger
        assert ledger.frames.missing(self.worker.pipeline.waiting) == 0
        assert ledger.records.in_flight == 0


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    *subscriptions: dict[str, Any],
    rate: float = 500.0,
    market: Market | None = None,
    topics: Sequence[str] = (),
    misaligned: bool = False,
    **settings: Any,
) -> AsyncIterator[World]:
    """Run a worker; it is stopped at the end if the test has not done so.

    Args:
        folder: For its config file.
        subscriptions: As in the file; two streams of spot without any.
        rate: Events a second.
        market: The lab's, when the test has plans for it.
        topics: Topics to make beside those that the file alone names.
        misaligned: Every second connection gets depth streams cut differently.
        settings: Other keys of the file.
    """
    market = market or Market(9)
    exchange = Exchange(market, rate=rate, misaligned=misaligned)
    registry, broker = Registry(), EmbeddedBroker()
    await exchange.start()
    await registry.start()
    await broker.start()
    listed = list(subscriptions) or [SPOT]
    config = {
        "exchange": {
            p: {"streams": b.streams[0], "rest": b.rest} for p, b in exchange.bases.items()
        },
        "kafka": {"bootstrap_servers": broker.bootstrap_servers},
        "schema_registry": {"url": registry.url},
        "topics": {"create": False},
        "delivery": "idempotent",
        "server": {"host": "127.0.0.1", "port": 0},
        "subscriptions": listed,
        **settings,
    }
    path = folder / "connector.yaml"
    path.write_text(yaml.safe_dump(config))
    worker = MarketWorker(load(path))
    # A pause of the process is no part of the time that an event waits for another feed.
    worker.pipeline.arbitration._clock = AwakeClock()
    own = [*worker.writer.control, worker.writer.dead_letter]
    await broker.create([*worker.replanner.plan.topics, *topics, *own], 4)
    running = asyncio.create_task(worker.run())
    try:
        yield World(exchange, market, registry, broker, worker, running, path, config)
    finally:
        worker.stopping.set()
        await asyncio.gather(running, return_exceptions=True)
        await exchange.stop()
        await registry.stop()
        await broker.stop()
