"""The benchmark's Kafka as a process: librdkafka's mock cluster, or a real broker.

`python -m bench.broker [--real] TOPIC...` prints {"bootstrap": ...} and ends when its stdin closes.
The mock cluster keeps about 5 MB of a partition. Its transactions do not isolate: exactly once is
measured with `--real`.
"""

import asyncio
import json
import sys

from confluent_kafka import Producer

from connector.lab.real_kafka import RealKafka

PARTITIONS = 4  # the mock cluster's default


def main() -> None:
    """Start the cluster, create the topics, wait for the end of stdin."""
    if sys.argv[1:2] == ["--real"]:
        asyncio.run(_real(sys.argv[2:]))
    else:
        _mock(sys.argv[1:])


async def _real(topics: list[str]) -> None:
    broker = RealKafka()
    await broker.start()
    try:
        await broker.create(topics, PARTITIONS)
        print(json.dumps({"bootstrap": broker.bootstrap_servers}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await broker.stop()


def _mock(topics: list[str]) -> None:
    cluster = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 3})
    brokers = cluster.list_topics(timeout=10).brokers.values()
    bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    client = Producer({"bootstrap.servers": bootstrap, "log_level": 3})
    for topic in topics:
        client.list_topics(topic, timeout=10)
    del client
    print(json.dumps({"bootstrap": bootstrap}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
