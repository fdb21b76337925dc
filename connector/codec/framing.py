"""What stands before a record's own fields: the Confluent header, and the parts of the head that
many records share, so that they are encoded once per series and once per read.
"""

import struct

from connector.codec.primitives import encode_long, encode_string

HEADER_BYTES = 5
_HEADER = struct.Struct(">bI")


def header(schema_id: int) -> bytes:
    """Return the Confluent header: 0x00 and the 4-byte schema id."""
    return _HEADER.pack(0, schema_id)


def schema_id_of(framed: bytes) -> int:
    """Return the schema id in a Confluent header."""
    return int.from_bytes(framed[1:HEADER_BYTES], "big")


def prefix(schema_id: int, symbol: str, product: str, stream_name: str) -> bytes:
    """Return the Confluent header (0x00, 4-byte schema id) and the first three fields."""
    return header(schema_id) + b"".join(map(encode_string, (symbol, product, stream_name)))


def receipt(received_us: int, origin: str = "live", gap_id: str | None = None) -> bytes:
    """Return receive_time, receive_time_us, origin and gap_id of everything read together."""
    gap = b"\x00" if gap_id is None else b"\x02" + encode_string(gap_id)
    times = encode_long(received_us // 1000) + encode_long(received_us)
    return times + encode_string(origin) + gap
