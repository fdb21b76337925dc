"""Finds out why Kafka refuses a transaction, in trial transactions that are aborted.

The trials are a producer's of its own, with a transactional.id of its own: each record goes in a
batch of its own, so Kafka judges each alone. Blocks: runs in the commit thread.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord
from connector.kafka.dead_letter import POISON_RECORD
from connector.kafka.transaction_client import ProducerLost, TransactionClient

MAX_FRUITLESS_TRIALS = 5  # in a row; Kafka judges nothing in them
BATCH_STEP = 8  # how much smaller batches are tried next; each try takes a second or two
SINGLE_RECORDS: Mapping[str, Any] = {"batch.num.messages": 1, "linger.ms": 0}
PoisonRecords = dict[int, KafkaError]  # position in the transaction -> why Kafka refuses it
Judgement = dict[int, KafkaError | None]  # position -> why it was not taken; None: it was


class TrialFailed(Exception):
    """Kafka has neither taken nor refused some records: the trials prove nothing."""

    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.error = error


def find_poison(
    client: TransactionClient, records: Sequence[KafkaRecord], known: PoisonRecords
) -> PoisonRecords:
    """Return the records that Kafka refuses alone; `known` are left out.

    Raises:
        TrialFailed: Kafka does not judge. DeadlineExceeded: as the client.
    """
    unjudged = {at: record for at, record in enumerate(records) if at not in known}
    found: PoisonRecords = {}
    fruitless = 0
    trial = _open(client, SINGLE_RECORDS)
    while unjudged:
        judged = _judge(trial, unjudged)
        refused = {at: error for at, error in judged.items() if _is_refusal(error)}
        taken = [at for at, error in judged.items() if error is None]
        found |= {at: error for at, error in refused.items() if error is not None}
        for at in (*refused, *taken):
            del unjudged[at]
        # After a refusal the sequence numbers have a gap: librdkafka purges the next trial and goes
        # on with another epoch (librdkafka 2.16, Kafka 4.3.1: run 2026-11-30).
        fruitless = 0 if refused or taken else fruitless + 1
        if fruitless == MAX_FRUITLESS_TRIALS:
            raise TrialFailed(_cause(judged))
    return found


def find_batch_bytes(client: TransactionClient, records: Sequence[KafkaRecord]) -> int:
    """Return a size of batches in which Kafka takes these records; each alone it takes.

    Raises as `find_poison`.
    """
    size = sum(len(value or b"") for _, value, *_ in records)
    whole = dict(enumerate(records))
    while size > 1:
        size //= BATCH_STEP
        judged = _judge(_open(client, {"batch.size": size}), whole)
        if len(judged) == len(whole) and not any(judged.values()):
            break
        if not any(_is_refusal(error) for error in judged.values()):
            raise TrialFailed(_cause(judged))
    return max(1, size)


def _open(client: TransactionClient, settings: Mapping[str, Any]) -> TransactionClient:
    try:
        return client.open_trial(settings)
    except ProducerLost as lost:
        raise TrialFailed(lost.error) from lost


def _judge(trial: TransactionClient, records: Mapping[int, KafkaRecord]) -> Judgement:
    """Produce records in a transaction and abort it; return the reports that came until one failed.

    Records without a report are not judged.
    """
    judged: Judgement = {}

    def note(at: int, error: KafkaError | None, _message: object) -> None:
        judged[at] = error

    try:
        trial.begin()
        for at, record in records.items():
            error = trial.produce([record], partial(note, at))
            if error is not None:
                judged[at] = error
                break
        while len(trial.producer) and not any(judged.values()):
            trial.serve()
        trial.abort()
    except ProducerLost as lost:
        raise TrialFailed(lost.error) from lost
    return judged


def _is_refusal(error: KafkaError | None) -> bool:
    return error is not None and error.code() in POISON_RECORD


def _cause(judged: Judgement) -> KafkaError:
    errors = (error for error in judged.values() if error is not None)
    return next(errors, KafkaError(KafkaError._TIMED_OUT))
