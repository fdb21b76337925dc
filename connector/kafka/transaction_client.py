"""librdkafka's transactional producer, with calls that wait for as long as Kafka takes. Blocks.

The waiting calls run in the commit thread of transactional_producer.py; its deadline ends them all.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as Client

from connector.codec.framing import KafkaRecord
from connector.kafka.client import open_client
from connector.kafka.transaction_log import TRANSACTION_LOG, LogPartition, why_no_coordinator

POLL_S = 0.05
DeliveryReport = Callable[[KafkaError | None, object], None]


class DeadlineExceeded(Exception):
    """The deadline has passed before Kafka answered."""


class ProducerLost(Exception):
    """librdkafka's producer is of no use any more: fenced, or another fatal error."""

    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.error = error


class TransactionClient:
    """A transactional producer of librdkafka.

    Every method that waits raises DeadlineExceeded, and all of those but `wait` ProducerLost.
    """

    CALL_TIMEOUT_S = 1.0  # of one call of librdkafka; between two the deadline is checked

    def __init__(
        self,
        conf: Mapping[str, Any],
        on_error: Callable[[KafkaError], None],
        parent: "TransactionClient | None" = None,
    ) -> None:
        self._parent = parent  # whose deadline holds for this one
        self._conf, self._on_error = dict(conf), on_error
        # Whether a topic of the transaction that is being committed does not exist.
        self.topic_is_missing: Callable[[], bool] = bool
        self.deadline: float | None = None  # of all waiting, in monotonic seconds; None: no end
        self.last_error: KafkaError | None = None  # for which the call under way is repeated
        self.no_coordinator: str | None = None  # why `init` waits, as far as the cluster shows it
        self.producer = open_client(Client, conf, on_error)  # `reopen` replaces it

    def init(self) -> None:
        """Fence every earlier producer with our transactional.id."""
        self._until_done(self._init_once)
        self.no_coordinator = None

    def _init_once(self, timeout_s: float) -> None:
        try:
            self.producer.init_transactions(timeout_s)
        except KafkaException as error:
            if error.args[0].code() == KafkaError._TIMED_OUT:
                self.no_coordinator = self._why_no_coordinator(timeout_s)
            raise

    def _why_no_coordinator(self, timeout_s: float) -> str | None:
        """Return what the cluster shows of its transaction log; None: it shows nothing."""
        try:
            found = self.producer.list_topics(timeout=timeout_s)
        except KafkaException:
            return None  # no broker answers: error_cb says why
        log = found.topics.get(TRANSACTION_LOG)
        partitions = log and [
            LogPartition(part.leader, len(part.replicas), len(part.isrs))
            for part in log.partitions.values()
        ]
        return why_no_coordinator(len(found.brokers), partitions)

    def reopen(self) -> None:
        """Replace the producer by a new one and `init` it."""
        self.producer = open_client(Client, self._conf, self._on_error)
        self.init()

    def limit_batches(self, max_bytes: int) -> None:
        """Have no batch of several records be larger; the producer is replaced as by `reopen`."""
        self._conf["batch.size"] = max(1, max_bytes)
        self.reopen()

    def open_trial(self, settings: Mapping[str, Any]) -> "TransactionClient":
        """Return a producer beside this one, ready, whose transactional.id ends in `.trial`.

        It fences the one opened before. Its waits end with the deadline of this one.
        """
        own = {"transactional.id": f"{self._conf['transactional.id']}.trial"}
        trial = TransactionClient({**self._conf, **settings, **own}, self._on_error, self)
        trial.init()
        return trial

    def begin(self) -> None:
        """Begin a transaction; a local call."""
        self.producer.begin_transaction()

    def produce(
        self, records: Iterable[KafkaRecord], on_delivery: DeliveryReport | None = None
    ) -> KafkaError | None:
        """Produce records in order; return librdkafka's error when it takes no more of them."""
        more: dict[str, Any] = {} if on_delivery is None else {"on_delivery": on_delivery}
        for topic, value, key, timestamp_ms, headers in records:
            while True:
                try:
                    self.producer.produce(
                        topic, value, key, timestamp=timestamp_ms, headers=headers or [], **more
                    )
                    break
                except BufferError:
                    self.serve()
                except KafkaException as error:
                    return cast("KafkaError", error.args[0])
        return None

    def commit(self) -> KafkaError | None:
        """Commit; return the error for which the transaction must be aborted, None: stored."""
        try:
            self._until_done(self.producer.commit_transaction)
        except KafkaException as error:
            return cast("KafkaError", error.args[0])
        return None

    def abort(self) -> None:
        """Abort the transaction."""
        self._until_done(self.producer.abort_transaction)

    def serve(self) -> None:
        """Serve delivery reports for a moment."""
        try:
            self.producer.poll(POLL_S)
        except KafkaException as error:
            raise ProducerLost(error.args[0]) from error
        self._check_deadline()

    def wait(self, seconds: float) -> None:
        """Wait."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._check_deadline()
            time.sleep(POLL_S)  # noqa: TID251 - the thread's own time

    def _until_done(self, call: Callable[[float], None]) -> None:
        """Repeat a call while its error is retriable; KafkaException: abort the transaction."""
        self.last_error = None
        while True:
            try:
                return call(self.CALL_TIMEOUT_S)
            except KafkaException as error:
                cause = error.args[0]
                if cause.txn_requires_abort():
                    raise
                if not cause.retriable():
                    raise ProducerLost(cause) from error
                self.last_error = cause
                if self.topic_is_missing():  # it would wait for ever: now it must be aborted
                    self.producer.purge()
            self.serve()  # error_cb may know more

    def _check_deadline(self) -> None:
        deadline = (self._parent or self).deadline
        if deadline is not None and time.monotonic() >= deadline:
            raise DeadlineExceeded
