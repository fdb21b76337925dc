"""Stores one transaction. Blocks: runs in the commit thread of transactional_producer.py.

Waits for as long as Kafka takes. A transaction that Kafka gives up is produced again, whole; one
with a poison record in it is stored without that record (docs/decisions/0010-exactly-once.md).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord
from connector.continuity.stored_state import LastWriter
from connector.errors import Retry
from connector.kafka import error_hints
from connector.kafka.dead_letter import POISON_RECORD
from connector.kafka.poison_search import PoisonRecords, TrialFailed, find_batch_bytes, find_poison
from connector.kafka.transaction_client import ProducerLost, TransactionClient
from connector.kafka.trouble import KafkaTrouble
from connector.telemetry import events

SUCCESSOR_TIMEOUT_S = 5.0  # a later writer has written its first transaction by then
MAX_KEPT_TRANSACTIONS = 3  # stored ones whose records are kept, should Kafka lose them
RETRY_DELAY_S = 0.5  # before a transaction that Kafka gave up is produced again
# A later writer has taken over, or the broker has aborted a transaction that was open too long:
# the same errors for both (Kafka 4.3.1, confluent-kafka 2.16: run 2026-11-25).
FENCED = (
    KafkaError._FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
)
RecordList = list[KafkaRecord]


@dataclass(frozen=True, slots=True)
class WriterLookup:
    """How the committer learns, when a transaction broke, what of this writer is stored."""

    topic: str  # of checkpoints; a transaction without a record there cannot be looked up
    # Takes the number of transactions known to be stored. Blocks; raises Retry.
    last_writer: Callable[[int], LastWriter]


class Committer:
    """Brings transactions to their end; without `lookup` a fenced writer is fenced for good."""

    def __init__(
        self, client: TransactionClient, lookup: WriterLookup | None, health: KafkaTrouble
    ) -> None:
        self._client, self._lookup, self._health = client, lookup, health
        # By number.
        self._kept: deque[tuple[int, RecordList]] = deque(maxlen=MAX_KEPT_TRANSACTIONS)

    def store(
        self, records: RecordList, late: RecordList, commits: int, broken: KafkaError | None = None
    ) -> PoisonRecords:
        """Store the open transaction; return the records that Kafka will never take.

        Args:
            records: What has been produced since it began; `late` is appended.
            late: What belongs to it and is not produced yet.
            commits: This writer's transactions stored so far, as in all methods here.
            broken: Why librdkafka took no more of it; None: it took all of `records`.

        Raises:
            ProducerLost: this writer may not write any more. DeadlineExceeded.
        """
        records.extend(late)
        poison: PoisonRecords = {}
        lost: RecordList = []
        missing = late  # in the open transaction
        self._client.topic_is_missing = lambda: bool(
            self._of_missing_topics(records).keys() - poison.keys()
        )
        while True:
            try:
                error = self._commit(missing, broken)
                if error is None:
                    break
                self._client.abort()
                if error.code() in POISON_RECORD:
                    lost = self._leave_out(records, poison, error, commits)
                else:
                    lost = self._prepare_retry(error, commits)
            except ProducerLost as ended:
                stored = self._reopen(ended, commits)
                if stored > commits:
                    break
                lost = self._lost_transactions(stored, commits)
            poison |= self._of_missing_topics(records)
            missing, broken = [*lost, *_without(records, poison)], None
            self._client.begin()
        self._keep(commits + 1, _without(records, poison))
        return poison

    def _commit(self, missing: RecordList, broken: KafkaError | None) -> KafkaError | None:
        """Produce what is missing and commit; return the error for which it must be aborted."""
        error = broken or self._client.produce(missing)
        if error is not None and error.code() != KafkaError._STATE:
            return error
        # After _STATE, too: the commit's error says why the transaction is broken.
        return self._client.commit() or error

    def _of_missing_topics(self, records: RecordList) -> PoisonRecords:
        """Return the records whose topic does not exist and cannot be created."""
        missing, error = self._health.missing_topics, KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        return {at: error for at, record in enumerate(records) if record[0] in missing}

    def _leave_out(
        self, records: RecordList, poison: PoisonRecords, error: KafkaError, commits: int
    ) -> RecordList:
        """Add the records to `poison` that Kafka refuses; return as `_prepare_retry`.

        If it takes each of them, a batch of them is larger than their topic takes.
        """
        try:
            found = find_poison(self._client, records, poison)
            poison |= found
            if not found and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                self._limit_batches(_without(records, poison), commits)
        except TrialFailed as failed:
            return self._prepare_retry(failed.error, commits)
        return [] if found else self._prepare_retry(error, commits)

    def _limit_batches(self, records: RecordList, commits: int) -> None:
        max_bytes = find_batch_bytes(self._client, records)
        self._check_successor(ProducerLost(KafkaError(KafkaError._FENCED)), commits)
        self._client.limit_batches(max_bytes)
        events.batches_limited(max_bytes)

    def _prepare_retry(self, error: KafkaError, commits: int) -> RecordList:
        """Wait a moment; return the records of earlier transactions that Kafka lost."""
        cause = error_hints.describe(error)
        self._health.report(cause)
        events.transaction_again(cause=cause)
        self._client.wait(RETRY_DELAY_S)
        if not self._kept:
            return []
        return self._lost_transactions(self._last_writer(commits).commits, commits)

    def _reopen(self, ended: ProducerLost, commits: int) -> int:
        """Go on with a new producer unless a later writer exists; return the commits stored.

        Kafka fences a writer whose transaction was open longer than transaction.timeout.ms, too:
        then there is no later writer.

        Raises:
            ProducerLost: a later writer exists, or the error is another.
        """
        if ended.error.code() not in FENCED or self._lookup is None:
            raise ended
        self._check_successor(ended, commits)
        self._client.reopen()
        return self._last_writer(commits).commits

    def _check_successor(self, ended: ProducerLost, commits: int) -> None:
        """Raise `ended` if a later writer exists: a new producer of ours would fence it."""
        if self._lookup is None:
            return
        self._client.wait(SUCCESSOR_TIMEOUT_S)
        if self._last_writer(commits).other:
            raise ended

    def _last_writer(self, commits: int) -> LastWriter:
        """Look up who has written last, until Kafka answers."""
        if self._lookup is None:
            return LastWriter(other=True, commits=0)
        while True:
            try:
                return self._lookup.last_writer(commits)
            except Retry as error:
                self._health.report(str(error))
                self._client.wait(RETRY_DELAY_S)

    def _keep(self, number: int, records: RecordList) -> None:
        """Keep the records of a stored transaction for a while, if it can be looked up."""
        if self._lookup is not None and any(record[0] == self._lookup.topic for record in records):
            self._kept.append((number, records))

    def _lost_transactions(self, found: int, commits: int) -> RecordList:
        """Return the records of transactions whose commit Kafka confirmed and then lost.

        A broker that goes down may have answered a commit and not have written its end into the
        partitions; the abort of the next transaction takes it away (Kafka 4.3.1, one broker, killed
        in the middle of its shutdown: `make chaos`, run 2026-11-25). `found`: number of this
        writer's last transaction that is in the checkpoint topic.
        """
        lost = [(number, records) for number, records in self._kept if found < number <= commits]
        if lost:
            events.transactions_lost(numbers=[number for number, _ in lost])
        return [record for _, records in lost for record in records]


def _without(records: RecordList, poison: PoisonRecords) -> RecordList:
    return [record for at, record in enumerate(records) if at not in poison]
