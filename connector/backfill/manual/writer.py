"""Writes fetched events and their markers beside the running worker, through a producer of its own.

Progress is the running worker's: none is written here.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from connector.config.sections import KafkaSettings
from connector.continuity.gap import Gap
from connector.continuity.marker import MarkerState
from connector.continuity.outbox import Outbox
from connector.continuity.series import Series
from connector.errors import Fatal, Retry
from connector.feed.pipeline import ROOM_RESERVE
from connector.kafka import client_config
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.producer import Producer
from connector.kafka.transactional_producer import TransactionalProducer
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.telemetry.start_steps import StartSteps

POLL_INTERVAL_S = 0.005
KAFKA_TIMEOUT_S = 60.0  # without an answer of the cluster
CLOSE_TIMEOUT_S = 5.0  # to store what was published, at the end
# Killed, this writer has no successor that would end its open transaction: readers wait so long.
TRANSACTION_TIMEOUT_MS = 10_000


def new_producer(
    kafka: KafkaSettings,
    delivery: Literal["exactly_once", "idempotent"],
    transactional_id: str,
    dead_letter: str,
    ledger: Ledger,
) -> Producer:
    """Return a producer that takes no markers and progress of its own accord.

    transactional_id: one that no other writer has, so that no other writer is fenced.
    """
    if delivery == "idempotent":
        return IdempotentProducer(client_config.producer(kafka), ledger, dead_letter, Lag())
    conf = client_config.transactional(kafka, transactional_id)
    timeout_ms = min(int(conf["transaction.timeout.ms"]), TRANSACTION_TIMEOUT_MS)
    conf = conf | {"transaction.timeout.ms": timeout_ms}
    return TransactionalProducer(conf, ledger, dead_letter, Lag())


class ManualWriter:
    """Starts and runs a producer, and publishes markers in order with the records."""

    def __init__(self, producer: Producer, ledger: Ledger, outbox: Outbox) -> None:
        self._producer, self._ledger, self._outbox = producer, ledger, outbox

    @property
    def refused(self) -> int:
        """Records that Kafka has refused so far."""
        return self._ledger.dead_letters["refused"]

    async def start(self) -> None:
        """Start the producer. Raises Fatal: Kafka does not let us write. Retry: no answer."""
        producer, step = self._producer, "transaction_coordinator"
        started = asyncio.to_thread(producer.start, time.monotonic() + KAFKA_TIMEOUT_S)
        await StartSteps({step: "Kafka"}).run(step, started, lambda: producer.start_trouble)
        self._polling = asyncio.create_task(self._poll(), name="producer")

    async def _poll(self) -> None:
        """Have transactions committed also while the exchange is waited for."""
        while True:
            self._producer.poll()
            await asyncio.sleep(POLL_INTERVAL_S)

    async def write_marker(
        self, state: MarkerState, series: Series, gap: Gap, detail: str = ""
    ) -> None:
        """Publish a marker behind everything published before. Raises as `wait_for_room`."""
        self._outbox.add_marker(state, series, gap, detail)
        now_us = time.time_ns() // 1000
        for topic, value, key, timestamp_ms, _ in self._outbox.drain_markers(now_us):
            await self.wait_for_room()
            self._producer.publish(topic, value or b"", key or b"", timestamp_ms, now_us)
            self._ledger.records.produced += 1

    async def wait_for_room(self) -> None:
        """Wait until the producer takes records.

        Raises:
            Retry: Kafka does not answer. Fatal: it refused us for good.
        """
        await self._wait_until(lambda: self._producer.room() >= ROOM_RESERVE)

    async def wait_until_stored(self) -> None:
        """Wait until everything published is stored or refused. Raises as `wait_for_room`."""
        records, producer = self._ledger.records, self._producer
        await self._wait_until(lambda: not (records.in_flight or producer.queued))

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + KAFKA_TIMEOUT_S
        while not condition():
            self._check(deadline)
            await asyncio.sleep(POLL_INTERVAL_S)

    def _check(self, deadline: float) -> None:
        producer = self._producer
        if self._polling.done():
            self._polling.result()  # a bug of ours is raised here
        if producer.fatal is not None:
            raise producer.fatal
        if producer.fenced:
            raise Retry("Kafka aborted a transaction that was open too long; run it again")
        if self._ledger.records.failed:
            raise Fatal(f"Kafka did not take a record: {producer.trouble}")
        if time.monotonic() >= deadline:
            cause = producer.trouble or "it does not answer"
            raise Retry(f"Kafka: {cause}; run it again: what is stored is not fetched twice")

    async def close(self) -> None:
        """Store what was published, if that is quick: an open transaction holds up readers."""
        self._polling.cancel()
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        await asyncio.to_thread(self._producer.flush, deadline)
        self._producer.close()
