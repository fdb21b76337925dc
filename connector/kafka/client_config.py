"""Our settings in librdkafka's names, for producers, the admin client and consumers.

Passwords are read here from their files and go into the returned dict alone.
"""

from typing import Any

from connector.config.secrets import secret
from connector.config.sections import KafkaSettings, SecuritySettings

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
_CONNECTION = ("ssl.", "sasl.", "security.", "enable.ssl.", "enable.sasl.", "socket.", "broker.")


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
    """Return the producer's configuration; `librdkafka:` overrides ours. Raises as `client`."""
    return {**client(settings), **PRODUCER, **settings.librdkafka}


def transactional(settings: KafkaSettings, name: str) -> dict[str, Any]:
    """Return that of one with this transactional.id: it fences every earlier one.

    Raises as `client`.
    """
    conf = {**client(settings), **PRODUCER, **TRANSACTIONAL, **settings.librdkafka}
    del conf["message.timeout.ms"]  # librdkafka holds it to transaction.timeout.ms itself
    return conf | {"transactional.id": name}


def transactional_id(prefix: str, instance: str, shard: int) -> str:
    """Return what a later market writer of this shard fences this one by.

    `prefix`: of the topics; `shard`: its index.
    """
    return f"{prefix}.{instance}.{shard}"


def consumer(settings: KafkaSettings) -> dict[str, Any]:
    """Return a consumer's; of `librdkafka:` what concerns the connection. Raises as `client`."""
    given = settings.librdkafka.items()
    return client(settings) | {key: value for key, value in given if key.startswith(_CONNECTION)}


def _security(security: SecuritySettings) -> dict[str, Any]:
    conf: dict[str, Any] = {
        "security.protocol": security.protocol,
        "ssl.ca.location": security.ca_file,
        "ssl.certificate.location": security.certificate_file,
        "ssl.key.location": security.key_file,
        "ssl.key.password": _secret(security, "key_password_file"),
        "sasl.mechanism": security.mechanism,
    }
    if security.mechanism == "OAUTHBEARER":  # librdkafka's OIDC client fetches and renews tokens
        conf |= {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": security.username,
            "sasl.oauthbearer.client.secret": _secret(security, "password_file"),
            "sasl.oauthbearer.token.endpoint.url": security.token_url,
            "sasl.oauthbearer.scope": security.scope,
        }
    elif security.username is not None:
        conf["sasl.username"] = security.username
        conf["sasl.password"] = _secret(security, "password_file")
    return {name: str(value) for name, value in conf.items() if value is not None}


def _secret(security: SecuritySettings, key: str) -> str | None:
    path = getattr(security, key)
    return None if path is None else secret(path, f"kafka.security.{key}")
