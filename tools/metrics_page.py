"""docs/metrics.md: every metric of a market worker, from connector/worker/metrics/."""

from collections.abc import Sequence

from connector.telemetry.lag import BUCKETS
from connector.telemetry.metrics import MetricRow
from connector.worker.metrics.account import METRICS as ACCOUNT
from connector.worker.metrics.connections import CONNECTIONS
from connector.worker.metrics.gaps import GAPS
from connector.worker.metrics.lag import LAG
from connector.worker.metrics.process import PROCESS
from connector.worker.metrics.records import RECORDS

INTRODUCTION = """\
# Metrics

Generated from the tables in `connector/worker/metrics/` by `make docs`.

A market worker serves them at `/metrics`, in Prometheus' text format, and as OpenMetrics to whom
asks for it; `server` in the [config file](config.md) sets address and port. Label values that are
known in advance (outcomes, reasons, pools, topics, products and kinds of the plan) are on the page
from the start on, with 0, so that `increase()` sees the first one. No metric has a label by symbol
but the one that the setting `symbol_metrics` fills.

The histograms are in seconds; their buckets end at {buckets}.

## Which lag is which

| lag | from | to | grows when |
|---|---|---|---|
{lags}

The first three are histograms by topic. Spot's `bookTicker` and partial depth have no time of the
exchange: no source lag is shown for their topics. A negative lag counts as 0 and in
`bkc_lag_clamped_total`; then look at `bkc_clock_offset_seconds`. Records fetched by REST are in
none of the three: their metrics are those of [gaps](#gaps).

Consumers have a lag of their own, which only they know. Count it in seconds (now minus the record's
timestamp), not in offsets: every transaction takes an offset of each partition it wrote to.
"""

LAGS = (
    (
        "source",
        "the record's time, by the exchange's clock",
        "the frame is read from the socket",
        "the exchange or the network is slow, this process reads late, or a clock is wrong",
    ),
    (
        "publish",
        "the frame is read",
        "Kafka has acknowledged the record",
        "this process or Kafka is slow",
    ),
    ("end to end", "the record's time", "Kafka has acknowledged it", "either"),
    (
        "oldest unacked",
        "the oldest frame or record came that is not stored",
        "now",
        "Kafka stores nothing: the three above see only what was stored",
    ),
    ("silence", "the newest record's time", "now", "nothing comes any more"),
)
# Beside those of its own it has the rows of the process, frames, records, commits and REST.
ACCOUNT_ROWS = tuple(row for row in ACCOUNT if row.name.startswith("bkc_account_"))
SECTIONS: tuple[tuple[str, Sequence[MetricRow[object]]], ...] = (
    ("Process", PROCESS),  # type: ignore[arg-type]
    ("Lag", LAG),  # type: ignore[arg-type]
    ("Connections, streams and plan", CONNECTIONS),  # type: ignore[arg-type]
    ("Frames and records", RECORDS),  # type: ignore[arg-type]
    ("Gaps", GAPS),  # type: ignore[arg-type]
    ("The account worker", ACCOUNT_ROWS),  # type: ignore[arg-type]
)
LIBRARY = """
## Of the library

`process_*` (CPU, memory, start time, open file descriptors; on Linux) and `python_gc_*` are those
of the Prometheus client library.
"""


def page() -> str:
    """Return docs/metrics.md."""
    buckets = ", ".join(f"{bound:g}" for bound in BUCKETS)
    sections = [_section(title, rows) for title, rows in SECTIONS]
    lags = "\n".join(f"| {' | '.join(cells)} |" for cells in LAGS)
    return INTRODUCTION.format(buckets=buckets, lags=lags) + "".join(sections) + LIBRARY


def _section(title: str, rows: Sequence[MetricRow[object]]) -> str:
    lines = [f"\n## {title}\n", "| metric | type | labels | meaning |", "|---|---|---|---|"]
    for row in rows:
        labels = ", ".join(f"`{label}`" for label in row.labels)
        lines.append(f"| `{row.name}` | {row.type} | {labels} | {row.doc} |")
    return "\n".join(lines) + "\n"
