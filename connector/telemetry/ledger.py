"""The accounts of a worker: where every frame and every record went. Plain integers, no locks:
one thread writes them, the exporter reads them.

Frames: received = decoded + control + undecodable + dropped + waiting.
Records: produced = acknowledged + repeated + dead_lettered + failed + in_flight.
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Frames:
    """Every frame read from a socket, once.

    Attributes:
        received: Frames read.
        decoded: Frames whose every event became a record or a repeat.
        control: Acknowledgements, errors and shutdown notices.
        undecodable: Frames with at least one event that went to the dead letter.
        dropped: Frames dropped because the queue behind the reader was full.
        bytes: Payload bytes read.
    """

    received: int = 0
    decoded: int = 0
    control: int = 0
    undecodable: int = 0
    dropped: int = 0
    bytes: int = 0

    def missing(self, waiting: int) -> int:
        """Return how many frames are unaccounted for; 0 unless there is a bug."""
        known = self.decoded + self.control + self.undecodable + self.dropped
        return self.received - known - waiting


@dataclass(slots=True)
class Records:
    """Every record made, once.

    Attributes:
        produced: Records made by decoding, and events that could not become one.
        acknowledged: Stored by Kafka.
        repeated: Recognised as already published, and left out.
        dead_lettered: Put aside, the raw bytes in the dead-letter topic (or counted in a flood).
        failed: Given up by the producer for a reason that is not the record's.
    """

    produced: int = 0
    acknowledged: int = 0
    repeated: int = 0
    dead_lettered: int = 0
    failed: int = 0

    @property
    def in_flight(self) -> int:
        """Records made and neither stored nor given up yet."""
        done = self.acknowledged + self.repeated + self.dead_lettered + self.failed
        return self.produced - done


@dataclass(slots=True)
class Ledger:
    """Frames, records, and the counts kept by reason.

    Attributes:
        dead_letters: Per reason.
        delivery_errors: Per Kafka error name.
        filtered: Rows of the other product in a merged stream, left out as configured.
        overloads: Episodes in which the queue was full.
        lost_time_s: Seconds in which streams had no connection, summed over streams.
    """

    frames: Frames = field(default_factory=Frames)
    records: Records = field(default_factory=Records)
    dead_letters: Counter[str] = field(default_factory=Counter)
    delivery_errors: Counter[str] = field(default_factory=Counter)
    filtered: int = 0
    overloads: int = 0
    lost_time_s: float = 0.0
