"""The one writer of a shard: its producer, and the takeover from the previous writer."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from connector.codec.schema import DEAD_LETTER, own_topics
from connector.config.model import KafkaSettings, RegistrySettings
from connector.continuity.gap_tracker import GapTracker
from connector.kafka import client_config
from connector.kafka.checkpoint_store import CheckpointStore, ProgressBySeries
from connector.kafka.committer import LastWriter, WriterLookup
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.producer import Producer
from connector.kafka.schema_registry import SchemaCache
from connector.kafka.transactional_producer import TransactionalProducer
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.telemetry.start_steps import RetryPolicy, StartSteps

KAFKA_TIMEOUT_S = 60.0  # of a step of the start, for a cluster that does not answer
KAFKA_RETRIES = RetryPolicy(1.0, 1.0, KAFKA_TIMEOUT_S)


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
        return f"{self.prefix}.{self.instance}.{self.shard}"


class ShardWriter:
    """Writes the records, markers and progress of a shard."""

    def __init__(
        self,
        identity: WriterIdentity,
        kafka: KafkaSettings,
        registry: RegistrySettings,
        delivery: Literal["exactly_once", "idempotent"],
        tracker: GapTracker,
        ledger: Ledger,
        lag: Lag,
    ) -> None:
        self._identity, self._tracker = identity, tracker
        schemas = SchemaCache(registry)
        self._store = CheckpointStore(client_config.client(kafka), identity.prefix, schemas)
        self.dead_letter = f"{identity.prefix}.{DEAD_LETTER}"  # topic
        self.control = own_topics(identity.prefix)  # topics of markers and progress -> kinds
        common = (ledger, self.dead_letter, lag, tracker)
        self.producer: Producer
        if delivery == "idempotent":
            conf = client_config.producer(kafka)
            self.producer = IdempotentProducer(conf, *common)
        else:
            conf = client_config.transactional(kafka, identity.transactional_id)
            lookup = WriterLookup(self._store.progress_topic, self._last_writer)
            self.producer = TransactionalProducer(conf, *common, lookup)

    def _last_writer(self, commits: int) -> LastWriter:
        first_commits = self._tracker.outbox.first_commits
        return self._store.last_writer(self._identity.run, first_commits, commits)

    async def take_over(self, schema_ids: Mapping[str, int], steps: StartSteps) -> None:
        """Fence the previous writer, read what it has stored, and go on from there.

        Args:
            schema_ids: Of every topic of `control`, and perhaps of others.
            steps: Where its three steps are shown.

        Raises:
            Fatal: Kafka does not let us write. Retry: a step had no answer for KAFKA_TIMEOUT_S.
        """
        producer = self.producer
        fenced = asyncio.to_thread(producer.start, time.monotonic() + KAFKA_TIMEOUT_S)
        await steps.run("transaction_coordinator", fenced, lambda: producer.start_trouble)
        read = partial(asyncio.to_thread, self._read)
        progress, unfinished = await steps.retry("checkpoint", read, KAFKA_RETRIES)
        by_kind = {kind: schema_ids[topic] for topic, kind in self.control.items()}
        self._tracker.begin(by_kind, progress, unfinished)
        stored = asyncio.to_thread(producer.write_takeover, time.monotonic() + KAFKA_TIMEOUT_S)
        await steps.run("first_commit", stored, lambda: producer.start_trouble)
        events.takeover_completed(series=len(progress), run=self._identity.run)

    def _read(self) -> tuple[ProgressBySeries, list[dict[str, Any]]]:
        """Return the progress that is stored, and the gaps whose filling was cut off. Blocks."""
        progress = self._store.progress()
        open_gaps = {gap_id for record in progress.values() for gap_id in record["open_gaps"]}
        return progress, self._store.unfinished(open_gaps)
