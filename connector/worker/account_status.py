"""What an account worker shows at /status, as JSON: by aliases, no ids and no secrets."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from connector import version
from connector.account.feed import AccountFeed
from connector.account.registry import AccountRegistry
from connector.account.stored_progress import AccountKey
from connector.codec.native.loader import CodecChoice
from connector.config.account import AccountWorkerSettings
from connector.config.load import Loaded
from connector.kafka.producer import Producer
from connector.telemetry.event_loop import EventLoopLag
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.transport.signed_rest import SignedRest
from connector.worker.account_pipeline import AccountPipeline
from connector.worker.account_readiness import AccountReadiness
from connector.worker.config_watch import AccountConfigWatch


class AccountSnapshot(Protocol):
    """An account worker as /status and its metrics page read it."""

    loaded: Loaded[AccountWorkerSettings]
    config_watch: AccountConfigWatch
    codec: CodecChoice
    ledger: Ledger
    lag: Lag
    rest: SignedRest
    registry: AccountRegistry
    pipeline: AccountPipeline
    producer: Producer
    accounts: AccountReadiness
    feed: AccountFeed
    event_loop: EventLoopLag
    started_at: float
    readiness: dict[str, Callable[[], bool]]


def status(worker: AccountSnapshot) -> dict[str, Any]:
    """Return the worker's state; its keys are a public contract."""
    records = worker.ledger.records
    return {
        "version": version(),
        "failing": [name for name, is_met in worker.readiness.items() if not is_met()],
        "config": {
            "file": worker.loaded.places.file,
            "hash": worker.loaded.hash,
            "restart_needed": list(worker.config_watch.restart_needed),
        },
        "frames": asdict(worker.ledger.frames),
        "frames_waiting": worker.pipeline.waiting,
        "records": {**asdict(records), "in_flight": records.in_flight},
        "commits": worker.producer.commits,
        "fenced": worker.producer.fenced,
        "kafka_trouble": worker.producer.trouble,
        "accounts": {"/".join(key): _account(worker, key) for key in worker.registry.trackers},
    }


def _account(worker: AccountSnapshot, key: AccountKey) -> dict[str, Any]:
    tracker, reconciler = worker.registry.trackers[key], worker.accounts.reconcilers.get(key)
    gap, right = tracker.stored.gap, worker.accounts.is_right(key)
    return {
        "right": right,
        "cause": None if right else worker.accounts.cause(key),
        "covered": tracker.is_covered,
        "gap_id": None if gap is None else gap.id,
        "gap_reason": None if gap is None else gap.reason,
        "picture_time": tracker.stored.progress.as_of_ms,
        "events": dict(tracker.counts),
        "reconciliations": dict(tracker.results),
        "reconciliation_seconds": 0.0 if reconciler is None else round(reconciler.seconds, 3),
        "buffered_bytes": tracker.buffered_bytes,
        "symbols": len(tracker.stored.progress.symbols),
    }
