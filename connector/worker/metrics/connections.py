"""Metrics of the connections to the exchange, their streams, the plan and REST."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Literal

from connector.feed.supervisor import Supervisor
from connector.planning.model import PlannedStream
from connector.telemetry.metrics import MetricRow, Reading, Values
from connector.transport.weight_pool import WeightPool
from connector.worker.metrics.rows import counts, row
from connector.worker.replanner import OUTCOMES
from connector.worker.status import Snapshot

Read = Callable[[Snapshot], Reading]


def _connections(worker: Snapshot) -> Values:
    """Return the open connections of each product that wants some."""
    open_now: Counter[tuple[str, ...]] = Counter(
        (each.plan.product,) for each in worker.shard.supervised if each.age_s is not None
    )
    return {product: open_now[product] for product in _connections_desired(worker)}


def _connections_desired(worker: Snapshot) -> Values:
    return Counter((plan.product,) for plan in worker.replanner.plan.connections)


def _opened_at(supervisor: Supervisor) -> float:
    return 0.0 if supervisor.age_s is None else time.time() - supervisor.age_s


def _streams(position: Literal[0, 1]) -> Read:
    """Read how many streams each product wants (0), or has subscribed now (1)."""
    return lambda worker: {
        (product,): numbers[position] for product, numbers in worker.shard.streams().items()
    }


def _streams_by_product(read: Callable[[Supervisor], int]) -> Read:
    """Read a number of streams of each connection, summed over those of a product."""

    def readings(worker: Snapshot) -> Values:
        sums: Counter[tuple[str, ...]] = Counter()
        for supervisor in worker.shard.supervised:
            sums[(supervisor.plan.product,)] += read(supervisor)
        return sums

    return readings


def _streams_expected(worker: Snapshot) -> Values:
    """Return the streams that should deliver all the time, by product and kind; 0 for the rest."""
    sums: Counter[tuple[str, ...]] = Counter()
    for planned in worker.replanner.plan.streams:
        catalogued = planned.stream.row
        sums[catalogued.product, catalogued.kind] += _is_expected(planned)
    return sums


def _is_expected(planned: PlannedStream) -> bool:
    catalogued = planned.stream.row
    return catalogued.status == "live" and catalogued.cadence != "sparse"


def _by_connection(name: str, doc: str, read: Callable[[Supervisor], float]) -> MetricRow[Snapshot]:
    def readings(w: Snapshot) -> Values:
        return {(each.plan.name,): read(each) for each in w.shard.supervised}

    return row(name, doc, readings, "connection")


def _by_pool(name: str, doc: str, read: Callable[[WeightPool], float]) -> MetricRow[Snapshot]:
    def readings(w: Snapshot) -> Values:
        return {(pool_name,): read(pool) for pool_name, pool in w.rest.pools.items()}

    return row(name, doc, readings, "pool")


# `w` is the worker, `s` the supervisor of one connection.
CONNECTIONS: tuple[MetricRow[Snapshot], ...] = (
    row("bkc_ws_connections", "Connections that are open.", _connections, "product"),
    row(
        "bkc_ws_connections_desired",
        "Connections the plan wants.",
        _connections_desired,
        "product",
    ),
    _by_connection(
        "bkc_ws_connection_start_timestamp_seconds",
        "When the open connection was opened; 0: there is none.",
        _opened_at,
    ),
    row(
        "bkc_ws_connection_life_seconds",
        "After how long the exchange closes a connection; ours are replaced before.",
        lambda w: w.context.life_s,
    ),
    _by_connection("bkc_ws_flowing", "1 when data flows.", lambda s: s.flowing),
    _by_connection("bkc_ws_connects_total", "Connections made.", lambda s: s.connects_ok),
    _by_connection(
        "bkc_ws_connects_failed_total", "Attempts that failed.", lambda s: s.connects_failed
    ),
    _by_connection("bkc_ws_disconnects_total", "Connections ended.", lambda s: s.disconnects),
    _by_connection(
        "bkc_ws_handovers_total", "Connections replaced before they ended.", lambda s: s.handovers
    ),
    row("bkc_ws_frames_total", "Frames read.", lambda w: w.ledger.frames.received),
    row("bkc_ws_received_bytes_total", "Payload read.", lambda w: w.ledger.frames.bytes),
    row(
        "bkc_ws_frames_left_to_python_total",
        "Frames that the compiled codec left to Python; 0 where it is not in use.",
        lambda w: w.ledger.frames.left_to_python,
    ),
    row("bkc_streams_desired", "Streams of the plan.", _streams(0), "product"),
    row("bkc_streams_active", "Streams subscribed now.", _streams(1), "product"),
    row(
        "bkc_streams_expected",
        "Streams that should deliver all the time: known to, and not rare events.",
        _streams_expected,
        "product",
        "kind",
    ),
    row(
        "bkc_streams_refused",
        "Streams the exchange does not take.",
        _streams_by_product(lambda s: len(s.refused)),
        "product",
    ),
    row(
        "bkc_streams_stale",
        "Streams whose silence is wrong: nothing came in time, or a probe delivers them.",
        _streams_by_product(lambda s: len(s.stale)),
        "product",
    ),
    _by_connection(
        "bkc_streams_silent",
        "Streams that delivered nothing since they were subscribed, though it was time.",
        lambda s: len(s.silent),
    ),
    row(
        "bkc_lost_stream_seconds_total",
        "Seconds without a connection, summed over streams.",
        lambda w: w.ledger.lost_time_s,
    ),
    row(
        "bkc_silent_everywhere_total",
        "Times REST had events of a stream that two connections were silent about.",
        lambda w: w.gap_filler.latest_ids.confirmed,
    ),
    row(
        "bkc_clock_offset_seconds",
        "How far the exchange's clock is ahead of this machine's, by REST's time.",
        lambda w: {
            (product,): millis / 1000
            for product, millis in w.rest.exchange_clock.offsets_ms.items()
        },
        "product",
    ),
    _by_pool("bkc_rest_weight_used", "Weight in this minute.", lambda pool: pool.used),
    _by_pool("bkc_rest_weight_limit", "Weight a minute we may.", lambda pool: pool.limit),
    _by_pool(
        "bkc_rest_banned_until_timestamp_seconds",
        "Until when the exchange wants no calls; 0 when it takes them.",
        lambda pool: pool.banned_until,
    ),
    row(
        "bkc_config_info",
        "The content of the config file that runs, by its hash.",
        lambda w: {(w.replanner.loaded.hash,): 1},
        "hash",
    ),
    row(
        "bkc_config_restart_needed",
        "Keys of the config file that count only from the next start on.",
        lambda w: len(w.replanner.restart_needed),
    ),
    row(
        "bkc_plan_changes_total",
        "Times the plan was made again, by what came of it; refused and failed: the old one runs.",
        lambda w: counts(w.replanner.changes, OUTCOMES),
        "outcome",
    ),
)
