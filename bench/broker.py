"""The Kafka of the benchmark: librdkafka's mock cluster in a process of its own.

`python -m bench.broker TOPIC...` prints {"bootstrap": ...} and lives until its stdin closes.
The mock cluster gives every topic four partitions and keeps about 5 MB of each.
"""

import json
import sys

from confluent_kafka import Producer


def main() -> None:
    """Start the cluster, create the topics by asking for them, wait."""
    keeper = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 3})
    brokers = keeper.list_topics(timeout=10).brokers.values()
    bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    client = Producer({"bootstrap.servers": bootstrap, "log_level": 3})
    for topic in sys.argv[1:]:
        client.list_topics(topic, timeout=10)
    del client
    print(json.dumps({"bootstrap": bootstrap}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
