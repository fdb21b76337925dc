"""Short forms for the rows of the metrics tables."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from connector.telemetry.metrics import MetricRow, Reading, Values

Worker = TypeVar("Worker")


def row(name: str, doc: str, read: Callable[[Worker], Reading], *labels: str) -> MetricRow[Worker]:
    """Return a counter if the name ends in `_total`, as Prometheus' counters do; else a gauge."""
    return MetricRow(name, "counter" if name.endswith("_total") else "gauge", doc, labels, read)


def histogram_row(
    name: str, doc: str, read: Callable[[Worker], Reading], *labels: str
) -> MetricRow[Worker]:
    """Return a histogram; without labels it is the sum over those of the histogram read."""
    return MetricRow(name, "histogram", doc, labels, read)


def counts(numbers: Mapping[Any, float], names: Iterable[str]) -> Values:
    """Return the numbers of these label values; 0 where none is known."""
    return {(name,): numbers.get(name, 0) for name in names}
