"""One TLS handshake of our own with a broker: librdkafka has the same text for different causes.

It says `certificate verify failed` for an authority that is not trusted, for a host name that the
certificate lacks, and for one that has expired. Python's TLS tells them apart.
"""

import contextlib
import re
import socket
import ssl

from connector.config.sections import KafkaSettings

TIMEOUT_S = 5.0
_BROKER = re.compile(r"\[?(?P<host>[^\[\]]+?)\]?:(?P<port>\d+)")
# Part of OpenSSL's text -> what it means for the settings.
_CAUSES = {
    "ostname mismatch": "names do not include the host in kafka.bootstrap_servers",
    "IP address mismatch": "names do not include the host in kafka.bootstrap_servers",
    "has expired": "time is over, or this machine's clock is wrong",
    "not yet valid": "time has not begun, or this machine's clock is wrong",
}
_AUTHORITY = "authority is not one of kafka.security.ca_file"
_SYSTEM = "authority is not one of this machine's: name its file in kafka.security.ca_file"


def certificate_problem(kafka: KafkaSettings) -> str | None:
    """Return what is wrong with a broker's certificate; None: nothing, or no broker was reached.

    Blocks for at most TIMEOUT_S a broker.
    """
    if "SSL" not in kafka.security.protocol:
        return None
    ca_file = kafka.security.ca_file
    try:
        if ca_file is None:
            context = ssl.create_default_context()
        elif ca_file.is_dir():
            context = ssl.create_default_context(capath=ca_file)
        else:
            context = ssl.create_default_context(cafile=ca_file)
    except OSError:  # SSLError is one; librdkafka names a file that is none
        return None
    for broker in kafka.bootstrap_servers.split(","):
        match = _BROKER.fullmatch(broker)
        problem = match and _handshake(context, match["host"], int(match["port"]))
        if problem:
            cause = next((text for part, text in _CAUSES.items() if part in problem), None)
            cause = cause or (_AUTHORITY if ca_file else _SYSTEM)
            return f"{broker}: certificate verify failed: its {cause}"
    return None


def _handshake(context: ssl.SSLContext, host: str, port: int) -> str | None:
    """Return OpenSSL's complaint about the certificate of a server; None: it has none."""
    with contextlib.suppress(OSError):
        try:
            with (
                socket.create_connection((host, port), TIMEOUT_S) as connection,
                context.wrap_socket(connection, server_hostname=host),
            ):
                return None
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return None
