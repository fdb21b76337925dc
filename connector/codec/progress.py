"""The encoder of progress: written for every series that moved, with each transaction, so that what
never changes in it is encoded once. Markers are rare: codec/records.py.
"""

from collections.abc import Sequence

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
