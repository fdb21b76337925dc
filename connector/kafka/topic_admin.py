"""Topics at the start: which are there, create those that are not where we may."""

import asyncio
import time
from collections.abc import Container, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.config.model import Topics
from connector.errors import Refused, Retry
from connector.kafka import error_hints
from connector.telemetry import events

REQUEST_TIMEOUT_S = 5.0
DEAD_LETTER = "dead-letter"
# What becomes of records of our own topics, whatever `topics.retention` says of the data.
OWN: Mapping[str, Mapping[str, str]] = {
    "markers": {"retention.ms": str(365 * 86_400_000)},
    "progress": {
        "cleanup.policy": "compact",
        # Read whole at every start: what is not compacted yet must stay small.
        "segment.ms": "300000",
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.1",
        "delete.retention.ms": "86400000",
    },
}


async def ensure(conf: Mapping[str, Any], settings: Topics, names: Iterable[str]) -> None:
    """See to it that every topic is there.

    Raises:
        Refused: topics are missing and may not be created (all are named), or we may not.
        Retry: the cluster does not answer; the text has the cause librdkafka told.
    """
    await asyncio.to_thread(_ensure, dict(conf), settings, sorted(set(names)))


def _ensure(conf: dict[str, Any], settings: Topics, names: list[str]) -> None:
    causes: list[str] = []

    def note(error: KafkaError) -> None:
        causes.append(error_hints.describe(error))

    told: dict[str, Any] = {"error_cb": note, "logger": events.librdkafka_logger()}
    admin = AdminClient(conf | told)
    try:
        there = _listed(admin, causes)
        missing = [name for name in names if name not in there]
        if missing and not settings.create:
            raise Refused(
                f"topics are missing and topics.create is false: {', '.join(missing)};"
                " create them, or set topics.create: true"
            )
        if missing:
            _create(admin, settings, missing)
    except KafkaException as error:
        raise Retry(
            _cause(causes) or (causes or [error_hints.describe_exception(error)])[0]
        ) from error


def _listed(admin: AdminClient, causes: list[str]) -> Container[str]:
    """Return the topics there are; gives up as soon as the cause of a silence is known."""
    deadline = time.monotonic() + REQUEST_TIMEOUT_S
    while True:
        try:
            return admin.list_topics(timeout=1.0).topics
        except KafkaException:
            admin.poll(0)  # lets error_cb tell the cause
            if _cause(causes) or time.monotonic() >= deadline:
                raise


def _cause(causes: list[str]) -> str | None:
    return next((text for text in causes if "ALL_BROKERS_DOWN" not in text), None)


def _create(admin: AdminClient, settings: Topics, missing: list[str]) -> None:
    data = {} if settings.retention is None else {"retention.ms": str(settings.retention)}
    wanted = [
        NewTopic(
            name,
            settings.partitions,
            settings.replication or -1,
            config=dict(OWN.get(name.rpartition(".")[2], data)),
        )
        for name in missing
    ]
    created, refused = [], []
    for name, future in admin.create_topics(wanted, operation_timeout=REQUEST_TIMEOUT_S).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            refused.append(f"{name} ({error_hints.describe_exception(error)})")
    if created:
        events.topics_created(created)
    if refused:
        raise Refused(f"cannot create topics: {'; '.join(refused)}")
