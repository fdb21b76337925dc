"""The one writer of a shard: its producer, and the takeover from the previous writer."""

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from connector.codec.schema import DEAD_LETTER, own_topics
from connector.config.sections import KafkaSettings, RegistrySettings
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.stored_state import LastWriter
from connector.kafka import client_config
from connector.kafka.checkpoint_store import CheckpointStore
from connector.kafka.committer import WriterLookup
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.producer import Producer
from connector.kafka.schema_registry import SchemaCache
from connector.kafka.transactional_producer import TransactionalProducer
from connector.kafka.writer_watch import ShardName, WriterWatch
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.telemetry.start_steps import RetryPolicy, StartSteps

KAFKA_TIMEOUT_S = 60.0  # of a step of the start, for a cluster that does not answer
FENCE_STEP = "transaction_coordinator"  # the step that fences the previous writer
KAFKA_RETRIES = RetryPolicy(1.0, 1.0, KAFKA_TIMEOUT_S)
StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class WriterIdentity:
    """Who writes; all but `run` is the same after a restart."""

    prefix: str  # of the topics
    instance: str
    shard: int  # its index
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def transactional_id(self) -> str:
        """What a later writer of this shard fences this one by."""
        return client_config.transactional_id(self.prefix, self.instance, self.shard)


class ShardWriter:
    """Writes the records, markers, progress and checkpoints of a shard.

    `heartbeat_s`: a transaction is stored at least so often, for a standby that follows it.
    """

    def __init__(
        self,
        identity: WriterIdentity,
        kafka: KafkaSettings,
        registry: RegistrySettings,
        delivery: Literal["exactly_once", "idempotent"],
        tracker: GapTracker,
        ledger: Ledger,
        lag: Lag,
        heartbeat_s: float = math.inf,
    ) -> None:
        self._identity, self._tracker, self._kafka = identity, tracker, kafka
        self.transactional_id = identity.transactional_id
        self._generation = 1  # above that of every writer before this one
        schemas = SchemaCache(registry)
        self._store = CheckpointStore(client_config.client(kafka), identity.prefix, schemas)
        self.dead_letter = f"{identity.prefix}.{DEAD_LETTER}"  # topic
        self.control = own_topics(identity.prefix)  # its own topics -> kinds
        common = (ledger, self.dead_letter, lag, tracker)
        self.producer: Producer
        if delivery == "idempotent":
            conf = client_config.producer(kafka)
            self.producer = IdempotentProducer(conf, *common)
        else:
            conf = client_config.transactional(kafka, identity.transactional_id)
            lookup = WriterLookup(self._store.checkpoint_topic, self._last_writer)
            self.producer = TransactionalProducer(conf, *common, lookup, heartbeat_s)

    def _last_writer(self, _commits: int) -> LastWriter:
        own = self._identity
        return self._store.last_writer(own.instance, own.shard, own.run, self._generation)

    def watch(self, schema_ids: Mapping[str, int]) -> WriterWatch:
        """Return what follows the present writer; `schema_ids` as of `take_over`."""
        own, topic = self._identity, self._store.checkpoint_topic
        name = ShardName(topic, own.instance, own.shard, own.run, schema_ids[topic])
        return WriterWatch(client_config.consumer(self._kafka), name)

    @property
    def run(self) -> str:
        """The random id of this process."""
        return self._identity.run

    async def take_over(self, schema_ids: Mapping[str, int], steps: StartSteps) -> None:
        """Fence the previous writer, read what it has stored, and go on from there.

        Args:
            schema_ids: Of every topic of `control`, and perhaps of others.
            steps: Where its three steps are shown.

        Raises:
            Fatal: Kafka does not let us write. Retry: a step had no answer for KAFKA_TIMEOUT_S.
            Refused: what was stored cannot be read.
        """
        async with take_over(self.producer, steps, self._store.state) as found:
            self._generation = found.generation + 1
            by_kind = {kind: schema_ids[topic] for topic, kind in self.control.items()}
            self._tracker.begin(by_kind, found.progress, found.unfinished, self._generation)
        events.takeover_completed(series=len(found.progress), run=self._identity.run)


@asynccontextmanager
async def take_over(
    producer: Producer, steps: StartSteps, read: Callable[[], StateT]
) -> AsyncIterator[StateT]:
    """Fence the previous writer and yield what it has stored; at the end write that down as ours.

    Args:
        producer: Ours, not started.
        steps: Where its three steps are shown.
        read: Returns what is stored; blocks.

    Raises:
        Fatal: Kafka does not let us write. Retry: a step had no answer for KAFKA_TIMEOUT_S.
        Refused: what was stored cannot be read.
    """
    if FENCE_STEP in steps.names:  # without transactions nobody is fenced, and nobody waited for
        fenced = asyncio.to_thread(producer.start, time.monotonic() + KAFKA_TIMEOUT_S)
        await steps.run(FENCE_STEP, fenced, lambda: producer.start_trouble)
    yield await steps.retry("checkpoint", partial(asyncio.to_thread, read), KAFKA_RETRIES)
    stored = asyncio.to_thread(producer.write_takeover, time.monotonic() + KAFKA_TIMEOUT_S)
    await steps.run("first_commit", stored, lambda: producer.start_trouble)
