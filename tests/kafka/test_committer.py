"""How a transaction comes to its end, with a client whose commits the test decides."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError

from connector.codec.framing import KafkaRecord
from connector.continuity.stored_state import LastWriter
from connector.errors import Retry
from connector.kafka.committer import Committer, WriterLookup
from connector.kafka.transaction_client import (
    DeliveryReport,
    ProducerLost,
    TransactionClient,
)
from connector.kafka.trouble import KafkaTrouble

BAD = KafkaError(KafkaError.INVALID_TIMESTAMP)
ABORTED = KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE)
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
PURGED = KafkaError(KafkaError._PURGE_QUEUE)
STATE = KafkaError(KafkaError._STATE)
FENCED = ProducerLost(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH))


def records(*values: bytes) -> list[KafkaRecord]:
    return [("progress", value, b"key", 1, None) for value in values]


class GivenClient(TransactionClient):
    """A client that stores what is committed, unless the test has another outcome for a commit.

    Attributes:
        stored: Values of each committed transaction.
        outcomes: Of the next commits, in order: an error to abort for, or the producer's end.
        trial_errors: Of the next records of a trial, in order: why they are not judged.
        topic_max_bytes: Larger batches are refused; a batch has all that fits `batch_bytes`.
    """

    def __init__(self, *outcomes: KafkaError | ProducerLost) -> None:
        self.stored: list[list[bytes]] = []
        self.outcomes = list(outcomes)
        self.trial_errors: list[KafkaError] = []
        self.topic_max_bytes = self.batch_bytes = 1_000_000
        self.reopened = 0
        self._open: list[bytes] = []
        self.topic_is_missing: Callable[[], bool] = bool
        self.producer: list[object] = []  # type: ignore[assignment]  # nothing is in flight

    def begin(self) -> None:
        self._open, self._failed = [], False

    def produce(
        self, records: Iterable[KafkaRecord], on_delivery: DeliveryReport | None = None
    ) -> KafkaError | None:
        self._open += [value or b"" for _, value, *_ in records]
        if on_delivery is not None and not self._failed:  # else purged, without a report
            error = self.trial_errors.pop(0) if self.trial_errors else self._refusal()
            self._failed = error is not None
            on_delivery(error, None)
        return None

    def _refusal(self) -> KafkaError | None:
        if any(value.startswith(b"bad") for value in self._open):
            return BAD
        sizes = [len(value) for value in self._open]
        largest = max([min(sum(sizes), self.batch_bytes), *sizes])
        return TOO_LARGE if largest > self.topic_max_bytes else None

    def open_trial(self, settings: Mapping[str, Any]) -> "GivenClient":
        trial = GivenClient()
        trial.trial_errors, trial.topic_max_bytes = self.trial_errors, self.topic_max_bytes
        trial.batch_bytes = settings.get("batch.size", 0)
        return trial

    def limit_batches(self, max_bytes: int) -> None:
        self.batch_bytes = max_bytes

    def commit(self) -> KafkaError | None:
        if self.topic_is_missing():
            return PURGED
        if (error := self._refusal()) is not None:
            return error
        if self.outcomes:
            outcome = self.outcomes.pop(0)
            if isinstance(outcome, ProducerLost):
                raise outcome
            return outcome
        self.stored.append(self._open)
        return None

    def abort(self) -> None:
        self._open = []

    def reopen(self) -> None:
        self.reopened += 1

    def wait(self, seconds: float) -> None:
        del seconds


def store(committer: Committer, client: GivenClient, data: bytes, commits: int) -> list[int]:
    """Store one record of data and one of progress; return the positions of poison records."""
    client.begin()
    produced = records(data)
    client.produce(produced)
    return list(committer.store(produced, records(b"progress"), commits))


def found(commits: int, *, other: bool = False) -> WriterLookup:
    return WriterLookup("progress", lambda _: LastWriter(other=other, commits=commits))


def test_data_and_late_records_are_one_transaction() -> None:
    client = GivenClient()

    assert store(Committer(client, None, KafkaTrouble()), client, b"data", 0) == []
    assert client.stored == [[b"data", b"progress"]]


def test_a_transaction_that_kafka_gave_up_is_produced_again_whole() -> None:
    client = GivenClient(ABORTED, ABORTED)

    assert store(Committer(client, None, KafkaTrouble()), client, b"data", 0) == []
    assert client.stored == [[b"data", b"progress"]]


def test_poison_records_are_left_out_and_the_others_keep_their_order() -> None:
    client = GivenClient()
    produced = records(b"a", b"bad 1", b"b", b"c", b"bad 2", b"d")
    client.begin()
    client.produce(produced)

    poison = Committer(client, None, KafkaTrouble()).store(produced, records(b"progress"), 0)

    assert sorted(poison) == [1, 4]
    assert client.stored == [[b"a", b"b", b"c", b"d", b"progress"]]


def test_a_trial_that_kafka_did_not_judge_is_made_again() -> None:
    client = GivenClient()
    client.trial_errors = [PURGED]
    produced = records(b"a", b"bad", b"b")
    client.begin()
    client.produce(produced)

    poison = Committer(client, None, KafkaTrouble()).store(produced, records(b"progress"), 0)

    assert list(poison) == [1]
    assert client.stored == [[b"a", b"b", b"progress"]]


def test_records_that_are_too_large_together_alone_are_stored_in_smaller_batches() -> None:
    client = GivenClient()
    client.topic_max_bytes = 30
    produced = records(*[b"ten bytes." for _ in range(20)])
    client.begin()
    client.produce(produced)

    poison = Committer(client, found(0), KafkaTrouble()).store(produced, records(b"progress"), 0)

    assert poison == {}
    assert client.batch_bytes <= 30
    assert [len(values) for values in client.stored] == [21]


def test_a_writer_with_a_successor_does_not_fence_it_for_smaller_batches() -> None:
    client = GivenClient()
    client.topic_max_bytes = 30
    produced = records(*[b"ten bytes." for _ in range(20)])
    client.begin()
    client.produce(produced)
    committer = Committer(client, found(0, other=True), KafkaTrouble())

    with pytest.raises(ProducerLost):
        committer.store(produced, records(b"progress"), 0)

    assert client.batch_bytes == 1_000_000


def test_a_transaction_that_kafka_lost_is_produced_again_before_the_next() -> None:
    client = GivenClient()
    committer = Committer(client, found(1), KafkaTrouble())
    for number in range(3):
        store(committer, client, b"%d" % (number + 1), number)
    client.outcomes = [ABORTED]

    store(committer, client, b"4", 3)

    assert client.stored[-1] == [b"2", b"progress", b"3", b"progress", b"4", b"progress"]


def test_a_fenced_writer_without_a_successor_goes_on_with_a_new_producer() -> None:
    client = GivenClient(FENCED)

    assert store(Committer(client, found(0), KafkaTrouble()), client, b"data", 0) == []
    assert (client.reopened, client.stored) == (1, [[b"data", b"progress"]])


def test_a_transaction_that_was_stored_before_the_writer_was_fenced_is_not_stored_twice() -> None:
    client = GivenClient(FENCED)

    assert store(Committer(client, found(1), KafkaTrouble()), client, b"data", 0) == []
    assert client.stored == []


def test_a_writer_with_a_successor_ends() -> None:
    client = GivenClient(FENCED)

    with pytest.raises(ProducerLost):
        store(Committer(client, found(0, other=True), KafkaTrouble()), client, b"data", 0)

    assert (client.reopened, client.stored) == (0, [])


def test_after_a_broken_transaction_the_new_producer_gets_every_record() -> None:
    client = GivenClient(FENCED)
    client.begin()
    produced = records(b"data")

    Committer(client, found(0), KafkaTrouble()).store(produced, records(b"progress"), 0, STATE)

    assert client.stored == [[b"data", b"progress"]]


def test_a_lookup_is_repeated_until_kafka_answers() -> None:
    client, calls = GivenClient(FENCED), []

    def answer_the_third_time(commits: int) -> LastWriter:
        calls.append(commits)
        if len(calls) < 3:
            raise Retry("no answer")
        return LastWriter(other=False, commits=0)

    lookup = WriterLookup("progress", answer_the_third_time)

    assert store(Committer(client, lookup, KafkaTrouble()), client, b"data", 0) == []
    assert len(client.stored) == 1


def test_why_a_transaction_is_produced_again_is_trouble_of_the_producer() -> None:
    health = KafkaTrouble()
    client = GivenClient(ABORTED)

    store(Committer(client, None, health), client, b"data", 0)

    assert health.cause(0.0, None) == "COORDINATOR_NOT_AVAILABLE: Broker: Coordinator not available"


def with_missing_topic() -> KafkaTrouble:
    health = KafkaTrouble()
    health.set_missing({"gone": "create it"})
    return health


def test_records_of_a_topic_that_does_not_exist_are_left_out_and_the_others_are_stored() -> None:
    client = GivenClient()
    client.begin()
    produced: list[KafkaRecord] = [("gone", b"a", b"key", 1, None), *records(b"b")]
    client.produce(produced)

    left_out = Committer(client, found(0), with_missing_topic()).store(
        produced, records(b"progress"), 0
    )

    assert {at: error.code() for at, error in left_out.items()} == {
        0: KafkaError.UNKNOWN_TOPIC_OR_PART
    }
    assert client.stored == [[b"b", b"progress"]]


def test_a_transaction_without_records_of_the_missing_topic_is_stored_at_once() -> None:
    client = GivenClient()

    assert store(Committer(client, found(0), with_missing_topic()), client, b"data", 0) == []
    assert client.stored == [[b"data", b"progress"]]
