"""The encoder of progress: written for every series that moved, with each transaction, so that what
never changes in it is encoded once. Markers are rare: codec/avro.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.codec.framing import header
from connector.codec.primitives import encode_long, encode_string

_NULL = b"\x00"


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
        *,
        fillings: Sequence[Mapping[str, Any]] = (),
    ) -> bytes:
        """Return a framed progress record; times in epoch milliseconds."""
        return b"".join(
            (
                head,
                _long(last_id),
                _long(last_time),
                _long(complete_until),
                _array([encode_string(one) for one in open_gaps]),
                encode_long(id_epoch),
                encode_long(written_time),
                self._writer,
                encode_long(commit_number),
                _array([_filling(one) for one in fillings]),
            )
        )


def _long(value: int | None) -> bytes:
    return _NULL if value is None else b"\x02" + encode_long(value)


def _filling(one: Mapping[str, Any]) -> bytes:
    numbers = (one["filled_to"], one["recovered"], one["gone"])
    return encode_string(one["gap_id"]) + b"".join(map(encode_long, numbers))


def _array(values: Sequence[bytes]) -> bytes:
    if not values:
        return _NULL
    return b"".join((encode_long(len(values)), *values, _NULL))
