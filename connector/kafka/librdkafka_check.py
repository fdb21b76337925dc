"""The file's `kafka.librdkafka` keys, each tried on a client that connects to nobody.

Values are not shown where they may be secret: librdkafka takes any text for those.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaException, Producer

from connector.config.model import Kafka, Security
from connector.kafka import client_config

_WRITER = "it is made of topics.prefix, instance and shard; another name: instance"
_IN_A_FILE = "a password never stands in this file: put it into one of its own and name that in "

# What is set elsewhere, and where: admin and readers go by that, and secrets stay out of the file.
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
# For hints alone, librdkafka tells its names to nobody: what people set on a producer.
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


def findings(kafka: Kafka, *, transactions: bool) -> Iterator[tuple[str | None, str]]:
    """Yield each key of `librdkafka:` that cannot be, and why; None: not all of them together."""
    good = {}
    for name, value in kafka.librdkafka.items():
        words = _ELSEWHERE.get(name) or _refusal({name: value}, kafka, transactions=transactions)
        if words is None:
            good[name] = value
        else:
            yield name, words
    words = _refusal(good, kafka, transactions=transactions)
    if words is not None:
        yield None, words


def _refusal(given: Mapping[str, Any], kafka: Kafka, *, transactions: bool) -> str | None:
    """Return why librdkafka makes no producer of this."""
    if str(given.get("enable.idempotence", True)).lower() != "true":
        return _IDEMPOTENCE
    alone = kafka.model_copy(update={"librdkafka": dict(given), "security": Security()})
    made = (
        client_config.transactional(alone, "check")
        if transactions
        else client_config.producer(alone)
    )
    del made["bootstrap.servers"]
    try:
        Producer({**made, "log_level": 0})
    except (KafkaException, TypeError, ValueError) as error:
        return _words(error, given)
    return None


def _words(error: Exception, given: Mapping[str, Any]) -> str:
    told = error.args[0]
    said = (told.str() if isinstance(error, KafkaException) else str(told)).strip()
    said = said.removeprefix("Failed to create producer: ")
    name, value = next(iter(given.items()))
    if said.startswith("No such configuration property"):
        near = difflib.get_close_matches(name, _USUAL, n=1)
        meant = f"did you mean {near[0]!r}?" if near else "its CONFIGURATION.md lists them"
        return f"librdkafka has no such key; {meant}"
    # A property that takes any text is never called invalid: no secret is shown here.
    return f"{value!r}: {said}" if said.startswith("Invalid value for") else said
