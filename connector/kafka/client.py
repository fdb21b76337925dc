"""Opens librdkafka's clients, and explains why a cluster does not answer.

Calls only time out; why (a wrong password, a closed port) is reported through `error_cb` alone.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException

from connector.errors import Refused
from connector.kafka import error_hints
from connector.telemetry import logs

_Client = TypeVar("_Client")


class _MetadataClient(Protocol):
    """A consumer or an admin client, as far as it lists topics."""

    def list_topics(self, *, timeout: float) -> Any: ...
    def poll(self, timeout: float) -> Any: ...


# Broker errors that pass: it is busy, or a leader or controller moves.
_PASSING = frozenset(
    {
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_CONTROLLER,
        KafkaError.THROTTLING_QUOTA_EXCEEDED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,  # of a topic that was made a moment ago
    }
)


def is_no_answer(error: KafkaError) -> bool:
    """Say whether an admin call had no answer that stands: it may be made again.

    librdkafka's own errors are such, but for a call that the cluster does not have.
    """
    code = error.code()
    return code in _PASSING or (code < 0 and code != KafkaError._UNSUPPORTED_FEATURE)


class ConnectionErrors:
    """What a client has reported of its connections; `note` is its `error_cb`."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def note(self, error: KafkaError) -> None:
        """Keep what librdkafka reports."""
        self._texts.append(error_hints.describe(error))

    @property
    def cause(self) -> str | None:
        """The first report that names a cause: more than that all brokers are down."""
        return next((text for text in self._texts if "ALL_BROKERS_DOWN" not in text), None)

    def explain(self, error: KafkaException | None) -> str:
        """Return the cause, else the first report, else the error's own text; "": not known."""
        if self._texts:
            return self.cause or self._texts[0]
        return "" if error is None else error_hints.describe(error.args[0])


def open_client(
    make: Callable[[dict[str, Any]], _Client],
    conf: Mapping[str, Any],
    on_error: Callable[[KafkaError], None],
) -> _Client:
    """Return a client of confluent_kafka's class; nothing is connected yet.

    Its `poll` calls `on_error` with trouble of a connection.

    Raises:
        Refused: a setting is wrong.
    """
    try:
        return make({**conf, "error_cb": on_error, "logger": logs.librdkafka_logger()})
    except KafkaException as error:
        raise Refused(f"kafka: {error_hints.describe(error.args[0])}") from error


def metadata(client: _MetadataClient, errors: ConnectionErrors, timeout_s: float) -> Any:
    """Return the cluster's metadata: `topics` by name, those we may see; `cluster_id`. Blocks.

    Raises:
        KafkaException: the cluster does not answer; raised as soon as `errors` has the cause.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return client.list_topics(timeout=1.0)
        except KafkaException:
            client.poll(0)  # serves error_cb, which may name the cause
            if errors.cause or time.monotonic() >= deadline:
                raise
