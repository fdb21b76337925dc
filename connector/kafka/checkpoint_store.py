"""What was stored before: read at the start, and when Kafka has fenced this writer.

The progress topic is the memory: it is written in the transactions of the data it speaks of.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

from connector.codec.avro import Schemas, decode_record
from connector.codec.framing import schema_id_of
from connector.codec.schema import load
from connector.errors import BadMessage
from connector.kafka.bulk_consumer import BulkConsumer
from connector.kafka.committer import LastWriter
from connector.telemetry import events

SETTLE_TIMEOUT_S = 20.0


Stored = dict[str, dict[str, Any]]  # product/stream_name/symbol -> its newest progress record


def stored(conf: Mapping[str, Any], topic: str, schemas: Schemas) -> Stored:
    """Return the newest progress of every series; blocks.

    Args:
        conf: How to reach the cluster, in librdkafka's names.
        topic: The progress topic.
        schemas: Tells what a record was written with: the writer before may have been older.

    Raises:
        Retry: the cluster or the registry does not answer.
    """
    found: Stored = {}
    for key, value in _latest(conf, topic).items():
        try:
            found[key.decode()] = _read("progress", value, schemas)
        except (BadMessage, UnicodeDecodeError) as error:
            events.progress_unreadable(key=key.decode("utf-8", "replace"), cause=str(error))
    return found


def until_settled(conf: Mapping[str, Any], topic: str, seconds: float = SETTLE_TIMEOUT_S) -> None:
    """Wait until no transaction is open in a topic, or long enough; blocks.

    The ends of a transaction are written some time after its commit or abort has been answered.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with (
            closing(BulkConsumer(conf)) as stable,
            closing(BulkConsumer(conf, committed=False)) as all_of_it,
        ):
            numbers = stable.topics()[topic]
            if stable.slices(topic, numbers, None) == all_of_it.slices(topic, numbers, None):
                return
        time.sleep(0.1)  # noqa: TID251 - a thread's own time


def unfinished(
    conf: Mapping[str, Any], topic: str, schemas: Schemas, ids: Collection[str]
) -> list[dict[str, Any]]:
    """Return the opening markers of gaps that were being filled when the writer ended; blocks.

    Args:
        conf: How to reach the cluster, in librdkafka's names.
        topic: The markers' topic.
        schemas: As for `stored`.
        ids: The gaps that the progress of some series calls open.

    Raises:
        Retry: the cluster or the registry does not answer.
    """
    found: dict[str, dict[str, Any]] = {}
    for _, value in _committed(conf, topic) if ids else ():
        try:
            marker = _read("marker", value, schemas)
        except BadMessage:
            continue  # none of ours: `bkc verify` names it
        if marker["gap_id"] in ids:
            found[marker["gap_id"]] = marker
    known = (one for one in found.values() if one["state"] == "opened")
    return [one for one in known if one["after_id"] is not None]


def _read(kind: str, value: bytes, schemas: Schemas) -> dict[str, Any]:
    return decode_record(load(kind), value, schemas.text(schema_id_of(value)))


def newest(found: Stored, run: str, mine: Mapping[str, int], commits: int) -> LastWriter:
    """Say who has written last.

    Args:
        found: The newest progress of every series.
        run: Random id of this process.
        mine: Series whose progress this process has written -> the transaction that did first.
        commits: Our transactions known to be stored.
    """
    own = [name for name, since in mine.items() if since <= commits]
    other = any(name in found and found[name]["run"] != run for name in own)
    numbers = [one["commit_number"] for one in found.values() if one["run"] == run]
    return LastWriter(other=other, commits=max(numbers, default=0))


def _latest(conf: Mapping[str, Any], topic: str) -> dict[bytes, bytes]:
    """Return the newest value of every key."""
    return {key: value for key, value in dict(_committed(conf, topic)).items() if value}


def _committed(conf: Mapping[str, Any], topic: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of everything in a topic that is committed at the call."""
    reader = BulkConsumer(conf)
    try:
        slices = reader.slices(topic, reader.topics()[topic], None)
        for batch in reader.read(topic, slices):
            yield from ((message.key() or b"", message.value() or b"") for message in batch)
    finally:
        reader.close()
