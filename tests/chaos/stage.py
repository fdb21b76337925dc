"""One run: the lab's exchange, a real broker, the connector as a process, and all of it judged."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from connector.lab.exchange import Exchange
from connector.lab.faults import Fault
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, free_port
from connector.lab.registry import Registry
from tests.chaos import outcome, reading
from tests.chaos.judge import holes_of
from tests.chaos.observer import Witness, watch
from tests.chaos.outcome import Result
from tests.support.servers import Running, connector

SEED = 7
RATE = 800.0  # events a second over all series
AFTER_S = 3.0  # healthy traffic after it, at least: what is missing shows by what comes next
STILL_S = 0.3  # nothing arrived for so long: all that was sent is there
SUBSCRIPTIONS: list[dict[str, Any]] = [
    {
        "product": "spot",
        "symbols": ["BTCUSDT", "ETHUSDT"],
        "streams": ["trade", "aggTrade", "depth@100ms", "bookTicker", "kline_1s"],
    },
    {
        "product": "usdm",
        "symbols": ["BTCUSDT"],
        "streams": ["aggTrade", "trade", "depth@100ms", "bookTicker", "markPrice@1s", "kline_1m"],
    },
    {"product": "usdm", "streams": ["btcusdt_perpetual@continuousKline_1s"]},
    {
        "product": "coinm",
        "symbols": ["BTCUSD_PERP"],
        "streams": ["aggTrade", "trade", "depth@100ms", "bookTicker", "markPrice@1s"],
    },
    {
        "product": "options",
        "symbols": ["BTC-261225-100000-C"],
        "streams": ["optionTrade", "depth@100ms"],
    },
]


@dataclass(slots=True)
class Stage:
    """What a scenario acts upon.

    Attributes:
        folder: For config files and logs.
        kafka: The broker.
        more: Settings of this run beyond the usual ones.
        misaligned: Connections get books cut differently.
        silent_at_edges, rate: See Scenario.
        struck_ms: When the fault began.
        workers: The connectors started, in order.
    """

    name: str
    folder: Path
    kafka: RealKafka
    more: Mapping[str, Any] = field(default_factory=dict)
    misaligned: bool = False
    silent_at_edges: bool = False
    rate: float = RATE
    exchange: Exchange = field(init=False)
    registry: Registry = field(default_factory=Registry)
    struck_ms: int = 0
    workers: list[Running] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    witness: Witness = field(init=False)
    _began: float = field(default_factory=time.monotonic)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    def __post_init__(self) -> None:
        self.exchange = Exchange(Market(SEED), rate=self.rate, misaligned=self.misaligned)
        self.witness = watch(self.exchange)

    @property
    def prefix(self) -> str:
        """What this run's topics are called."""
        return f"chaos-{self.name}"

    def settings(self, subscriptions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return a config of a connector; each with a port of its own."""
        key = self.folder / "api-key"
        key.write_text("k" * 64)
        bases = self.exchange.bases
        settings: dict[str, Any] = {
            "exchange": {p: {"streams": b.streams[0], "rest": b.rest} for p, b in bases.items()},
            "kafka": {"bootstrap_servers": self.kafka.bootstrap_servers},
            "schema_registry": {"url": self.registry.url},
            "topics": {"prefix": self.prefix, "partitions": 2},
            "server": {"host": "127.0.0.1", "port": free_port()},
            "backfill": {"api_key_file": str(key)},
            "subscriptions": subscriptions or SUBSCRIPTIONS,
        }
        for name, more in self.more.items():
            is_section = isinstance(more, Mapping)
            settings[name] = {**settings.get(name, {}), **more} if is_section else more
        return settings

    async def start(self, settings: dict[str, Any] | None = None) -> Running:
        """Start a connector, and do not wait for it."""
        folder = self.folder / f"connector-{len(self.workers)}"
        folder.mkdir()
        running = connector(folder, settings or self.settings())
        worker = await self._stack.enter_async_context(running)
        self.workers.append(worker)
        return worker

    async def ready(self, settings: dict[str, Any] | None = None) -> Running:
        """Start a connector and return once it is ready."""
        worker = await self.start(settings)
        await worker.until_ready()
        return worker

    def rewrite(self, worker: Running, settings: dict[str, Any]) -> None:
        """Give a running connector another config, at once."""
        new = worker.log.parent / "new.yaml"
        new.write_text(yaml.safe_dump(settings))
        new.rename(worker.log.parent / "connector.yaml")

    async def create(self, topic: str, config: Mapping[str, str]) -> None:
        """Make one of this run's topics before a connector does."""
        new = NewTopic(f"{self.prefix}.{topic}", 2, config=dict(config))
        admin = AdminClient(self.kafka.client())  # kept: with it the answers would go
        [made] = admin.create_topics([new]).values()
        await asyncio.to_thread(made.result)

    async def grow(self, topic: str, partitions: int) -> None:
        """Give one of this run's topics more partitions."""
        new = NewPartitions(f"{self.prefix}.{topic}", partitions)
        admin = AdminClient(self.kafka.client())  # as above
        [grown] = admin.create_partitions([new]).values()
        await asyncio.to_thread(grown.result)

    def mark(self) -> None:
        """Note that the fault begins now."""
        self.struck_ms = time.time_ns() // 1_000_000

    async def strike(self, fault: Fault) -> None:
        """Let the exchange go wrong; return when it is over."""
        if not self.struck_ms:
            self.mark()
        await self.exchange.inflict(fault)

    async def healed(self, allowed_s: float) -> None:
        """Return when data flows and every gap is settled, or the time allowed is over."""
        deadline = time.monotonic() + allowed_s
        await self.workers[-1].until_ready()
        await asyncio.sleep(AFTER_S)
        while time.monotonic() < deadline and await asyncio.to_thread(self._gaps_are_open):
            await asyncio.sleep(0.5)

    def _gaps_are_open(self) -> bool:
        markers = reading.read(self.kafka.client(), self.prefix, "markers").markers
        return any(
            hole.state == "opened" for series in markers.values() for hole in holes_of(series)
        )

    async def finish(self) -> None:
        """Let all that was made arrive and be stored; stop the connectors in order."""
        self.exchange.pause()
        last, since = -1, time.monotonic()

        async def arrived() -> bool:
            nonlocal last, since
            status = await self.workers[-1].status()
            if status["frames"]["received"] != last:
                last, since = status["frames"]["received"], time.monotonic()
            still = time.monotonic() - since > STILL_S
            return still and not status["records"]["in_flight"] and not status["frames_waiting"]

        deadline = time.monotonic() + 30
        while not await arrived():
            if time.monotonic() > deadline:
                self.ended.append("records were still on their way after 30 s")
                break
            await asyncio.sleep(0.05)
        for worker in self.workers:
            if worker.process.returncode is None and (code := await worker.stop()):
                self.ended.append(f"exit code {code}, see {worker.log}")

    async def result(self) -> Result:
        """Read everything back and judge it."""
        topics = await asyncio.to_thread(reading.read, self.kafka.client(), self.prefix)
        found = outcome.scores(
            self.witness, self.exchange.oracle, topics, silent_at_edges=self.silent_at_edges
        )
        config = self.workers[-1].log.parent / "connector.yaml"
        verdict = await asyncio.to_thread(outcome.verified, config)
        if not outcome.same_as_the_oracle(self.witness, self.exchange.oracle):
            self.ended.append("the witness and the lab's oracle differ")
        return Result(
            score=outcome.total(found),
            notice_s=outcome.noticed(topics, self.struck_ms),
            disagrees=outcome.disagreements(verdict, found),
            ended=self.ended,
            dead_letters=topics.dead_letters,
            reasons=outcome.reasons(topics),
            seconds=time.monotonic() - self._began,
        )

    async def close(self) -> None:
        """Leave no process running."""
        await self._stack.aclose()
        await self.exchange.stop()
        await self.registry.stop()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of one event, of all connectors in order."""
        return [line for line in self._log() if line.get("event") == name]

    def _log(self) -> Iterator[dict[str, Any]]:
        for worker in self.workers:
            for line in worker.log.read_text().splitlines():
                with contextlib.suppress(json.JSONDecodeError):
                    yield json.loads(line)
