"""Our settings in librdkafka's names, for producers, the admin client and consumers.

Passwords are read here from their files and go into the returned dict alone.
"""

from typing import Any

from connector.config.model import KafkaSettings, SecuritySettings
from connector.config.secrets import secret

# Measured choices (bench/README.md); the file's `librdkafka:` section overrides any of them.
PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 10,
    "partitioner": "murmur2_random",  # as Java clients do: the same key, the same partition
    "message.timeout.ms": 0,  # a record waits without limit; the frame queue is bounded
    "queue.buffering.max.messages": 50_000,  # the byte bound ignores the overhead of a message
    "queue.buffering.max.kbytes": 1_048_576,
    "delivery.report.only.error": False,
    "reconnect.backoff.max.ms": 2_000,
}
# The broker aborts a transaction that is open longer than this.
TRANSACTIONAL = {"transaction.timeout.ms": 60_000}
_CONNECTION_PREFIXES = (
    "ssl.",
    "sasl.",
    "security.",
    "enable.ssl.",
    "enable.sasl.",
    "socket.",
    "broker.",
)


def client(settings: KafkaSettings) -> dict[str, Any]:
    """Return what every client needs: bootstrap servers, client id, security.

    Raises:
        Refused: a file with a password or key cannot be read.
    """
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": settings.client_id,
        **_security(settings.security),
    }


def producer(settings: KafkaSettings) -> dict[str, Any]:
    """Return the producer's configuration; `librdkafka:` overrides ours.

    Raises:
        Refused: as for `client`.
    """
    return {**client(settings), **PRODUCER, **settings.librdkafka}


def transactional(settings: KafkaSettings, transactional_id: str) -> dict[str, Any]:
    """Return the configuration of the transactional producer.

    Args:
        settings: The cluster.
        transactional_id: A writer fences every earlier one with the same id.

    Raises:
        Refused: as for `client`.
    """
    conf = {**client(settings), **PRODUCER, **TRANSACTIONAL, **settings.librdkafka}
    del conf["message.timeout.ms"]  # librdkafka holds it to transaction.timeout.ms itself
    return conf | {"transactional.id": transactional_id}


def consumer(settings: KafkaSettings) -> dict[str, Any]:
    """Return a consumer's configuration; of `librdkafka:` it takes what concerns the connection.

    Raises:
        Refused: as for `client`.
    """
    connection = {
        name: value
        for name, value in settings.librdkafka.items()
        if name.startswith(_CONNECTION_PREFIXES)
    }
    return {**client(settings), **connection}


def _security(security: SecuritySettings) -> dict[str, Any]:
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


def _oauth(security: SecuritySettings) -> dict[str, Any]:
    """Return the settings of librdkafka's OIDC client, which fetches and renews the tokens."""
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
