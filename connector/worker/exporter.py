"""The metrics of a market worker as a table; docs/metrics.md is written from the same rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Literal

from connector import version
from connector.continuity.marker import REASONS
from connector.feed.supervisor import Supervisor
from connector.telemetry.metrics import MetricRow, MetricsPage, Reading, Values
from connector.transport.weight_pool import WeightPool
from connector.worker.replanner import OUTCOMES
from connector.worker.status import Snapshot

FRAME_OUTCOMES = ("decoded", "control", "undecodable", "dropped")
RECORD_OUTCOMES = ("acknowledged", "repeated", "dead_lettered", "failed", "lost", "withheld")
MESSAGE_REASONS = ("json", "shape", "field", "decimal", "text", "unknown_stream")
DEAD_LETTER_REASONS = (*MESSAGE_REASONS, "refused", "bug")  # by Kafka, or in this program

STATES = ("opened", "filled", "partial", "unfillable")  # of a gap's last marker

Read = Callable[[Snapshot], Reading]


def _counts(counts: Mapping[str, int], names: Iterable[str]) -> Values:
    return {(name,): counts[name] for name in names}


def _published(worker: Snapshot) -> Values:
    return {key: events for key, (events, _) in worker.shard.router.published().items()}


def _newest_times(worker: Snapshot) -> Values:
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


def _gaps_by_state(worker: Snapshot) -> Values:
    totals = worker.gap_tracker.account.totals
    return {
        (*key, state): counts.by_state[state] for key, counts in totals.items() for state in STATES
    }


def _gap_events(worker: Snapshot) -> Values:
    totals = worker.gap_tracker.account.totals
    return {
        (*key, outcome): getattr(counts, outcome)
        for key, counts in totals.items()
        for outcome in ("missing", "recovered", "lost")
    }


def _row(name: str, doc: str, read: Read, *labels: str) -> MetricRow[Snapshot]:
    """Return a counter if the name ends in `_total`, as Prometheus' counters do; else a gauge."""
    return MetricRow(name, "counter" if name.endswith("_total") else "gauge", doc, labels, read)


def _histogram(name: str, doc: str, read: Read) -> MetricRow[Snapshot]:
    return MetricRow(name, "histogram", doc, (), read)


def _by_connection(name: str, doc: str, read: Callable[[Supervisor], float]) -> MetricRow[Snapshot]:
    def readings(w: Snapshot) -> Values:
        return {(each.plan.name,): read(each) for each in w.shard.supervised}

    return _row(name, doc, readings, "connection")


def _by_pool(name: str, doc: str, read: Callable[[WeightPool], float]) -> MetricRow[Snapshot]:
    def readings(w: Snapshot) -> Values:
        return {(pool_name,): read(pool) for pool_name, pool in w.rest.pools.items()}

    return _row(name, doc, readings, "pool")


# `w` is the worker, `s` the supervisor of one connection.
METRICS = (
    _row("bkc_build_info", "The program.", lambda _: {(version(),): 1}, "version"),
    _row("bkc_ws_frames_total", "Frames read.", lambda w: w.ledger.frames.received),
    _row("bkc_ws_received_bytes_total", "Payload read.", lambda w: w.ledger.frames.bytes),
    _row(
        "bkc_frames_total",
        "Frames by what became of them.",
        lambda w: _counts(asdict(w.ledger.frames), FRAME_OUTCOMES),
        "outcome",
    ),
    _row("bkc_queue_frames", "Frames waiting.", lambda w: w.pipeline.waiting),
    _row("bkc_queue_bytes", "Bytes waiting, overhead included.", lambda w: w.pipeline.queued_bytes),
    _row("bkc_queue_limit_bytes", "Bound of the queue.", lambda w: w.hold_bytes),
    _row("bkc_overloads_total", "Times the queue was full.", lambda w: w.ledger.overloads),
    _row(
        "bkc_events_filtered_total",
        "Rows of the other product in merged streams, left out as configured.",
        lambda w: w.ledger.filtered,
    ),
    _row("bkc_records_made_total", "Records made.", lambda w: w.ledger.records.produced),
    _row(
        "bkc_records_total",
        "Records by what became of them.",
        lambda w: _counts(asdict(w.ledger.records), RECORD_OUTCOMES),
        "outcome",
    ),
    _row("bkc_records_in_flight", "Records not stored yet.", lambda w: w.ledger.records.in_flight),
    _row(
        "bkc_dead_letter_events_total",
        "Messages put aside, by reason; all of a flood.",
        lambda w: _counts(w.ledger.dead_letters, DEAD_LETTER_REASONS),
        "reason",
    ),
    _row(
        "bkc_producer_delivery_errors_total",
        "Records Kafka did not take, by its error.",
        lambda w: {(name,): n for name, n in sorted(w.ledger.delivery_errors.items())},
        "error",
    ),
    _row(
        "bkc_ws_connections_desired",
        "Connections the plan wants.",
        lambda w: len(w.replanner.plan.connections),
    ),
    _by_connection("bkc_ws_flowing", "1 when data flows.", lambda s: s.flowing),
    _by_connection("bkc_ws_connects_total", "Connections made.", lambda s: s.connects_ok),
    _by_connection(
        "bkc_ws_connects_failed_total", "Attempts that failed.", lambda s: s.connects_failed
    ),
    _by_connection("bkc_ws_disconnects_total", "Connections ended.", lambda s: s.disconnects),
    _by_connection(
        "bkc_streams_silent",
        "Streams that delivered nothing since they were subscribed, though it was time.",
        lambda s: len(s.silent),
    ),
    _row(
        "bkc_lost_stream_seconds_total",
        "Seconds without a connection, summed over streams.",
        lambda w: w.ledger.lost_time_s,
    ),
    _row("bkc_events_published_total", "Events handed to Kafka.", _published, "product", "kind"),
    _row(
        "bkc_last_event_timestamp_seconds", "Newest record time.", _newest_times, "product", "kind"
    ),
    _row(
        "bkc_unknown_keys_total",
        "Wire keys no schema knows, kept in extra.",
        _unknown_keys,
        "product",
        "kind",
    ),
    _row(
        "bkc_config_info",
        "The content of the config file that runs, by its hash.",
        lambda w: {(w.replanner.loaded.hash,): 1},
        "hash",
    ),
    _row(
        "bkc_config_restart_needed",
        "Keys of the config file that count only from the next start on.",
        lambda w: len(w.replanner.restart_needed),
    ),
    _row(
        "bkc_plan_changes_total",
        "Times the plan was made again, by what came of it; refused and failed: the old one runs.",
        lambda w: _counts(w.replanner.changes, OUTCOMES),
        "outcome",
    ),
    _row("bkc_streams_desired", "Streams of the plan.", _streams(0), "product"),
    _row("bkc_streams_active", "Streams subscribed now.", _streams(1), "product"),
    _row("bkc_streams_refused", "Streams the exchange does not take.", _refused_streams, "product"),
    _by_pool("bkc_rest_weight_used", "Weight in this minute.", lambda pool: pool.used),
    _by_pool("bkc_rest_weight_limit", "Weight a minute we may.", lambda pool: pool.limit),
    _by_pool(
        "bkc_rest_banned_until_timestamp_seconds",
        "Until when the exchange wants no calls; 0 when it takes them.",
        lambda pool: pool.banned_until,
    ),
    _row(
        "bkc_sequence_gaps_total",
        "Gaps found, by why something is missing.",
        lambda w: _counts(w.gap_tracker.gaps, REASONS),
        "reason",
    ),
    _row(
        "bkc_sequence_missing_events_total",
        "Events found missing.",
        lambda w: w.gap_tracker.missing,
    ),
    _row(
        "bkc_backfilled_events_total",
        "Of them, fetched and written.",
        lambda w: w.gap_tracker.recovered,
    ),
    _row(
        "bkc_gaps_total",
        "Gaps found, by their last marker: opened (being fetched), filled, partial or unfillable.",
        _gaps_by_state,
        "product",
        "kind",
        "state",
    ),
    _row(
        "bkc_gap_events_total",
        "Events of gaps (of spot order books: update ids): missing, recovered by REST, lost.",
        _gap_events,
        "product",
        "kind",
        "outcome",
    ),
    _row(
        "bkc_gaps_uncounted_total",
        "Gaps of which nobody can know how many events are missing.",
        lambda w: {key: counts.uncounted for key, counts in w.gap_tracker.account.totals.items()},
        "product",
        "kind",
    ),
    _row(
        "bkc_backfill_failures_total",
        "REST calls made again.",
        lambda w: w.gap_filler.scheduler.failures,
    ),
    _row(
        "bkc_book_snapshots_total", "Order books written.", lambda w: w.gap_filler.books.published
    ),
    _row(
        "bkc_ids_resets_total",
        "Series whose ids began anew.",
        lambda w: w.gap_filler.latest_ids.resets,
    ),
    _row(
        "bkc_silent_everywhere_total",
        "Times REST had events of a stream that two connections were silent about.",
        lambda w: w.gap_filler.latest_ids.confirmed,
    ),
    _row("bkc_commits_total", "Transactions stored.", lambda w: w.producer.commits),
    _row("bkc_gaps_open", "Gaps not settled yet.", lambda w: w.gap_tracker.open_gaps),
    _row(
        "bkc_backfill_waiting",
        "Gaps and books in the queue.",
        lambda w: w.gap_filler.scheduler.waiting,
    ),
    _row("bkc_fenced", "1 when a later writer has taken over.", lambda w: w.producer.fenced),
    _histogram(
        "bkc_commit_pause_seconds",
        "How long a commit held publishing up.",
        lambda w: w.producer.pauses,
    ),
    _histogram(
        "bkc_pipeline_seconds",
        "Broker acknowledgement minus frame received (one record in 64).",
        lambda w: w.lag.pipeline,
    ),
    _histogram(
        "bkc_end_to_end_lag_seconds",
        "Broker acknowledgement minus the record's time (one record in 64).",
        lambda w: w.lag.end_to_end,
    ),
    _row(
        "bkc_clock_offset_seconds",
        "How far the exchange's clock is ahead of this machine's, by REST's time.",
        lambda w: {
            (product,): millis / 1000
            for product, millis in w.rest.exchange_clock.offsets_ms.items()
        },
        "product",
    ),
    _row(
        "bkc_lag_clamped_total",
        "Negative end-to-end lags counted as 0: the clocks differ.",
        lambda w: w.lag.clamped,
    ),
    _row(
        "bkc_ready",
        "Each part of readiness.",
        lambda w: {(name,): is_met() for name, is_met in w.readiness.items()},
        "check",
    ),
)


def build_metrics(worker: Snapshot) -> MetricsPage[Snapshot]:
    """Return the metrics page of a worker; its label sets are complete from the start on."""
    return MetricsPage(METRICS, worker)
