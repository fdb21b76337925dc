"""What a market worker shows at /status: accounts, plan, connections and gaps, as JSON."""

from dataclasses import asdict
from typing import Any

from connector import __version__
from connector.feed.supervisor import Supervisor
from connector.worker.snapshot import Snapshot


def status(worker: Snapshot) -> dict[str, Any]:
    """Return the worker's state; its keys are a public contract."""
    records = worker.ledger.records
    supervised = worker.shard.supervised
    published = worker.shard.router.published()
    return {
        "version": __version__,
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
    }


def _connection(supervisor: Supervisor) -> dict[str, Any]:
    return {
        "streams": len(supervisor.plan.streams),
        "subscribed": len(supervisor.held),
        "refused": {
            name: f"{answer.code} {answer.message}" for name, answer in supervisor.refused.items()
        },
        "flowing": supervisor.flowing,
        "connects": supervisor.connects_ok,
        "failed": supervisor.connects_failed,
        "disconnects": supervisor.disconnects,
        "hand_overs": supervisor.handovers,
    }
