"""Fast encoder of progress records: each transaction writes one for every series that has advanced,
so constant fields are encoded once. Markers are rare: avro.py encodes them. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.codec.framing import header
from connector.codec.primitives import encode_long, encode_string

_NULL = b"\x00"


class ProgressEncoder:
    """Encodes the progress records of one writer; `run` is the random id of its process."""

    def __init__(self, schema_id: int, shard: int, instance: str, run: str) -> None:
        self._header = header(schema_id)
        self._writer = encode_long(shard) + encode_string(instance) + encode_string(run)

    def head(self, product: str, stream_name: str, symbol: str, kind: str, topic: str) -> bytes:
        """Return the bytes of the fields that are constant for a series, header included."""
        names = (product, stream_name, symbol, kind, topic)
        return self._header + b"".join(map(encode_string, names))

    def encode(
        self,
        head: bytes,
        last_id: int | None,
        last_time: int | None,
        complete_until: int | None,
        open_gaps: Sequence[str],
        id_epoch: int,
        written_time: int,
        commit_number: int,
        *,
        fillings: Sequence[Mapping[str, Any]] = (),
    ) -> bytes:
        """Return a framed progress record; times in epoch milliseconds."""
        edges = _long(last_id) + _long(last_time) + _long(complete_until)
        gaps = _array([encode_string(gap_id) for gap_id in open_gaps])
        written = encode_long(id_epoch) + encode_long(written_time) + self._writer
        fills = _array([_filling(filling) for filling in fillings])
        return head + edges + gaps + written + encode_long(commit_number) + fills


def _long(value: int | None) -> bytes:
    return _NULL if value is None else b"\x02" + encode_long(value)


def _filling(filling: Mapping[str, Any]) -> bytes:
    numbers = (filling["filled_to"], filling["recovered"], filling["gone"])
    return encode_string(filling["gap_id"]) + b"".join(map(encode_long, numbers))


def _array(values: Sequence[bytes]) -> bytes:
    return b"".join((encode_long(len(values)), *values, _NULL)) if values else _NULL
