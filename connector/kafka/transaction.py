"""The records of one transaction, and which of them are what."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord


@dataclass(slots=True)
class Transaction:
    """The records of one transaction, in the order produced: data, then what is written late."""

    records: list[KafkaRecord] = field(default_factory=list)
    data: int = 0  # how many of them the ledger counts: no dead letters, markers and progress
    dead_letters: int = 0  # how many of them are dead letters; they follow the data
    size: int = 0  # bytes of the values of the data
    samples: list[tuple[str, int, int]] = field(default_factory=list)  # topic, received us, time ms
    began: float = 0.0  # monotonic seconds of its first record
    broken: KafkaError | None = None  # why librdkafka took no more: all is to be produced again

    def part_of(self, position: int) -> Literal["data", "dead letters", "checkpoint"]:
        """Return what the record at a position is; the checkpoint is markers and progress."""
        if position < self.data:
            return "data"
        return "dead letters" if position < self.data + self.dead_letters else "checkpoint"

    def stored(self, left_out: Collection[int]) -> tuple[int, int]:
        """Return how many records of data and dead letters are stored, without these positions."""
        parts = [self.part_of(position) for position in left_out]
        return self.data - parts.count("data"), self.dead_letters - parts.count("dead letters")
