"""The accounts of a worker: what became of each frame and each record.

Frames: received = decoded + control + undecodable + dropped + superseded + waiting.
Records: produced = acknowledged + repeated + dead_lettered + failed + lost + withheld + in_flight.

Plain integers without locks: one thread writes them, the metrics page reads them.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Frames:
    """Each frame read from a socket, counted once."""

    received: int = 0
    decoded: int = 0  # all its events became records, or were repeats
    control: int = 0  # acknowledgements, errors and shutdown notices
    undecodable: int = 0  # at least one of its events went to the dead letter
    dropped: int = 0  # because the frame queue was full
    superseded: int = 0  # read while another process was the writer, and let go
    bytes: int = 0  # payload of those received
    left_to_python: int = 0  # of ours, which compiled code left to Python; 0 where there is none

    def missing(self, waiting: int) -> int:
        """Return how many frames are unaccounted for, with so many in the queue; 0: no bug."""
        known = self.decoded + self.control + self.undecodable + self.dropped
        return self.received - known - self.superseded - waiting


@dataclass(slots=True)
class Records:
    """Each event of a frame, counted once."""

    produced: int = 0  # records made, and events that could not become one
    acknowledged: int = 0  # stored by Kafka
    repeated: int = 0  # recognised as already published, and left out
    dead_lettered: int = 0  # stored in the dead-letter topic; in a flood most are only counted
    failed: int = 0  # given up by the producer, for a reason that is not the record's own
    lost: int = 0  # neither a record nor a dead letter of it is stored: Kafka refused both

    withheld: int = 0  # not published: their topic did not exist; a gap says so

    @property
    def not_stored(self) -> int:
        """Records that were given up: no topic has them."""
        return self.failed + self.lost

    @property
    def in_flight(self) -> int:
        """Records that are neither stored nor given up yet; dead letters too."""
        stored = self.acknowledged + self.repeated + self.dead_lettered
        return self.produced - stored - self.failed - self.lost - self.withheld


@dataclass(slots=True)
class Ledger:
    """Frames and records, and what is counted beside them."""

    frames: Frames = field(default_factory=Frames)
    records: Records = field(default_factory=Records)
    # Events by the topic of their stream ("": of no stream of ours) and reason.
    dead_letters_of: Counter[tuple[str, str]] = field(default_factory=Counter)
    delivery_errors: Counter[str] = field(default_factory=Counter)  # records, by Kafka's error
    not_taken: Counter[str] = field(default_factory=Counter)  # the same records, by topic
    checkpoints_lost: int = 0  # markers and progress that Kafka refused
    filtered: int = 0  # rows of the other product in merged streams, left out as configured
    overloads: int = 0  # times the frame queue was full
    lost_time_s: float = 0.0  # in which streams had no connection, summed over streams

    @property
    def dead_letters(self) -> Counter[str]:
        """Events that went to the dead letter, by reason."""
        by_reason: Counter[str] = Counter()
        for (_, reason), events in self.dead_letters_of.items():
            by_reason[reason] += events
        return by_reason
