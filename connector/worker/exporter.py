"""The metrics of a market worker as one table; docs/metrics.md is written from the same rows."""

from connector.telemetry.metrics import MetricRow, MetricsPage
from connector.worker.metrics.connections import CONNECTIONS
from connector.worker.metrics.gaps import GAPS
from connector.worker.metrics.lag import LAG
from connector.worker.metrics.process import PROCESS
from connector.worker.metrics.records import RECORDS
from connector.worker.status import Snapshot

METRICS: tuple[MetricRow[Snapshot], ...] = (*PROCESS, *LAG, *CONNECTIONS, *RECORDS, *GAPS)


def build_metrics(worker: Snapshot) -> MetricsPage[Snapshot]:
    """Return the metrics page of a worker; its label sets are complete from the start on."""
    return MetricsPage(METRICS, worker)
