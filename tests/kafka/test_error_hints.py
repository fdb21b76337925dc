"""librdkafka's error texts get their hints. Each was seen on real brokers, 2026-11-22."""

import pytest

from connector.kafka.error_hints import add_hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "sasl_ssl://k:1/bootstrap: SASL authentication error: Authentication failed during"
            " authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
            "user name or password is wrong",
        ),
        (
            "SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's"
            " supported mechanisms: SCRAM-SHA-512",
            "does not offer this mechanism",
        ),
        (
            "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a"
            " PLAINTEXT broker listener?",
            "does not speak TLS",
        ),
        (
            "ssl://127.0.0.1:9/bootstrap: Disconnected: SSL connection closed by peer (after 4ms in"
            " state SSL_HANDSHAKE)",
            "does not speak TLS",
        ),
        (
            "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker"
            " certificate could not be verified, verify that ssl.ca.location is correctly",
            "ca_file is not the authority",
        ),
        (
            "Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert"
            " number 42 (after 0ms in state APIVERSION_QUERY)",
            "wants a client certificate",
        ),
        ("Connect to ipv4#127.0.0.1:9 failed: Connection refused", "nobody listens there"),
        ("Failed to resolve 'nowhere:9092': Name or service not known", "advertised.listeners"),
        (
            "Disconnected: connection closed by peer: receive 0 after POLLIN (after 1ms in state"
            " APIVERSION_QUERY)",
            "TLS port spoken to in plain text",
        ),
        (
            "Failed to acquire idempotence PID from broker: Broker: Cluster authorization failed",
            "grant WRITE",
        ),
        ("Broker: Topic authorization failed", "WRITE to write, READ to read"),
        ("Fetch from broker 1 failed: Broker: Topic authorization failed", "has no READ on"),
        (
            "Broker: Transaction timeout is larger than the maximum value allowed by the broker's",
            "kafka.librdkafka.transaction.timeout.ms",
        ),
        ("Broker: Invalid timestamp", "further ahead"),
        ("Broker: Message size too large", "max.message.bytes"),
        ("ssl.ca.location failed: error:05880020:x509 certificate routines::BIO lib", "ca_file"),
        ("1/1 brokers are down", "no broker answers"),
        ("Broker: Unknown topic or partition", "topics.create"),
    ],
)
def test_a_known_text_gets_its_hint(text: str, hint: str) -> None:
    hinted = add_hint(text)

    assert hinted.startswith(text)
    assert hint in hinted.removeprefix(text)


def test_an_unknown_text_is_left_alone() -> None:
    assert add_hint("something new") == "something new"
