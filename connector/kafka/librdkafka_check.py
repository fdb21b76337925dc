"""Checks the keys of `kafka.librdkafka`, each on a client that connects to nothing.

Values that may be secret are not shown: librdkafka takes any text for those.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaException, Producer

from connector.config.sections import KafkaSettings, SecuritySettings
from connector.errors import did_you_mean
from connector.kafka import client_config

_WRITER = "it is made of topics.prefix, instance and shard; another name: instance"
_IN_A_FILE = "a password never stands in this file: put it into one of its own and name that in "

# Keys that have a place elsewhere in the file, where the admin client and consumers read them, too.
_ELSEWHERE: Mapping[str, str] = {
    "transactional.id": _WRITER,
    "bootstrap.servers": "write it in kafka.bootstrap_servers",
    "metadata.broker.list": "write it in kafka.bootstrap_servers",
    "client.id": "write it in kafka.client_id",
    "security.protocol": "write it in kafka.security.protocol",
    "sasl.mechanism": "write it in kafka.security.mechanism",
    "sasl.mechanisms": "write it in kafka.security.mechanism",
    "sasl.username": "write it in kafka.security.username",
    "sasl.password": f"{_IN_A_FILE}kafka.security.password_file",
    "sasl.oauthbearer.client.secret": f"{_IN_A_FILE}kafka.security.password_file",
    "ssl.key.password": f"{_IN_A_FILE}kafka.security.key_password_file",
    "ssl.key.pem": f"{_IN_A_FILE}kafka.security.key_file",
    "ssl.ca.location": "write it in kafka.security.ca_file",
    "ssl.certificate.location": "write it in kafka.security.certificate_file",
    "ssl.key.location": "write it in kafka.security.key_file",
    "delivery.report.only.error": "every record's report is counted: leave it out",
    "logger": "the log is ours: see logs",
}
_IDEMPOTENCE = (
    "must stay true, or records are lost and repeated: leave it out; for a cluster without"
    " transactions set delivery: idempotent"
)
# What people set on a producer, for hints: librdkafka gives no list of its keys.
_USUAL = (
    "acks", "batch.num.messages", "batch.size", "broker.address.family", "broker.address.ttl",
    "compression.codec", "compression.level", "compression.type", "connections.max.idle.ms",
    "debug", "delivery.timeout.ms", "enable.idempotence", "enable.ssl.certificate.verification",
    "linger.ms", "log.connection.close", "max.in.flight", "max.in.flight.requests.per.connection",
    "message.max.bytes", "message.send.max.retries", "message.timeout.ms",
    "metadata.max.age.ms", "partitioner", "queue.buffering.max.kbytes",
    "queue.buffering.max.messages", "queue.buffering.max.ms", "receive.message.max.bytes",
    "reconnect.backoff.max.ms", "reconnect.backoff.ms", "request.required.acks",
    "request.timeout.ms", "retries", "retry.backoff.max.ms", "retry.backoff.ms",
    "socket.connection.setup.timeout.ms", "socket.keepalive.enable", "socket.nagle.disable",
    "socket.receive.buffer.bytes", "socket.send.buffer.bytes", "socket.timeout.ms",
    "ssl.cipher.suites", "ssl.endpoint.identification.algorithm", "statistics.interval.ms",
    "sticky.partitioning.linger.ms", "topic.metadata.refresh.interval.ms",
    "transaction.timeout.ms", *_ELSEWHERE,
)  # fmt: skip


def findings(kafka: KafkaSettings, *, transactions: bool) -> Iterator[tuple[str | None, str]]:
    """Yield each key of `librdkafka:` that librdkafka refuses, and why; None: their combination."""
    good = dict(kafka.librdkafka)
    for name, value in kafka.librdkafka.items():
        problem = _ELSEWHERE.get(name) or _problem({name: value}, kafka, transactions=transactions)
        if problem is not None:
            del good[name]
            yield name, problem
    if problem := _problem(good, kafka, transactions=transactions):
        yield None, problem


def _problem(given: Mapping[str, Any], kafka: KafkaSettings, *, transactions: bool) -> str | None:
    """Return why librdkafka makes no producer with these keys; None: it does."""
    if str(given.get("enable.idempotence", True)).lower() != "true":
        return _IDEMPOTENCE
    settings = kafka.model_copy(update={"librdkafka": dict(given), "security": SecuritySettings()})
    conf = client_config.producer(settings)
    if transactions:
        conf = client_config.transactional(settings, "check")
    del conf["bootstrap.servers"]
    try:
        Producer({**conf, "log_level": 0})
    except (KafkaException, TypeError, ValueError) as error:
        return _explain(error, given)
    return None


def _explain(error: Exception, given: Mapping[str, Any]) -> str:
    cause = error.args[0]
    text = (cause.str() if isinstance(error, KafkaException) else str(cause)).strip()
    text = text.removeprefix("Failed to create producer: ")
    name, value = next(iter(given.items()))
    if text.startswith("No such configuration property"):
        near = did_you_mean(name, _USUAL)
        hint = f"did you mean {near!r}?" if near else "its CONFIGURATION.md lists them"
        return f"librdkafka has no such key; {hint}"
    # A property that takes any text is never called invalid: no secret is shown here.
    return f"{value!r}: {text}" if text.startswith("Invalid value for") else text
