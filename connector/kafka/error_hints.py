"""Hints for librdkafka's error texts: what they mean and what to do. From runs on real brokers."""

from confluent_kafka import KafkaError

_CLIENT_CERTIFICATE = "the broker wants a client certificate: set certificate_file and key_file"
# Part of the text -> hint; the first match wins. Source: servers run 2026-11-22 (Kafka 4.3.1,
# confluent-kafka 2.16): each text was seen with that cause.
_HINTS = {
    "invalid credentials": (
        "user name or password is wrong (or the user does not exist): check kafka.security.username"
        " and password_file"
    ),
    "supported mechanisms": (
        "the listener does not offer this mechanism: check kafka.security.mechanism and protocol"
    ),
    "connecting to a PLAINTEXT broker listener": (
        "the port does not speak TLS: use the TLS port, or protocol PLAINTEXT or SASL_PLAINTEXT"
    ),
    # The same cause: whether librdkafka still reads the broker's plain answer is a race.
    "SSL connection closed by peer": (
        "the peer hung up during the TLS handshake; mostly the port does not speak TLS: use the TLS"
        " port, or protocol PLAINTEXT or SASL_PLAINTEXT"
    ),
    "certificate verify failed": (
        "the broker's certificate does not fit: ca_file is not the authority that signed it, or its"
        " names do not include the host in bootstrap_servers"
    ),
    "alert bad certificate": _CLIENT_CERTIFICATE,
    "alert certificate required": _CLIENT_CERTIFICATE,
    "Connection refused": (
        "nobody listens there: is the broker up, are host and port in bootstrap_servers right; an"
        " address that is not in bootstrap_servers is one that a broker gives"
        " (advertised.listeners), and must be reached from here"
    ),
    "Failed to get metadata": (
        "no broker answers: is it up, does it hang, does a firewall on the way drop what is sent"
    ),
    "Failed to resolve": (
        "the host name is unknown here; if it is not in bootstrap_servers, a broker gives it"
        " (advertised.listeners): it must be known on this machine"
    ),
    "in state APIVERSION_QUERY": (
        "the broker hung up at the first word: a TLS port spoken to in plain text, or the reverse"
    ),
    "Transactional Id authorization failed": (
        "the principal may not write transactions: grant WRITE and DESCRIBE on TransactionalId"
        " <topics.prefix>.<instance>.<shard> (a prefixed ACL does), or set delivery: idempotent"
    ),
    "Cluster authorization failed": (
        "the principal may not produce idempotently: grant WRITE on the topics (it implies this)"
    ),
    "Fetch from broker": "the principal has no READ on the topic: grant it",
    "Topic authorization failed": (
        "the principal lacks a right on the topic: WRITE to write, READ to read; or it is missing"
    ),
    "Transaction timeout is larger": (
        "set kafka.librdkafka.transaction.timeout.ms to the broker's transaction.max.timeout.ms or"
        " less"
    ),
    "target replication factor": (
        "set topics.replication to at most the number of brokers, or add brokers"
    ),
    "Invalid timestamp": "a record's time is further ahead than the topic allows",
    "size too large": "the record is larger than the topic's max.message.bytes",
    "ssl.ca.location": "ca_file cannot be read or holds no certificate",
    "brokers are down": "no broker answers: see the messages before this one for the cause",
    "Unknown topic": "the topic does not exist: create it, or set topics.create: true",
}


def describe(error: KafkaError) -> str:
    """Return name and text of an error, and a hint where one is known."""
    return add_hint(f"{error.name()}: {error.str()}")


def add_hint(text: str) -> str:
    """Return the text, with a hint in parentheses where it is known."""
    hint = next((hint for part, hint in _HINTS.items() if part.lower() in text.lower()), None)
    return text if hint is None else f"{text} ({hint})"
