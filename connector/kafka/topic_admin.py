"""Makes sure that topics exist: creates those that are missing where that is allowed."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.codec.schema import MARKERS, PROGRESS
from connector.config.model import TopicSettings
from connector.errors import Refused, Retry
from connector.kafka import error_hints
from connector.kafka.client import ConnectionErrors, list_topics, open_client
from connector.telemetry import events

REQUEST_TIMEOUT_S = 5.0
# Settings of the connector's own topics; `topics.retention` is for data alone.
_OWN_TOPICS: Mapping[str, Mapping[str, str]] = {
    MARKERS: {"retention.ms": str(365 * 86_400_000)},
    PROGRESS: {
        "cleanup.policy": "compact",
        # Read whole at every start: what is not compacted yet must stay small.
        "segment.ms": "300000",
        "segment.bytes": str(64 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.1",
        "delete.retention.ms": "86400000",
    },
}


async def ensure(conf: Mapping[str, Any], settings: TopicSettings, names: Iterable[str]) -> None:
    """Create the topics that do not exist; `names` may repeat.

    Raises:
        Refused: topics are missing and may not be created (all are named), or a setting is wrong.
        Retry: the cluster does not answer; the text has the cause.
    """
    await asyncio.to_thread(_ensure, conf, settings, sorted(set(names)))


def _ensure(conf: Mapping[str, Any], settings: TopicSettings, names: list[str]) -> None:
    errors = ConnectionErrors()
    admin = open_client(AdminClient, conf, errors.note)
    try:
        existing = list_topics(admin, errors, REQUEST_TIMEOUT_S)
        missing = [name for name in names if name not in existing]
        if missing and not settings.create:
            raise Refused(
                f"topics are missing and topics.create is false: {', '.join(missing)};"
                " create them, or set topics.create: true"
            )
        if missing:
            _create(admin, settings, missing)
    except KafkaException as error:
        raise Retry(errors.explain(error)) from error


def _create(admin: AdminClient, settings: TopicSettings, missing: list[str]) -> None:
    created, refused = [], []
    wanted = [_new_topic(name, settings) for name in missing]
    for name, future in admin.create_topics(wanted, operation_timeout=REQUEST_TIMEOUT_S).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                refused.append(f"{name} ({error_hints.describe(error.args[0])})")
    if created:
        events.topics_created(created)
    if refused:
        raise Refused(f"cannot create topics: {'; '.join(refused)}")


def _new_topic(name: str, settings: TopicSettings) -> NewTopic:
    retention = {} if settings.retention is None else {"retention.ms": str(settings.retention)}
    config = dict(_OWN_TOPICS.get(name.rpartition(".")[2], retention))
    replication = settings.replication or -1  # the cluster's default
    return NewTopic(name, settings.partitions, replication, config=config)
