"""What a market worker shows at /status: accounts, plan, connections and gaps, as JSON."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from connector import version
from connector.backfill.gap_filler import GapFiller
from connector.continuity.gap_tracker import GapTracker
from connector.feed.context import SessionContext
from connector.feed.pipeline import Pipeline
from connector.feed.shard import Shard
from connector.feed.supervisor import Supervisor
from connector.kafka.producer import Producer
from connector.telemetry.event_loop import EventLoopLag
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.transport.rest import RestClient
from connector.worker.provisioning import Provisioner
from connector.worker.replanner import Replanner
from connector.worker.writer import ShardWriter


class Snapshot(Protocol):
    """A market worker as /status and its metrics page read it; worker/market.py imports both.

    Attributes:
        hold_bytes: Bound of the frame queue.
        readiness: Name of each part of readiness -> whether it is met.
        started_at: Epoch seconds of the start.
        symbol_metrics: Symbols with metrics of their own.
    """

    hold_bytes: int
    ledger: Ledger
    lag: Lag
    rest: RestClient
    gap_tracker: GapTracker
    producer: Producer
    pipeline: Pipeline
    shard: Shard
    gap_filler: GapFiller
    replanner: Replanner
    readiness: dict[str, Callable[[], bool]]
    context: SessionContext
    writer: ShardWriter
    provisioner: Provisioner
    event_loop: EventLoopLag
    started_at: float
    symbol_metrics: Sequence[str]


def status(worker: Snapshot) -> dict[str, Any]:
    """Return the worker's state; its keys are a public contract."""
    records = worker.ledger.records
    supervised = worker.shard.supervised
    published = worker.shard.router.published()
    return {
        "version": version(),
        "failing": [name for name, is_met in worker.readiness.items() if not is_met()],
        "config": {
            "file": worker.replanner.loaded.places.file,
            "hash": worker.replanner.loaded.hash,
            "restart_needed": list(worker.replanner.restart_needed),
        },
        "plan": {supervisor.plan.name: supervisor.wanted() for supervisor in supervised},
        "frames": asdict(worker.ledger.frames),
        "filtered": worker.ledger.filtered,
        "frames_waiting": worker.pipeline.waiting,
        "frames_unaccounted": worker.ledger.frames.missing(worker.pipeline.waiting),
        "records": {**asdict(records), "in_flight": records.in_flight},
        **_gaps(worker),
        "connections": {supervisor.plan.name: _connection(supervisor) for supervisor in supervised},
        "published": {
            f"{product}.{kind}": events for (product, kind), (events, _) in published.items()
        },
    }


def _gaps(worker: Snapshot) -> dict[str, Any]:
    tracker = worker.gap_tracker
    return {
        "gaps": dict(tracker.gaps),
        "gaps_open": tracker.open_gaps,
        "missing": tracker.missing,
        "recovered": tracker.recovered,
        "backfill_waiting": worker.gap_filler.scheduler.waiting,
        "books": worker.gap_filler.books.published,
        "commits": worker.producer.commits,
        "fenced": worker.producer.fenced,
        "kafka_trouble": worker.producer.trouble,
    }


def _connection(supervisor: Supervisor) -> dict[str, Any]:
    return {
        "streams": len(supervisor.plan.streams),
        "subscribed": len(supervisor.held),
        "refused": {
            name: f"{answer.code} {answer.message}" for name, answer in supervisor.refused.items()
        },
        "silent": supervisor.silent,
        "flowing": supervisor.flowing,
        "connects": supervisor.connects_ok,
        "failed": supervisor.connects_failed,
        "disconnects": supervisor.disconnects,
        "hand_overs": supervisor.handovers,
    }
