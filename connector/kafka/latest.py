"""The newest value of every key of a compacted topic, as far as it is committed; blocking."""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connector.errors import Retry
from connector.kafka import explain

ANSWER_S = 10.0
STALLED_S = 30.0  # no record for so long, though some are to come: the cluster is in trouble
AT_ONCE = 10_000


def latest(conf: Mapping[str, Any], topic: str) -> dict[bytes, bytes]:
    """Return key -> newest value; keys whose newest value is null are left out.

    Reads the whole topic as it stands at the call, read_committed, without a consumer group.

    Args:
        conf: How to reach the cluster, in librdkafka's names.
        topic: A topic that exists.

    Raises:
        Retry: the cluster does not answer, or stopped answering on the way.
    """
    reader = Consumer(
        {
            **conf,
            "group.id": "bkc",  # never joined: partitions are assigned, nothing is committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        }
    )
    try:
        partitions = reader.list_topics(topic, timeout=ANSWER_S).topics[topic].partitions
        reader.assign([TopicPartition(topic, number, 0) for number in partitions])
        return _read(reader, set(partitions))
    except KafkaException as error:
        raise Retry(f"cannot read {topic}: {explain.creation(error)}") from error
    finally:
        reader.close()


def _read(reader: Consumer, unfinished: set[int]) -> dict[bytes, bytes]:
    """Read until the end of every partition: with read_committed, of what is committed."""
    found: dict[bytes, bytes] = {}
    quiet_since = time.monotonic()
    while unfinished:
        messages = reader.consume(AT_ONCE, timeout=0.5)
        if messages:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > STALLED_S:
            raise Retry(f"no answer for {STALLED_S:.0f} s while reading what was stored")
        for message in messages:
            error = message.error()
            if error is None:
                _keep(found, message.key(), message.value())
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard(message.partition() or 0)
            else:
                raise KafkaException(error)
    return found


def _keep(found: dict[bytes, bytes], key: bytes | None, value: bytes | None) -> None:
    if key is None:
        return
    if value is None:
        found.pop(key, None)
    else:
        found[key] = value
