"""Encoders of the records that say what is known of a series: marker and progress.

A marker is rare and encoded field by field; progress is written for every series that moved, with
each transaction, so that what never changes in it is encoded once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.codec.framing import header
from connector.codec.primitives import encode_long, encode_string
from connector.codec.schema import Field, load

_NULL = b"\x00"


def marker(schema_id: int, values: Mapping[str, Any]) -> bytes:
    """Return a framed marker; `values` has every field of schemas/marker.avsc by name."""
    parts = [_encode(field, values[field.name]) for field in load("marker").fields]
    return header(schema_id) + b"".join(parts)


def _encode(field: Field, value: Any) -> bytes:
    if field.nullable:
        return _NULL if value is None else b"\x02" + _plain(value)
    return _plain(value)


def _plain(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x01" if value else b"\x00"
    return encode_long(value) if isinstance(value, int) else encode_string(value)


class ProgressEncoder:
    """Encodes the progress records of one writer.

    Args:
        schema_id: Id the registry gave schemas/progress.avsc.
        shard: The writer's shard,
        instance: its name, and
        run: the random id of its process.
    """

    def __init__(self, schema_id: int, shard: int, instance: str, run: str) -> None:
        self._header = header(schema_id)
        self._writer = encode_long(shard) + encode_string(instance) + encode_string(run)

    def head(self, product: str, stream_name: str, symbol: str, kind: str, topic: str) -> bytes:
        """Return what never changes in the progress of a series."""
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
    ) -> bytes:
        """Return a framed progress record; times in epoch milliseconds."""
        return b"".join(
            (
                head,
                _long(last_id),
                _long(last_time),
                _long(complete_until),
                _strings(open_gaps),
                encode_long(id_epoch),
                encode_long(written_time),
                self._writer,
                encode_long(commit_number),
            )
        )


def _long(value: int | None) -> bytes:
    return _NULL if value is None else b"\x02" + encode_long(value)


def _strings(values: Sequence[str]) -> bytes:
    if not values:
        return _NULL
    return b"".join((encode_long(len(values)), *map(encode_string, values), _NULL))
