"""How late records are; the producers sample it, one record in 64."""

from collections.abc import Collection, Mapping

from prometheus_client import Histogram

# Seconds. 0.25 and 1.0 are service-level thresholds: keep them.
BUCKETS_BELOW_100_MS = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.05)
BUCKETS = (*BUCKETS_BELOW_100_MS, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def histogram(name: str, *labels: str) -> Histogram:
    """Return an empty histogram of seconds; its help text is in the table of the metrics page."""
    return Histogram(name, name, labels, registry=None, buckets=BUCKETS)


class Lag:
    """Three latencies of stored records, by topic. Records fetched by REST are not among them.

    Attributes:
        source: Frame received by our clock, minus the record's time by the exchange's.
        publish: Acknowledged by Kafka minus frame received, by our clock alone.
        end_to_end: Acknowledged by our clock, minus the record's time by the exchange's.
        clamped: Records whose time was ahead of our clock when they were stored: their
            end-to-end lag counts as 0.
    """

    __slots__ = ("_untimed", "clamped", "end_to_end", "publish", "source")

    def __init__(self) -> None:
        self.source = histogram("bkc_lag_source_seconds", "topic")
        self.publish = histogram("bkc_lag_publish_seconds", "topic")
        self.end_to_end = histogram("bkc_lag_end_to_end_seconds", "topic")
        self.clamped = 0
        self._untimed: Collection[str] = ()

    def add_topics(self, topics: Mapping[str, bool]) -> None:
        """Show these topics from now on, with 0 at first.

        `topics`: name -> whether its records have a time by the exchange's clock. Without one the
        receive time stands in, and there is no source lag.
        """
        self._untimed = {*self._untimed, *(topic for topic, timed in topics.items() if not timed)}
        for topic, timed in topics.items():
            self.publish.labels(topic)
            self.end_to_end.labels(topic)
            if timed:
                self.source.labels(topic)

    def observe(self, topic: str, now_us: int, received_us: int, record_ms: int) -> None:
        """Count a record acknowledged now, whose frame was received then; times since 1970."""
        late = now_us / 1e6 - record_ms / 1e3
        self.clamped += late < 0
        self.publish.labels(topic).observe(max(0.0, (now_us - received_us) / 1e6))
        self.end_to_end.labels(topic).observe(max(0.0, late))
        if topic not in self._untimed:
            self.source.labels(topic).observe(max(0.0, received_us / 1e6 - record_ms / 1e3))


def bucket_counts(histogram: Histogram) -> list[float]:
    """Return the counts of a histogram's buckets, each with those below it, over all labels."""
    counts = [0.0] * (len(BUCKETS) + 1)
    [metric] = histogram.collect()
    found = [sample.value for sample in metric.samples if sample.name.endswith("_bucket")]
    for position, number in enumerate(found):
        counts[position % len(counts)] += number
    return counts
