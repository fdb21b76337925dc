"""The metrics page as a table: one row a metric, read at each scrape; nothing is counted twice."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

Values = Mapping[tuple[str, ...], float]  # label values -> number
Reading = float | Values | Histogram
Source_contra = TypeVar("Source_contra", contravariant=True)

# No `_created` series beside the histograms. The library has no annotation here.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class MetricRow(Generic[Source_contra]):
    """A metric of the page.

    `read` returns the number as it is now, or one for each tuple of label values. Of a histogram it
    returns the histogram itself; the sum over its labels is shown if the row has no label.
    """

    name: str  # as on the page: that of a counter ends in `_total`
    type: Literal["counter", "gauge", "histogram"]
    doc: str  # help text
    labels: tuple[str, ...]
    read: Callable[[Source_contra], Reading]


class MetricsPage(Collector, Generic[Source_contra]):
    """Reads the rows of a table from one source, at each scrape.

    `process_*` (memory, CPU, file descriptors; on Linux) and `python_gc_*` follow the rows.
    """

    def __init__(self, rows: Sequence[MetricRow[Source_contra]], source: Source_contra) -> None:
        self._rows, self._source = rows, source
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now, in the table's order."""
        for row in self._rows:
            values = row.read(self._source)
            if isinstance(values, Histogram):
                yield _histogram_family(row, values)
            else:
                yield _family(row, values if isinstance(values, Mapping) else {(): values})

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page and its content type: OpenMetrics where `accept` asks for it.

        accept: The request's header of this name. Prometheus' text format is the default.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def text(self) -> bytes:
        """Return the page in Prometheus' text format."""
        return self.render()[0]


def _family(row: MetricRow[Source_contra], values: Values) -> Metric:
    of_type = CounterMetricFamily if row.type == "counter" else GaugeMetricFamily
    family = of_type(row.name, row.doc, labels=row.labels)
    for labels, number in values.items():
        family.add_metric(labels, number)
    return family


def _histogram_family(row: MetricRow[Source_contra], histogram: Histogram) -> Metric:
    """Return a histogram by its row's labels: all of its own, or none."""
    counts: defaultdict[tuple[str, ...], defaultdict[str, float]]
    counts = defaultdict(lambda: defaultdict(float))
    sums: defaultdict[tuple[str, ...], float] = defaultdict(float)
    [metric] = histogram.collect()
    for sample in metric.samples:
        labels = tuple(sample.labels[label] for label in row.labels)
        if sample.name.endswith("_bucket"):
            counts[labels][sample.labels["le"]] += sample.value
        elif sample.name.endswith("_sum"):
            sums[labels] += sample.value
    family = HistogramMetricFamily(row.name, row.doc, labels=row.labels)
    for labels, buckets in counts.items():
        family.add_metric(labels, list(buckets.items()), sums[labels])
    return family
