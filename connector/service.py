"""Settings into objects, objects into one TaskGroup, and the draining at the end, in order.

Reading order of a run: plan, topics, schema ids, market; on SIGTERM: stop reading, publish what is
queued, flush with a deadline, say what was left.
"""

import asyncio
import signal
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector import __version__
from connector.binance.plan import Plan, Planned
from connector.binance.products import PRODUCTS, Product
from connector.binance.row import Row
from connector.codec.compile import Codec
from connector.config.load import Loaded
from connector.errors import Refused, Retry
from connector.exporter import page, status
from connector.kafka import settings as kafka_settings
from connector.kafka import topics
from connector.kafka.producer import Producer
from connector.ledger import Ledger
from connector.market import Market
from connector.pipeline import Pipeline, Route, Routes, route_to
from connector.planning import bases_of, plan_of
from connector.registry import schema_ids
from connector.server import Server
from connector.telemetry import events
from connector.telemetry.lag import Lag

POLL_S = 0.005  # how often librdkafka's reports are served
DRAIN_S = 20.0  # Kubernetes grants 30 s by default
KAFKA_WAIT_S = 60.0  # how long the start waits for a cluster that does not answer


def routes_of(plan: Plan, ids: Mapping[str, int]) -> dict[Product, Routes]:
    """Return each product's way from stream name to topic; streams of one row share a codec."""
    codecs: dict[Row, Codec] = {}
    routes: dict[Product, Routes] = {product: {} for product in PRODUCTS}
    for planned in plan.planned:
        stream = planned.stream
        route = route_to(planned.topic, ids[planned.topic], stream, codecs)
        route.merged = planned.foreign_product is not None
        route.foreign = _foreign(planned, route, ids)
        routes[stream.product][stream.name.encode()] = route
    return routes


def _foreign(planned: Planned, route: Route, ids: Mapping[str, int]) -> Route | None:
    """Return the way of the other product's rows: where the plan says; None: they have none."""
    topic, product = planned.foreign_topic, planned.foreign_product
    if topic is None or product is None:
        return None
    return replace(route, topic=topic, schema_id=ids[topic], product=product, series={})


@dataclass(slots=True)
class Outcome:
    """How a run ended: records that could not be stored, and the accounts."""

    left: int
    ledger: Ledger
    waiting: int


class MarketWorker:
    """The market worker, from start to drained."""

    def __init__(self, loaded: Loaded) -> None:
        self.settings = loaded.settings
        self.plan = plan_of(loaded)
        self.ledger = Ledger()
        self.lag = Lag()
        self.stopping = asyncio.Event()
        dead_letter = f"{self.settings.topic_prefix}.{topics.DEAD_LETTER}"
        conf = kafka_settings.producer(self.settings.kafka)
        self.producer = Producer(conf, self.ledger, dead_letter, self.lag)
        self.pipeline = Pipeline(self.producer, self.ledger, int(self.settings.hold))
        self.routes: dict[Product, Routes] = {}
        self.market: Market | None = None
        self.checks = {
            "kafka": lambda: self.producer.trouble is None,
            "schema_registry": lambda: self.market is not None,
            "data": self._data_flows,
        }
        self.server = Server(self.checks, page(self).text, lambda: status(self))
        self._names = [*self.plan.topics, dead_letter]

    def _data_flows(self) -> bool:
        supervised = self.market.supervised if self.market is not None else []
        return bool(supervised) and all(one.flowing for one in supervised)

    async def run(self) -> Outcome:
        """Run until `stopping` is set or a signal comes; drain; return how it ended.

        Raises:
            Refused: the start is impossible as configured.
            Retry: Kafka does not answer.
            Fatal: Kafka gave up on us for good; what could be stored was.
        """
        self._stop_on_signals()
        await self.server.start(self.settings.server.host, self.settings.server.port)
        began = time.monotonic()
        try:
            if await self._unless_stopped(self._prepare()):
                await self._run_until_stopped()
            return await self._drain(began)
        finally:
            self.producer.close()
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

    async def _prepare(self) -> None:
        """See to topics and schemas; Binance is not touched before both are settled."""
        await self._ensure_topics()
        ids = await schema_ids(self.settings.schema_registry, self.plan.topics)
        self.routes = routes_of(self.plan, ids)
        self.market = Market(self.plan.bundles, self.pipeline, self.routes, self.ledger)
        events.started(
            streams=len(self.plan.planned),
            connections=len(self.plan.bundles),
            topics=len(self.plan.topics),
            version=__version__,
        )

    async def _ensure_topics(self) -> None:
        conf = kafka_settings.client(self.settings.kafka)
        give_up = time.monotonic() + KAFKA_WAIT_S
        while True:
            try:
                return await topics.ensure(conf, self.settings.topics, self._names)
            except Retry as error:
                if time.monotonic() >= give_up:
                    raise
                events.kafka_trouble(cause=str(error))
            await asyncio.sleep(1.0)

    async def _run_until_stopped(self) -> None:
        assert self.market is not None  # noqa: S101 - _prepare made it
        reading = asyncio.create_task(self.market.run(), name="market")
        while not self.stopping.is_set() and self.producer.fatal is None and not reading.done():
            self._serve()
            await asyncio.sleep(POLL_S)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    def _serve(self) -> None:
        """Serve librdkafka's reports and publish what is queued."""
        self.producer.poll()
        if self.pipeline.waiting:
            self.pipeline.drain()

    async def _drain(self, began: float) -> Outcome:
        """Publish what is queued and flush, within the deadline; readers are gone by now."""
        deadline = time.monotonic() + DRAIN_S
        while self.pipeline.waiting and time.monotonic() < deadline and not self.producer.fatal:
            self._serve()
            await asyncio.sleep(POLL_S)
        await asyncio.to_thread(self.producer.flush, deadline)
        left = self.ledger.records.in_flight + self.pipeline.waiting
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
        if self.producer.fatal is not None:
            raise self.producer.fatal
        return Outcome(left, self.ledger, self.pipeline.waiting)

    def _stop_on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.stopping.set)
            except (NotImplementedError, RuntimeError, ValueError):  # not the main thread
                return


async def run_market(loaded: Loaded) -> Outcome:
    """Run the market worker until it is told to stop. Raises as MarketWorker.run does."""
    return await MarketWorker(loaded).run()


__all__ = ["MarketWorker", "Outcome", "Refused", "bases_of", "plan_of", "routes_of", "run_market"]
