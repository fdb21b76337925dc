"""The embedded broker: librdkafka's mock cluster, inside this process, on a real socket.

Keeps about 5 MB a partition and makes topics when asked for their metadata. No transactions'
isolation, no Java clients: for demos and quick tests only.
"""

import asyncio
from collections.abc import Sequence

from confluent_kafka import Producer

ANSWER_S = 10.0


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
        found = await asyncio.to_thread(self._cluster.list_topics, timeout=ANSWER_S)
        broker = next(iter(found.brokers.values()))
        self.bootstrap_servers = f"{broker.host}:{broker.port}"

    async def create(self, topics: Sequence[str], partitions: int) -> None:
        """Create topics by asking for them; the cluster always gives four partitions."""
        del partitions
        assert self._cluster is not None  # noqa: S101 - started
        for topic in topics:
            await asyncio.to_thread(self._cluster.list_topics, topic, timeout=ANSWER_S)

    async def stop(self) -> None:
        """End the cluster with the client that carries it."""
        self._cluster = None
