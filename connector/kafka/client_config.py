"""Our settings as the clients want them: librdkafka's names for producer, admin and readers.

Passwords come from files, are read here, and go nowhere else.
"""

from typing import Any

from connector.config.model import Kafka, Security
from connector.config.secrets import secret

# Measured choices (bench/README.md); the file's `librdkafka:` section overrides any of them.
PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 10,
    "partitioner": "murmur2_random",  # Java clients place the same keys alike
    "message.timeout.ms": 0,  # Kafka away is waited out: the queue behind the reader bounds it
    "queue.buffering.max.messages": 50_000,  # the byte bound ignores the overhead of a message
    "queue.buffering.max.kbytes": 1_048_576,
    "delivery.report.only.error": False,
    "reconnect.backoff.max.ms": 2_000,
}
# The broker aborts a transaction that is open longer than this: Kafka was away, or we were.
TRANSACTIONAL = {"transaction.timeout.ms": 60_000}


def client(settings: Kafka) -> dict[str, Any]:
    """Return what every client needs: where the cluster is and how to be let in.

    Raises:
        Refused: a file with a password or key cannot be read.
    """
    conf: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": settings.client_id,
        **_security(settings.security),
    }
    return conf


def producer(settings: Kafka) -> dict[str, Any]:
    """Return the producer's configuration; `librdkafka:` is handed over as it stands."""
    return {**client(settings), **PRODUCER, **settings.librdkafka}


def transactional(settings: Kafka, writer: str) -> dict[str, Any]:
    """Return the configuration of the transactional producer.

    Args:
        settings: The cluster.
        writer: Names the writer: whoever starts later under this name fences the one before.
    """
    conf = {**client(settings), **PRODUCER, **TRANSACTIONAL, **settings.librdkafka}
    del conf["message.timeout.ms"]  # librdkafka holds it to transaction.timeout.ms itself
    return conf | {"transactional.id": writer}


def consumer(settings: Kafka) -> dict[str, Any]:
    """Return a reader's configuration; of `librdkafka:` it takes what concerns the connection."""
    connection = {
        name: value
        for name, value in settings.librdkafka.items()
        if name.startswith(_OF_A_CONNECTION)
    }
    return {**client(settings), **connection}


_OF_A_CONNECTION = (
    "ssl.",
    "sasl.",
    "security.",
    "enable.ssl.",
    "enable.sasl.",
    "socket.",
    "broker.",
)


def _security(security: Security) -> dict[str, Any]:
    conf: dict[str, Any] = {"security.protocol": security.protocol}
    files = {
        "ssl.ca.location": security.ca_file,
        "ssl.certificate.location": security.certificate_file,
        "ssl.key.location": security.key_file,
    }
    conf |= {name: str(path) for name, path in files.items() if path is not None}
    if security.key_password_file is not None:
        conf["ssl.key.password"] = secret(
            security.key_password_file, "kafka.security.key_password_file"
        )
    if security.mechanism is not None:
        conf["sasl.mechanism"] = security.mechanism
    if security.mechanism == "OAUTHBEARER":
        conf |= _oauth(security)
    elif security.username is not None:
        conf["sasl.username"] = security.username
        if security.password_file is not None:
            conf["sasl.password"] = secret(security.password_file, "kafka.security.password_file")
    return conf


def _oauth(security: Security) -> dict[str, Any]:
    """Return librdkafka's own OIDC client: it fetches and renews the tokens itself."""
    conf: dict[str, Any] = {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": security.username,
        "sasl.oauthbearer.token.endpoint.url": security.token_url,
    }
    if security.password_file is not None:
        conf["sasl.oauthbearer.client.secret"] = secret(
            security.password_file, "kafka.security.password_file"
        )
    if security.scope is not None:
        conf["sasl.oauthbearer.scope"] = security.scope
    return conf
