"""The bytes before a record's own fields: the Confluent header, and the head fields that many
records share, which are encoded once per series (`prefix`) and once per read (`receipt`). Pure.
"""

import struct

from connector.codec.primitives import encode_long, encode_string

Headers = list[tuple[str, str | bytes | None]]
# Topic, value (None: a tombstone), key, timestamp in epoch ms, headers: as a producer takes it. A
# plain tuple, for it is made for each record published and a named one costs several times as much.
KafkaRecord = tuple[str, bytes | None, bytes | None, int, Headers | None]
HEADER_BYTES = 5
MAX_AHEAD_MS = 300_000  # of the exchange's clock: a time further ahead is wrong
MAX_BROKER_AHEAD_MS = 3_300_000  # a time over 1 h ahead makes a broker refuse the whole batch


def max_ahead_ms(clock_ahead_ms: int) -> int:
    """Return the milliseconds that a record time may be ahead of this machine's clock.

    clock_ahead_ms: how far the exchange's clock is ahead.
    """
    return min(max(0, clock_ahead_ms) + MAX_AHEAD_MS, MAX_BROKER_AHEAD_MS)


def timestamp_ms(event_ms: int | None, received_ms: int, most_ahead_ms: int = MAX_AHEAD_MS) -> int:
    """Return a record's Kafka timestamp, live or fetched: its event's time where a broker takes it.

    The receive time stands in for a time that is missing, before 1970, or too far ahead. Both are
    epoch milliseconds.
    """
    if event_ms is None or not 0 < event_ms <= received_ms + most_ahead_ms:
        return received_ms
    return event_ms


def header(schema_id: int) -> bytes:
    """Return the Confluent header: 0x00 and the 4-byte schema id."""
    return struct.pack(">bI", 0, schema_id)


def schema_id_of(framed: bytes) -> int:
    """Return the schema id in a Confluent header."""
    return int.from_bytes(framed[1:HEADER_BYTES], "big")


def prefix(schema_id: int, symbol: str, product: str, stream_name: str) -> bytes:
    """Return the Confluent header and the first three fields, which a series never changes."""
    return header(schema_id) + b"".join(map(encode_string, (symbol, product, stream_name)))


def receipt(received_us: int, origin: str = "live", gap_id: str | None = None) -> bytes:
    """Return receive_time, receive_time_us, origin and gap_id, shared by records of one read.

    Args:
        received_us: Time of the read, epoch microseconds.
        origin: live, backfill or snapshot.
        gap_id: Id of the gap marker that the records belong to; None for most.
    """
    gap = b"\x00" if gap_id is None else b"\x02" + encode_string(gap_id)
    times = encode_long(received_us // 1000) + encode_long(received_us)
    return times + encode_string(origin) + gap
