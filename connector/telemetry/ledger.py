"""The accounts of a worker: what became of each frame and each record.

Frames: received = decoded + control + undecodable + dropped + waiting.
Records: produced = acknowledged + repeated + dead_lettered + failed + in_flight.

Plain integers without locks: one thread writes them, the metrics page reads them.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Frames:
    """Each frame read from a socket, counted once.

    Attributes:
        received: Read.
        decoded: All its events became records, or were repeats.
        control: Acknowledgements, errors and shutdown notices.
        undecodable: At least one of its events went to the dead letter.
        dropped: Dropped because the frame queue was full.
        bytes: Payload bytes read.
    """

    received: int = 0
    decoded: int = 0
    control: int = 0
    undecodable: int = 0
    dropped: int = 0
    bytes: int = 0

    def missing(self, waiting: int) -> int:
        """Return how many frames are unaccounted for; 0 unless there is a bug.

        Args:
            waiting: Frames in the queue.
        """
        known = self.decoded + self.control + self.undecodable + self.dropped
        return self.received - known - waiting


@dataclass(slots=True)
class Records:
    """Each event of a frame, counted once.

    Attributes:
        produced: Records made, and events that could not become one.
        acknowledged: Stored by Kafka.
        repeated: Recognised as already published, and left out.
        dead_lettered: Sent to the dead-letter topic; in a flood most are only counted.
        failed: Given up by the producer, for a reason that is not the record's own.
    """

    produced: int = 0
    acknowledged: int = 0
    repeated: int = 0
    dead_lettered: int = 0
    failed: int = 0

    @property
    def in_flight(self) -> int:
        """Records that are neither stored nor given up yet."""
        done = self.acknowledged + self.repeated + self.dead_lettered + self.failed
        return self.produced - done


@dataclass(slots=True)
class Ledger:
    """Frames and records, and what is counted beside them.

    Attributes:
        dead_letters: Events sent to the dead letter, by reason.
        delivery_errors: Records that Kafka did not store, by the name of its error.
        filtered: Rows of the other product in merged streams, left out as configured.
        overloads: Times the frame queue was full.
        lost_time_s: Seconds in which streams had no connection, summed over streams.
    """

    frames: Frames = field(default_factory=Frames)
    records: Records = field(default_factory=Records)
    dead_letters: Counter[str] = field(default_factory=Counter)
    delivery_errors: Counter[str] = field(default_factory=Counter)
    filtered: int = 0
    overloads: int = 0
    lost_time_s: float = 0.0
