"""Who writes: the producer, what is known of the series, and taking over from the writer before.

Next along the way: kafka/transactional_producer.py and kafka/idempotent_producer.py,
continuity/gap_tracker.py, kafka/checkpoint_store.py.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping

from connector.config.model import Settings
from connector.continuity.gap_tracker import MARKERS, PROGRESS, GapTracker, Record
from connector.kafka import client_config as kafka_settings
from connector.kafka import topic_admin
from connector.kafka.checkpoint_store import Stored, newest, stored, unfinished, until_settled
from connector.kafka.committer import LastWriter
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.kafka.schema_registry import SchemaCache
from connector.kafka.transactional_producer import TransactionalProducer
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger

AnyProducer = IdempotentProducer | TransactionalProducer


class ShardWriter:
    """The one writer of a shard.

    Attributes:
        producer: Takes the records.
        gap_tracker: What is known of the series.
        dead_letter: Topic of what cannot become a record.
        control: Topics of markers and progress -> their kinds.
    """

    def __init__(self, settings: Settings, ledger: Ledger, lag: Lag) -> None:
        prefix = settings.topic_prefix
        self._settings = settings
        self._run = secrets.token_hex(4)
        self._client = kafka_settings.client(settings.kafka)
        self._schemas = SchemaCache(settings.schema_registry)
        self.dead_letter = f"{prefix}.{topic_admin.DEAD_LETTER}"
        self.control = {f"{prefix}.{MARKERS}": "marker", f"{prefix}.{PROGRESS}": "progress"}
        self.exactly_once = settings.delivery == "exactly_once"
        self.gap_tracker = GapTracker(
            prefix,
            shard=settings.shard.index,
            instance=settings.instance,
            run=self._run,
            repeats_possible=not self.exactly_once,
        )
        self.producer = self._producer(ledger, lag)
        self.producer.collect = self._seal
        self.producer.refused = self.gap_tracker.on_refused

    def _producer(self, ledger: Ledger, lag: Lag) -> AnyProducer:
        settings = self._settings
        if not self.exactly_once:
            conf = kafka_settings.producer(settings.kafka)
            return IdempotentProducer(conf, ledger, self.dead_letter, lag)
        name = f"{settings.topic_prefix}.{settings.instance}.{settings.shard.index}"
        conf = kafka_settings.transactional(settings.kafka, name)
        made = TransactionalProducer(conf, ledger, self.dead_letter, lag)
        made.has_markers = lambda: self.gap_tracker.outbox.waiting
        made.ask_newest(lambda: self._newest(made.commits), self._topic("progress"))
        return made

    async def take_over(self, ids: Mapping[str, int]) -> None:
        """Fence whoever wrote before, read what was stored, and go on from there.

        Args:
            ids: Control topic -> schema id.

        Raises:
            Fatal: Kafka does not let us write transactions. Retry: it does not answer.
        """
        if isinstance(self.producer, TransactionalProducer):
            await asyncio.to_thread(self.producer.start)
        found = await asyncio.to_thread(self._stored)
        open_gaps = {gap for one in found.values() for gap in one["open_gaps"]}
        topic = self._topic("marker")
        gaps = await asyncio.to_thread(unfinished, self._client, topic, self._schemas, open_gaps)
        by_kind = {kind: ids[topic] for topic, kind in self.control.items()}
        self.gap_tracker.begin(by_kind, found, gaps)
        if isinstance(self.producer, TransactionalProducer):
            await asyncio.to_thread(self.producer.write, self._first(1))
        events.takeover_completed(series=len(found), run=self._run)

    def _topic(self, kind: str) -> str:
        return next(topic for topic, one in self.control.items() if one == kind)

    def _first(self, number: int) -> list[Record]:
        return self.gap_tracker.outbox.rewrite_progress(number, time.time_ns() // 1000)

    def _seal(self, number: int) -> list[Record]:
        return self._first(number) + self.gap_tracker.outbox.drain(number, time.time_ns() // 1000)

    def _stored(self) -> Stored:
        return stored(self._client, self._topic("progress"), self._schemas)

    def _newest(self, commits: int) -> LastWriter:
        """Ask the progress topic who has written last; blocks."""
        until_settled(self._client, self._topic("progress"))
        return newest(self._stored(), self._run, self.gap_tracker.outbox.sealed, commits)
