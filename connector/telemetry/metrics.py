"""The metrics page as a table: one row a metric, read at each scrape; nothing is counted twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Values = Mapping[tuple[str, ...], float]  # label values -> number
Reading = float | Values | Histogram
Source = TypeVar("Source")

# No `_created` series beside the histograms. The library has no annotation here.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class MetricRow(Generic[Source]):
    """A metric of the page.

    `read` returns the number as it is now, or one for each tuple of label values. Of a histogram it
    returns the histogram itself, which was made with the same name.
    """

    name: str  # as on the page: that of a counter ends in `_total`
    type: Literal["counter", "gauge", "histogram"]
    doc: str  # help text
    labels: tuple[str, ...]
    read: Callable[[Source], Reading]


class MetricsPage(Collector, Generic[Source]):
    """Reads the rows of a table from one source, at each scrape."""

    def __init__(self, rows: Sequence[MetricRow[Source]], source: Source) -> None:
        self._rows, self._source = rows, source
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now, in the table's order."""
        for row in self._rows:
            values = row.read(self._source)
            if isinstance(values, Histogram):
                for metric in values.collect():
                    metric.documentation = row.doc
                    yield metric
            else:
                yield _family(row, values if isinstance(values, Mapping) else {(): values})

    def text(self) -> bytes:
        """Return the page in Prometheus' text format."""
        return generate_latest(self._registry)


def _family(row: MetricRow[Source], values: Values) -> Metric:
    of_type = CounterMetricFamily if row.type == "counter" else GaugeMetricFamily
    family = of_type(row.name, row.doc, labels=row.labels)
    for labels, number in values.items():
        family.add_metric(labels, number)
    return family
