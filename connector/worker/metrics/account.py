"""The metrics of an account worker as a table; docs/metrics.md is written from the same rows."""

from collections.abc import Callable
from dataclasses import asdict

from connector.account.reconcile_queries import predicted_weight
from connector.account.source_state import PathStatus
from connector.account.stored_progress import AccountKey
from connector.account.tracker import AccountTracker
from connector.telemetry.metrics import MetricRow, MetricsPage, Values
from connector.transport.weight_pool import WeightPool
from connector.worker.account_status import AccountSnapshot
from connector.worker.metrics.process import PROCESS
from connector.worker.metrics.records import FRAME_OUTCOMES, RECORD_OUTCOMES
from connector.worker.metrics.rows import counts, histogram_row, row

EVENT_OUTCOMES = ("new", "distinct", "repeated", "outlived")
RESULTS = ("opened", "started", "filled", "partial", "picture")


def _by_account(
    name: str, doc: str, read: Callable[[AccountSnapshot, AccountKey], float]
) -> MetricRow[AccountSnapshot]:
    def readings(w: AccountSnapshot) -> Values:
        return {key: read(w, key) for key in w.registry.trackers}

    return row(name, doc, readings, "account", "product")


def _by_path(
    name: str, doc: str, read: Callable[[PathStatus], float]
) -> MetricRow[AccountSnapshot]:
    def readings(w: AccountSnapshot) -> Values:
        return {(path.account, path.place): read(path) for path in w.feed.statuses}

    return row(name, doc, readings, "account", "product")


def _counts(
    name: str, doc: str, label: str, outcomes: tuple[str, ...], attribute: str
) -> MetricRow[AccountSnapshot]:
    def readings(w: AccountSnapshot) -> Values:
        return {
            (*key, outcome): getattr(tracker, attribute)[outcome]
            for key, tracker in w.registry.trackers.items()
            for outcome in outcomes
        }

    return row(name, doc, readings, "account", "product", label)


def _predicted(tracker: AccountTracker) -> float:
    progress = tracker.stored.progress
    return predicted_weight(tracker.product, tuple(progress.symbols), progress.isolated_symbol)


def _seconds(worker: AccountSnapshot, key: AccountKey) -> float:
    reconciler = worker.accounts.reconcilers.get(key)
    return 0.0 if reconciler is None else reconciler.seconds


def _by_pool(
    name: str, doc: str, read: Callable[[WeightPool], float]
) -> MetricRow[AccountSnapshot]:
    def readings(w: AccountSnapshot) -> Values:
        return {(pool,): read(found) for pool, found in w.rest.pools.items()}

    return row(name, doc, readings, "pool")


# `w` is the worker.
METRICS: tuple[MetricRow[AccountSnapshot], ...] = (
    *PROCESS,
    row("bkc_config_info", "The config's hash.", lambda w: {(w.loaded.hash,): 1}, "hash"),
    row(
        "bkc_config_restart_needed",
        "Keys of the config file that count only from the next start on.",
        lambda w: len(w.config_watch.restart_needed),
    ),
    row(
        "bkc_frames_total",
        "Events of accounts by what became of them.",
        lambda w: counts(asdict(w.ledger.frames), FRAME_OUTCOMES),
        "outcome",
    ),
    row("bkc_ws_received_bytes_total", "Payload read.", lambda w: w.ledger.frames.bytes),
    row("bkc_queue_frames", "Events waiting for Kafka.", lambda w: w.pipeline.waiting),
    row("bkc_overloads_total", "Times `hold` was full.", lambda w: w.ledger.overloads),
    row("bkc_records_made_total", "Records made.", lambda w: w.ledger.records.produced),
    row(
        "bkc_records_total",
        "Records by what became of them.",
        lambda w: counts(asdict(w.ledger.records), RECORD_OUTCOMES),
        "outcome",
    ),
    row("bkc_records_in_flight", "Records not stored yet.", lambda w: w.ledger.records.in_flight),
    _counts(
        "bkc_account_events_total",
        "Events read, by what they are beside those written: new, distinct (of a known key, with"
        " another payload: kept), repeated, outlived (both dropped).",
        "outcome",
        EVENT_OUTCOMES,
        "counts",
    ),
    row(
        "bkc_account_unknown_events_total",
        "Events of a type without a layout; they are kept whole.",
        lambda w: {(product,): w.pipeline.unknown[product] for _, product in w.registry.trackers},
        "product",
    ),
    _counts(
        "bkc_account_reconciliations_total",
        "Breaks opened; first pictures (started); breaks closed (filled), or not wholly (partial);"
        " pictures made now and then.",
        "result",
        RESULTS,
        "results",
    ),
    _by_account(
        "bkc_account_right",
        "1 when orders, fills and amounts in the topic are right, and committed.",
        lambda w, key: w.accounts.is_right(key),
    ),
    _by_account(
        "bkc_account_covered",
        "1 when every event is read.",
        lambda w, key: w.registry.trackers[key].is_covered,
    ),
    _by_path(
        "bkc_account_proved_timestamp_seconds",
        "Until when the path of its events is known to have delivered; 0: never.",
        lambda path: path.proved_us / 1e6,
    ),
    _by_path(
        "bkc_account_last_event_timestamp_seconds",
        "When its last event came; 0: none has. Silence of an account is normal.",
        lambda path: path.event_us / 1e6,
    ),
    _by_path(
        "bkc_account_key_expiry_timestamp_seconds",
        "When its listenKey or listenToken ends unless it is renewed; 0: it has none.",
        lambda path: path.key_expires_us / 1e6,
    ),
    _by_account(
        "bkc_account_gaps_open",
        "1 while a break is not closed.",
        lambda w, key: w.registry.trackers[key].stored.gap is not None,
    ),
    _by_account(
        "bkc_account_refused",
        "1 while the exchange refuses the account.",
        lambda w, key: key in w.pipeline.refused,
    ),
    _by_account(
        "bkc_account_picture_timestamp_seconds",
        "When the last full picture was taken, by the exchange's clock; 0: never.",
        lambda w, key: (w.registry.trackers[key].stored.progress.as_of_ms or 0) / 1000,
    ),
    _by_account(
        "bkc_account_buffered_bytes",
        "Bytes of events that wait for the exchange's answers.",
        lambda w, key: w.registry.trackers[key].buffered_bytes,
    ),
    _by_account(
        "bkc_account_predicted_weight",
        "Request weight that a reconciliation would use now.",
        lambda w, key: _predicted(w.registry.trackers[key]),
    ),
    _by_account(
        "bkc_account_reconciliation_seconds",
        "How long the last reconciliation took.",
        _seconds,
    ),
    _by_pool("bkc_rest_weight_used", "Weight in this minute.", lambda pool: pool.used),
    _by_pool("bkc_rest_weight_limit", "Weight a minute we may.", lambda pool: pool.limit),
    _by_pool(
        "bkc_rest_banned_until_timestamp_seconds",
        "Until when the exchange wants no calls; 0 when it takes them.",
        lambda pool: pool.banned_until,
    ),
    row("bkc_commits_total", "Transactions stored.", lambda w: w.producer.commits),
    row("bkc_fenced", "1 when a later writer has taken over.", lambda w: w.producer.fenced),
    histogram_row(
        "bkc_commit_pause_seconds",
        "How long a commit held publishing up.",
        lambda w: w.producer.pauses,
    ),
    histogram_row(
        "bkc_lag_publish_seconds",
        "Broker acknowledgement minus event received (one record in 64).",
        lambda w: w.lag.publish,
        "topic",
    ),
    row(
        "bkc_clock_offset_seconds",
        "How far the exchange's clock is ahead of this machine's.",
        lambda w: {
            (str(product),): millis / 1000
            for product, millis in w.rest.exchange_clock.offsets_ms.items()
        },
        "product",
    ),
)


def build_metrics(worker: AccountSnapshot) -> MetricsPage[AccountSnapshot]:
    """Return the metrics page of a worker."""
    return MetricsPage(METRICS, worker)
