"""What a market worker shows of itself on the metrics page, read from its ledgers."""

import functools
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from connector import __version__
from connector.backfill.gap_filler import GapFiller
from connector.config.model import Settings
from connector.continuity.marker import REASONS
from connector.feed.pipeline import Pipeline
from connector.feed.shard import Shard
from connector.planning.model import Plan
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.telemetry.metrics import Labelled, MetricsPage
from connector.transport.rest import RestClient
from connector.worker.replanner import OUTCOMES, Replanner
from connector.worker.writer import AnyProducer, ShardWriter

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


class Snapshot(Protocol):
    """What the metrics page and /status read of a worker."""

    settings: Settings
    ledger: Ledger
    lag: Lag
    rest: RestClient
    writer: ShardWriter
    pipeline: Pipeline
    shard: Shard
    gap_filler: GapFiller
    replanner: Replanner
    readiness: dict[str, Callable[[], bool]]

    @property
    def producer(self) -> AnyProducer:
        """The producer in use."""
        ...

    @property
    def plan(self) -> Plan:
        """The plan that runs."""
        ...


def build_metrics(worker: Snapshot) -> MetricsPage:
    """Return the metrics page of a worker; every label set is there from the start."""
    made = MetricsPage()
    made.info("bkc_build", "The program.", {"version": __version__})
    _frames(made, worker)
    _records(made, worker)
    _by_reason(made, worker)
    _connections(made, worker)
    _streams(made, worker)
    _plan(made, worker)
    _rest(made, worker)
    _continuity(made, worker)
    made.lag(worker.lag)
    made.gauge(
        "bkc_ready",
        "Each part of readiness.",
        ("check",),
        lambda: [((name,), holds()) for name, holds in worker.readiness.items()],
    )
    return made


def _frames(made: MetricsPage, worker: Snapshot) -> None:
    frames = worker.ledger.frames
    made.counter("bkc_ws_frames", "Frames read.", (), lambda: [((), frames.received)])
    made.counter("bkc_ws_received_bytes", "Payload read.", (), lambda: [((), frames.bytes)])
    made.counter(
        "bkc_frames",
        "Frames by what became of them.",
        ("outcome",),
        lambda: [((name,), getattr(frames, name)) for name in FRAME_OUTCOMES],
    )
    made.gauge("bkc_queue_frames", "Frames waiting.", (), lambda: [((), worker.pipeline.waiting)])
    made.gauge(
        "bkc_queue_bytes",
        "Bytes waiting, overhead included.",
        (),
        lambda: [((), worker.pipeline.queued_bytes)],
    )
    made.gauge(
        "bkc_queue_limit_bytes", "Bound of the queue.", (), lambda: [((), worker.settings.hold)]
    )
    made.counter(
        "bkc_overloads", "Times the queue was full.", (), lambda: [((), worker.ledger.overloads)]
    )
    made.counter(
        "bkc_events_filtered",
        "Rows of the other product in merged streams, left out as configured.",
        (),
        lambda: [((), worker.ledger.filtered)],
    )


def _records(made: MetricsPage, worker: Snapshot) -> None:
    records = worker.ledger.records
    made.counter("bkc_records_made", "Records made.", (), lambda: [((), records.produced)])
    made.counter(
        "bkc_records",
        "Records by what became of them.",
        ("outcome",),
        lambda: [((name,), getattr(records, name)) for name in RECORD_OUTCOMES],
    )
    made.gauge(
        "bkc_records_in_flight", "Records not stored yet.", (), lambda: [((), records.in_flight)]
    )


def _by_reason(made: MetricsPage, worker: Snapshot) -> None:
    letters, errors = worker.ledger.dead_letters, worker.ledger.delivery_errors
    made.counter(
        "bkc_dead_letter_events",
        "Messages put aside, by reason; all of a flood.",
        ("reason",),
        lambda: [((reason,), letters[reason]) for reason in DEAD_LETTER_REASONS],
    )
    made.counter(
        "bkc_producer_delivery_errors",
        "Records Kafka did not take, by its error.",
        ("error",),
        lambda: [((name,), number) for name, number in sorted(errors.items())],
    )


def _connections(made: MetricsPage, worker: Snapshot) -> None:
    def each(attribute: str) -> Labelled:
        return [((one.bundle.name,), getattr(one, attribute)) for one in worker.shard.supervised]

    label = ("connection",)
    made.gauge(
        "bkc_ws_connections_desired",
        "Connections the plan wants.",
        (),
        lambda: [((), len(worker.plan.connections))],
    )
    made.gauge("bkc_ws_flowing", "1 when data flows.", label, lambda: each("flowing"))
    made.counter("bkc_ws_connects", "Connections made.", label, lambda: each("connects_ok"))
    made.counter(
        "bkc_ws_connects_failed", "Attempts that failed.", label, lambda: each("connects_failed")
    )
    made.counter("bkc_ws_disconnects", "Connections ended.", label, lambda: each("disconnects"))
    made.gauge("bkc_streams_silent", "Periodic, yet silent.", label, lambda: each("silent"))
    made.counter(
        "bkc_lost_stream_seconds",
        "Seconds without a connection, summed over streams.",
        (),
        lambda: [((), worker.ledger.lost_time_s)],
    )


def _streams(made: MetricsPage, worker: Snapshot) -> None:
    label = ("product", "kind")

    def published() -> Labelled:
        return [(key, number) for key, (number, _) in worker.shard.router.published().items()]

    def newest() -> Labelled:
        sums = worker.shard.router.published()
        return [(key, millis / 1000) for key, (_, millis) in sums.items() if millis]

    def unknown() -> Labelled:
        counts: Counter[tuple[str, str]] = Counter()
        for (row, _), codec in worker.shard.router.codecs.items():
            counts[row.product, row.kind] += codec.unknown.total()
        return list(counts.items())

    made.counter("bkc_events_published", "Events handed to Kafka.", label, published)
    made.gauge("bkc_last_event_timestamp_seconds", "Newest record time.", label, newest)
    made.counter("bkc_unknown_keys", "Wire keys no schema knows, kept in extra.", label, unknown)


def _plan(made: MetricsPage, worker: Snapshot) -> None:
    def streams(position: int) -> Labelled:
        return [((product,), both[position]) for product, both in worker.shard.streams().items()]

    def refused() -> Labelled:
        sums: Counter[tuple[str, ...]] = Counter()
        for one in worker.shard.supervised:
            sums[(one.bundle.product,)] += len(one.refused)
        return list(sums.items())

    replanner = worker.replanner
    made.gauge(
        "bkc_config_info",
        "The content of the config file that runs, by its hash.",
        ("hash",),
        lambda: [((replanner.hash,), 1.0)],
    )
    made.gauge(
        "bkc_config_restart_needed",
        "Keys of the config file that count only from the next start on.",
        (),
        lambda: [((), len(replanner.restart_needed))],
    )
    made.counter(
        "bkc_plan_changes",
        "Times the plan was made again, by what came of it; refused and failed: the old one runs.",
        ("outcome",),
        lambda: [((outcome,), replanner.changes[outcome]) for outcome in OUTCOMES],
    )
    label = ("product",)
    made.gauge("bkc_streams_desired", "Streams of the plan.", label, lambda: streams(0))
    made.gauge("bkc_streams_active", "Streams subscribed now.", label, lambda: streams(1))
    made.gauge("bkc_streams_refused", "Streams the exchange does not take.", label, refused)


def _rest(made: MetricsPage, worker: Snapshot) -> None:
    def each(attribute: str) -> Labelled:
        return [((name,), getattr(pool, attribute)) for name, pool in worker.rest.pools.items()]

    label = ("pool",)
    made.gauge("bkc_rest_weight_used", "Weight in this minute.", label, lambda: each("used"))
    made.gauge("bkc_rest_weight_limit", "Weight a minute we may.", label, lambda: each("limit"))
    made.gauge(
        "bkc_rest_banned_until_timestamp_seconds",
        "Until when the exchange wants no calls; 0 when it takes them.",
        label,
        lambda: each("banned_until"),
    )


def _continuity(made: MetricsPage, worker: Snapshot) -> None:
    continuity, repair, producer = worker.writer.gap_tracker, worker.gap_filler, worker.producer
    made.counter(
        "bkc_sequence_gaps",
        "Gaps found, by why something is missing.",
        ("reason",),
        lambda: [((reason,), continuity.gaps[reason]) for reason in REASONS],
    )
    numbers: tuple[tuple[str, str, Callable[[], float]], ...] = (
        ("bkc_sequence_missing_events", "Events found missing.", lambda: continuity.missing),
        ("bkc_backfilled_events", "Of them, fetched and written.", lambda: continuity.recovered),
        ("bkc_backfill_failures", "REST calls made again.", lambda: repair.scheduler.failures),
        ("bkc_book_snapshots", "Order books written.", lambda: repair.books),
        ("bkc_ids_resets", "Series whose ids began anew.", lambda: repair.latest_ids.resets),
        (
            "bkc_silent_everywhere",
            "Times REST had events of a stream that two connections were silent about.",
            lambda: repair.latest_ids.confirmed,
        ),
        ("bkc_commits", "Transactions stored.", lambda: producer.commits),
    )
    for name, doc, read in numbers:
        made.counter(name, doc, (), functools.partial(_scalar, read))
    gauges: tuple[tuple[str, str, Callable[[], float]], ...] = (
        ("bkc_gaps_open", "Gaps not settled yet.", lambda: continuity.open_gaps),
        ("bkc_backfill_waiting", "Gaps and books in the queue.", lambda: repair.scheduler.waiting),
        ("bkc_fenced", "1 when a later writer has taken over.", lambda: producer.fenced),
    )
    for name, doc, read in gauges:
        made.gauge(name, doc, (), functools.partial(_scalar, read))

    made.histogram(
        "bkc_commit_pause_seconds", "How long a commit held publishing up.", producer.pauses
    )


def _scalar(read: Callable[[], float]) -> Labelled:
    return [((), read())]
