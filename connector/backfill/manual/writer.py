"""Writes what was fetched by hand, and the markers that speak of it: a producer of its own.

Its transactional.id is random, so that the running worker is never fenced; of progress it writes
nothing: that is the worker's word.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable

from connector.codec.rest_rows import RestEvent
from connector.config.model import Settings
from connector.continuity.gap_tracker import MARKERS, PROGRESS, Gap, GapTracker
from connector.continuity.marker import MarkerState
from connector.errors import BadMessage, Fatal, Retry
from connector.feed.pipeline import ROOM_RESERVE, Pipeline, route_to
from connector.kafka import client_config as kafka_settings
from connector.kafka import topic_admin
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.schema_registry import ensure_schemas
from connector.kafka.transactional_producer import TransactionalProducer
from connector.planning.model import PlannedStream
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger

POLL_INTERVAL_S = 0.005
GIVE_UP_AFTER_S = 60.0  # for a registry or a cluster that does not answer
# Killed, it has no successor to end its open transaction: readers wait for this long.
TRANSACTION_MS = 10_000
LEAVE_S = 5.0  # to store what was handed over, at the end


class ManualWriter:
    """Takes events and markers of one series.

    Args:
        settings: The cluster, the registry and how to deliver.
        planned: The stream, its topic and its key.
        symbol: The symbol of the series.

    Attributes:
        instance: Who writes, as markers say.
        ledger: What became of the records.
    """

    def __init__(self, settings: Settings, planned: PlannedStream, symbol: str) -> None:
        self._settings = settings
        self._planned = planned
        self._symbol = symbol
        prefix = settings.topic_prefix
        self.instance = manual_instance(settings)
        self.ledger = Ledger()
        self._topics = {
            planned.topic: planned.stream.row.kind,
            f"{prefix}.{MARKERS}": "marker",
            f"{prefix}.{PROGRESS}": "progress",
        }
        self._dead_letter = f"{prefix}.{topic_admin.DEAD_LETTER}"
        self._continuity = GapTracker(prefix, shard=settings.shard.index, instance=self.instance)

    async def ensure_topics(self) -> None:
        """See to it that the topics are there. Raises as topics.ensure does."""
        conf = kafka_settings.client(self._settings.kafka)
        await topic_admin.ensure(conf, self._settings.topics, [*self._topics, self._dead_letter])

    async def start(self) -> None:
        """Make the producer; nothing is written yet.

        Raises:
            Refused: a schema or setting is wrong. Retry: the registry or Kafka does not answer.
            Fatal: Kafka does not let us write.
        """
        try:
            async with asyncio.timeout(GIVE_UP_AFTER_S):
                ids = await ensure_schemas(self._settings.schema_registry, self._topics)
        except TimeoutError:
            url = self._settings.schema_registry.url
            raise Retry(f"{url}: no answer for {GIVE_UP_AFTER_S:.0f} s") from None
        by_kind = {kind: ids[topic] for topic, kind in self._topics.items()}
        self._continuity.begin(by_kind, {})
        # REST's times are milliseconds, whatever the unit of the stream's connection.
        route = route_to(self._planned.topic, ids[self._planned.topic], self._planned.stream, {})
        route.key = self._planned.key
        self._codec = route.codec
        self._series = route.open_series(self._symbol, self._continuity)
        self._producer = self._new_producer()
        self._pipeline = Pipeline(self._producer, self.ledger, 0, self._continuity)
        if isinstance(self._producer, TransactionalProducer):
            await asyncio.to_thread(self._producer.start)
        self._serving = asyncio.create_task(self._serve(), name="producer")

    async def _serve(self) -> None:
        """Have transactions committed also while the exchange is waited for."""
        while True:
            self._producer.poll()
            await asyncio.sleep(POLL_INTERVAL_S)

    def _new_producer(self) -> IdempotentProducer | TransactionalProducer:
        settings = self._settings
        if settings.delivery == "idempotent":
            conf = kafka_settings.producer(settings.kafka)
            return IdempotentProducer(conf, self.ledger, self._dead_letter, Lag())
        name = f"{settings.topic_prefix}.{self.instance}-{secrets.token_hex(4)}"
        conf = kafka_settings.transactional(settings.kafka, name)
        longest = int(conf["transaction.timeout.ms"])
        conf["transaction.timeout.ms"] = min(longest, TRANSACTION_MS)
        return TransactionalProducer(conf, self.ledger, self._dead_letter, Lag())

    async def records(self, gap_id: str, found: Iterable[RestEvent]) -> int:
        """Publish events of a gap; return how many of them could be made records."""
        made = 0
        for one in found:
            await self._room()
            now_us = time.time_ns() // 1000
            args = self._codec, self._series, one, gap_id, "backfill", now_us
            try:
                made += self._pipeline.recover(*args)
            except BadMessage as error:
                self._pipeline.dead_letters.send(
                    self._planned.stream.name, one.payload, error, now_us
                )
        return made

    async def marker(self, gap: Gap, state: MarkerState, detail: str = "") -> None:
        """Publish a marker, in its turn among the records."""
        self._continuity.mark(self._series, gap, state, detail)
        for topic, value, key, stamp, _ in self._continuity.outbox.drain(0, time.time_ns() // 1000):
            await self._room()
            self._producer.publish(topic, value or b"", key or b"", stamp, time.time_ns() // 1000)
            self.ledger.records.produced += 1

    async def stored(self) -> None:
        """Return once everything published is stored or put aside."""
        await self._until(lambda: not (self.ledger.records.in_flight or self._producer.queued))

    async def _room(self) -> None:
        await self._until(lambda: self._producer.room() >= ROOM_RESERVE)

    async def _until(self, fact: Callable[[], bool]) -> None:
        """Wait until a fact holds.

        Raises:
            Retry: Kafka does not answer. Fatal: it refused us for good.
        """
        give_up = time.monotonic() + GIVE_UP_AFTER_S
        while not fact():
            self._check(give_up)
            await asyncio.sleep(POLL_INTERVAL_S)

    def _check(self, give_up: float) -> None:
        producer = self._producer
        if self._serving.done():
            self._serving.result()  # a bug of ours is raised here
        if producer.fatal is not None:
            raise producer.fatal
        if producer.fenced:
            raise Retry("Kafka aborted a transaction that was open too long; run it again")
        if self.ledger.records.failed:
            raise Fatal(f"Kafka did not take a record: {producer.trouble}")
        if time.monotonic() >= give_up:
            cause = producer.trouble or "it does not answer"
            raise Retry(f"Kafka: {cause}; run it again: what is stored is not fetched twice")

    async def close(self) -> None:
        """Store what was handed over, if that is quick: an open transaction holds up readers."""
        self._serving.cancel()
        deadline = time.monotonic() + LEAVE_S
        await asyncio.to_thread(self._producer.flush, deadline)
        self._producer.close()


def manual_instance(settings: Settings) -> str:
    """Return the name under which this instance's markers by hand are written."""
    return f"{settings.instance}-backfill"
