"""What a market worker shows of itself on /status: accounts, plan, connections, gaps."""

from dataclasses import asdict
from typing import Any

from connector import __version__
from connector.feed.supervisor import Supervisor
from connector.worker.exporter import Snapshot


def status(worker: Snapshot) -> dict[str, Any]:
    """Return the worker's state as JSON: accounts, queue, plan, connections, kinds."""
    records = worker.ledger.records
    supervised = worker.shard.supervised
    published = worker.shard.router.published()
    return {
        "version": __version__,
        "failing": [name for name, holds in worker.readiness.items() if not holds()],
        "config": {
            "file": worker.replanner.loaded.places.file,
            "hash": worker.replanner.hash,
            "restart_needed": list(worker.replanner.restart_needed),
        },
        "plan": {one.bundle.name: one.wanted() for one in supervised},
        "frames": asdict(worker.ledger.frames),
        "filtered": worker.ledger.filtered,
        "frames_waiting": worker.pipeline.waiting,
        "frames_unaccounted": worker.ledger.frames.missing(worker.pipeline.waiting),
        "records": {**asdict(records), "in_flight": records.in_flight},
        **_continuity(worker),
        "connections": {one.bundle.name: _connection(one) for one in supervised},
        "published": {f"{p}.{k}": number for (p, k), (number, _) in published.items()},
    }


def _continuity(worker: Snapshot) -> dict[str, Any]:
    continuity = worker.writer.gap_tracker
    return {
        "gaps": dict(continuity.gaps),
        "gaps_open": continuity.open_gaps,
        "missing": continuity.missing,
        "recovered": continuity.recovered,
        "backfill_waiting": worker.gap_filler.scheduler.waiting,
        "books": worker.gap_filler.books,
        "commits": worker.producer.commits,
        "fenced": worker.producer.fenced,
    }


def _connection(one: Supervisor) -> dict[str, Any]:
    return {
        "streams": len(one.bundle.streams),
        "subscribed": len(one.held),
        "refused": {name: f"{it.code} {it.message}" for name, it in one.refused.items()},
        "flowing": one.flowing,
        "connects": one.connects_ok,
        "failed": one.connects_failed,
        "disconnects": one.disconnects,
        "hand_overs": one.handovers,
    }
