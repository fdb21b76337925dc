"""Follows what the writer of a shard appends to the checkpoint topic, and makes claims. Blocks.

It reads uncommitted records, too. The open transaction of a writer that died in it would hide all
that follows, claims included; and a writer whose transactions Kafka aborts is alive.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from connector.codec.avro import decode_record
from connector.codec.progress import CheckpointEncoder, RunIdentity
from connector.codec.schema import load
from connector.continuity.candidacy import CLAIM_KEY, LEAVE_KEY, Appended
from connector.errors import BadMessage, Retry
from connector.kafka import error_hints
from connector.kafka.bulk_consumer import BulkConsumer, OffsetRange
from connector.kafka.client import open_client

ANSWER_TIMEOUT_S = 2.0  # of each request
CLAIM_TIMEOUT_S = 3.0
LOOK_BACK = 300  # records of each partition in which the newest one of the shard is looked for
# A claim is acknowledged by the leader of its partition, which proves that Kafka takes records.
CLAIM_PRODUCER = {"acks": "all", "message.timeout.ms": int(CLAIM_TIMEOUT_S * 1000)}


@dataclass(frozen=True, slots=True)
class ShardName:
    """Which records of the checkpoint topic are followed, and who follows them."""

    topic: str
    instance: str
    shard: int
    run: str  # of this process
    schema_id: int  # of checkpoints

    @property
    def claim_key(self) -> bytes:
        """Key of every claim: they are all in one partition, whose order decides."""
        return f"{self.instance}/{self.shard}/{CLAIM_KEY}".encode()


class WriterWatch:
    """Follows the writer of a shard; `close` it at the end. All methods raise Retry: no answer.

    `conf`: how to reach the cluster, in librdkafka's names.
    """

    def __init__(self, conf: Mapping[str, Any], name: ShardName) -> None:
        self._conf, self._name = conf, name
        self._consumer = self._new_consumer()
        self._read_to: dict[int, int] = {}  # partition -> the next offset
        self._key_start = f"{name.instance}/{name.shard}/".encode()

    def _new_consumer(self) -> BulkConsumer:
        patience = {"request_s": ANSWER_TIMEOUT_S, "silence_s": ANSWER_TIMEOUT_S}
        return BulkConsumer(self._conf, committed=False, **patience)

    def begin(self) -> float | None:
        """Return how old the newest record of the shard is, in seconds.

        None: the topic is empty, or the writer has left. What is appended from now on is returned
        by `look`.
        """
        ranges = self._ranges()
        back = [
            OffsetRange(part.partition, max(part.start, part.end - LOOK_BACK), part.end)
            for part in ranges
        ]
        found = [
            (message.timestamp()[1], _ends_in(message, LEAVE_KEY)) for message in self._read(back)
        ]
        self._read_to = {part.partition: part.end for part in ranges}
        newest_ms, leaves = max(found, default=(0, False))
        if leaves or all(part.start == part.end for part in ranges):
            return None
        return max(0.0, time.time() - newest_ms / 1000)

    def look(self) -> list[Appended]:
        """Return what was appended since the last look: claims first, then the writer's records."""
        try:
            new = [
                OffsetRange(part.partition, self._read_to.get(part.partition, part.start), part.end)
                for part in self._ranges()
            ]
            records = [_appended(message) for message in self._read(new)]
        except Retry:  # a new consumer has forgotten the reasons of old trouble
            self._consumer.close()
            self._consumer = self._new_consumer()
            raise
        self._read_to |= {part.partition: part.end for part in new}
        return sorted(records, key=lambda record: (not record.is_claim, record.leaves))

    def _ranges(self) -> list[OffsetRange]:
        partitions = self._consumer.topics().get(self._name.topic, [])
        return self._consumer.ranges(self._name.topic, partitions, None)

    def _read(self, ranges: Sequence[OffsetRange]) -> list[Message]:
        """Return the records of the shard in these ranges."""
        batches = self._consumer.read(self._name.topic, ranges)
        return [
            message
            for batch in batches
            for message in batch
            if (message.key() or b"").startswith(self._key_start)
        ]

    def claim(self) -> None:
        """Append a claim of this process; returns once Kafka has it."""
        name, errors = self._name, list[KafkaError]()
        # Generation 0: it says nothing of who has written.
        identity = RunIdentity(name.shard, name.instance, name.run, generation=0)
        value = CheckpointEncoder(name.schema_id, identity).encode(0, int(time.time() * 1000), [])
        client = open_client(Client, {**self._conf, **CLAIM_PRODUCER}, errors.append)
        results: list[KafkaError | None] = []
        try:
            report = lambda error, _message: results.append(error)  # noqa: E731
            client.produce(name.topic, value, name.claim_key, on_delivery=report)
            client.flush(CLAIM_TIMEOUT_S + 1.0)
        except KafkaException as error:
            errors.append(error.args[0])
        if results != [None]:
            errors += [error for error in results if error is not None]
            why = error_hints.describe(errors[-1]) if errors else "no acknowledgement"
            raise Retry(f"Kafka: a claim was not stored: {why}")

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


def _appended(message: Message) -> Appended:
    """Return what a record of the shard says of its process."""
    is_claim, leaves = _ends_in(message, CLAIM_KEY), _ends_in(message, LEAVE_KEY)
    with suppress(BadMessage):
        fields = decode_record(load("checkpoint"), message.value() or b"")
        waiting_ms = fields["waiting_ms"]
        waiting_s = None if waiting_ms is None else waiting_ms / 1000
        return Appended(fields["run"], is_claim, leaves, waiting_s)
    return Appended("", is_claim, leaves)  # an older version's: it lives all the same


def _ends_in(message: Message, name: str) -> bool:
    return (message.key() or b"").endswith(f"/{name}".encode())
