"""Looks at Kafka as one principal: connection, topics with their settings and rights, who may read.

Changes nothing. An administrator's login may be given for what our own principal may not see.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.config.sections import KafkaSettings, TopicSettings
from connector.diagnostics.doctor import access
from connector.diagnostics.doctor.report import CheckResult, CheckStatus, unreachable
from connector.errors import Refused, Retry
from connector.kafka import client_config, topic_admin
from connector.kafka.access import AccessClient
from connector.kafka.tls_probe import certificate_problem
from connector.kafka.topic_settings import TopicRole, grant

_NO_IDENTITY = {
    "enable.ssl.certificate.verification": "false",
    "ssl.endpoint.identification.algorithm": "none",
}


@dataclass(frozen=True, slots=True)
class ClusterExamination:
    """What is to be looked at.

    Attributes:
        kafka: How our principal connects.
        topics: Names and shape of our topics.
        roles: Every topic that the worker writes or reads, and its role.
        guarded: Those of them that few may read; the others may be public.
        readers: Principals that are meant to read the guarded ones, `User:...`; empty: not said.
        transactional_id: What the worker writes transactions as; "": none are written.
        admin: librdkafka's settings that make an administrator of our connection; empty: none.
    """

    kafka: KafkaSettings
    topics: TopicSettings
    roles: Mapping[str, TopicRole]
    guarded: Sequence[str] = ()
    readers: Collection[str] = ()
    transactional_id: str = ""
    admin: Mapping[str, str] | None = None


def check_security(kafka: KafkaSettings) -> Iterator[CheckResult]:
    """Judge what the settings mean for the connection; asks nobody."""
    security = kafka.security
    if security.protocol in ("SSL", "SASL_SSL"):
        yield CheckResult("kafka.encryption", "ok", f"TLS ({security.protocol})")
    else:
        text = f"protocol {security.protocol}: records and passwords can be read on the way"
        cure = "set kafka.security.protocol: SASL_SSL, and a listener of that kind on the brokers"
        yield CheckResult("kafka.encryption", "fail", text, cure)
    off = [name for name, value in _NO_IDENTITY.items() if _given(kafka, name) == value]
    for name in off:
        text = f"{name}={_NO_IDENTITY[name]}: whoever can redirect the connection is the broker"
        cure = f"take {name} out of kafka.librdkafka, and name the authority in ca_file"
        yield CheckResult("kafka.broker_identity", "fail", text, cure)
    if security.username is not None and security.mechanism is not None:
        text = f"{security.mechanism} as User:{security.username}"
        yield CheckResult("kafka.login", "ok", text)
    elif security.protocol == "SSL" and security.certificate_file is not None:
        yield CheckResult("kafka.login", "ok", "by client certificate")
    else:
        text = f"no login: the cluster takes us for {access.ANONYMOUS}, as it takes anybody"
        cure = "set kafka.security: protocol SASL_SSL, mechanism, username and password_file"
        yield CheckResult("kafka.login", "fail", text, cure)


def _given(kafka: KafkaSettings, name: str) -> str:
    return str(kafka.librdkafka.get(name, "")).lower()


def check_cluster(wanted: ClusterExamination) -> Iterator[CheckResult]:
    """Connect, and look at topics and rights. Blocks."""
    try:
        conf = client_config.consumer(wanted.kafka)
        own = AccessClient(conf)
        own.connect()
    except (Refused, Retry) as error:
        yield _no_connection("kafka.connection", wanted.kafka, error)
        return
    yield CheckResult("kafka.connection", "ok", f"{wanted.kafka.bootstrap_servers} lets us in")
    try:
        yield from _check_topics(wanted)
        yield from _check_access(wanted, own, conf)
    except Retry as error:
        yield unreachable("kafka.connection", error)


def _no_connection(check: str, kafka: KafkaSettings, error: Refused | Retry) -> CheckResult:
    if isinstance(error, Retry):
        return unreachable(check, error)
    problem = certificate_problem(kafka)
    return CheckResult(check, "fail", f"{error}; {problem}" if problem else str(error))


def _check_topics(wanted: ClusterExamination) -> Iterator[CheckResult]:
    found = topic_admin.inspect(wanted.kafka, wanted.roles)
    existing = [name for name in wanted.roles if name not in found.missing]
    for name in found.missing:
        yield _missing(name, wanted)
    if existing:
        yield CheckResult("topics.exist", "ok", ", ".join(existing))
        report = found.report
        settings = [*_failed("topics.settings", report.refused)]
        settings += _failed("topics.settings", report.warnings, "warn")
        rights = [*_failed("topics.rights", report.forbidden)]
        good = "as the worker needs them"
        yield from settings or [CheckResult("topics.settings", "ok", good)]
        yield from rights or [CheckResult("topics.rights", "ok", good)]


def _missing(name: str, wanted: ClusterExamination) -> CheckResult:
    text = f"{name} is not there, or not shown to us"
    if wanted.topics.create:
        cure = "create it with its ACLs beforehand; else the worker creates it at its start"
        return CheckResult("topics.exist", "warn", text, cure)
    cure = f"create it, or {grant('DESCRIBE', [name], wanted.kafka)}"
    return CheckResult("topics.exist", "fail", f"{text}, and topics.create is false", cure)


def _failed(
    check: str, sentences: Iterable[str], status: CheckStatus = "fail"
) -> Iterator[CheckResult]:
    """Yield a result for each sentence of a TopicReport, which ends with its cure."""
    for sentence in sentences:
        text, _, cure = sentence.partition("; cure: ")
        yield CheckResult(check, status, text, cure)


def _check_access(
    wanted: ClusterExamination, own: AccessClient, conf: Mapping[str, Any]
) -> Iterator[CheckResult]:
    guarded = list(wanted.guarded)
    if not guarded:
        return
    rights = {topic: own.rights(topic) for topic in guarded}
    asking = own
    if wanted.admin:
        try:
            asking = AccessClient({**conf, **wanted.admin})
            asking.connect()
        except (Refused, Retry) as error:
            yield CheckResult("kafka.admin", "fail", f"the login of --admin-file: {error}")
            asking = own
    seen = asking.access(guarded, wanted.transactional_id)
    yield access.check_authorizer(seen, rights[guarded[0]])
    yield access.check_listeners(seen)
    username = wanted.kafka.security.username
    principal = None if username is None else f"User:{username}"
    if wanted.transactional_id:
        yield from access.check_transactional_id(wanted.transactional_id, seen, principal)
    for topic in guarded:
        yield from access.check_rules(topic, seen, rights[topic], principal, wanted.readers)
        if wanted.roles.get(topic) == "data":
            yield access.check_own_read(topic, rights[topic])
