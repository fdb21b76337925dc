"""Settings into objects, objects into one TaskGroup, and the draining at the end, in order.

Reading order of a run: plan, topics, schema ids, market; on SIGTERM: stop reading, publish what is
queued, flush with a deadline, say what was left.
"""

import asyncio
import signal
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from connector import __version__
from connector.backfill.gap_filler import GapFiller
from connector.config.load import Loaded
from connector.config.plan import bases_of, plan_of
from connector.config.secrets import api_key_of, proxy_of
from connector.diagnostics.preflight import check_offline
from connector.errors import Fatal, Refused, Retry
from connector.feed.context import SessionContext
from connector.feed.pipeline import Pipeline
from connector.feed.shard import Shard
from connector.kafka import client_config as kafka_settings
from connector.kafka import topic_admin
from connector.kafka.schema_registry import ensure_schemas
from connector.planning.model import Plan
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.transport.rest import RestClient
from connector.worker.exporter import build_metrics
from connector.worker.http_server import HttpServer
from connector.worker.replanner import Hands, Replanner
from connector.worker.status import status
from connector.worker.writer import ShardWriter

POLL_INTERVAL_S = 0.005  # how often librdkafka's reports are served
DRAIN_TIMEOUT_S = 20.0  # Kubernetes grants 30 s by default
KAFKA_TIMEOUT_S = 60.0  # how long the start waits for a cluster that does not answer


@dataclass(slots=True)
class RunResult:
    """How a run ended: records that could not be stored, and the accounts."""

    left: int
    ledger: Ledger
    waiting: int


class MarketWorker:
    """The market worker, from start to drained."""

    def __init__(self, loaded: Loaded) -> None:
        check_offline(
            loaded, here=True
        )  # what is wrong with the file is said before anything is opened
        plan = plan_of(loaded)
        self.settings = settings = loaded.settings
        self.ledger = Ledger()
        self.lag = Lag()
        self.stopping = asyncio.Event()
        proxy = proxy_of(settings)
        self.rest = RestClient(
            bases_of(settings),
            share=settings.limits.share,
            proxy=proxy,
            api_key=api_key_of(settings),
        )
        self.writer = writer = ShardWriter(settings, self.ledger, self.lag)
        self.producer = writer.producer
        hold = int(settings.hold)
        self.pipeline = Pipeline(writer.producer, self.ledger, hold, writer.gap_tracker)
        self.context = around = SessionContext(
            self.pipeline,
            self.ledger,
            proxy,
            settings.limits.share,
            settings.limits.connection_life / 1000,
        )
        self.shard = Shard(around)
        self.gap_filler = GapFiller(self.rest, self.pipeline, self.shard.router.codecs, settings)
        around.watch = self.gap_filler.latest_ids.watch
        news, listed = self.shard.router.listing_announcements, self.gap_filler.add_listings
        hands = Hands(self.rest, self._prepare, self.shard.apply, news, listed)
        self.replanner = Replanner(loaded, hands, plan)
        self._ids: dict[tuple[str, str], int] = {}  # (topic, kind) -> schema id
        self._there = False
        self._crash: Fatal | None = None
        self.readiness = {
            "kafka": lambda: self.producer.trouble is None and not self.producer.fenced,
            "exchange_info": lambda: self.replanner.complete,
            "schema_registry": lambda: self._there,
            "data": self._data_flows,
        }
        self.server = HttpServer(self.readiness, build_metrics(self).text, lambda: status(self))

    @property
    def plan(self) -> Plan:
        """The plan that runs; before the start, what the file alone says."""
        return self.replanner.plan

    def _data_flows(self) -> bool:
        supervised = self.shard.supervised
        return bool(supervised) and all(one.flowing for one in supervised)

    async def run(self) -> RunResult:
        """Run until `stopping` is set or a signal comes; drain; return how it ended.

        Raises:
            Refused: the start is impossible as configured.
            Retry: Kafka does not answer.
            Fatal: Kafka gave up on us for good, or a bug ended a part of us; what could be stored
                was.
        """
        self._stop_on_signals()
        await self.server.start(self.settings.server.host, self.settings.server.port)
        await self.rest.start()
        began = time.monotonic()
        try:
            if await self._unless_stopped(self._begin()):
                await self._run_until_stopped()
            return await self._drain(began)
        finally:
            self.producer.close()
            await self.rest.close()
            await self.server.stop()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do the work; False when we were asked to stop before it was done."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self.stopping.wait())
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False

    async def _begin(self) -> None:
        """Make the plan and see to topics and schemas; no stream is asked for before all that."""
        await self.replanner.start()
        events.started(
            streams=len(self.plan.streams),
            connections=len(self.plan.connections),
            topics=len(self.plan.topics),
            version=__version__,
        )

    async def _prepare(self, plan: Plan) -> dict[str, int]:
        """See to the topics and schemas of a plan, as far as they are new; return the ids."""
        wanted = {**plan.topics, **self.writer.control}
        new = {name: kind for name, kind in wanted.items() if (name, kind) not in self._ids}
        if new:
            await self._ensure_topics([*new, self.writer.dead_letter])
            ids = await ensure_schemas(self.settings.schema_registry, new)
            self._ids |= {(name, kind): ids[name] for name, kind in new.items()}
        found = {name: self._ids[name, kind] for name, kind in wanted.items()}
        if not self._there:
            await self.writer.take_over(found)
            self._there = True
        return found

    async def _ensure_topics(self, names: list[str]) -> None:
        conf = kafka_settings.client(self.settings.kafka)
        give_up = time.monotonic() + KAFKA_TIMEOUT_S
        while True:
            try:
                return await topic_admin.ensure(conf, self.settings.topics, names)
            except Retry as error:
                if time.monotonic() >= give_up:
                    raise
                events.kafka_trouble(cause=str(error))
            await asyncio.sleep(1.0)

    async def _run_until_stopped(self) -> None:
        parts = (self.shard, self.replanner, self.gap_filler)
        tasks = [asyncio.create_task(one.run(), name=type(one).__name__) for one in parts]
        while not self.stopping.is_set() and not self._over(tasks):
            self._serve()
            await asyncio.sleep(POLL_INTERVAL_S)
        self.context.closing = "restart"
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        self._note_crashes(tasks, ends)
        if self.producer.fenced:
            await self.stopping.wait()  # somebody newer writes: live, not ready, until SIGTERM

    def _over(self, tasks: "list[asyncio.Task[None]]") -> bool:
        ended = any(task.done() for task in tasks)
        return ended or self.producer.fatal is not None or self.producer.fenced

    def _note_crashes(
        self, tasks: "list[asyncio.Task[None]]", ends: Sequence[BaseException | None]
    ) -> None:
        """Have a part that ended by itself end the run: nothing goes on with half its parts."""
        for task, error in zip(tasks, ends, strict=True):
            if isinstance(error, Exception):
                events.task_failed(task.get_name(), error)
                self._crash = Fatal(f"a bug ended {task.get_name()} ({error!r}); the log has more")

    def _serve(self) -> None:
        """Serve librdkafka's reports and publish what is queued."""
        self.producer.poll()
        if self.pipeline.queued:
            self.pipeline.drain()
        self.pipeline.expire()

    async def _drain(self, began: float) -> RunResult:
        """Publish what is queued and flush, within the deadline; readers are gone by now."""
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while self.pipeline.queued and time.monotonic() < deadline and not self._silenced:
            self._serve()
            await asyncio.sleep(POLL_INTERVAL_S)
        await asyncio.to_thread(self.producer.flush, deadline)
        left = self.ledger.records.in_flight + self.pipeline.waiting
        left = 0 if self.producer.fenced else left  # the writer that took over sees to it
        records = self.ledger.records
        events.stopped(
            left=left,
            seconds=time.monotonic() - began,
            frames=self.ledger.frames.received,
            acknowledged=records.acknowledged,
            dead_lettered=records.dead_lettered,
            failed=records.failed,
            dropped=self.ledger.frames.dropped,
        )
        fatal = self.producer.fatal or self._crash
        if fatal is not None:
            raise fatal
        return RunResult(left, self.ledger, self.pipeline.waiting)

    @property
    def _silenced(self) -> bool:
        return self.producer.fatal is not None or self.producer.fenced

    def _stop_on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        stop, reread = self.stopping.set, self.replanner.triggers.reread
        handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reread}
        for number, handler in handlers.items():
            try:
                loop.add_signal_handler(number, handler)
            except (NotImplementedError, RuntimeError, ValueError):  # not the main thread
                return


async def run_market(loaded: Loaded) -> RunResult:
    """Run the market worker until it is told to stop. Raises as MarketWorker.run does."""
    return await MarketWorker(loaded).run()


__all__ = ["MarketWorker", "Refused", "RunResult", "bases_of", "plan_of", "run_market"]
