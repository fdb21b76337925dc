"""Stores one transaction; blocks: runs in a thread of transactional_producer.py.

Waits for as long as Kafka takes; a transaction that Kafka gives up is produced again whole; one
with a record in it that Kafka will never take is stored without that record.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as Client

from connector.errors import Refused, Retry
from connector.kafka import error_hints
from connector.kafka.dead_letter import POISON_RECORD, Record
from connector.telemetry import events

CALL_TIMEOUT_S = 1.0  # one blocking call of librdkafka; then we look whether to go on
SUCCESSOR_TIMEOUT_S = 5.0  # a later writer writes its first transaction at once: by then it has
MAX_KEPT_TRANSACTIONS = 3  # stored transactions whose records are kept a while
RETRY_DELAY_S = 0.5  # between two tries of a transaction that Kafka gave up
# A newer writer has taken over, or the broker has aborted a transaction that was open too long:
# the same words for both (Kafka 4.3.1, confluent-kafka 2.16: run 2026-11-25).
FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.INVALID_TXN_STATE,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    }
)
PoisonRecords = dict[int, KafkaError]  # position in the transaction -> why Kafka will not take it


class DeadlineExceeded(Exception):
    """The deadline of the end has passed before Kafka answered."""


class ProducerLost(Exception):
    """librdkafka's producer is of no use any more: fenced, or another fatal error."""

    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.error = error


@dataclass(frozen=True, slots=True)
class LastWriter:
    """What the progress topic says of the writers of this shard.

    Attributes:
        other: A writer that began later than we did has written.
        commits: Number of our last transaction that is stored.
    """

    other: bool
    commits: int


class Committer:
    """The transactional client, and how a transaction of it is brought to its end.

    Attributes:
        client: librdkafka's producer; replaced when Kafka fenced us though nobody newer exists.
        newest: Asked when a transaction broke: who has written last.
        progress_topic: Topic from whose records `newest` knows which transactions are stored.
        give_up_at: Monotonic seconds after which waiting ends; None: never.
        trouble: What Kafka last complained of.
        again: Transactions produced again.
    """

    def __init__(self, conf: Mapping[str, Any], on_error: Callable[[KafkaError], None]) -> None:
        self._conf = {**conf, "error_cb": on_error, "logger": events.librdkafka_logger()}
        self.newest: Callable[[], LastWriter] = lambda: LastWriter(other=True, commits=0)
        self.progress_topic = ""
        self._kept: deque[tuple[int, list[Record]]] = deque(
            maxlen=MAX_KEPT_TRANSACTIONS
        )  # by number
        self.give_up_at: float | None = None
        self.trouble: str | None = None
        self.again = 0
        self.client = self._new_client()

    def _new_client(self) -> Client:
        try:
            return Client(self._conf)
        except KafkaException as error:
            raise Refused(f"kafka: {error_hints.describe_exception(error)}") from error

    def start(self) -> None:
        """Take over from whoever wrote before under our transactional id.

        Raises:
            Broken: Kafka does not let us.
        """
        self._until_done(self.client.init_transactions)

    def write(self, records: list[Record], commits: int) -> None:
        """Store some records in a transaction of their own.

        Raises:
            Broken: Kafka does not let us. GaveUp: the deadline of the end came first.
        """
        self.client.begin_transaction()
        self.store([], records, commits)

    def store(
        self,
        records: list[Record],
        late: list[Record],
        commits: int,
        broken: KafkaError | None = None,
    ) -> PoisonRecords:
        """Store a transaction; return the records that Kafka will not take.

        Args:
            records: What has been produced since it began; `late` is appended.
            late: What also belongs to it.
            commits: Our transactions stored so far.
            broken: Why librdkafka took no more of it, if it did not.

        Raises:
            GaveUp: the deadline of the end came first. Broken: we may not write any more.
        """
        records.extend(late)
        culprits: PoisonRecords = {}
        lost: list[Record] = []
        missing = late  # of the open transaction: the rest has been handed over already
        while True:
            try:
                error = self._attempt(missing, broken)
                if error is None:
                    break
                broken = None
                self._until_done(self.client.abort_transaction)
                if error.code() in POISON_RECORD:
                    culprits |= self._find_poison_records(records, culprits)
                else:
                    self._again(error)
                    lost = (
                        self._lost_transactions(self._ask().commits, commits) if self._kept else []
                    )
            except ProducerLost as ended:
                stored = self._reopen(ended)
                if stored > commits:
                    break
                lost = self._lost_transactions(stored, commits)
            missing = [*lost, *_without(records, culprits)]
            self.client.begin_transaction()
        self._keep(commits + 1, _without(records, culprits))
        return culprits

    def _keep(self, number: int, records: list[Record]) -> None:
        """Keep what is stored until a later transaction is, too, where it could be found lost."""
        if any(topic == self.progress_topic for topic, *_ in records):
            self._kept.append((number, records))

    def _lost_transactions(self, found: int, commits: int) -> list[Record]:
        """Return the records of transactions that were stored, as Kafka said, and are not there.

        A broker that goes down may have answered a commit and not have written its end into the
        partitions; the abort of the next transaction takes it away (Kafka 4.3.1, one broker, killed
        in the middle of its shutdown: `make chaos`, run 2026-11-25).

        Args:
            found: Number of our last transaction that is in the topic.
            commits: Our transactions stored so far.
        """
        gone = [(number, records) for number, records in self._kept if found < number <= commits]
        if gone:
            events.transactions_lost(numbers=[number for number, _ in gone])
        return [one for _, records in gone for one in records]

    def _attempt(self, records: Iterable[Record], broken: KafkaError | None) -> KafkaError | None:
        """Hand over the records and commit; return the error of a transaction to be aborted.

        Raises:
            Broken, GaveUp.
        """
        error = broken or self._produce_all(records)
        if error is not None and error.code() != KafkaError._STATE:
            return error
        try:  # after _STATE, too: commit tells why the transaction is broken
            self._until_done(self.client.commit_transaction)
        except KafkaException as refused:
            return refused.args[0]  # type: ignore[no-any-return]
        return error

    def _produce_all(
        self, records: Iterable[Record], on_delivery: Callable[..., None] | None = None
    ) -> KafkaError | None:
        """Hand records to librdkafka; return its error when it takes no more."""
        more: dict[str, Any] = {} if on_delivery is None else {"on_delivery": on_delivery}
        for topic, value, key, timestamp, headers in records:
            while True:
                try:
                    self.client.produce(
                        topic, value, key, timestamp=timestamp, headers=headers or [], **more
                    )
                    break
                except BufferError:
                    self._serve()
                except KafkaException as error:
                    return error.args[0]  # type: ignore[no-any-return]
        return None

    def _until_done(self, call: Callable[[float], None]) -> None:
        """Repeat one of librdkafka's calls for as long as it only takes time.

        Raises:
            KafkaException: the transaction must be aborted. Broken: fatal. GaveUp.
        """
        while True:
            try:
                return call(CALL_TIMEOUT_S)
            except KafkaException as error:
                known: KafkaError = error.args[0]
                if known.txn_requires_abort():
                    raise
                if not known.retriable():
                    raise ProducerLost(known) from error
            self._check_deadline()

    def _serve(self) -> None:
        try:
            self.client.poll(0.05)
        except KafkaException as error:
            raise ProducerLost(error.args[0]) from error
        self._check_deadline()

    def _check_deadline(self) -> None:
        if self.give_up_at is not None and time.monotonic() >= self.give_up_at:
            raise DeadlineExceeded

    def _again(self, error: KafkaError) -> None:
        """Say why a transaction is produced again, and wait a moment."""
        self.again += 1
        self.trouble = error_hints.describe(error)
        events.transaction_again(cause=self.trouble)
        self._wait(RETRY_DELAY_S)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._check_deadline()
            time.sleep(0.05)  # noqa: TID251 - the thread's own time

    def _reopen(self, broken: ProducerLost) -> int:
        """Begin anew after a fatal error, unless somebody newer writes; say what is stored.

        Kafka fences a writer whose transaction was open longer than transaction.timeout.ms, too:
        then nobody newer exists, and we go on.

        Raises:
            Broken: a newer writer exists, or there is no going on.
        """
        if broken.error.code() not in FENCED:
            raise broken
        self._wait(SUCCESSOR_TIMEOUT_S)
        if self._ask().other:
            raise broken
        self.client = self._new_client()
        self._until_done(self.client.init_transactions)
        return self._ask().commits

    def _ask(self) -> LastWriter:
        """Ask who has written last, until Kafka answers."""
        while True:
            try:
                return self.newest()
            except Retry as error:
                self.trouble = str(error)
            self._wait(RETRY_DELAY_S)

    def _find_poison_records(self, records: list[Record], known: PoisonRecords) -> PoisonRecords:
        """Return which records Kafka refuses, by trial transactions that are never committed."""
        open_ones = [(at, one) for at, one in enumerate(records) if at not in known]
        found: PoisonRecords = {}
        halves = [open_ones]
        while halves:
            part = halves.pop()
            refused = self._try(part)
            if refused is None:
                continue
            if len(part) == 1:
                found[part[0][0]] = refused
            else:
                middle = len(part) // 2
                halves += [part[middle:], part[:middle]]
        return found

    def _try(self, part: list[tuple[int, Record]]) -> KafkaError | None:
        """Produce some records in a transaction that is then aborted; return why one is refused."""
        errors: list[KafkaError] = []

        def note(error: KafkaError | None, _message: object) -> None:
            if error is not None and error.code() in POISON_RECORD:
                errors.append(error)

        self.client.begin_transaction()
        refused = self._produce_all((one for _, one in part), note)
        if refused is not None and refused.code() in POISON_RECORD:
            errors.append(refused)
        while len(self.client) and not errors:
            self._serve()
        self._until_done(self.client.abort_transaction)
        return errors[0] if errors else None


def _without(records: list[Record], culprits: PoisonRecords) -> list[Record]:
    return [one for at, one in enumerate(records) if at not in culprits]
