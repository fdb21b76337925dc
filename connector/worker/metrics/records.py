"""Metrics of frames and records: what came, where it waits, and what became of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

from connector.telemetry.metrics import MetricRow, Values
from connector.worker.metrics.rows import counts, histogram_row, row
from connector.worker.provisioning import REGISTRY_OUTCOMES
from connector.worker.status import Snapshot

FRAME_OUTCOMES = ("decoded", "control", "undecodable", "dropped", "superseded")
RECORD_OUTCOMES = ("acknowledged", "repeated", "dead_lettered", "failed", "lost", "withheld")
MESSAGE_REASONS = ("json", "shape", "field", "decimal", "text", "unknown_stream")
DEAD_LETTER_REASONS = (*MESSAGE_REASONS, "refused", "bug")  # by Kafka, or in this program
NO_TOPIC_REASONS = ("json", "unknown_stream")  # of frames that are of no stream of ours


def topics_of(worker: Snapshot) -> Iterable[str]:
    """Return the topics of the running plan and the worker's own."""
    return (*worker.replanner.plan.topics, *worker.writer.control, worker.writer.dead_letter)


def _dead_letters(worker: Snapshot) -> Values:
    """Return the events by topic and reason; pairs that did not happen are 0."""
    topics = worker.replanner.plan.topics
    pairs = [(topic, reason) for topic in topics for reason in DEAD_LETTER_REASONS]
    numbers: dict[tuple[str, ...], float] = dict.fromkeys(pairs, 0)
    numbers |= {("", reason): 0 for reason in NO_TOPIC_REASONS}
    numbers.update(worker.ledger.dead_letters_of.items())
    return numbers


def _not_taken(worker: Snapshot) -> Values:
    numbers = dict.fromkeys(topics_of(worker), 0) | worker.ledger.not_taken
    return {(topic,): records for topic, records in numbers.items()}


def _discarded(worker: Snapshot) -> Values:
    frames, records = worker.ledger.frames, worker.ledger.records
    return {
        ("queue_full",): frames.dropped,
        ("delivery",): records.failed,
        ("dead_letter_lost",): records.lost,
        ("topic_missing",): records.withheld,
    }


def _published(worker: Snapshot) -> Values:
    return {key: events for key, (events, _) in worker.shard.router.published().items()}


def _unknown_keys(worker: Snapshot) -> Values:
    numbers: Counter[tuple[str, ...]] = Counter()
    for (catalogued, _), codec in worker.shard.router.codecs.items():
        numbers[catalogued.product, catalogued.kind] += codec.unknown.total()
    return numbers


RECORDS: tuple[MetricRow[Snapshot], ...] = (
    row(
        "bkc_frames_total",
        "Frames by what became of them.",
        lambda w: counts(asdict(w.ledger.frames), FRAME_OUTCOMES),
        "outcome",
    ),
    row("bkc_queue_frames", "Frames waiting.", lambda w: w.pipeline.waiting),
    row("bkc_queue_bytes", "Bytes waiting, overhead included.", lambda w: w.pipeline.queued_bytes),
    row("bkc_queue_limit_bytes", "Bound of the queue.", lambda w: w.hold_bytes),
    row("bkc_overloads_total", "Times the queue was full.", lambda w: w.ledger.overloads),
    row("bkc_events_published_total", "Events handed to Kafka.", _published, "product", "kind"),
    row(
        "bkc_events_filtered_total",
        "Rows of the other product in merged streams, left out as configured.",
        lambda w: w.ledger.filtered,
    ),
    row(
        "bkc_events_discarded_total",
        "Events that no topic has, by why; of a full queue frames, which may hold several.",
        _discarded,
        "reason",
    ),
    row("bkc_records_made_total", "Records made.", lambda w: w.ledger.records.produced),
    row(
        "bkc_records_total",
        "Records by what became of them.",
        lambda w: counts(asdict(w.ledger.records), RECORD_OUTCOMES),
        "outcome",
    ),
    row("bkc_records_in_flight", "Records not stored yet.", lambda w: w.ledger.records.in_flight),
    row(
        "bkc_dead_letter_events_total",
        "Messages put aside, by topic of their stream and reason; all of a flood.",
        _dead_letters,
        "topic",
        "reason",
    ),
    row(
        "bkc_producer_queue_records",
        "Records in the producer, not stored yet.",
        lambda w: w.producer.queued,
    ),
    row(
        "bkc_producer_queue_limit_records",
        "Records that the producer holds at most.",
        lambda w: w.producer.capacity,
    ),
    row(
        "bkc_producer_not_taken_total",
        "Records Kafka did not take, by topic.",
        _not_taken,
        "topic",
    ),
    row(
        "bkc_producer_delivery_errors_total",
        "The same records by Kafka's error; an error is on the page from its first record on.",
        lambda w: {(name,): n for name, n in sorted(w.ledger.delivery_errors.items())},
        "error",
    ),
    row(
        "bkc_checkpoints_lost_total",
        "Markers and progress records that Kafka refused.",
        lambda w: w.ledger.checkpoints_lost,
    ),
    row("bkc_commits_total", "Transactions stored.", lambda w: w.producer.commits),
    histogram_row(
        "bkc_commit_pause_seconds",
        "How long a commit held publishing up.",
        lambda w: w.producer.pauses,
    ),
    row("bkc_fenced", "1 when a later writer has taken over.", lambda w: w.producer.fenced),
    row("bkc_standby", "1 while it stands by.", lambda w: w.ready.role == "standby"),
    row(
        "bkc_schema_registry_requests_total",
        "Rounds of registering or looking up schemas, by what came of it.",
        lambda w: counts(w.provisioner.registry_requests, REGISTRY_OUTCOMES),
        "outcome",
    ),
    row(
        "bkc_unknown_keys_total",
        "Wire keys no schema knows, kept in extra.",
        _unknown_keys,
        "product",
        "kind",
    ),
)
