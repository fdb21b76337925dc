"""docs/metrics.md: every metric of a market worker, from connector/worker/exporter.py."""

from connector.telemetry.lag import BUCKETS
from connector.worker.exporter import METRICS

INTRODUCTION = """\
# Metrics

Generated from the table in `connector/worker/exporter.py` by `make docs`.

A market worker serves them at `/metrics`, in Prometheus' text format; `server` in the
[config file](config.md) sets address and port. Label values that are known in advance (outcomes,
reasons, pools) are on the page from the start on, with 0. The histograms are in seconds; their
buckets end at {buckets}.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def page() -> str:
    """Return docs/metrics.md."""
    buckets = ", ".join(f"{bound:g}" for bound in BUCKETS)
    rows = [
        f"| `{row.name}` | {row.type} | {', '.join(f'`{label}`' for label in row.labels)} |"
        f" {row.doc} |\n"
        for row in METRICS
    ]
    return INTRODUCTION.format(buckets=buckets) + "".join(rows)
