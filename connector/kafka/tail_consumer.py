"""Reads topics in the event loop, from their beginning on: for what follows topics while it runs.

Joins no group, commits no offset.
"""

from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

MAX_BATCH_RECORDS = 5_000


class ConsumedRecord(NamedTuple):
    """A record and its topic."""

    topic: str
    value: bytes


class TailConsumer:
    """A consumer assigned to every partition of the given topics.

    `check_crcs`: False for the embedded broker, whose batches of transactions have wrong sums
    (librdkafka 2.16's mock cluster: run 2026-11-30).
    """

    def __init__(
        self, bootstrap_servers: str, topics: Sequence[str], *, check_crcs: bool = True
    ) -> None:
        self._topics = list(topics)
        self._partitions: list[TopicPartition] = []
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            group_id=None,
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
            check_crcs=check_crcs,
        )

    async def start(self) -> None:
        """Connect, and assign every partition from its beginning."""
        await self._consumer.start()
        for topic in self._topics:
            await self._consumer._client._wait_on_metadata(topic)
            for number in sorted(self._consumer.partitions_for_topic(topic) or ()):
                self._partitions.append(TopicPartition(topic, number))
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning()

    async def batch(self, timeout_ms: int = 100) -> list[ConsumedRecord]:
        """Return the records that have arrived; waits up to `timeout_ms` for the first."""
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=MAX_BATCH_RECORDS)
        batches = fetched.values()
        return [ConsumedRecord(rec.topic, rec.value) for batch in batches for rec in batch]

    async def lag(self) -> int:
        """Return how many offsets are not read yet."""
        ends = await self._consumer.end_offsets(self._partitions)
        positions = [await self._consumer.position(part) for part in self._partitions]
        return sum(ends[part] - at for part, at in zip(self._partitions, positions, strict=True))

    async def truncated_partitions(self) -> list[str]:
        """Return the partitions that no longer hold their first record."""
        starts = await self._consumer.beginning_offsets(self._partitions)
        return [f"{part.topic}-{part.partition}" for part, at in starts.items() if at > 0]

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()
