"""The embedded broker: librdkafka's mock cluster, in this process, on a real socket.

It keeps about 5 MB a partition and makes a topic when a client asks for its metadata. Its
transactions do not isolate, and Java clients cannot use it: for demos and quick tests only.
"""

import asyncio
from collections.abc import Sequence

from confluent_kafka import Producer

TIMEOUT_S = 10.0


class EmbeddedBroker:
    """One broker; `bootstrap_servers` once started."""

    def __init__(self) -> None:
        self.bootstrap_servers = ""
        self._cluster: Producer | None = None

    async def start(self) -> None:
        """Start the cluster."""
        self._cluster = Producer(
            {"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0}
        )
        found = await asyncio.to_thread(self._cluster.list_topics, timeout=TIMEOUT_S)
        broker = next(iter(found.brokers.values()))
        self.bootstrap_servers = f"{broker.host}:{broker.port}"

    async def create(self, topics: Sequence[str], partitions: int) -> None:
        """Create topics by asking for their metadata; they always have four partitions."""
        del partitions
        assert self._cluster is not None  # noqa: S101 - started
        for topic in topics:
            await asyncio.to_thread(self._cluster.list_topics, topic, timeout=TIMEOUT_S)

    async def stop(self) -> None:
        """End the cluster, by dropping the client that runs it."""
        self._cluster = None
