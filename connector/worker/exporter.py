"""The metrics of a market worker as a table; docs/metrics.md is written from the same rows.

Next: telemetry/metrics.py (the table as a page), worker/http_server.py (which serves it).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from connector import __version__
from connector.continuity.marker import REASONS
from connector.feed.supervisor import Supervisor
from connector.telemetry.ledger import Frames, Records
from connector.telemetry.metrics import MetricRow, MetricsPage, Reading, Values
from connector.transport.weight_pool import WeightPool
from connector.worker.replanner import OUTCOMES
from connector.worker.snapshot import Snapshot

FRAME_OUTCOMES = ("decoded", "control", "undecodable", "dropped")
RECORD_OUTCOMES = ("acknowledged", "repeated", "dead_lettered", "failed")
DEAD_LETTER_REASONS = (
    "json",
    "shape",
    "field",
    "decimal",
    "text",
    "unknown_stream",
    "refused",
    "bug",
)


Read = Callable[[Snapshot], Reading]


def _fields(counts: Frames | Records, names: Iterable[str]) -> Values:
    return {(name,): getattr(counts, name) for name in names}


def _counts(counts: Mapping[str, int], names: Iterable[str]) -> Values:
    return {(name,): counts[name] for name in names}


def _by_connection(read: Callable[[Supervisor], float]) -> Read:
    return lambda worker: {
        (supervisor.plan.name,): read(supervisor) for supervisor in worker.shard.supervised
    }


def _by_pool(read: Callable[[WeightPool], float]) -> Read:
    return lambda worker: {(name,): read(pool) for name, pool in worker.rest.pools.items()}


def _events_published(worker: Snapshot) -> Values:
    return {key: events for key, (events, _) in worker.shard.router.published().items()}


def _last_event_times(worker: Snapshot) -> Values:
    """Return the newest record time of each product and kind that has one, in seconds."""
    published = worker.shard.router.published()
    return {key: millis / 1000 for key, (_, millis) in published.items() if millis}


def _unknown_keys(worker: Snapshot) -> Values:
    counts: Counter[tuple[str, ...]] = Counter()
    for (row, _), codec in worker.shard.router.codecs.items():
        counts[row.product, row.kind] += codec.unknown.total()
    return counts


def _streams(position: Literal[0, 1]) -> Read:
    """Read how many streams each product wants (0), or has subscribed now (1)."""
    return lambda worker: {
        (product,): counts[position] for product, counts in worker.shard.streams().items()
    }


def _refused_streams(worker: Snapshot) -> Values:
    counts: Counter[tuple[str, ...]] = Counter()
    for supervisor in worker.shard.supervised:
        counts[(supervisor.plan.product,)] += len(supervisor.refused)
    return counts


def _counter(name: str, doc: str, read: Read, *labels: str) -> MetricRow[Snapshot]:
    return MetricRow(name, "counter", doc, labels, read)


def _gauge(name: str, doc: str, read: Read, *labels: str) -> MetricRow[Snapshot]:
    return MetricRow(name, "gauge", doc, labels, read)


def _histogram(name: str, doc: str, read: Read) -> MetricRow[Snapshot]:
    return MetricRow(name, "histogram", doc, (), read)


METRICS = (
    _gauge("bkc_build_info", "The program.", lambda _: {(__version__,): 1}, "version"),
    _counter("bkc_ws_frames_total", "Frames read.", lambda worker: worker.ledger.frames.received),
    _counter(
        "bkc_ws_received_bytes_total", "Payload read.", lambda worker: worker.ledger.frames.bytes
    ),
    _counter(
        "bkc_frames_total",
        "Frames by what became of them.",
        lambda worker: _fields(worker.ledger.frames, FRAME_OUTCOMES),
        "outcome",
    ),
    _gauge("bkc_queue_frames", "Frames waiting.", lambda worker: worker.pipeline.waiting),
    _gauge(
        "bkc_queue_bytes",
        "Bytes waiting, overhead included.",
        lambda worker: worker.pipeline.queued_bytes,
    ),
    _gauge("bkc_queue_limit_bytes", "Bound of the queue.", lambda worker: worker.hold_bytes),
    _counter(
        "bkc_overloads_total", "Times the queue was full.", lambda worker: worker.ledger.overloads
    ),
    _counter(
        "bkc_events_filtered_total",
        "Rows of the other product in merged streams, left out as configured.",
        lambda worker: worker.ledger.filtered,
    ),
    _counter(
        "bkc_records_made_total", "Records made.", lambda worker: worker.ledger.records.produced
    ),
    _counter(
        "bkc_records_total",
        "Records by what became of them.",
        lambda worker: _fields(worker.ledger.records, RECORD_OUTCOMES),
        "outcome",
    ),
    _gauge(
        "bkc_records_in_flight",
        "Records not stored yet.",
        lambda worker: worker.ledger.records.in_flight,
    ),
    _counter(
        "bkc_dead_letter_events_total",
        "Messages put aside, by reason; all of a flood.",
        lambda worker: _counts(worker.ledger.dead_letters, DEAD_LETTER_REASONS),
        "reason",
    ),
    _counter(
        "bkc_producer_delivery_errors_total",
        "Records Kafka did not take, by its error.",
        lambda worker: _counts(
            worker.ledger.delivery_errors, sorted(worker.ledger.delivery_errors)
        ),
        "error",
    ),
    _gauge(
        "bkc_ws_connections_desired",
        "Connections the plan wants.",
        lambda worker: len(worker.plan.connections),
    ),
    _gauge(
        "bkc_ws_flowing",
        "1 when data flows.",
        _by_connection(lambda supervisor: supervisor.flowing),
        "connection",
    ),
    _counter(
        "bkc_ws_connects_total",
        "Connections made.",
        _by_connection(lambda supervisor: supervisor.connects_ok),
        "connection",
    ),
    _counter(
        "bkc_ws_connects_failed_total",
        "Attempts that failed.",
        _by_connection(lambda supervisor: supervisor.connects_failed),
        "connection",
    ),
    _counter(
        "bkc_ws_disconnects_total",
        "Connections ended.",
        _by_connection(lambda supervisor: supervisor.disconnects),
        "connection",
    ),
    _gauge(
        "bkc_streams_silent",
        "Periodic, yet silent.",
        _by_connection(lambda supervisor: supervisor.silent),
        "connection",
    ),
    _counter(
        "bkc_lost_stream_seconds_total",
        "Seconds without a connection, summed over streams.",
        lambda worker: worker.ledger.lost_time_s,
    ),
    _counter(
        "bkc_events_published_total",
        "Events handed to Kafka.",
        _events_published,
        "product",
        "kind",
    ),
    _gauge(
        "bkc_last_event_timestamp_seconds",
        "Newest record time.",
        _last_event_times,
        "product",
        "kind",
    ),
    _counter(
        "bkc_unknown_keys_total",
        "Wire keys no schema knows, kept in extra.",
        _unknown_keys,
        "product",
        "kind",
    ),
    _gauge(
        "bkc_config_info",
        "The content of the config file that runs, by its hash.",
        lambda worker: {(worker.replanner.loaded.hash,): 1},
        "hash",
    ),
    _gauge(
        "bkc_config_restart_needed",
        "Keys of the config file that count only from the next start on.",
        lambda worker: len(worker.replanner.restart_needed),
    ),
    _counter(
        "bkc_plan_changes_total",
        "Times the plan was made again, by what came of it; refused and failed: the old one runs.",
        lambda worker: _counts(worker.replanner.changes, OUTCOMES),
        "outcome",
    ),
    _gauge("bkc_streams_desired", "Streams of the plan.", _streams(0), "product"),
    _gauge("bkc_streams_active", "Streams subscribed now.", _streams(1), "product"),
    _gauge(
        "bkc_streams_refused", "Streams the exchange does not take.", _refused_streams, "product"
    ),
    _gauge(
        "bkc_rest_weight_used", "Weight in this minute.", _by_pool(lambda pool: pool.used), "pool"
    ),
    _gauge(
        "bkc_rest_weight_limit",
        "Weight a minute we may.",
        _by_pool(lambda pool: pool.limit),
        "pool",
    ),
    _gauge(
        "bkc_rest_banned_until_timestamp_seconds",
        "Until when the exchange wants no calls; 0 when it takes them.",
        _by_pool(lambda pool: pool.banned_until),
        "pool",
    ),
    _counter(
        "bkc_sequence_gaps_total",
        "Gaps found, by why something is missing.",
        lambda worker: _counts(worker.gap_tracker.gaps, REASONS),
        "reason",
    ),
    _counter(
        "bkc_sequence_missing_events_total",
        "Events found missing.",
        lambda worker: worker.gap_tracker.missing,
    ),
    _counter(
        "bkc_backfilled_events_total",
        "Of them, fetched and written.",
        lambda worker: worker.gap_tracker.recovered,
    ),
    _counter(
        "bkc_backfill_failures_total",
        "REST calls made again.",
        lambda worker: worker.gap_filler.scheduler.failures,
    ),
    _counter(
        "bkc_book_snapshots_total",
        "Order books written.",
        lambda worker: worker.gap_filler.books.published,
    ),
    _counter(
        "bkc_ids_resets_total",
        "Series whose ids began anew.",
        lambda worker: worker.gap_filler.latest_ids.resets,
    ),
    _counter(
        "bkc_silent_everywhere_total",
        "Times REST had events of a stream that two connections were silent about.",
        lambda worker: worker.gap_filler.latest_ids.confirmed,
    ),
    _counter("bkc_commits_total", "Transactions stored.", lambda worker: worker.producer.commits),
    _gauge("bkc_gaps_open", "Gaps not settled yet.", lambda worker: worker.gap_tracker.open_gaps),
    _gauge(
        "bkc_backfill_waiting",
        "Gaps and books in the queue.",
        lambda worker: worker.gap_filler.scheduler.waiting,
    ),
    _gauge(
        "bkc_fenced", "1 when a later writer has taken over.", lambda worker: worker.producer.fenced
    ),
    _histogram(
        "bkc_commit_pause_seconds",
        "How long a commit held publishing up.",
        lambda worker: worker.producer.pauses,
    ),
    _histogram(
        "bkc_pipeline_seconds",
        "Broker acknowledgement minus frame received (one record in 64).",
        lambda worker: worker.lag.pipeline,
    ),
    _histogram(
        "bkc_end_to_end_lag_seconds",
        "Broker acknowledgement minus the record's time (one record in 64).",
        lambda worker: worker.lag.end_to_end,
    ),
    _counter(
        "bkc_lag_clamped_total",
        "Negative end-to-end lags counted as 0: the clocks differ.",
        lambda worker: worker.lag.clamped,
    ),
    _gauge(
        "bkc_ready",
        "Each part of readiness.",
        lambda worker: {(name,): is_met() for name, is_met in worker.readiness.items()},
        "check",
    ),
)


def build_metrics(worker: Snapshot) -> MetricsPage[Snapshot]:
    """Return the metrics page of a worker; its label sets are complete from the start on."""
    return MetricsPage(METRICS, worker)
