"""What the connector depends on in the settings of its topics, and in its rights on them.

Decides from what Kafka describes (topic_admin.py); asks nobody.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connector.codec.framing import MAX_BROKER_AHEAD_MS
from connector.config.sections import KafkaSettings

# progress: what is read at every start, checkpoints too.
TopicRole = Literal["data", "marker", "progress", "dead_letter"]
YEAR_MS = 365 * 86_400_000
# librdkafka's largest batch (batch.size, message.max.bytes): what a topic must take.
BATCH_BYTES = 1_000_000
BROKER_DEFAULT_AHEAD_MS = "3600000"  # message.timestamp.after.max.ms of Kafka 3.6 and later
# What we say ourselves of a topic that we create; a cluster's default may be another.
_ALWAYS = {"message.timestamp.type": "CreateTime"}
_DELETE: Mapping[str, str] = {"cleanup.policy": "delete", **_ALWAYS}
_COMPACT: Mapping[str, str] = {
    "cleanup.policy": "compact",
    # Read whole at every start: what is not compacted yet must stay small.
    "segment.ms": "300000",
    "segment.bytes": str(64 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": "86400000",
    **_ALWAYS,
}
# Operations in Kafka's words; each of them implies Describe.
RIGHTS: Mapping[TopicRole, tuple[str, ...]] = {
    "data": ("WRITE",),
    "marker": ("READ", "WRITE"),
    "progress": ("READ", "WRITE"),
    "dead_letter": ("WRITE",),
}


def topic_roles(
    data: Iterable[str], own: Mapping[str, str], dead_letter: str
) -> dict[str, TopicRole]:
    """Return the role of each topic.

    Args:
        data: Topics of a plan.
        own: Topics of the connector's own records -> their kinds.
        dead_letter: The topic of rejected messages.
    """
    roles: dict[str, TopicRole] = dict.fromkeys(data, "data")
    roles |= {
        name: "marker" if kind.endswith("marker") else "progress" for name, kind in own.items()
    }
    return roles | {dead_letter: "dead_letter"}


def settings_of_new(role: TopicRole, retention_ms: int | None) -> dict[str, str]:
    """Return the settings that a topic is created with.

    `retention_ms`: of data, in milliseconds; -1: for ever; None: the cluster's own. Markers are
    kept for a year, and for as long as the data that they are about.
    """
    if role == "progress":
        return dict(_COMPACT)
    if role == "marker":
        kept = -1 if retention_ms == -1 else max(YEAR_MS, retention_ms or 0)
        return {**_DELETE, "retention.ms": str(kept), "retention.bytes": "-1"}
    if role == "data" and retention_ms is not None:
        return {**_DELETE, "retention.ms": str(retention_ms)}
    return dict(_DELETE)


@dataclass(frozen=True, slots=True)
class DescribedTopic:
    """A topic as Kafka describes it.

    Attributes:
        settings: Its configuration; without a key that the cluster does not have.
        replicas: Of the partition that has the fewest.
        rights: Operations that our principal may do, in capitals; empty: not known.
    """

    name: str
    role: TopicRole
    settings: Mapping[str, str]
    replicas: int
    rights: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is wrong with a setting; equal for topics that have the same problem."""

    setting: str
    value: str
    effect: str
    right: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class TopicReport:
    """Sentences about topics, each with its cure as a command.

    Attributes:
        refused: Settings with which data or progress is lost, or nothing can be stored.
        warnings: Settings with which less is promised.
        forbidden: Rights that are missing.
    """

    refused: tuple[str, ...]
    warnings: tuple[str, ...]
    forbidden: tuple[str, ...]


def judge(topics: Sequence[DescribedTopic], kafka: KafkaSettings) -> TopicReport:
    """Return what is wrong with topics; one sentence for all that have the same problem."""
    data_kept_ms = max((_kept_ms(each) for each in topics if each.role == "data"), default=0.0)
    grouped: dict[_Problem, list[str]] = {}
    for topic in topics:
        for problem in _problems(topic, data_kept_ms):
            grouped.setdefault(problem, []).append(topic.name)
    sentences = [(problem, _sentence(problem, names, kafka)) for problem, names in grouped.items()]
    return TopicReport(
        tuple(text for problem, text in sentences if problem.refused),
        tuple(text for problem, text in sentences if not problem.refused),
        tuple(_forbidden(topics, kafka)),
    )


def _problems(topic: DescribedTopic, data_kept_ms: float) -> Iterator[_Problem]:
    yield from _wrong_cleanup(topic)
    yield from _wrong_retention(topic, data_kept_ms)
    yield from _wrong_replication(topic)
    settings = topic.settings
    stamps = settings.get("message.timestamp.type", "CreateTime")
    if stamps != "CreateTime":
        effect = (
            "records have the broker's time in place of the event's, so that no window is right"
        )
        yield _Problem("message.timestamp.type", stamps, effect, "CreateTime")
    size = settings.get("max.message.bytes", "")
    if size.isdecimal() and int(size) < BATCH_BYTES:
        effect = "batches become smaller, and a record over it goes to the dead letter"
        yield _Problem("max.message.bytes", size, effect, "1048588")


def _wrong_cleanup(topic: DescribedTopic) -> Iterator[_Problem]:
    policy, role = topic.settings.get("cleanup.policy"), topic.role
    if policy is None:
        return
    if role == "progress" and policy != "compact":
        effect = "progress of a quiet series is deleted with its age: a restart begins it anew"
        yield _Problem("cleanup.policy", policy, effect, "compact", refused=True)
    elif role == "dead_letter" and "compact" in policy:
        effect = "of the dead letters of a stream only the last is kept"
        yield _Problem("cleanup.policy", policy, effect, "delete")
    elif role in ("data", "marker") and "compact" in policy:
        lost = "events" if role == "data" else "markers"
        effect = f"of the {lost} of a key only the last is kept, the others are lost"
        yield _Problem("cleanup.policy", policy, effect, "delete", refused=True)


def _wrong_retention(topic: DescribedTopic, data_kept_ms: float) -> Iterator[_Problem]:
    settings = topic.settings
    kept, size = settings.get("retention.ms"), settings.get("retention.bytes", "-1")
    before = settings.get("message.timestamp.before.max.ms")
    if topic.role == "marker":
        if kept is not None and _milliseconds(kept) < data_kept_ms:
            effect = "markers are deleted before the data whose gaps they explain"
            right = "-1" if math.isinf(data_kept_ms) else f"{data_kept_ms:.0f}"
            yield _Problem("retention.ms", kept, effect, right)
        if size != "-1":
            effect = "markers are deleted by size, however young the data is that they are about"
            yield _Problem("retention.bytes", size, effect, "-1")
    if topic.role == "data" and before is not None and int(before) < min(_kept_ms(topic), YEAR_MS):
        effect = "records that are fetched later than that are refused"
        yield _Problem("message.timestamp.before.max.ms", before, effect, str(2**63 - 1))
    ahead = topic.settings.get("message.timestamp.after.max.ms")
    if topic.role == "data" and ahead is not None and int(ahead) < MAX_BROKER_AHEAD_MS:
        effect = "records are refused while the exchange's clock is ahead of the broker's"
        yield _Problem("message.timestamp.after.max.ms", ahead, effect, BROKER_DEFAULT_AHEAD_MS)


def _wrong_replication(topic: DescribedTopic) -> Iterator[_Problem]:
    in_sync = topic.settings.get("min.insync.replicas", "")
    if in_sync.isdecimal() and topic.replicas:
        if int(in_sync) > topic.replicas:
            plural = "" if topic.replicas == 1 else "s"
            effect = f"nothing can be stored: the topic has {topic.replicas} replica{plural}"
            right = str(max(1, topic.replicas - 1))
            yield _Problem("min.insync.replicas", in_sync, effect, right, refused=True)
        elif int(in_sync) < 2 < topic.replicas:  # noqa: PLR2004 - two copies outlive one broker
            effect = "a record is acknowledged with one copy, and lost with that broker"
            yield _Problem("min.insync.replicas", in_sync, effect, "2")
    if topic.settings.get("unclean.leader.election.enable") == "true":
        effect = "a broker that lacks acknowledged records may become the leader"
        yield _Problem("unclean.leader.election.enable", "true", effect, "false")


def _kept_ms(topic: DescribedTopic) -> float:
    return _milliseconds(topic.settings.get("retention.ms", "0"))


def _milliseconds(value: str) -> float:
    """Return Kafka's milliseconds; -1 is for ever."""
    return math.inf if int(value) < 0 else float(value)


def _sentence(problem: _Problem, names: Sequence[str], kafka: KafkaSettings) -> str:
    topic = names[0] if len(names) == 1 else "$topic"
    command = (
        f"{_tool('kafka-configs', kafka)} --alter --entity-type topics --entity-name {topic}"
        f" --add-config {problem.setting}={problem.right}"
    )
    if len(names) > 1:
        command = f"for topic in {' '.join(names)}; do {command}; done"
    where = f"topic {names[0]}" if len(names) == 1 else f"{len(names)} topics"
    return f"{where}: {problem.setting} is {problem.value}: {problem.effect}; cure: {command}"


def _forbidden(topics: Sequence[DescribedTopic], kafka: KafkaSettings) -> Iterator[str]:
    lacking: dict[str, list[str]] = {}
    for topic in topics:
        for right in RIGHTS[topic.role] if topic.rights else ():
            if right not in topic.rights:
                lacking.setdefault(right, []).append(topic.name)
    for right, names in lacking.items():
        yield f"no {right} on {', '.join(names)}; cure: {grant(right, names, kafka)}"


def grant(right: str, topics: Iterable[str], kafka: KafkaSettings) -> str:
    """Return the command that gives our principal a right (`READ`, `DESCRIBE_CONFIGS`)."""
    operation = "".join(word.title() for word in right.split("_"))
    names = " ".join(f"--topic {name}" for name in topics)
    who = kafka.security.username or "PRINCIPAL"
    tool = _tool("kafka-acls", kafka)
    return f"{tool} --add --allow-principal User:{who} --operation {operation} {names}"


def _tool(name: str, kafka: KafkaSettings) -> str:
    """Return one of Kafka's commands with what it needs to connect."""
    secured = kafka.security.protocol != "PLAINTEXT"
    login = " --command-config ADMIN.properties" if secured else ""
    return f"{name} --bootstrap-server {kafka.bootstrap_servers}{login}"
