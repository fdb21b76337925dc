"""What a market worker shows at /status: accounts, plan, connections and gaps, as JSON."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from connector import version
from connector.backfill.gap_filler import GapFiller
from connector.codec.native.loader import CodecChoice
from connector.continuity.gap_tracker import GapTracker
from connector.feed.context import SessionContext
from connector.feed.pipeline import Pipeline
from connector.feed.shard import Shard
from connector.feed.supervisor import Supervisor
from connector.kafka.producer import Producer
from connector.telemetry.activity_history import ActivityHistory
from connector.telemetry.event_loop import EventLoopLag
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.transport.rest import RestClient
from connector.worker.market_readiness import MarketReadiness
from connector.worker.provisioning import Provisioner
from connector.worker.replanner import Replanner
from connector.worker.writer import ShardWriter

MAX_GAPS = 50  # that are shown one by one


class Snapshot(Protocol):
    """A market worker as /status and its metrics page read it; worker/market.py imports both.

    Attributes:
        codec: Which code transcodes frames.
        hold_bytes: Bound of the frame queue.
        readiness: Name of each part of readiness -> whether it is met.
        started_at: Epoch seconds of the start.
        symbol_metrics: Symbols with metrics of their own.
    """

    codec: CodecChoice
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
    history: ActivityHistory
    writer: ShardWriter
    provisioner: Provisioner
    event_loop: EventLoopLag
    ready: MarketReadiness
    started_at: float
    symbol_metrics: Sequence[str]


def status(worker: Snapshot) -> dict[str, Any]:
    """Return the worker's state; its keys are a public contract."""
    records = worker.ledger.records
    supervised = worker.shard.supervised
    published = worker.shard.router.published()
    return {
        "version": version(),
        "codec": {"name": worker.codec.name, "text": worker.codec.text},
        "role": worker.ready.role,
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
        "lags": _lags(worker),
        "rates": worker.history.rates(),
        "writer": worker.writer.transactional_id,
        "queue": {"bytes": worker.pipeline.queued_bytes, "limit_bytes": worker.hold_bytes},
        "clock_offsets_s": {
            product: millis / 1000
            for product, millis in worker.rest.exchange_clock.offsets_ms.items()
        },
        "rest": {
            name: {"used": pool.used, "limit": pool.limit, "banned_until": pool.banned_until}
            for name, pool in worker.rest.pools.items()
        },
        "published": {
            f"{product}.{kind}": events for (product, kind), (events, _) in published.items()
        },
    }


def _lags(worker: Snapshot) -> dict[str, Any]:
    """Return the five lags, in seconds; docs/metrics.md says how they differ."""
    silence = {".".join(key): round(number, 3) for key, number in silence_s(worker).items()}
    return {
        **worker.history.lags(),
        "oldest_unacked": round(oldest_unacked_s(worker), 3),
        "silence": silence,
    }


def oldest_unacked_s(worker: Snapshot) -> float:
    """Return the age of the oldest frame or record that Kafka has not stored; 0: there is none."""
    if worker.pipeline.holding:
        return 0.0  # another process stores them
    since, received_us = worker.producer.oldest_since, worker.pipeline.oldest_received_us
    in_producer = 0.0 if since is None else time.monotonic() - since
    in_queue = 0.0 if received_us is None else time.time() - received_us / 1e6
    return max(0.0, in_producer, in_queue)


def silence_s(worker: Snapshot) -> dict[tuple[str, ...], float]:
    """Return the time since the newest record of each product and kind, by our clock.

    Since the start where there is no record yet. None, while another process publishes.
    """
    if worker.pipeline.holding:
        return {}
    now, published = time.time(), worker.shard.router.published()
    return {
        key: max(0.0, now - max(worker.started_at, millis / 1000))
        for key, (_, millis) in published.items()
    }


def _gaps(worker: Snapshot) -> dict[str, Any]:
    tracker = worker.gap_tracker
    return {
        "gaps": dict(tracker.gaps),
        "gaps_open": tracker.open_gaps,
        "open_gaps": _oldest_gaps(worker),
        "missing": tracker.missing,
        "recovered": tracker.recovered,
        "backfill_waiting": worker.gap_filler.scheduler.waiting,
        "books": worker.gap_filler.books.published,
        "commits": worker.producer.commits,
        "fenced": worker.producer.fenced,
        "kafka_trouble": worker.producer.trouble,
    }


def _oldest_gaps(worker: Snapshot) -> list[dict[str, Any]]:
    """Return the gaps that are not settled, the oldest first; at most MAX_GAPS."""
    now_ms = time.time() * 1e3
    unsettled = sorted(worker.gap_tracker.unsettled(), key=lambda pair: pair[1].before_ms or now_ms)
    return [
        {
            "series": series.name,
            "gap_id": gap.id,
            "reason": gap.reason,
            "age_s": _rounded((now_ms - (gap.before_ms or now_ms)) / 1e3),
            "missing": gap.missing,
            "recovered": gap.recovered,
        }
        for series, gap in unsettled[:MAX_GAPS]
    ]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _connection(supervisor: Supervisor) -> dict[str, Any]:
    return {
        "streams": len(supervisor.plan.streams),
        "subscribed": len(supervisor.held),
        "refused": {
            name: f"{answer.code} {answer.message}" for name, answer in supervisor.refused.items()
        },
        "silent": supervisor.silent,
        "stale": sorted(supervisor.stale),
        "age_s": _rounded(supervisor.age_s),
        "replaced_in_s": _rounded(supervisor.replaced_in_s),
        "flowing": supervisor.flowing,
        "connects": supervisor.connects_ok,
        "failed": supervisor.connects_failed,
        "disconnects": supervisor.disconnects,
        "hand_overs": supervisor.handovers,
    }
