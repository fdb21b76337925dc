"""The one writer of a shard: its producer, and the takeover from the previous writer.

Next along the way: kafka/transactional_producer.py and kafka/idempotent_producer.py,
continuity/outbox.py, kafka/checkpoint_store.py.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from connector.codec.schema import DEAD_LETTER, own_topics
from connector.config.model import KafkaSettings, RegistrySettings
from connector.continuity.marker import GapReason
from connector.continuity.outbox import Outbox
from connector.kafka import client_config
from connector.kafka.checkpoint_store import CheckpointStore
from connector.kafka.committer import LastWriter, WriterLookup
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.producer import Producer
from connector.kafka.schema_registry import SchemaCache
from connector.kafka.transactional_producer import TransactionalProducer
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger


@dataclass(frozen=True, slots=True)
class WriterIdentity:
    """Who writes.

    Attributes:
        prefix: The topic prefix.
        instance: Name of the writer, the same after a restart.
        shard: Index of its shard.
        run: Random id of its process.
    """

    prefix: str
    instance: str
    shard: int
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def transactional_id(self) -> str:
        """What a later writer of this shard fences this one by."""
        return f"{self.prefix}.{self.instance}.{self.shard}"


class ShardTracker(Protocol):
    """What is known of the series of a shard: continuity/gap_tracker.py."""

    @property
    def outbox(self) -> Outbox:
        """Markers and progress."""
        ...

    def begin(
        self,
        schema_ids: Mapping[str, int],
        stored: Mapping[str, Mapping[str, Any]],
        unfinished: Iterable[Mapping[str, Any]],
    ) -> None:
        """Go on where the previous writer stopped."""
        ...

    def on_refused(self, topic: str, value: bytes, reason: GapReason) -> None:
        """Mark a record that Kafka did not take."""
        ...


class ShardWriter:
    """Writes the records, markers and progress of a shard.

    Args:
        identity: Who writes.
        kafka, registry: Where to.
        delivery: With transactions or without.
        tracker: What is known of the series.
        ledger, lag: Count and time the records.

    Attributes:
        producer: Takes the records.
        dead_letter: Topic of what cannot become a record.
        control: Topics of markers and progress -> their kinds.
    """

    def __init__(
        self,
        identity: WriterIdentity,
        kafka: KafkaSettings,
        registry: RegistrySettings,
        delivery: Literal["exactly_once", "idempotent"],
        tracker: ShardTracker,
        ledger: Ledger,
        lag: Lag,
    ) -> None:
        self._identity = identity
        self._tracker = tracker
        conf = client_config.client(kafka)
        self._store = CheckpointStore(conf, identity.prefix, SchemaCache(registry))
        self.dead_letter = f"{identity.prefix}.{DEAD_LETTER}"
        self.control = own_topics(identity.prefix)
        self.producer: Producer
        if delivery == "idempotent":
            conf = client_config.producer(kafka)
            self.producer = IdempotentProducer(conf, ledger, self.dead_letter, lag, tracker)
        else:
            conf = client_config.transactional(kafka, identity.transactional_id)
            lookup = WriterLookup(self._store.progress_topic, self._last_writer)
            self.producer = TransactionalProducer(
                conf, ledger, self.dead_letter, lag, tracker, lookup
            )

    def _last_writer(self, commits: int) -> LastWriter:
        return self._store.last_writer(
            self._identity.run, self._tracker.outbox.first_commits, commits
        )

    async def take_over(self, schema_ids: Mapping[str, int]) -> None:
        """Fence the previous writer, read what it has stored, and go on from there.

        Args:
            schema_ids: Topic -> schema id, with the topics of `control`.

        Raises:
            Fatal: Kafka does not let us write. Retry: it does not answer.
        """
        await asyncio.to_thread(self.producer.start)
        progress = await asyncio.to_thread(self._store.progress)
        open_gaps = {gap_id for record in progress.values() for gap_id in record["open_gaps"]}
        unfinished = await asyncio.to_thread(self._store.unfinished, open_gaps)
        by_kind = {kind: schema_ids[topic] for topic, kind in self.control.items()}
        self._tracker.begin(by_kind, progress, unfinished)
        await asyncio.to_thread(self.producer.write_takeover)
        events.takeover_completed(series=len(progress), run=self._identity.run)
