"""Finds out why Kafka refuses a transaction, in trial transactions that are aborted.

A trial finds one poison record. Where a topic refuses MAX_SINGLE_REFUSALS records of one
transaction for one reason, the others are not tried one by one: while they are, no topic gets
anything. By halving, the least of them that is refused is found; that and what is worse (larger,
or further from the present) is taken for refused.

The trials are a producer's of its own, with a transactional.id of its own: each record goes in a
batch of its own, so Kafka judges each alone. Blocks: runs in the commit thread.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord
from connector.kafka.dead_letter import POISON_RECORD
from connector.kafka.transaction_client import ProducerLost, TransactionClient

MAX_SINGLE_REFUSALS = 8  # of one topic and cause, each found in a trial or two
MAX_FRUITLESS_TRIALS = 5  # in a row; Kafka judges nothing in them
BATCH_STEP = 8  # how much smaller batches are tried next; each try takes a second or two
SINGLE_RECORDS: Mapping[str, Any] = {"batch.num.messages": 1, "linger.ms": 0}
PoisonRecords = dict[int, KafkaError]  # position in the transaction -> why Kafka refuses it
Judgement = dict[int, KafkaError | None]  # position -> why it was not taken; None: it was


class Cause(NamedTuple):
    """Why a topic refuses a record."""

    topic: str
    code: int
    is_future: bool  # of a time that is too far from the present


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
    search = _Search(_open(client, SINGLE_RECORDS))
    unjudged = {at: record for at, record in enumerate(records) if at not in known}
    while unjudged:
        judged = search.judge(unjudged)
        found = {at: error for at, error in judged.items() if error is not None}
        search.found |= found
        for at, error in found.items():
            search.found |= search.worse_than_allowed(_cause_of(records[at], error), unjudged)
        for at in (*judged, *search.found):
            unjudged.pop(at, None)
    return search.found


class _Search:
    """The poison records found so far, and how."""

    def __init__(self, trial: TransactionClient) -> None:
        self._trial = trial
        self._refusals: Counter[Cause] = Counter()
        self.found: PoisonRecords = {}

    def judge(self, records: Mapping[int, KafkaRecord]) -> Judgement:
        """Return what Kafka takes, and the first record that it refuses; one of them at least.

        After a refusal the sequence numbers have a gap: librdkafka purges the next trial and goes
        on with another epoch (librdkafka 2.16, Kafka 4.3.1: run 2026-11-30).
        """
        judged: Judgement = {}
        for _ in range(MAX_FRUITLESS_TRIALS):
            judged = _judge(self._trial, records)
            proved = {at: e for at, e in judged.items() if e is None or _is_refusal(e)}
            if proved:
                return proved
        raise TrialFailed(_error_of(judged))

    def worse_than_allowed(
        self, cause: Cause, unjudged: Mapping[int, KafkaRecord]
    ) -> PoisonRecords:
        """Return the records of a topic that it refuses too; none before so many were tried."""
        self._refusals[cause] += 1
        if self._refusals[cause] < MAX_SINGLE_REFUSALS:
            return {}
        same = [
            (_badness(record, cause), at)
            for at, record in unjudged.items()
            if record[0] == cause.topic and at not in self.found
        ]
        groups = [list(group) for _, group in groupby(sorted(same), itemgetter(0))]
        error, low, high = KafkaError(cause.code), 0, len(groups)
        while low < high:
            middle = (low + high) // 2
            _, at = groups[middle][0]
            [refusal] = self.judge({at: unjudged[at]}).values()
            low, high = (middle + 1, high) if refusal is None else (low, middle)
        return {at: error for group in groups[low:] for _, at in group}


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
            raise TrialFailed(_error_of(judged))
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


def _error_of(judged: Judgement) -> KafkaError:
    errors = (error for error in judged.values() if error is not None)
    return next(errors, KafkaError(KafkaError._TIMED_OUT))


def _cause_of(record: KafkaRecord, error: KafkaError) -> Cause:
    is_future = error.code() == KafkaError.INVALID_TIMESTAMP and record[3] > _now_ms()
    return Cause(record[0], error.code(), is_future)


def _badness(record: KafkaRecord, cause: Cause) -> int:
    """Return what grows with how surely Kafka refuses a record for this cause."""
    if cause.code == KafkaError.INVALID_TIMESTAMP:
        return record[3] - _now_ms() if cause.is_future else _now_ms() - record[3]
    return len(record[1] or b"") + len(record[2] or b"")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
