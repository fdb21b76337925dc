"""Finds the records for which Kafka refuses a transaction, in trial transactions that are aborted.

Blocks: runs in the commit thread of transactional_producer.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord
from connector.kafka.dead_letter import POISON_RECORD
from connector.kafka.transaction_client import TransactionClient

MAX_TRIALS = 5  # of the same records, while Kafka does not judge them
PoisonRecords = dict[int, KafkaError]  # position in the transaction -> why Kafka refuses it


class TrialFailed(Exception):
    """Kafka took some records of a trial neither nor refused them: it proves nothing."""

    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.error = error


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What the trials have shown.

    Attributes:
        poison: The records that Kafka refuses alone.
        refused_bytes: Values of the smallest part of several records that was refused; None: none
            was. Without poison, Kafka takes each record and the batches are too large.
    """

    poison: PoisonRecords
    refused_bytes: int | None


def find_poison(
    client: TransactionClient, records: Sequence[KafkaRecord], known: PoisonRecords
) -> SearchResult:
    """Find the poison records by halving; `known` are left out.

    Raises:
        TrialFailed: Kafka was not able to judge. ProducerLost, DeadlineExceeded: as the client.
    """
    found: PoisonRecords = {}
    refused_bytes: int | None = None
    parts = [[at for at in range(len(records)) if at not in known]]
    while parts:
        part = parts.pop()
        error = _try(client, [records[at] for at in part])
        if error is None:
            continue
        if len(part) == 1:
            found[part[0]] = error
            continue
        size = sum(len(records[at][1] or b"") for at in part)
        refused_bytes = size if refused_bytes is None else min(size, refused_bytes)
        middle = len(part) // 2
        parts += [part[middle:], part[:middle]]
    return SearchResult(found, refused_bytes)


def _try(client: TransactionClient, records: Sequence[KafkaRecord]) -> KafkaError | None:
    """Return why Kafka refuses one of the records; None: it takes all.

    After a refusal the sequence numbers have a gap: librdkafka purges the next good trial, and goes
    on with another epoch (librdkafka 2.16, Kafka 4.3.1: run 2026-11-30). So a trial that proves
    nothing is made again.
    """
    for _ in range(MAX_TRIALS):
        errors = _trial(client, records)
        refusal = _refusal(errors)
        if refusal is not None or not errors:
            return refusal
    raise TrialFailed(errors[0])


def _trial(client: TransactionClient, records: Sequence[KafkaRecord]) -> list[KafkaError]:
    """Produce records in a transaction and abort it; return the errors of their reports."""
    errors: list[KafkaError] = []

    def note(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            errors.append(error)

    client.begin()
    note(client.produce(records, note), None)
    while len(client.producer) and not _refusal(errors):
        client.serve()
    client.abort()
    return errors


def _refusal(errors: Sequence[KafkaError]) -> KafkaError | None:
    return next((error for error in errors if error.code() in POISON_RECORD), None)
