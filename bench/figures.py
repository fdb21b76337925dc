"""Parameters and figures of one run."""

from dataclasses import dataclass

SUBJECTS = ("ours", "websockets", "picows")
DELIVERIES = ("ours", "exactly-once")
# The connector's subjects: settings `delivery` and `native`.
CONNECTORS = {
    "ours": ("idempotent", "auto"),
    "ours-python": ("idempotent", "off"),
    "exactly-once": ("exactly_once", "auto"),
}
GENERATOR_LIMIT = 0.8  # of a core; a run in which the generator used more is void


@dataclass(frozen=True, slots=True)
class Case:
    """Parameters of one run.

    Attributes:
        subject: Of SUBJECTS or CONNECTORS.
        load: Name of the load.
        rate: Frames a second; None: the load's own.
        hold: Bound of the connector's queue; None: the default.
        real_kafka: False: librdkafka's mock cluster.
        clump_ms: Writes leave at multiples of this; 0: each at its own due time.
    """

    subject: str
    load: str
    tls: bool
    rate: float | None = None
    hold: str | None = None
    real_kafka: bool = False
    clump_ms: float = 0.0


@dataclass(slots=True)
class Figures:
    """Figures of one run.

    Attributes:
        cpu_us: CPU microseconds of all threads per acknowledged message.
        acked_per_s: Acknowledged messages a second.
        p50_ms: Median time from socket to acknowledgement.
        p99_ms: 99th percentile of the same.
        rss_mb: Largest resident memory in the window.
        sent_per_s: Frames sent a second.
        behind: Frames sent late or left out, because the subject did not read.
        dropped: Frames dropped or not accounted for, and records not stored.
        backlog: Growth of frames sent and not acknowledged.
        generator: Share of a core that the generator used.
        gaps: Gaps found since the start of the subject. The ids of a load have none.
        pause_p99_ms: 99th percentile of the pause of publishing by a commit.
    """

    cpu_us: float
    acked_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    rss_mb: float
    sent_per_s: float
    behind: int
    dropped: int
    backlog: int
    generator: float
    gaps: int = 0
    pause_p99_ms: float | None = None

    @property
    def void(self) -> bool:
        """True if the generator was the limit: the run does not count."""
        return self.generator > GENERATOR_LIMIT

    @property
    def held(self) -> bool:
        """True if the subject kept up: nothing dropped, nothing behind, no growing backlog."""
        return not (self.behind or self.dropped) and self.backlog < 0.2 * self.sent_per_s
