"""How late records are; the producers sample it, one record in 64."""

from prometheus_client import Histogram

# Seconds. 0.25 and 1.0 are service-level thresholds: keep them.
BUCKETS_BELOW_100_MS = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.05)
BUCKETS = (*BUCKETS_BELOW_100_MS, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def histogram(name: str) -> Histogram:
    """Return an empty histogram of seconds; its help text is in the table of the metrics page."""
    return Histogram(name, name, registry=None, buckets=BUCKETS)


class Lag:
    """Two latencies of a stored record: since its frame was received, and since its record time.

    Attributes:
        pipeline: Acknowledged minus received, by our clock alone.
        end_to_end: Acknowledged by our clock, minus the record's time by the exchange's.
        clamped: End-to-end lags that were negative and counted as 0: the clocks differ.
    """

    __slots__ = ("clamped", "end_to_end", "pipeline")

    def __init__(self) -> None:
        self.pipeline = histogram("bkc_pipeline_seconds")
        self.end_to_end = histogram("bkc_end_to_end_lag_seconds")
        self.clamped = 0

    def observe(self, now_us: int, received_us: int, record_ms: int) -> None:
        """Count a record acknowledged now, whose frame was received then; times since 1970."""
        late = now_us / 1e6 - record_ms / 1e3
        self.clamped += late < 0
        self.pipeline.observe(max(0.0, (now_us - received_us) / 1e6))
        self.end_to_end.observe(max(0.0, late))
