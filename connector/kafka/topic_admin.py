"""Makes sure that topics exist and are what the connector depends on.

Missing ones are created where that is allowed; all are described, and judged by topic_settings.py.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from connector.config.sections import KafkaSettings, TopicSettings
from connector.errors import Fatal, Refused, Retry
from connector.kafka import client_config, error_hints
from connector.kafka.client import ConnectionErrors, is_no_answer, metadata, open_client
from connector.kafka.tls_probe import certificate_problem
from connector.kafka.topic_settings import (
    DescribedTopic,
    TopicReport,
    TopicRole,
    grant,
    judge,
    settings_of_new,
)
from connector.telemetry import events

REQUEST_TIMEOUT_S = 5.0
MISSING = "it does not exist any more: create it, or set topics.create: true"
RETRY_DELAY_S = 0.1  # until every broker knows a new topic
_EMBEDDED = "mockCluster"  # begins the cluster id of the lab's embedded broker: no admin API
Roles = Mapping[str, TopicRole]  # by topic
_DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED


@dataclass(frozen=True, slots=True)
class InspectedTopics:
    """What was found.

    Attributes:
        missing: Topics that do not exist, or that our principal may not see.
        report: What is wrong with the others.
    """

    missing: tuple[str, ...]
    report: TopicReport


async def ensure(kafka: KafkaSettings, settings: TopicSettings, roles: Roles) -> tuple[str, ...]:
    """Create the topics that do not exist, compare all with what is needed, return warnings.

    Raises:
        Refused: topics are missing and may not be created (all are named), or have settings with
            which data is lost; or a setting of ours is wrong.
        Fatal: our principal lacks rights; the text has the commands that grant them.
        Retry: the cluster does not answer; the text has the cause.
    """
    report = await asyncio.to_thread(_ensure, kafka, settings, roles)
    if report.forbidden:
        raise Fatal(f"Kafka: {'; '.join(report.forbidden)}")
    if report.refused:
        raise Refused("\n".join(report.refused))
    return report.warnings


async def restore(kafka: KafkaSettings, settings: TopicSettings, roles: Roles) -> dict[str, str]:
    """Create topics that existed before and do not exist any more, where that is allowed.

    Returns the topics that are still missing -> why, with the cure. Raises Retry as `ensure`.
    """
    return await asyncio.to_thread(_restore, kafka, settings, roles)


def _restore(kafka: KafkaSettings, settings: TopicSettings, roles: Roles) -> dict[str, str]:
    with _Admin(kafka).answering() as admin:
        missing = admin.missing(roles)
        if not settings.create:
            return dict.fromkeys(missing, MISSING)
        try:
            if missing:
                admin.create(settings, {name: roles[name] for name in missing})
        except (Refused, Fatal) as error:
            return dict.fromkeys(admin.missing(roles), str(error))
        return {}


def inspect(kafka: KafkaSettings, roles: Roles) -> InspectedTopics:
    """Compare the topics that exist; create nothing. Blocks. Raises Refused and Retry as `ensure`.

    Password files are read.
    """
    with _Admin(kafka).answering() as admin:
        missing = admin.missing(roles)
        existing = {name: role for name, role in roles.items() if name not in missing}
        return InspectedTopics(tuple(missing), admin.judge(existing))


def try_create(kafka: KafkaSettings, settings: TopicSettings, roles: Roles) -> None:
    """Have the cluster say whether it would create these topics as we do; creates none. Blocks.

    Raises:
        Refused, Fatal: it would not; the text has the cure. Retry as `ensure`.
    """
    with _Admin(kafka).answering() as admin:
        admin.create(settings, {name: roles[name] for name in admin.missing(roles)}, trial=True)


def _ensure(kafka: KafkaSettings, settings: TopicSettings, roles: Roles) -> TopicReport:
    with _Admin(kafka).answering() as admin:
        missing = admin.missing(roles)
        if missing and not settings.create:
            raise Refused(
                f"topics are missing and topics.create is false: {', '.join(missing)};"
                " create them, set topics.create: true, or let the principal see them:"
                f" {grant('DESCRIBE', missing, kafka)}"
            )
        if missing:
            admin.create(settings, {name: roles[name] for name in missing})
        return admin.judge(roles)


class _Admin:
    """An admin client, whose every call raises KafkaException if the cluster does not answer."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._errors = ConnectionErrors()
        conf: dict[str, Any] = client_config.client(kafka)
        self._client = open_client(AdminClient, conf, self._errors.note)
        self._describes = True

    @contextmanager
    def answering(self) -> Iterator["_Admin"]:
        """Raise Retry with the cause where the cluster does not answer."""
        try:
            yield self
        except KafkaException as error:
            self._client.poll(0)  # serves error_cb, which may name the cause
            cause = self._errors.explain(error)
            if "certificate verify failed" in cause:
                cause = certificate_problem(self._kafka) or cause
            raise Retry(f"Kafka: {cause}") from error

    def missing(self, roles: Roles) -> list[str]:
        """Return the topics that do not exist, in order."""
        found = metadata(self._client, self._errors, REQUEST_TIMEOUT_S)
        self._describes = not str(found.cluster_id).startswith(_EMBEDDED)
        return sorted(name for name in roles if name not in found.topics)

    def create(self, settings: TopicSettings, roles: Roles, *, trial: bool = False) -> None:
        """Create topics; raises Refused or Fatal if the cluster does not let us.

        `trial`: it only says whether it would; one without an admin API is not asked.
        """
        wanted = [_new_topic(name, role, settings) for name, role in roles.items()]
        if trial and not (wanted and self._describes):
            return
        made = self._client.create_topics(
            wanted,
            operation_timeout=REQUEST_TIMEOUT_S,
            request_timeout=REQUEST_TIMEOUT_S,
            validate_only=trial,
        )
        errors = {name: error for name, future in made.items() if (error := _error_of(future))}
        created = [] if trial else [name for name in made if name not in errors]
        if created:
            events.topics_created(created)
        codes = {name: error.code() for name, error in errors.items()}
        denied = [name for name, code in codes.items() if code == _DENIED]
        if denied:
            cure = grant("CREATE", denied, self._kafka)
            names = ", ".join(denied)
            raise Fatal(f"Kafka: no CREATE on {names}; cure: {cure}, or create them beforehand")
        exists = KafkaError.TOPIC_ALREADY_EXISTS
        refused = [name for name, code in codes.items() if code != exists]
        if refused:
            by_cause: dict[str, list[str]] = {}
            for name in refused:
                by_cause.setdefault(error_hints.describe(errors[name]), []).append(name)
            texts = (f"{', '.join(names)} ({cause})" for cause, names in by_cause.items())
            raise Refused(f"cannot create topics: {'; '.join(texts)}")

    def judge(self, roles: Roles) -> TopicReport:
        """Return what is wrong with topics that exist, or were created a moment ago."""
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while self._describes and roles:
            try:
                return self._judge(roles)
            except KafkaException as error:
                unknown = error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
                if not unknown or time.monotonic() >= deadline:
                    raise
            self._client.poll(RETRY_DELAY_S)  # it only waits
        return judge([], self._kafka)

    def _judge(self, roles: Roles) -> TopicReport:
        settings, unread = self._settings(list(roles))
        topics = [
            DescribedTopic(name, roles[name], settings.get(name, {}), *shape)
            for name, shape in self._shapes(list(roles)).items()
        ]
        report = judge(topics, self._kafka)
        if not unread:
            return report
        cause = next(iter(unread.values()))
        cure = f"no DESCRIBE_CONFIGS; {grant('DESCRIBE_CONFIGS', unread, self._kafka)}"
        why = cure if cause.code() == _DENIED else error_hints.describe(cause)
        text = f"settings of {len(unread)} topics are not compared: {why}"
        return TopicReport(report.refused, (*report.warnings, text), report.forbidden)

    def _settings(
        self, names: Sequence[str]
    ) -> tuple[dict[str, dict[str, str]], dict[str, KafkaError]]:
        """Return the settings by topic, and why those of the other topics cannot be read."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        unread: dict[str, KafkaError] = {}
        described = self._client.describe_configs(resources, request_timeout=REQUEST_TIMEOUT_S)
        for resource, future in described.items():
            try:
                entries = future.result()
            except KafkaException as error:
                if is_no_answer(error.args[0]):
                    raise
                unread[resource.name] = error.args[0]
            else:
                values = {key: entry.value for key, entry in entries.items()}
                found[resource.name] = {key: text for key, text in values.items() if text}
        return found, unread

    def _shapes(self, names: Sequence[str]) -> dict[str, tuple[int, frozenset[str]]]:
        """Return replicas and our rights, by topic."""
        described = self._client.describe_topics(
            TopicCollection(list(names)),
            include_authorized_operations=True,
            request_timeout=REQUEST_TIMEOUT_S,
        )
        shapes: dict[str, tuple[int, frozenset[str]]] = {}
        for name, future in described.items():
            try:
                topic = future.result()
            except KafkaException as error:
                if is_no_answer(error.args[0]):
                    raise
                shapes[name] = 0, frozenset()  # not known
                continue
            replicas = min((len(part.replicas) for part in topic.partitions), default=0)
            rights = frozenset(right.name for right in topic.authorized_operations or ())
            shapes[name] = replicas, rights
        return shapes


def _new_topic(name: str, role: TopicRole, settings: TopicSettings) -> NewTopic:
    config, replicas = settings_of_new(role, settings.retention), settings.replication or -1
    return NewTopic(name, settings.partitions, replicas, config=config)  # -1: the cluster's own


def _error_of(future: "Future[None]") -> KafkaError | None:
    """Return why a topic was not created; raises KafkaException if the cluster did not answer."""
    try:
        future.result()
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if is_no_answer(cause):
            raise
        return cause
    return None
