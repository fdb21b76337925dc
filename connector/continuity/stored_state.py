"""What earlier writers have stored, put together from the records of their topics. No I/O.

A topic whose partitions grew holds records of one key in two partitions, which are read in any
order: which of them is newer is said by the records themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ProgressBySeries = dict[str, dict[str, Any]]  # product/stream_name/symbol -> progress record


class Stamp(NamedTuple):
    """How new a progress record or its tombstone is."""

    generation: int  # of its writer; 0: of an older version, which counted none
    run: str
    number: int  # of its transaction within the run; 0: there was none
    written_ms: int  # by the writer's clock

    def is_after(self, other: "Stamp") -> bool:
        """Say whether this was written later: by its number in one run, else by generation."""
        if self.run == other.run:
            return (self.number, self.written_ms) > (other.number, other.written_ms)
        return (self.generation, self.written_ms) > (other.generation, other.written_ms)


def stamp_of(record: Mapping[str, Any]) -> Stamp:
    """Return how new a progress or checkpoint record is."""
    generation, number = record["generation"] or 0, record["commit_number"]
    return Stamp(generation, record["run"], number, record["written_time"])


class PartitionClock:
    """Gives records an order that keeps that of each partition, and goes by time between them.

    For topics whose partitions grew: a key's records then lie in two partitions. A clock that was
    set back moves no record before another one of its partition.
    """

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}  # by partition

    def advance(self, partition: int, time_ms: int) -> int:
        """Return the place of the next record of a partition, by its time."""
        place = self._newest[partition] = max(self._newest.get(partition, time_ms), time_ms)
        return place


class Positions:
    """How far series came by checkpoint records, of each run the newest of each series."""

    def __init__(self, checkpoints: Iterable[Mapping[str, Any]]) -> None:
        # (run, series number) -> commit number, last id, record time of the newest record
        self._newest: dict[tuple[str, int], tuple[int, int | None, int]] = {}
        for record in checkpoints:
            run, number, written_ms = (
                record[name] for name in ("run", "commit_number", "written_time")
            )
            for each in record["advanced"]:
                key = run, each["series_number"]
                if number > self._newest.get(key, (0, None, 0))[0]:
                    last_ms = written_ms - each["behind_ms"]
                    self._newest[key] = number, each["last_id"], last_ms

    def advance(self, progress: dict[str, Any]) -> dict[str, Any]:
        """Return the progress of a series as a newer checkpoint of its run has it, if there is one.

        `complete_until` stays: it is right, and at most MAX_INTERVAL_MS older.
        """
        newest = self._newest.get((progress["run"], progress["series_number"] or 0))
        if newest is None or newest[0] <= progress["commit_number"]:
            return progress
        return progress | {"last_id": newest[1], "last_time": newest[2]}


@dataclass(frozen=True, slots=True)
class StoredState:
    """What the writers of a topic prefix have stored.

    Attributes:
        progress: Newest of each series, as it stands in the data topics.
        unfinished: Opening markers of the gaps that were being filled, as records.
        generation: The highest of all writers; 0: there was none.
    """

    progress: ProgressBySeries = field(default_factory=dict)
    unfinished: list[dict[str, Any]] = field(default_factory=list)
    generation: int = 0


@dataclass(frozen=True, slots=True)
class LastWriter:
    """Who has written last of a shard."""

    other: bool  # a writer that began later than this one has written
    commits: int  # number of this writer's last transaction that is stored


def last_writer(checkpoints: Iterable[Mapping[str, Any]], run: str, generation: int) -> LastWriter:
    """Return who has written last, by the checkpoints of a shard.

    run, generation: This process. One that began later has read the generation of this one, or
    the same as this one did, if this one had stored nothing.
    """
    stamps = [stamp_of(record) for record in checkpoints]
    other = any(stamp.run != run and stamp.generation >= generation for stamp in stamps)
    commits = max((stamp.number for stamp in stamps if stamp.run == run), default=0)
    return LastWriter(other=other, commits=commits)
