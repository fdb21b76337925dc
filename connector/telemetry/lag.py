"""How late records are, kept in fixed buckets without locks; sampled by the producer."""

from bisect import bisect_left

# Seconds. 0.25 and 1.0 are service-level thresholds: keep them.
BUCKETS = (
    0.0025,
    0.005,
    0.0075,
    0.01,
    0.015,
    0.02,
    0.025,
    0.05,
    0.1,
    0.15,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)


class Histogram:
    """Counts per bucket, and the sum in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one observation; a negative one (clocks differ) counts as 0."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Lag:
    """Two clocks: our own time from socket to acknowledgement, and from the exchange to there.

    Attributes:
        pipeline: Acknowledged minus received, seconds.
        end_to_end: Acknowledged minus the record's time, seconds.
        clamped: End-to-end lags that were negative: the clocks differ.
        samples_us: When set, every pipeline observation in microseconds (for the benchmark).
    """

    __slots__ = ("clamped", "end_to_end", "pipeline", "samples_us")

    def __init__(self) -> None:
        self.pipeline = Histogram()
        self.end_to_end = Histogram()
        self.clamped = 0
        self.samples_us: list[int] | None = None

    def observe(self, now_us: int, received_us: int, record_ms: int) -> None:
        """Note one acknowledged record."""
        self.pipeline.add((now_us - received_us) / 1e6)
        late = now_us / 1e6 - record_ms / 1e3
        self.clamped += late < 0
        self.end_to_end.add(late)
        if self.samples_us is not None:
            self.samples_us.append(now_us - received_us)
