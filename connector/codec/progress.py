"""Fast encoders of progress and checkpoint records, which are written with every transaction:
constant fields are encoded once. Markers are rare: avro.py encodes them. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.codec.framing import header
from connector.codec.primitives import encode_long, encode_string

_NULL = b"\x00"
_SOME = b"\x02"
Position = tuple[int, int | None, int]  # series_number, last_id, record time of the newest record


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """The process that writes: its shard and instance, its random id, its generation."""

    shard: int
    instance: str
    run: str
    generation: int = 1


class ProgressEncoder:
    """Encodes the progress records of one run."""

    def __init__(self, schema_id: int, identity: RunIdentity) -> None:
        self._header = header(schema_id)
        names = encode_string(identity.instance) + encode_string(identity.run)
        self._writer = encode_long(identity.shard) + names
        self._generation = _long(identity.generation)

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
        *,
        commit_number: int,
        series_number: int,
        fillings: Sequence[Mapping[str, Any]] = (),
    ) -> bytes:
        """Return a framed progress record; times in epoch milliseconds."""
        edges = _long(last_id) + _long(last_time) + _long(complete_until)
        gaps = _array([encode_string(gap_id) for gap_id in open_gaps])
        written = encode_long(id_epoch) + encode_long(written_time) + self._writer
        fills = _array([_filling(filling) for filling in fillings])
        numbers = self._generation + _long(series_number)
        return head + edges + gaps + written + encode_long(commit_number) + fills + numbers


class CheckpointEncoder:
    """Encodes the checkpoint records of one run."""

    def __init__(self, schema_id: int, identity: RunIdentity) -> None:
        names = encode_string(identity.instance) + encode_long(identity.shard)
        run = encode_string(identity.run) + encode_long(identity.generation)
        self._head = header(schema_id) + names + run

    def encode(
        self,
        commit_number: int,
        written_time: int,
        positions: Iterable[Position],
        waiting_ms: int | None = None,
    ) -> bytes:
        """Return a framed checkpoint record; times in epoch milliseconds."""
        advanced = [
            encode_long(number) + _long(last_id) + encode_long(written_time - last_time)
            for number, last_id, last_time in positions
        ]
        written = encode_long(commit_number) + encode_long(written_time)
        return self._head + written + _array(advanced) + _long(waiting_ms)


def _long(value: int | None) -> bytes:
    return _NULL if value is None else _SOME + encode_long(value)


def _filling(filling: Mapping[str, Any]) -> bytes:
    numbers = (filling["filled_to"], filling["recovered"], filling["gone"])
    return encode_string(filling["gap_id"]) + b"".join(map(encode_long, numbers))


def _array(values: Sequence[bytes]) -> bytes:
    return b"".join((encode_long(len(values)), *values, _NULL)) if values else _NULL
