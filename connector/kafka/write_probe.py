"""Tries to write as a market writer does, and takes it back: a transaction that is aborted."""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

from connector.errors import Refused, Retry
from connector.kafka import error_hints
from connector.kafka.client import ConnectionErrors
from connector.kafka.transaction_client import DeadlineExceeded, ProducerLost, TransactionClient

PROBE = b"a probe of `bkc doctor`, in a transaction that was aborted"


def try_transaction(conf: Mapping[str, Any], topic: str | None, timeout_s: float) -> None:
    """Open a transaction, write a record into a topic, and abort. Blocks.

    Readers of committed records never see it; others do.

    Args:
        conf: As `client_config.transactional` makes it, with an id that no writer has: a writer of
            the same id would be fenced.
        topic: Where to; None: into none.
        timeout_s: Of all of it.

    Raises:
        Refused: Kafka does not let us. Retry: it does not answer in time; the text has the cause.
    """
    errors = ConnectionErrors()
    client = TransactionClient(conf, errors.note)
    client.deadline = time.monotonic() + timeout_s
    try:
        client.init()
        client.begin()
        refused = None if topic is None else _written(client, topic)
        client.abort()
    except ProducerLost as error:
        raise Refused(error_hints.describe(error.error)) from error
    except DeadlineExceeded as error:
        cause = client.no_coordinator or errors.cause or _text(client.last_error)
        raise Retry(f"no answer within {timeout_s:.0f} s: {cause}") from error
    if refused is not None:
        raise Refused(f"{topic}: {error_hints.describe(refused)}")


def _written(client: TransactionClient, topic: str) -> KafkaError | None:
    """Write the record; return why it was not stored, None: it was."""
    reports: list[KafkaError | None] = []
    record = topic, PROBE, None, time.time_ns() // 1_000_000, None
    error = client.produce([record], lambda failed, _: reports.append(failed))
    while error is None and not reports:
        client.serve()
    return error or reports[0]


def _text(error: KafkaError | None) -> str:
    return "no cause is known" if error is None else error_hints.describe(error)
