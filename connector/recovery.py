"""What was stored before: read at the start, and when Kafka has fenced this writer.

The progress topic is the memory: it is written in the transactions of the data it speaks of.
"""

from collections.abc import Mapping
from typing import Any

from connector.codec.records import decode_record
from connector.codec.schema import load
from connector.errors import BadMessage
from connector.kafka.bulk import Bulk
from connector.kafka.commit import Newest
from connector.telemetry import events

Stored = dict[str, dict[str, Any]]  # product/stream_name/symbol -> its newest progress record


def stored(conf: Mapping[str, Any], topic: str) -> Stored:
    """Return the newest progress of every series; blocks.

    Args:
        conf: How to reach the cluster, in librdkafka's names.
        topic: The progress topic.

    Raises:
        Retry: the cluster does not answer.
    """
    found: Stored = {}
    for key, value in _latest(conf, topic).items():
        try:
            found[key.decode()] = decode_record(load("progress"), value)
        except (BadMessage, UnicodeDecodeError) as error:
            events.progress_unreadable(key=key.decode("utf-8", "replace"), cause=str(error))
    return found


def newest(found: Stored, run: str, mine: Mapping[str, int], commits: int) -> Newest:
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
    return Newest(other=other, commits=max(numbers, default=0))


def _latest(conf: Mapping[str, Any], topic: str) -> dict[bytes, bytes]:
    """Return the newest value of every key, of what is committed at the call."""
    reader = Bulk(conf)
    found: dict[bytes, bytes] = {}
    try:
        slices = reader.slices(topic, reader.topics()[topic], None)
        for batch in reader.read(topic, slices):
            found |= {message.key() or b"": message.value() or b"" for message in batch}
    finally:
        reader.close()
    return {key: value for key, value in found.items() if value}
