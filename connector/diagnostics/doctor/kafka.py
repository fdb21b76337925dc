"""Looks at Kafka as one principal: connection, topics with their settings and rights, who may read.

Changes nothing. An administrator's login may be given for what our own principal may not see.
"""

import socket
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.config.sections import KafkaSettings, TopicSettings
from connector.diagnostics.doctor import access
from connector.diagnostics.doctor.report import CheckResult, CheckStatus, enumerated, unreachable
from connector.errors import Fatal, Refused, Retry
from connector.kafka import client_config, topic_admin
from connector.kafka.access import AccessClient
from connector.kafka.tls_probe import certificate_problem
from connector.kafka.topic_settings import TopicRole, grant
from connector.kafka.write_probe import try_transaction

CONNECT_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 15.0
_UNSEEN = "readers of committed records do not see it"
_TRY_IT = "have it tried: bkc doctor market --probe"
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
        probe: Where `check_writing` writes a record, if the topic is there.
    """

    kafka: KafkaSettings
    topics: TopicSettings
    roles: Mapping[str, TopicRole]
    guarded: Sequence[str] = ()
    readers: Collection[str] = ()
    transactional_id: str = ""
    admin: Mapping[str, str] | None = None
    probe: str = ""


def check_security(kafka: KafkaSettings, *, secret: bool = True) -> Iterator[CheckResult]:
    """Judge what the settings mean for the connection; asks nobody.

    `secret`: what is written is nobody's business; else it is public, and less is wrong.
    """
    security = kafka.security
    severity: CheckStatus = "fail" if secret else "warn"
    if security.protocol in ("SSL", "SASL_SSL"):
        yield CheckResult("kafka.encryption", "ok", f"TLS ({security.protocol})")
    else:
        password = security.protocol == "SASL_PLAINTEXT"
        open_ = "not encrypted" if password else "no encryption, no login"
        seen = "records, and the password," if password else "records"
        text = f"protocol {security.protocol} ({open_}): {seen} can be read and changed on the way"
        cure = "set kafka.security.protocol: SASL_SSL, and a listener of that kind on the brokers"
        yield CheckResult("kafka.encryption", "fail" if password else severity, text, cure)
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
    elif secret or security.protocol != "PLAINTEXT":
        text = f"no login: the cluster takes us for {access.ANONYMOUS}, as it takes anybody"
        cure = "set kafka.security: protocol SASL_SSL, mechanism, username and password_file"
        yield CheckResult("kafka.login", severity, text, cure)


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
        brokers = _check_brokers(own.brokers())
        yield brokers
        if brokers.status != "ok":
            return  # what follows would wait for them
        yield from _check_topics(wanted)
        yield from _check_access(wanted, own, conf)
    except Retry as error:
        yield unreachable("kafka.connection", error)


def check_writing(wanted: ClusterExamination) -> CheckResult:
    """Write a record in a transaction that is aborted; `transactional_id` names a writer. Blocks.

    The id of the probe ends in `.doctor`: the writer is not fenced.
    """
    check, name = "kafka.writing", f"{wanted.transactional_id}.doctor"
    try:
        conf = client_config.transactional(wanted.kafka, name)
        exists = not topic_admin.inspect(wanted.kafka, {wanted.probe: "dead_letter"}).missing
        try_transaction(conf, wanted.probe if exists else None, PROBE_TIMEOUT_S)
    except Refused as error:
        return CheckResult(check, "fail", f"as {name}: {error}")
    except Retry as error:
        return unreachable(check, Retry(f"as {name}: {error}"))
    what = f"a record of {name} into {wanted.probe}" if exists else f"a transaction of {name}"
    return CheckResult(check, "ok", f"{what} was taken, and aborted: {_UNSEEN}")


def _check_brokers(brokers: Mapping[str, tuple[str, int]]) -> CheckResult:
    """Connect to each broker by the address that it gives: records go there."""
    check, problems = "kafka.brokers", []
    for number, (host, port) in brokers.items():
        try:
            socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
        except OSError as error:
            cause = error.strerror or "no answer"
            problems.append(f"broker {number} says that it is at {host}:{port}: {cause}")
    if not problems:
        shown = ", ".join(f"{host}:{port}" for host, port in brokers.values())
        return CheckResult(check, "ok", f"each is reached by the address it gives: {shown}")
    cure = "let this machine know and reach it, or correct advertised.listeners of the broker"
    return CheckResult(check, "fail", "; ".join(problems), cure)


def _no_connection(check: str, kafka: KafkaSettings, error: Refused | Retry) -> CheckResult:
    if isinstance(error, Retry):
        return unreachable(check, error)
    problem = certificate_problem(kafka)
    return CheckResult(check, "fail", f"{error}; {problem}" if problem else str(error))


def _check_topics(wanted: ClusterExamination) -> Iterator[CheckResult]:
    found = topic_admin.inspect(wanted.kafka, wanted.roles)
    existing = [name for name in wanted.roles if name not in found.missing]
    if found.missing:
        yield from _check_missing(found.missing, wanted)
    if existing:
        yield CheckResult("topics.exist", "ok", enumerated(existing))
        report = found.report
        settings = [*_failed("topics.settings", report.refused)]
        settings += _failed("topics.settings", report.warnings, "warn")
        rights = [*_failed("topics.rights", report.forbidden)]
        good = "as the worker needs them"
        yield from settings or [CheckResult("topics.settings", "ok", good)]
        yield from rights or [CheckResult("topics.rights", "ok", good)]


def _check_missing(missing: Sequence[str], wanted: ClusterExamination) -> Iterator[CheckResult]:
    """Judge topics that are not there: would the worker be let create them?"""
    check = "topics.exist"
    text = f"{enumerated(missing)}: not there, or not shown to us"
    if not wanted.topics.create:
        cure = f"create them, or {grant('DESCRIBE', missing, wanted.kafka)}"
        yield CheckResult(check, "fail", f"{text}, and topics.create is false", cure)
        return
    try:
        topic_admin.try_create(wanted.kafka, wanted.topics, {n: wanted.roles[n] for n in missing})
    except (Refused, Fatal) as error:
        problem, _, cure = str(error).removeprefix("Kafka: ").partition("; cure: ")
        text = f"{len(missing)} topics are not there, or not shown to us: {problem}"
        yield CheckResult(check, "fail", text, cure)
        return
    unguarded = [name for name in missing if name not in wanted.guarded]
    if unguarded:
        yield CheckResult(
            check, "ok", f"not there yet: {enumerated(unguarded)}; a start creates them"
        )
    for name in missing:
        if name in wanted.guarded:
            cure = "create it with its ACLs beforehand; else the worker creates it at its start"
            yield CheckResult(check, "warn", f"{name} is not there, or not shown to us", cure)


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
        yield from _check_transactions(wanted, own)
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
    principal = _principal(wanted.kafka)
    if wanted.transactional_id:
        yield from access.check_transactional_id(wanted.transactional_id, seen, principal)
    for topic in guarded:
        yield from access.check_rules(topic, seen, rights[topic], principal, wanted.readers)
        if wanted.roles.get(topic) == "data":
            yield access.check_own_read(topic, rights[topic])


def _check_transactions(wanted: ClusterExamination, own: AccessClient) -> Iterator[CheckResult]:
    """Judge by the ACLs whether transactions may be written, where nothing is tried."""
    principal = _principal(wanted.kafka)
    if wanted.transactional_id and principal is not None:
        seen = own.access([], wanted.transactional_id)
        yield from access.check_transactional_id(
            wanted.transactional_id, seen, principal, cure=_TRY_IT
        )


def _principal(kafka: KafkaSettings) -> str | None:
    """Return who we are to the cluster; None: its own rules say so."""
    username = kafka.security.username
    return None if username is None else f"User:{username}"
