"""The metrics page: ledgers and routes read when somebody asks, nothing counted twice."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from connector.telemetry.lag import BUCKETS, Histogram, Lag

Labelled = Iterable[tuple[tuple[str, ...], float]]


class MetricsPage(Collector):
    """A registry of functions that are read at each scrape."""

    def __init__(self) -> None:
        self._sources: list[Callable[[], Metric]] = []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it stands now."""
        for source in self._sources:
            yield source()

    def counter(
        self, name: str, doc: str, labels: tuple[str, ...], read: Callable[[], Labelled]
    ) -> None:
        """Show a counter; `name` without _total."""

        def source() -> Metric:
            family = CounterMetricFamily(name, doc, labels=labels)
            for values, number in read():
                family.add_metric(values, number)
            return family

        self._sources.append(source)

    def gauge(
        self, name: str, doc: str, labels: tuple[str, ...], read: Callable[[], Labelled]
    ) -> None:
        """Show a gauge."""

        def source() -> Metric:
            family = GaugeMetricFamily(name, doc, labels=labels)
            for values, number in read():
                family.add_metric(values, number)
            return family

        self._sources.append(source)

    def info(self, name: str, doc: str, values: dict[str, str]) -> None:
        """Show a constant."""
        self._sources.append(lambda: InfoMetricFamily(name, doc, value=values))

    def lag(self, lag: Lag) -> None:
        """Show both lags."""
        self.histogram(
            "bkc_pipeline_seconds",
            "Broker acknowledgement minus frame received (one record in 64).",
            lag.pipeline,
        )
        self.histogram(
            "bkc_end_to_end_lag_seconds",
            "Broker acknowledgement minus the record's time (one record in 64).",
            lag.end_to_end,
        )
        self.counter(
            "bkc_lag_clamped",
            "Negative end-to-end lags counted as 0: the clocks differ.",
            (),
            lambda: [((), lag.clamped)],
        )

    def histogram(self, name: str, doc: str, histogram: Histogram) -> None:
        """Show a histogram."""

        def source() -> Metric:
            total, buckets = 0, []
            for bound, count in zip((*BUCKETS, "+Inf"), histogram.counts, strict=True):
                total += count
                buckets.append((str(bound), float(total)))
            family = HistogramMetricFamily(name, doc)
            family.add_metric([], buckets, histogram.total)
            return family

        self._sources.append(source)

    def text(self) -> bytes:
        """Return the page in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)
